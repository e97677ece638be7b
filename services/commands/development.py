"""`cxq clock` and `cxq token`: what exists on a development machine only."""

import re
from datetime import datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from services.commands.environment import settings
from services.commands.telling import answer, answer_json

clock = typer.Typer(no_args_is_help=False, invoke_without_command=True)
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]

_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_BEIJING = ZoneInfo("Asia/Shanghai")


def duration(text: str | timedelta) -> timedelta:
    """Read a duration as it is written on the command line: `15d`, `12h`, `1d12h30m`, `45s`."""
    if isinstance(text, timedelta):
        return text  # an option's default, which typer parses as well
    parts = re.findall(r"(\d{1,6})([dhms])", text)
    units = [unit for _, unit in parts]
    if not parts or "".join(map("".join, parts)) != text or len(set(units)) != len(units):
        raise typer.BadParameter(f"{text!r} is not a duration; write it as 15d, 12h or 1d12h")
    return timedelta(**{_UNITS[unit]: int(number) for number, unit in parts})


@clock.callback()
def clock_itself(context: typer.Context) -> None:
    """Show the development clock, or move it forward for every process on this machine."""
    if context.invoked_subcommand is None:
        show()


@clock.command()
def show(*, as_json: AsJson = False) -> None:
    """Show what time it is for the services, and how far the clock was moved."""
    from shared.clock import development_clock

    found = development_clock(settings())
    _tell_time(found.now(), found.offset(), as_json=as_json)


@clock.command()
def advance(
    by: Annotated[timedelta, typer.Argument(parser=duration, metavar="DURATION", help="15d, 12h, 1d12h …")],
    *,
    as_json: AsJson = False,
) -> None:
    """Move the clock forward; deadlines that pass are worked off at once, and time never goes back."""
    from shared.clock import development_clock

    found = development_clock(settings())
    _tell_time(found.advance(by), found.offset(), as_json=as_json)


def _tell_time(now: datetime, offset: timedelta, *, as_json: bool) -> None:
    if as_json:
        answer_json({"now": now.isoformat(), "offset_seconds": offset.total_seconds()})
    else:
        local = now.astimezone(_BEIJING)
        ahead = timedelta(seconds=round(offset.total_seconds()))
        answer(f"{local:%Y-%m-%d %H:%M:%S} in Beijing, {ahead} ahead of this machine's clock")


def token(
    role: Annotated[
        str,
        typer.Argument(
            metavar="ROLE", help="claimant, provider, expert, officer, approver; of a wrong one all are listed."
        ),
    ],
    principal: Annotated[str, typer.Option(help="Who it is; by default a principal named as the role.")] = "",
    party: Annotated[str, typer.Option(help="The claimant, provider or expert it acts for (its id).")] = "",
    lifetime: Annotated[
        timedelta, typer.Option(parser=duration, metavar="DURATION", help="How long it is valid.")
    ] = timedelta(hours=12),
) -> None:
    """Print an access token for a role, signed by the local issuer."""
    from shared.http.local_issuer import LocalIssuer
    from shared.http.policy import Role

    if role not in set(Role):
        raise typer.BadParameter(f"{role!r} is not one of {', '.join(Role)}", param_hint="ROLE")
    answer(LocalIssuer(settings()).issue(role, principal or role, party or None, lifetime))
