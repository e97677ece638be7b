"""Whatever contracts refuses is explained in both languages."""

import re
from dataclasses import replace
from pathlib import Path

import services.contracts
from services.contracts.app import CONTEXT
from shared.http.application import catalogue_of
from shared.http.openapi import operations

FOLDER = Path(services.contracts.__file__).parent
CODE = re.compile(r"""(?:code=|refuse\(\s*|_reused\()"([a-z]+(?:-[a-z]+)+)\"""")


def test_every_code_of_the_domain_is_in_the_catalogue_and_in_an_operations_description() -> None:
    used = {code for file in FOLDER.rglob("*.py") for code in CODE.findall(file.read_text(encoding="utf-8"))}
    assert {"voucher-share-exceeded", "voucher-named-twice", "project-not-confirmed", "commitment-not-answered"} <= used
    described = {code for operation in operations(CONTEXT) for code in operation.rules.codes}
    assert used <= catalogue_of(CONTEXT).keys()
    # No request can meet this one: each makes a contract of its own.
    assert used - described == {"contract-already-submitted"}
    assert described <= catalogue_of(CONTEXT).keys()


def test_no_code_is_explained_that_nobody_uses() -> None:
    own = catalogue_of(CONTEXT).keys() - catalogue_of_kernel()
    described = {code for operation in operations(CONTEXT) for code in operation.rules.codes}
    assert own - described == {"contract-already-submitted"}


def catalogue_of_kernel() -> set[str]:
    return set(catalogue_of(replace(CONTEXT, folder=Path("/nowhere"))))
