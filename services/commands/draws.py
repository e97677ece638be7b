"""`cxq verify-draw`: whether a draw was held by the seed that lay fast; needs no servers and no network."""

from pathlib import Path
from typing import Annotated

import typer

from services.commands.problems import CommandProblem, Exit
from services.commands.receipts import content_of
from services.commands.telling import answer, answer_json


def verify_draw(
    draw: Annotated[Path, typer.Argument(metavar="DRAW", help="The answer of GET /v1/periods/{id}/draw (JSON).")],
    entries: Annotated[
        list[Path], typer.Argument(metavar="ENTRIES…", help="All pages of GET /v1/periods/{id}/draw/entries (JSON).")
    ],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,
) -> None:
    """Draw the lots of a period again, offline: exit code 0 as it was held, 1 otherwise, 2 not readable."""
    from services.issuance.draw_verification import UnreadableDrawError, against, read_draw, read_lots

    file = draw
    try:
        told = read_draw(content_of(draw, "The draw"))
        lots = []
        for file in entries:
            lots.extend(read_lots(content_of(file, "The page of entries")))
    except UnreadableDrawError as error:
        why = f"{file} is not what the service answers: {error}."
        raise CommandProblem(why, "Name the JSON that the service gave, the draw first.", Exit.USAGE) from error
    found = against(told, lots)
    if as_json:
        answer_json({"period_id": told.period_id, "held_as_told": not found, "against": found})
    elif found:
        answer("\n".join(["NOT AS TOLD", *(f"- {reason}" for reason in found)]))
    else:
        answer(f"as told: the draw of {told.period_id}, {len(lots)} lots by the seed that lay fast")
    if found:
        raise typer.Exit(Exit.FAILED)
