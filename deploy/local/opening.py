"""What happens once when the house is open: the sample register, the demonstration, and a farewell with addresses.

`python -m deploy.local.opening STATE_DIR [--stays]` exits 1 when a step of the demonstration or the audit failed.
"""

import asyncio
import sys
from pathlib import Path

from deploy.local.demonstration import demonstrate
from deploy.local.house import CommandError, House
from deploy.local.sample.loading import Loaded, load_sample
from deploy.local.saying import say
from shared.http.policy import Role


async def open_house(house: House, *, stays: bool) -> bool:
    """Load, play, audit; False when a step failed. `stays` adds what a visitor may try next."""
    loaded = await load_sample(house)
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
    parties = {Role.CLAIMANT: loaded.claimant, Role.PROVIDER: loaded.provider, Role.EXPERT: loaded.expert}
    say("\nTokens, valid for 12 hours by the services' clock (`cxq token ROLE` gives more):")
    for role in Role:
        who = parties.get(role)
        token = house.token(role, who.principal, who.party) if who else house.token(role, f"{role}-1")
        say(f"  export {role.upper()}={token}")
    say("\nAPI pages:")
    for context, url in house.urls.items():
        say(f"  {context:<12} {url}/docs")
    say("\nTry:")
    say(f"  curl -s {issuance}/v1/periods")
    say(f'  curl -s -H "Authorization: Bearer $CLAIMANT" {registry}/v1/claimants')
    say(f'  curl -s -H "Authorization: Bearer $OFFICER" {issuance}/v1/vouchers')
    say("\nCtrl-C stops everything.")


def main() -> None:
    """Open the house that runs on the state folder named first."""
    house = House.at(Path(sys.argv[1]))
    sys.exit(0 if asyncio.run(open_house(house, stays="--stays" in sys.argv[2:])) else 1)


if __name__ == "__main__":
    main()
