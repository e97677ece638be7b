"""The field centres of faq 5: six names, word by word from the source, with the days they are on the list."""

from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from shared.kernel.ids import is_id
from shared.measures.document import Section

FILE = Path(__file__).parent / "field_centres.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedFieldCentre:
    """A field centre as the source names it, on the list from `first_day` up to `until` (inclusive), if it ended."""

    field_centre_id: str
    name: str
    first_day: date
    until: date | None
    article: str

    def is_listed_on(self, day: date) -> bool:
        """Tell whether it is a field centre on a day."""
        return self.first_day <= day and (self.until is None or day <= self.until)


@cache
def field_centres(file: Path = FILE) -> tuple[ListedFieldCentre, ...]:
    """Read the list; a wrong file raises RuleFileError with its file and line."""
    section = Section.read(file)
    section.allow_only({"article", "quote", "field_centres"})
    article, quote = section.text("article"), section.text("quote")
    found: list[ListedFieldCentre] = []
    for entry in section.sections("field_centres"):
        entry.allow_only({"id", "name", "from", "until"})
        centre = ListedFieldCentre(
            field_centre_id=entry.text("id"),
            name=entry.text("name"),
            first_day=entry.day("from"),
            until=entry.day("until") if "until" in entry else None,
            article=article,
        )
        if not is_id(centre.field_centre_id, "fct"):
            raise entry.error(f"{centre.field_centre_id} is no id of a field centre", "id")
        if centre.name not in quote:
            raise entry.error(f"{centre.name} is not in the words quoted", "name")
        if centre.field_centre_id in {other.field_centre_id for other in found}:
            raise entry.error(f"{centre.field_centre_id} is there twice", "id")
        found.append(centre)
    return tuple(found)


def field_centre_on(field_centre_id: str, day: date) -> ListedFieldCentre | None:
    """Give a field centre that is on the list on a day, or None."""
    for centre in field_centres():
        if centre.field_centre_id == field_centre_id and centre.is_listed_on(day):
            return centre
    return None
