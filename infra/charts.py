"""Draws reports as SVG by matplotlib (extra `charts`): texts stay texts, in any language."""

from __future__ import annotations

import io
import logging
import re
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from itertools import accumulate
from textwrap import wrap
from typing import Any
from xml.sax.saxutils import escape

from projections.view import Chart, Report

FONTS = (
    "DejaVu Sans",
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "PingFang SC",
    "Microsoft YaHei",
    "WenQuanYi Micro Hei",
)
"""Fonts that the viewer tries in turn; the later ones have Chinese."""
STYLE: Mapping[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "kehu",
    "font.family": ["sans-serif"],
    "font.sans-serif": [*FONTS],
    "text.parse_math": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "axes.axisbelow": True,
    "axes.grid.axis": "y",
    "grid.color": "#e6e9ec",
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "legend.frameon": False,
}
INK, PALE, ALARM = "#1f5a96", "#9db9d6", "#b3261e"
COLOURS = (INK, "#e08a1e", "#4f8f4f", "#8a5aa8", "#5f6b76", "#b3261e")
WIDTH, HEIGHT = 9.0, 5.0
"""Inches; an SVG is scaled by whoever shows it."""
LINE, LONGEST, MOST_TICKS, MOST_TOLD = 100, 24, 16, 40
"""Letters of a title's line and of a tick, ticks of an axis, and rows that the description tells, at most."""
MOST_POINTS = 40
"""Points of a line that are marked."""
MOST_LEGEND = 60
"""Letters of a legend in one line."""
_UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML cannot hold."""
_alone = threading.Lock()
"""Matplotlib's settings are those of the process."""

Column = Sequence[Any]


class ChartsMissing(Exception):
    """Drawing a chart needs matplotlib: pip install 'kehu[charts]'"""

    def __str__(self) -> str:
        return str(self.__doc__)


class NoChart(Exception):
    """The report declares no chart."""


def chart_of(report: Report) -> Chart:
    """Raises `NoChart`."""
    if report.chart is None:
        raise NoChart(f"the report {report.name} declares no chart: take another format")
    return report.chart


def drawn(report: Report, rows: Sequence[Sequence[Any]], said: str) -> bytes:
    """A report's rows as its chart, with what is said below it; the same rows give the same bytes.

    Raises `NoChart`, `ChartsMissing`.
    """
    chart = chart_of(report)
    with _plotting() as plots:
        figure = plots.figure.Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
        axes = figure.add_subplot()
        axes.set_title("\n".join(wrap(_title(report), LINE)))
        columns = _columns(report, rows)
        if rows:
            DRAW[chart.kind](axes, chart, columns)
        else:
            axes.text(0.5, 0.5, "no data", ha="center", transform=axes.transAxes)
        _label(axes, chart)
        figure.supxlabel(said, fontsize=7, color="#5f6b76", x=0.99, ha="right")
        out = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(out, format="svg", metadata=nothing)
    return _accessible(out.getvalue(), report, rows, said).encode()


@contextmanager
def _plotting() -> Iterator[Any]:
    """Matplotlib with our style, for one thread at a time."""
    with _alone, _matplotlib().rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # the viewer's fonts have it
        logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
        yield _matplotlib()


def _matplotlib() -> Any:
    """Raises `ChartsMissing` where it is not installed."""
    try:
        import matplotlib.dates
        import matplotlib.figure
    except ImportError:
        raise ChartsMissing from None
    return matplotlib


# --- Kinds of charts ------------------------------------------------------------------------------


def _bars(axes: Any, chart: Chart, columns: Mapping[str, Column]) -> None:
    places, width = range(len(columns[chart.x])), 0.8 / len(chart.measured)
    for turn, name in enumerate(chart.measured):
        offset = (turn - (len(chart.measured) - 1) / 2) * width
        heights = [_number(value) for value in columns[name]]
        axes.bar([p + offset for p in places], heights, width, label=words(name), color=COLOURS[turn % 6])
    names = zip(*(columns[name] for name in _named(chart)), strict=True)
    _ticks(axes, [", ".join(map(_short, name)) for name in names])
    _whole(axes, chart, columns)
    _legend(axes, chart)


def _pareto(axes: Any, chart: Chart, columns: Mapping[str, Column]) -> None:
    """Bars from the greatest on, and what they add up to (Juran, Quality Control Handbook, 1951)."""
    pairs = zip(columns[chart.x], map(_number, columns[chart.y]), strict=True)
    ranked = sorted(pairs, key=lambda pair: -pair[1])
    heights = [height for _, height in ranked]
    axes.bar(range(len(ranked)), heights, 0.8, color=INK)
    _ticks(axes, [name for name, _ in ranked])
    _whole(axes, chart, columns)
    total = sum(heights) or 1
    along = axes.twinx()
    along.plot(
        range(len(ranked)), [100 * held / total for held in accumulate(heights)], "o-", color=COLOURS[1]
    )
    along.axhline(80, color="#5f6b76", linewidth=0.8, linestyle=":")
    along.set_ylim(0, 105)
    along.set_ylabel("cumulated (% of all)")


def _lines(axes: Any, chart: Chart, columns: Mapping[str, Column]) -> None:
    for turn, (label, x, y) in enumerate(_series(chart, columns)):
        axes.plot(
            x, y, "o-" if len(x) <= MOST_POINTS else "-", markersize=3.5, label=label, color=COLOURS[turn % 6]
        )
    _days(axes, columns[chart.x])
    _legend(axes, chart)


def _control(axes: Any, chart: Chart, columns: Mapping[str, Column]) -> None:
    """Points, centre line and limits; what is beyond the limits stands out (Shewhart, 1931)."""
    figure, centre, lower, upper = ([_number(v) for v in columns[name]] for name in chart.measured)
    x = columns[chart.x]
    axes.plot(x, centre, color="#5f6b76", linewidth=1, label=words(chart.measured[1]))
    for name, limit in zip(chart.measured[2:], (lower, upper), strict=True):
        axes.step(x, limit, where="mid", color=ALARM, linewidth=1, linestyle="--", label=words(name))
    axes.plot(x, figure, "o-", color=INK, markersize=4, label=words(chart.measured[0]))
    told = zip(x, figure, lower, upper, strict=True)
    beyond = [(at, value) for at, value, least, most in told if not least <= value <= most]
    if beyond:
        axes.plot(*zip(*beyond, strict=True), "o", color=ALARM, markersize=8, label="beyond the limits")
    _days(axes, x)
    _below(axes)


def _funnel(axes: Any, chart: Chart, columns: Mapping[str, Column]) -> None:
    steps, widths = columns[chart.x], [_number(value) for value in columns[chart.y]]
    places = range(len(steps))
    axes.barh(places, widths, 0.8, left=[-width / 2 for width in widths], color=INK)
    axes.spines[:].set_visible(False)
    for place, width in zip(places, widths, strict=True):
        axes.text(
            0,
            place,
            f"{width:,.0f}",
            ha="center",
            va="center",
            color="white",
            fontsize=9,
            bbox={"facecolor": INK, "edgecolor": "none", "pad": 1.5},
        )
    axes.set_yticks(places, [_short(step) for step in steps])
    axes.invert_yaxis()
    axes.set_xticks([])


def _grid(axes: Any, chart: Chart, columns: Mapping[str, Column]) -> None:
    assert chart.series is not None
    across, down = (sorted(set(columns[name])) for name in (chart.x, chart.series))
    cells: dict[tuple[Any, Any], float] = {}
    for x, y, value in zip(columns[chart.x], columns[chart.series], columns[chart.y], strict=True):
        cells[y, x] = _number(value)
    values = [[cells.get((y, x), float("nan")) for x in across] for y in down]
    mesh = axes.pcolormesh(values, cmap="Blues", edgecolors="white", linewidth=0.5)
    mesh.set_rasterized(False)
    _thinned(axes.set_xticks, across)
    _thinned(axes.set_yticks, down)
    axes.invert_yaxis()
    if len(across) * len(down) <= 150:
        most = max(cells.values())
        for (y, x), value in cells.items():
            place = across.index(x) + 0.5, down.index(y) + 0.5
            shade = "white" if value > most / 2 else "black"
            axes.text(*place, _figure(value), ha="center", va="center", fontsize=8, color=shade)
    axes.figure.colorbar(mesh, ax=axes, label=f"{words(chart.y)} ({chart.unit})")


DRAW: Mapping[str, Callable[[Any, Chart, Mapping[str, Column]], None]] = {
    "bars": _bars,
    "pareto": _pareto,
    "lines": _lines,
    "control": _control,
    "funnel": _funnel,
    "grid": _grid,
}

# --- Words ----------------------------------------------------------------------------------------


def words(name: str) -> str:
    """A column's name for people."""
    return name.removesuffix("_minor").replace("_", " ")


def _title(report: Report) -> str:
    """Which question the report answers: its first sentence."""
    return " ".join(report.doc.split("\n\n")[0].split())


def _label(axes: Any, chart: Chart) -> None:
    if chart.kind == "grid":
        axes.set_xlabel(words(chart.x))
        axes.set_ylabel(words(str(chart.series)))
    elif chart.kind == "funnel":
        axes.set_xlabel(f"{words(chart.y)} ({chart.unit})")
    else:
        axes.set_xlabel(", ".join(map(words, _named(chart))))
        measured = words(chart.measured[0]) if len(chart.measured) == 1 or chart.kind == "control" else ""
        axes.set_ylabel(f"{measured} ({chart.unit})" if measured not in ("", chart.unit) else chart.unit)
        axes.grid(visible=True)
        axes.set_ylim(bottom=min(0, axes.get_ylim()[0]))


def _named(chart: Chart) -> tuple[str, ...]:
    """The columns that name what stands along the bottom."""
    return (chart.x, chart.series) if chart.kind == "bars" and chart.series else (chart.x,)


def _columns(report: Report, rows: Sequence[Sequence[Any]]) -> dict[str, Column]:
    names = [field.name for field in report.fields]
    found: Iterable[Column] = zip(*rows, strict=True) if rows else [()] * len(names)
    return {
        name: [_clean(v) if isinstance(v, str) else v for v in column]
        for name, column in zip(names, found, strict=True)
    }


def _series(chart: Chart, columns: Mapping[str, Column]) -> Iterator[tuple[str, list[Any], list[float]]]:
    """A line for each measured column, and for each value of the column that tells lines apart."""
    x = columns[chart.x]
    for name in chart.measured:
        y = [_number(value) for value in columns[name]]
        if chart.series is None:
            yield words(name), list(x), y
            continue
        kinds = columns[chart.series]
        for kind in dict.fromkeys(kinds):
            mine = [place for place, other in enumerate(kinds) if other == kind]
            yield _short(kind), [x[place] for place in mine], [y[place] for place in mine]


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _figure(value: float) -> str:
    return f"{value:.2f}" if value % 1 else f"{value:,.0f}"


def _ticks(axes: Any, names: Column) -> None:
    axes.set_xticks(range(len(names)), [_short(name) for name in names])
    if sum(len(_short(name)) for name in names) > 90:
        axes.tick_params(axis="x", rotation=30)
        for label in axes.get_xticklabels():
            label.set_ha("right")


def _days(axes: Any, x: Column) -> None:
    if x and isinstance(x[0], date | datetime):
        dates = _matplotlib().dates
        locator = dates.AutoDateLocator()
        if len(set(x)) == 1:
            axes.set_xticks([x[0]], [_short(x[0])])
            return
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))


def _thinned(put: Callable[..., Any], names: Column) -> None:
    step = max(1, -(-len(names) // MOST_TICKS))
    places = range(0, len(names), step)
    put([place + 0.5 for place in places], [_short(names[place]) for place in places])


def _whole(axes: Any, chart: Chart, columns: Mapping[str, Column]) -> None:
    """No halves on the axis of what is counted."""
    if all(isinstance(value, int) for name in chart.measured for value in columns[name]):
        axes.yaxis.get_major_locator().set_params(integer=True)


def _legend(axes: Any, chart: Chart) -> None:
    if len(chart.measured) > 1 or (chart.series and chart.kind != "bars"):
        _below(axes)


def _below(axes: Any) -> None:
    """A legend that hides nothing, neither the drawing nor what is said beside it."""
    labels = axes.get_legend_handles_labels()[1]
    columns = 6 if sum(map(len, labels)) <= MOST_LEGEND else 3
    axes.figure.legend(loc="outside lower left", ncols=columns, fontsize=8, handlelength=1.5, columnspacing=1)


def _short(value: Any) -> str:
    text = value.isoformat() if isinstance(value, date | datetime) else str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _clean(text: str) -> str:
    return _UNFIT.sub("\ufffd", text)


def _accessible(svg: str, report: Report, rows: Sequence[Sequence[Any]], said: str) -> str:
    """With a title and a description, which tells the figures, for who hears a page or searches it."""
    assert report.chart is not None
    told = rows[:MOST_TOLD]
    names = [field.name for field in report.fields]
    places = [names.index(name) for name in report.chart.columns]
    lines = ["; ".join(f"{words(names[p])}: {_said(row[p])}" for p in places) for row in told]
    more = [f"and {len(rows) - len(told)} more"] if len(rows) > len(told) else []
    described = "\n".join([report.doc, f"Unit: {report.chart.unit}.", *lines, *more, said])
    title, desc = f"{report.name}-title", f"{report.name}-desc"
    opening = re.search(r"<svg [^>]*", svg)
    assert opening is not None
    return (
        f'{svg[: opening.end()]} role="img" aria-labelledby="{title} {desc}">'
        f'\n <title id="{title}">{escape(_clean(_title(report)))}</title>'
        f'\n <desc id="{desc}">{escape(_clean(described))}</desc>{svg[opening.end() + 1 :]}'
    )


def _said(value: Any) -> str:
    match value:
        case None:
            return "none"
        case float():
            return f"{value:.4g}"
        case _:
            return str(value)
