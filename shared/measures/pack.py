"""The manifest of a pack of rules, and the folders in which packs are looked for."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from shared.measures.document import RuleFileError, Section
from shared.measures.parameter import Life

PACKS = Path(__file__).parent / "packs"
MANIFEST = "pack.yaml"

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_SCOPES = ("whole", "excerpt")


class UnknownPackError(LookupError):
    """There is no pack of rules of this name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a pack says of itself.

    An `excerpt` holds only what its source supports: it is quoted and compared, but nothing is decided by it.
    `succeeds` names the pack that was in force until the day before this one's first.
    """

    pack: str
    title_zh: str
    title_en: str
    life: Life
    excerpt: bool
    succeeds: str | None
    section: Section

    def check_succession(self, earlier: Life) -> None:
        """Refuse a day between two packs on which neither or both would be in force."""
        if earlier.until is None or earlier.until + timedelta(days=1) != self.life.first_day:
            end = f"on {earlier.until}" if earlier.until else "never"
            raise self.section.error(
                f"{self.succeeds} ends {end}, but this pack begins on {self.life.first_day}", "succeeds"
            )


def find_pack(pack: str, *folders: Path) -> Path:
    """Find a pack's folder; UnknownPackError when there is none, RuleFileError when two folders have one."""
    found = [folder / pack for folder in folders if _NAME.fullmatch(pack) and (folder / pack / MANIFEST).is_file()]
    if not found:
        raise UnknownPackError(f"no rule pack {pack!r}; there are {', '.join(packs_in(*folders))}")
    if len(found) > 1:
        raise RuleFileError(found[1] / MANIFEST, 1, f"there is a pack of this name in {found[0]} already")
    return found[0]


def packs_in(*folders: Path) -> Iterator[str]:
    """Name every pack that can be found."""
    for folder in folders:
        yield from sorted(manifest.parent.name for manifest in folder.glob(f"*/{MANIFEST}"))


def read_manifest(folder: Path) -> Manifest:
    """Read what a pack says of itself; RuleFileError says file and line of what is wrong."""
    section = Section.read(folder / MANIFEST)
    section.allow_only({"pack", "title", "in_force_from", "in_force_until", "scope", "succeeds"})
    if section.text("pack") != folder.name:
        raise section.error(f"the folder is named {folder.name}", "pack")
    title = section.section("title")
    title.allow_only({"zh", "en"})
    scope = section.text("scope") if "scope" in section else "whole"
    if scope not in _SCOPES:
        raise section.error(f"`scope` must be one of {', '.join(_SCOPES)}", "scope")
    life = Life(section.day("in_force_from"), section.day("in_force_until") if "in_force_until" in section else None)
    if life.until is not None and life.until < life.first_day:
        raise section.error("the pack ends before it begins", "in_force_until")
    return Manifest(
        pack=folder.name,
        title_zh=title.text("zh"),
        title_en=title.text("en"),
        life=life,
        excerpt=scope == "excerpt",
        succeeds=section.text("succeeds") if "succeeds" in section else None,
        section=section,
    )
