"""The page of the checks by others names each of them, in the version that is locked."""

from __future__ import annotations

import pytest

from conformance.checks import CHECKS, HERE, Check
from conformance.page import PAGE, Finding, Result, page


@pytest.mark.parametrize("check", CHECKS.values(), ids=lambda check: check.name)
def test_the_page_names_each_check_in_its_locked_version(check: Check) -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    assert [
        line for line in lines if f"ARGS={check.name}`" in line and line.startswith(f"| {check.versions} |")
    ]


def test_each_folder_with_a_lock_is_a_check() -> None:
    assert {path.parent.name for path in HERE.glob("*/*lock*")} == {*CHECKS}


def test_a_failure_shows_on_the_page() -> None:
    [check, *_] = CHECKS.values()
    text = page([Finding(check=check, result=Result.FAILED, words="60 of 61 audits | ok")])
    assert "| FAILED | 60 of 61 audits \\| ok |" in text
