"""A reason that a fact keeps, told in the words in which it would refuse."""

from typing import Protocol, Self

from pydantic import Field

from shared.http.language import Language
from shared.http.models import View
from shared.http.problems import Catalogue


class KeptReason(Protocol):
    """What a fact keeps of a reason: its code, its article and the value, as a text."""

    @property
    def code(self) -> str:
        """Give the code of the refusal."""

    @property
    def article(self) -> str:
        """Give the article that it cites."""

    @property
    def value(self) -> str:
        """Give what failed; empty for nothing to show."""


class ToldReason(View):
    """One reason why nothing came of something, in the caller's language."""

    code: str = Field(examples=["quota-exhausted"])
    article: str = Field(examples=["12"])
    value: str = Field(examples=["3000000"])
    title: str = Field(description="理由 · What stands against it", examples=["本周期额度不足"])
    remedy: str = Field(description="如何补救 · What to do", examples=["额度发完即止；可按剩余额度申领"])

    @classmethod
    def of(cls, why: KeptReason, catalogue: Catalogue, language: Language) -> Self:
        """Tell a reason by the catalogue; one that nobody has described any more, as any refusal."""
        said = catalogue.get(why.code) or catalogue["refused"]
        return cls(
            code=why.code,
            article=why.article,
            value=why.value,
            title=said.title[language],
            remedy=said.remedy[language],
        )
