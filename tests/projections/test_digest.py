"""A view's digest changes with the code that it is computed by, however far away, and with nothing else."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from domain import calendar, complaints, policies
from kehu import builtin  # noqa: F401  # declares the views
from projections import digest, source
from projections.checking import checked
from projections.view import views

PRINT = (
    "import kehu.builtin; from projections.view import views; print({n: v.digest for n, v in views.items()})"
)


def changed(monkeypatch: pytest.MonkeyPatch, module: ModuleType, old: str, new: str) -> set[str]:
    """The views whose digest is another one where a module's source reads otherwise."""
    text = Path(str(module.__file__)).read_text(encoding="utf-8")
    assert old in text
    before = {view.name: _digest(view.row) for view in views.values()}
    body = source.body_of

    def edited(other: ModuleType | None) -> Any:
        return ast.parse(text.replace(old, new)).body if other is module else body(other)

    digest._definitions_of.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(digest, "body_of", edited)
        after = {view.name: _digest(view.row) for view in views.values()}
    digest._definitions_of.cache_clear()
    return {name for name in before if before[name] != after[name]}


def _digest(row: type[Any]) -> str:
    return digest.digest_of(row)


def test_digests_are_the_same_in_every_process() -> None:
    printed = [
        subprocess.run([sys.executable, "-c", PRINT], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert printed[0] == printed[1]


def test_a_function_beside_the_view_matters_to_those_that_call_it(monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules["projections.complaints"]
    assert changed(monkeypatch, module, '"root_cause",\n        "handler"', '"handler"') == {
        "complaint_steps"
    }


def test_an_event_matters_to_the_views_that_follow_it(monkeypatch: pytest.MonkeyPatch) -> None:
    found = changed(
        monkeypatch, complaints, "class SatisfactionVerified(", "class SatisfactionVerified(Event, "
    )
    assert {"complaints", "complaint_steps"} <= found
    assert not found & {"orders", "spendings", "customers"}


def test_the_fold_of_policies_matters_to_those_who_reckon_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    found = changed(monkeypatch, policies, "if policy.policy_version != gone", "if True")
    assert {"complaints", "customer_values"} <= found
    assert "orders" not in found


def test_words_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    assert changed(monkeypatch, calendar, '"""Which days', '"""Other words: which days') == set()


def test_a_view_is_built_anew_with_what_it_reads() -> None:
    def of(name: str) -> str:
        return next(d.digest for d in checked(declared) if d.name == name)

    declared = [view for view in views.values() if view.row.__module__.startswith("projections.")]
    before = {name: of(name) for name in ("customer_values", "complaints", "timeline")}
    declared = [msgspec.structs.replace(d, digest="x") if d.name == "orders" else d for d in declared]
    changed = {name for name, digest in before.items() if of(name) != digest}
    assert changed == {"customer_values", "complaints"}, "complaints look customers' values up"
