"""A pack of rules, read from its folder: the terms in force on a day, and the words behind each of them."""

import hashlib
import json
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self, get_type_hints

from shared.kernel.calendar import WorkingDays
from shared.measures.document import RuleFileError, Section
from shared.measures.parameter import Life, Parameter, read_parameter
from shared.measures.terms import (
    AppraisalTerms,
    Citation,
    ContractTerms,
    EligibilityTerms,
    RedemptionTerms,
    StandingTerms,
    Terms,
    Unit,
    VoucherTerms,
)
from shared.measures.working_days import load_working_days

PACKS = Path(__file__).parent / "packs"
DEFAULT_PACK = "beijing-2023"
MANIFEST = "pack.yaml"

_GROUPS = (EligibilityTerms, VoucherTerms, ContractTerms, RedemptionTerms, AppraisalTerms, StandingTerms)


@dataclass(frozen=True, slots=True)
class Measures:
    """The rules of one pack, checked and ready; immutable, so one instance serves a whole process."""

    pack: str
    title: str
    digest: str
    parameters: Mapping[str, Parameter]
    working_days: WorkingDays
    _life: Life
    _starts: tuple[date, ...]
    _terms: tuple[Terms, ...]

    @classmethod
    def load(cls, pack: str = DEFAULT_PACK, packs: Path = PACKS) -> Self:
        """Read and check a pack.

        RuleFileError says file and line of what is wrong, LookupError that there is no such pack.
        """
        folder = packs / pack
        if not (folder / MANIFEST).is_file():
            message = f"no rule pack {pack!r} in {packs}"
            raise LookupError(message)
        title, life = _read_manifest(folder / MANIFEST)
        files = sorted(file for file in folder.glob("*.yaml") if file.name != MANIFEST)
        parameters = {file.stem: read_parameter(file, life) for file in files}
        _check_against_terms(folder, parameters)
        digest = _digest(pack, parameters)
        starts = tuple(sorted({value.first_day for parameter in parameters.values() for value in parameter.values}))
        terms = tuple(_terms_on(start, pack, digest, parameters) for start in starts)
        return cls(pack, title, digest, MappingProxyType(parameters), load_working_days(), life, starts, terms)

    def on(self, day: date) -> Terms:
        """Give the terms in force on a day; LookupError when the pack is not in force then."""
        if day < self._life.first_day or (self._life.until is not None and day > self._life.until):
            message = f"the pack {self.pack} is not in force on {day}"
            raise LookupError(message)
        return self._terms[bisect_right(self._starts, day) - 1]

    def citation(self, parameter: str, day: date) -> Citation:
        """Quote the words behind a parameter on a day.

        LookupError for an unknown parameter or a day on which the pack is not in force.
        """
        if parameter not in self.parameters:
            message = f"the pack {self.pack} has no parameter {parameter!r}"
            raise LookupError(message)
        held = self.parameters[parameter].on(day)
        return Citation(
            pack=self.pack,
            parameter=parameter,
            article=held.article,
            quote=held.quote,
            value=held.value,
            reading=held.reading,
        )


def _read_manifest(file: Path) -> tuple[str, Life]:
    section = Section.read(file)
    section.allow_only({"pack", "title", "in_force_from", "in_force_until"})
    if section.text("pack") != file.parent.name:
        raise section.error(f"the folder is named {file.parent.name}", "pack")
    until = section.day("in_force_until") if "in_force_until" in section else None
    return section.text("title"), Life(section.day("in_force_from"), until)


def _units() -> dict[str, Unit]:
    """Say which unit each field of the terms has; a parameter used by several groups has one unit in all of them."""
    units: dict[str, Unit] = {}
    for group in _GROUPS:
        for name, hint in get_type_hints(group, include_extras=True).items():
            unit = hint.__metadata__[0]
            if units.setdefault(name, unit) is not unit:
                message = f"{group.__name__}.{name} disagrees with another group about its unit"
                raise TypeError(message)
    return units


def _check_against_terms(folder: Path, parameters: Mapping[str, Parameter]) -> None:
    """Refuse a parameter nobody reads, one that is missing, and one in another unit than its field."""
    units = _units()
    for name in sorted(units.keys() - parameters.keys()):
        raise RuleFileError(folder / f"{name}.yaml", 1, "the parameter is missing from the pack")
    for name, parameter in parameters.items():
        file = folder / f"{name}.yaml"
        if name not in units:
            raise RuleFileError(file, 1, "no terms have such a parameter")
        if parameter.unit is not units[name]:
            raise Section.read(file).error(f"the unit must be {units[name]}", "unit")


def _digest(pack: str, parameters: Mapping[str, Parameter]) -> str:
    """Condense what the pack says, not how it is laid out, so that a new comment changes no event."""
    content = {name: asdict(parameter) for name, parameter in sorted(parameters.items())}
    text = json.dumps([pack, content], ensure_ascii=False, sort_keys=True, default=date.isoformat)
    return hashlib.sha256(text.encode()).hexdigest()


def _terms_on(day: date, pack: str, digest: str, parameters: Mapping[str, Parameter]) -> Terms:
    def group[T](cls: type[T]) -> T:
        values: dict[str, Any] = {field.name: parameters[field.name].on(day).value for field in fields(cls)}  # type: ignore[arg-type]
        return cls(**values)

    return Terms(
        pack=pack,
        digest=digest,
        eligibility=group(EligibilityTerms),
        voucher=group(VoucherTerms),
        contract=group(ContractTerms),
        redemption=group(RedemptionTerms),
        appraisal=group(AppraisalTerms),
        standing=group(StandingTerms),
    )
