"""What happens once when the house is open: the sample register, the demonstration, and a farewell with addresses.

`python -m deploy.local.opening STATE_DIR [--stays]` exits 1 when a step of the demonstration or the audit failed.
"""

import asyncio
import shlex
import sys
from contextlib import suppress
from pathlib import Path

from deploy.local.demonstration import demonstrate
from deploy.local.house import CommandError, House
from deploy.local.sample.loading import Loaded, load_sample
from deploy.local.saying import say
from deploy.local.visitor import UnexpectedAnswerError
from services.commands.environment import ROOT
from shared.http.policy import Role


async def open_house(house: House, *, stays: bool) -> bool:
    """Load, play, audit; False when a step failed. `stays` adds what a visitor may try next."""
    try:
        loaded = await load_sample(house)
    except UnexpectedAnswerError as error:
        say(f"✗ The sample register, which is Beijing's, cannot be loaded: {error}")
        return False
    say(f"✓ The sample register is loaded: {loaded.summary}")
    went_well = await demonstrate(house, say) and await _audit(house)
    if stays:
        _invite(house, loaded)
    return went_well


async def _audit(house: House) -> bool:
    try:
        report = await house.command("audit")
    except CommandError as error:
        say(f"✗ {error}")
        return False
    say(f"✓ cxq audit: {report.strip().rpartition('\n')[2]}")
    return True


def _invite(house: House, loaded: Loaded) -> None:
    registry, issuance = house.urls["registry"], house.urls["issuance"]
    tokens = _leave_tokens(house, loaded)
    say("\nAPI pages:")
    for context, url in house.urls.items():
        say(f"  {context:<12} {url}/docs")
    say("\nTry, in another terminal and the same folder:")
    say(f"  . {tokens}    # a token for each role, valid for 12 hours by the services' clock")
    say(f"  curl -s {issuance}/v1/periods")
    say(f'  curl -s -H "Authorization: Bearer $CLAIMANT" {registry}/v1/claimants')
    say(f'  curl -s -H "Authorization: Bearer $OFFICER" {issuance}/v1/vouchers')
    say("  .venv/bin/cxq token officer    # to paste under Authorize on a page")
    say("\nCtrl-C stops everything.")


def _leave_tokens(house: House, loaded: Loaded) -> str:
    """Write a variable with a token for each role into a file that only its owner reads, and give its path."""
    parties = {Role.CLAIMANT: loaded.claimant, Role.PROVIDER: loaded.provider, Role.EXPERT: loaded.expert}
    file = house.state_dir / "tokens"
    file.touch(mode=0o600)
    with file.open("w") as lines:
        for role in Role:
            who = parties.get(role)
            token = house.token(role, who.principal, who.party) if who else house.token(role, f"{role}-1")
            lines.write(f"export {role.upper()}={token}\n")
    with suppress(ValueError):
        return f"./{file.relative_to(ROOT)}"
    return shlex.quote(str(file))


def main() -> None:
    """Open the house that runs on the state folder named first."""
    house = House.at(Path(sys.argv[1]))
    sys.exit(0 if asyncio.run(open_house(house, stays="--stays" in sys.argv[2:])) else 1)


if __name__ == "__main__":
    main()
