"""Charts of reports: an SVG that any viewer reads, texts as texts, with a title and the figures in words."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any
from xml.etree import ElementTree

import pytest

from infra.charts import DRAW, ChartsMissing, NoChart, drawn
from projections.view import CHARTS, Chart, DeclarationError, Field, Report, View, report
from tests.api.conftest import REPORTS

SVG = "{http://www.w3.org/2000/svg}"
DRAWN = [found for found in REPORTS.values() if found.chart is not None]


def sample(field: Field, number: int) -> Any:
    """A value of a column, another one in each row."""
    if issubclass(field.type, Enum):
        return list(field.type)[number % len(field.type)].value
    made: dict[type, Any] = {
        str: f"第{number}种",
        int: 3 * number + 1,
        float: number / 4,
        bool: number % 2 == 0,
        date: date(1998, 1 + number, 1),
        datetime: datetime(1998, 1 + number, 1, tzinfo=UTC),
    }
    return made[field.type]


def sampled(found: Report, rows: int = 5) -> list[tuple[Any, ...]]:
    return [tuple(sample(field, number) for field in found.fields) for number in range(rows)]


def texts(svg: bytes) -> str:
    return "\n".join(ElementTree.fromstring(svg).itertext())


@pytest.mark.parametrize("found", DRAWN, ids=lambda found: found.name)
def test_every_declared_chart_is_drawn(found: Report) -> None:
    svg = drawn(found, sampled(found), "as of position 7")
    root = ElementTree.fromstring(svg)
    title, desc = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert root.get("role") == "img"
    assert title is not None
    assert desc is not None
    assert root.get("aria-labelledby") == f"{title.get('id')} {desc.get('id')}"
    assert found.chart is not None
    assert found.chart.unit in (desc.text or "")
    shown = texts(svg)
    assert "as of position 7" in shown
    assert found.chart.unit in " ".join(shown.split())
    assert svg == drawn(found, sampled(found), "as of position 7")
    assert "no data" in texts(drawn(found, [], "as of position 0"))


def test_every_kind_is_drawn_by_some_report() -> None:
    assert {found.chart.kind for found in DRAWN if found.chart} == {*DRAW} == {*CHARTS}


def test_texts_stay_texts_whatever_is_in_them() -> None:
    themes = REPORTS["feedback_themes"]
    awkward = ["选择 choice", "<script>&\"'", "$x^2$ and $", "bell \x07 half", "x" * 60, "🍵"]
    rows = [(text, 6 - number, 0.1) for number, text in enumerate(awkward)]
    svg = drawn(themes, rows, "")
    shown = texts(svg)
    assert all(
        text in shown for text in ("选择 choice", "<script>&\"'", "$x^2$ and $", "bell \ufffd half", "🍵")
    )
    assert f"{'x' * 23}…" in shown
    assert b"<script>" not in svg


def test_bars_of_the_same_name_are_told_apart() -> None:
    kpis = REPORTS["service_kpis"]
    row = dict(zip((field.name for field in kpis.fields), sampled(kpis, 1)[0], strict=True))
    rows = [tuple({**row, "department": name, "post": "agent"}.values()) for name in ("sales", "service")]
    shown = texts(drawn(kpis, rows, ""))
    assert "agent, sales" in shown
    assert "agent, service" in shown


def test_what_is_counted_has_no_halves_on_its_axis() -> None:
    lines = texts(drawn(REPORTS["churn_types"], [("natural", 1, 0, 0.5), ("competition", 1, 0, 0.5)], ""))
    assert not {"0.2", "0.4", "0.5", "0.6", "0.8"} & {line.strip() for line in lines.splitlines()}


def test_a_long_legend_leaves_room_for_what_is_said_beside_it() -> None:
    statistics = REPORTS["promise_statistics"]
    svg = ElementTree.fromstring(drawn(statistics, sampled(statistics), "as of position 7"))
    legend = next(group for group in svg.iter(f"{SVG}g") if group.get("id") == "legend_1")
    assert max(float(text.get("x", "nan")) for text in legend.iter(f"{SVG}text")) < 400  # of 648


def test_a_missing_figure_is_a_gap_not_a_zero() -> None:
    promises = REPORTS["promise_statistics"]
    [row] = sampled(promises, 1)
    none = tuple(None if field.optional else value for field, value in zip(promises.fields, row, strict=True))
    assert "none" in texts(drawn(promises, [none, row], ""))


def test_what_declares_no_chart_or_has_no_matplotlib_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoChart, match="the report supervision declares no chart"):
        drawn(REPORTS["supervision"], [], "")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ChartsMissing, match=r"pip install 'kehu\[charts\]'"):
        drawn(DRAWN[0], [], "")


@pytest.mark.parametrize(
    ("kind", "y", "told"),
    [("pie", "number", "a chart is one of bars"), ("bars", "numbers", "draws 'numbers'")],
)
def test_a_chart_that_cannot_be_drawn_is_not_declared(kind: str, y: str, told: str) -> None:
    class Odd(View):
        name: str
        number: int

    with pytest.raises(DeclarationError, match=told):
        report("odd", reads=[], query="", chart=Chart(kind=kind, x="name", y=y, unit="pieces"))(Odd)
