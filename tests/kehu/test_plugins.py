"""An analyst's file of projections is loaded, or told what is wrong with it: file, line, advice."""

from __future__ import annotations

from pathlib import Path

import pytest

import kehu.builtin
from kehu.plugins import BadProjection, load
from projections import view as view_module
from projections.view import views

EXAMPLE = Path(__file__).parents[2] / "examples" / "channel_use.py"
VIEW = """from kehu import InteractionRecorded, View, on, view


@view({name!r}, key="customer_id")
class Mine(View):
    customer_id: str
    contacts: int{default}

    @on(InteractionRecorded)
    def contacted(self, recorded):
        return self.but(contacts=self.contacts + 1)
"""


POPULATION = """from kehu import DayEnded, View, population


@population("mine", key="customer_id", reads=["{reads}"], at=DayEnded, due=lambda recorded, policies: {{}},
            query="SELECT {select} FROM {source} s")
class Mine(View):
    customer_id: str
    n: int
"""


def _fold(signature: str) -> str:
    return VIEW.format(name="mine", default=" = 0").replace("(self, recorded)", signature)


def _on(marked: str) -> str:
    return VIEW.format(name="mine", default=" = 0").replace("@on(InteractionRecorded)", marked)


def _field(kind: str) -> str:
    imports = "from typing import Annotated; from kehu import ref, "
    return (
        VIEW.format(name="mine", default="")
        .replace("from kehu import ", imports)
        .replace("contacts: int", f"contacts: {kind} = ''")
    )


def _population(source: str, select: str, reads: str) -> str:
    return POPULATION.format(source=source, select=select, reads=reads)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file to write a projection into; what it declares is forgotten after the test."""
    declared = dict(views)
    monkeypatch.setattr(view_module, "_views", declared)
    monkeypatch.setattr("kehu.plugins.views", declared)
    return tmp_path / "mine.py"


def test_the_example_is_twenty_lines_at_most_and_loads(file: Path) -> None:
    assert len(EXAMPLE.read_text(encoding="utf-8").splitlines()) <= 20
    assert load(EXAMPLE) == ("channel_uses",)


def test_a_view_is_declared(file: Path) -> None:
    file.write_text(VIEW.format(name="mine", default=" = 0"))
    assert load(file) == ("mine",)


@pytest.mark.parametrize(
    ("source", "line", "advice"),
    [
        (
            VIEW.format(name="mine", default=" = 0").replace('key="customer_id"', 'key="nobody"'),
            4,
            "say @on(",
        ),
        (VIEW.format(name="customers", default=" = 0"), 4, "choose another name"),
        (_fold("(self)"), 4, "contacted(self): a fold takes (self, recorded)"),
        (_fold("(self, recorded, *more)"), 4, "a fold takes (self, recorded)"),
        (
            _on("@on(InteractionRecorded, looks_up='customer_values')"),
            4,
            "contacted(self, recorded): a fold takes (self, recorded, policies, found)",
        ),
        (
            _fold("(self, recorded, policies, found)").replace("Recorded)", "Recorded, looks_up='orders')"),
            4,
            "it looks up orders, which is not a population with the key customer_id",
        ),
        (_on("@on()"), 4, "contacted follows no event"),
        (_on("@on('InteractionRecorded')"), 4, "is not an event"),
        (_on("@on(InteractionRecorded, rows={'nothing': 1})"), 4, "'nothing', which is not a field"),
        (_field('Annotated[str, ref("nowhere")]'), 4, "field 'contacts': there is no view 'nowhere'"),
        (
            _population("{customers}", "customer_id, 1 AS n", "orders"),
            4,
            "{customers}, which is not in `reads`",
        ),
        (_population("{customers}", "customer_id", "customers"), 4, "does not select the field 'n'"),
        (_population("{nowhere}", "*", "nowhere"), 4, "reads nowhere, which is not declared"),
        (_population("{mine}", "*", "mine"), 4, "read each other in a circle: mine"),
        ("from kehu import view\n\ndef broken(:\n    pass\n", 3, "invalid syntax"),
        ("import os\nfrom kehu import Nothing\n", 2, "cannot import name 'Nothing'"),
        ("import nothing_of_that_name\n", 1, "No module named 'nothing_of_that_name'"),
        ("x = 1\n\n\ny = x / 0\n", 4, "division by zero"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(file: Path, source: str, line: int, advice: str) -> None:
    assert kehu.builtin.NAMES
    file.write_text(source)
    with pytest.raises(BadProjection) as refused:
        load(file)
    assert f"{file.name}:{line}: " in str(refused.value)
    assert advice in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_without_views(file: Path) -> None:
    file.write_text("")
    with pytest.raises(BadProjection, match="declares no view"):
        load(file)
