"""A pack of rules, read from its folder: the terms in force on a day, and the words behind each of them."""

import hashlib
import json
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self, get_type_hints

from shared.kernel.calendar import WorkingDays
from shared.measures.changes import Change, changed, digest_with, name_with
from shared.measures.document import RuleFileError, Section
from shared.measures.pack import PACKS, Manifest, find_pack, read_manifest
from shared.measures.parameter import DatedValue, Life, Parameter, read_parameter
from shared.measures.terms import (
    AppraisalTerms,
    Citation,
    ContractTerms,
    EligibilityTerms,
    RedemptionTerms,
    RepealedTerms,
    StandingTerms,
    Terms,
    Unit,
    VoucherTerms,
)
from shared.measures.working_days import load_working_days

DEFAULT_PACK = "beijing-2023"

_GROUPS = (EligibilityTerms, VoucherTerms, ContractTerms, RedemptionTerms, AppraisalTerms, StandingTerms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A parameter of a pack with one of its values."""

    pack: str
    parameter: Parameter
    held: DatedValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """The rules of a pack and of those it succeeds, checked; immutable, so one instance serves a whole process.

    Whatever asks for a day gets the pack that was in force on it: repealed rules still govern what was begun under
    them (reading 10). `changes` are those announced since the packs were published, the earliest first; `digest` is of
    the pack alone, and `digest_on` of the pack with the changes in force on a day.
    """

    pack: str
    title_zh: str
    title_en: str
    life: Life
    excerpt: bool
    digest: str
    parameters: Mapping[str, Parameter]
    working_days: WorkingDays
    earlier: "Measures | None"
    _starts: tuple[date, ...]
    _terms: tuple[Terms, ...]
    changes: tuple[Change, ...] = ()

    @classmethod
    def load(cls, pack: str = DEFAULT_PACK, packs: Path = PACKS, *, more: Path | None = None) -> Self:
        """Read and check a pack, from our own packs or from a folder with more of them, and those it succeeds.

        RuleFileError says file and line of what is wrong, UnknownPackError (a LookupError) that there is no such pack.
        """
        return cls._load(pack, (packs,) if more is None else (packs, more), load_working_days(), ())

    @classmethod
    def _load(cls, pack: str, folders: tuple[Path, ...], working_days: WorkingDays, later: tuple[str, ...]) -> Self:
        folder = find_pack(pack, *folders)
        manifest = read_manifest(folder)
        files = sorted(file for file in folder.glob("*.yaml") if file != manifest.section.file)
        parameters = {file.stem: read_parameter(file, manifest.life) for file in files}
        _check_against_terms(folder, parameters, excerpt=manifest.excerpt)
        digest = _digest(pack, parameters)
        starts = _starts_of(parameters)
        terms = () if manifest.excerpt else tuple(_terms_on(start, pack, digest, parameters) for start in starts)
        return cls(
            pack=pack,
            title_zh=manifest.title_zh,
            title_en=manifest.title_en,
            life=manifest.life,
            excerpt=manifest.excerpt,
            digest=digest,
            parameters=MappingProxyType(parameters),
            working_days=working_days,
            earlier=cls._earlier(manifest, folders, working_days, (*later, pack)),
            _starts=starts,
            _terms=terms,
        )

    @classmethod
    def _earlier(
        cls, manifest: Manifest, folders: tuple[Path, ...], working_days: WorkingDays, later: tuple[str, ...]
    ) -> Self | None:
        if manifest.succeeds is None:
            return None
        if manifest.succeeds in later:
            raise manifest.section.error(f"{manifest.succeeds} cannot come before itself", "succeeds")
        try:
            earlier = cls._load(manifest.succeeds, folders, working_days, later)
        except LookupError as error:
            raise manifest.section.error(str(error), "succeeds") from error
        manifest.check_succession(earlier.life)
        return earlier

    def with_changes(self, changes: Iterable[Change]) -> "Measures":
        """Lay announced changes over this pack and those it succeeds, whatever order they come in.

        The same changes give the same rules, names and digests everywhere. LookupError for a change of a parameter that
        the pack it names does not have, or of a day on which that pack is not in force.
        """
        given = tuple(sorted(changes, key=lambda change: (change.first_day, change.change_id)))
        own = tuple(change for change in given if change.pack == self.pack)
        parameters = dict(self.parameters)
        for change in own:
            if change.parameter not in parameters:
                message = f"the pack {self.pack} has no {change.parameter!r}, which {change.change_id} changes"
                raise LookupError(message)
            parameters[change.parameter] = changed(parameters[change.parameter], change)
        starts = _starts_of(parameters)
        overlaid = replace(
            self,
            parameters=MappingProxyType(parameters),
            earlier=self.earlier.with_changes(given) if self.earlier is not None else None,
            changes=own,
            _starts=starts,
        )
        if self.excerpt:
            return overlaid
        named = [(day, overlaid.name_on(day), overlaid.digest_on(day)) for day in starts]
        return replace(overlaid, _terms=tuple(_terms_on(*each, parameters) for each in named))

    def name_on(self, day: date) -> str:
        """Name this pack with the changes of it that are in force on a day, as the events of that day do."""
        return name_with(self.pack, self._changes_on(day))

    def digest_on(self, day: date) -> str:
        """Give the digest of this pack with the changes of it that are in force on a day, as the events of it have."""
        return digest_with(self.digest, self._changes_on(day))

    def _changes_on(self, day: date) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.first_day <= day)

    def in_force(self, day: date) -> "Measures":
        """Give the pack in force on a day, this one or one it succeeds; LookupError when there was none."""
        if day < self.life.first_day and self.earlier is not None:
            return self.earlier.in_force(day)
        if not self.life.holds_on(day):
            message = f"the pack {self.pack} is not in force on {day}"
            raise LookupError(message)
        return self

    def on(self, day: date) -> Terms:
        """Give the terms in force on a day; LookupError when no pack is, or only an excerpt, which decides nothing."""
        pack = self.in_force(day)
        if pack.excerpt:
            message = f"the pack {pack.pack}, in force on {day}, is an excerpt: nothing is decided by it"
            raise LookupError(message)
        return pack._terms[bisect_right(pack._starts, day) - 1]  # noqa: SLF001 (of the same class)

    def rules_on(self, day: date) -> tuple[Rule, ...]:
        """List every parameter in force on a day, by name; LookupError when no pack is in force then."""
        pack = self.in_force(day)
        return tuple(
            Rule(pack=pack.pack, parameter=parameter, held=parameter.on(day))
            for _, parameter in sorted(pack.parameters.items())
        )

    def history(self, parameter: str) -> tuple[Rule, ...]:
        """List every value a parameter has had, the earliest first; empty for one that no pack has."""
        before = self.earlier.history(parameter) if self.earlier is not None else ()
        if parameter not in self.parameters:
            return before
        own = self.parameters[parameter]
        return (*before, *(Rule(pack=self.pack, parameter=own, held=value) for value in own.values))

    def citation(self, parameter: str, day: date) -> Citation:
        """Quote the words behind a parameter on a day.

        LookupError for a day on which no pack is in force, or one that does not have the parameter.
        """
        pack = self.in_force(day)
        if parameter not in pack.parameters:
            message = f"the pack {pack.pack}, in force on {day}, has no parameter {parameter!r}"
            raise LookupError(message)
        held = pack.parameters[parameter].on(day)
        return Citation(
            pack=pack.pack,
            parameter=parameter,
            article=held.article,
            quote=held.quote,
            value=held.value,
            reading=held.reading,
        )


def _units(*groups: type[Any]) -> dict[str, Unit]:
    """Say which unit each field of the terms has; a parameter used by several groups has one unit in all of them."""
    units: dict[str, Unit] = {}
    for group in groups:
        for name, hint in get_type_hints(group, include_extras=True).items():
            unit = hint.__metadata__[0]
            if units.setdefault(name, unit) is not unit:
                message = f"{group.__name__}.{name} disagrees with another group about its unit"
                raise TypeError(message)
    return units


def _check_against_terms(folder: Path, parameters: Mapping[str, Parameter], *, excerpt: bool) -> None:
    """Refuse a parameter nobody reads, one in another unit than its field, and one missing from what is no excerpt."""
    units = _units(*_GROUPS, RepealedTerms) if excerpt else _units(*_GROUPS)
    for name in sorted(units.keys() - parameters.keys()) if not excerpt else ():
        raise RuleFileError(folder / f"{name}.yaml", 1, "the parameter is missing from the pack")
    for name, parameter in parameters.items():
        file = folder / f"{name}.yaml"
        if name not in units:
            raise RuleFileError(file, 1, "no terms have such a parameter")
        if parameter.unit is not units[name]:
            raise Section.read(file).error(f"the unit must be {units[name]}", "unit")


def _starts_of(parameters: Mapping[str, Parameter]) -> tuple[date, ...]:
    """List the days on which some parameter takes a value."""
    return tuple(sorted({value.first_day for parameter in parameters.values() for value in parameter.values}))


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
