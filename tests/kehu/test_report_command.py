"""`kehu report`: every report is a file, as of any moment; spreadsheets take no text for a formula."""

from __future__ import annotations

import csv
import io
import json
from enum import Enum
from pathlib import Path

import polars
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.export.reports import GUARDED, arguments, guarded
from projections.view import reports
from tests.api.conftest import REPORTS
from tests.kehu.console import kehu

FORMULA = "@SUM+1"
PURCHASES = f"""id,customer,at,amount,currency
1,王-1,1997-01-01,11.77,USD
2,李,1997-01-02,3.00,USD
3,{FORMULA},1997-01-03,2.50,USD
4,王-1,1997-01-03,1.00,USD
"""
OF_MOMENT = ["order_cycle", "--as-of", "1997-01-01"]


@pytest.fixture
def bought(database: str, tmp_path: Path) -> str:
    file = tmp_path / "purchases.csv"
    file.write_text(PURCHASES, encoding="utf-8")
    result = kehu("import", file, "--as", "purchases", "--end-days", database=database)
    assert result.returncode == 0, result.stdout
    return database


def report(database: str, *words: str | Path) -> str:
    done = kehu("report", *words, database=database)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_report_is_a_file_as_of_any_moment(bought: str, tmp_path: Path) -> None:
    now = list(csv.DictReader(io.StringIO(report(bought, "order_cycle"))))
    then = json.loads(report(bought, *OF_MOMENT, "--format", "json"))
    narrowed = json.loads(report(bought, "order_cycle", "--since", "1997-01-02", "--json"))

    assert [row["orders"] for row in now] == ["4"]
    assert [row["orders"] for row in then["rows"]] == [1]
    assert [row["orders"] for row in narrowed["rows"]] == [3]
    assert narrowed["arguments"] == {"since": "1997-01-02"}
    assert then["as_of"]["position"] < narrowed["as_of"]["position"]

    file = tmp_path / "cycle.parquet"
    told = json.loads(report(bought, *OF_MOMENT, "-o", file, "--json"))
    assert told == {
        "report": "order_cycle",
        "position": then["as_of"]["position"],
        "file": str(file),
        "rows": 1,
    }
    assert polars.read_parquet(file).to_dicts() == then["rows"]
    assert "1 rows of order_cycle as of position" in report(bought, *OF_MOMENT, "-o", tmp_path / "cycle.csv")
    assert (tmp_path / "cycle.csv").read_bytes().decode() == report(bought, *OF_MOMENT)


def test_a_spreadsheet_takes_no_text_for_a_formula(bought: str, tmp_path: Path) -> None:
    words = ["single_view", "--customer-id", FORMULA]
    file = tmp_path / "view.csv"
    report(bought, *words, "-o", file, "--bom")
    bytes_, plain = file.read_bytes(), report(bought, *words, "--raw")

    assert bytes_.startswith(b"\xef\xbb\xbf")
    [row] = csv.DictReader(io.StringIO(bytes_.decode("utf-8-sig")))
    [raw] = csv.DictReader(io.StringIO(plain))
    assert (row["front_id"], raw["front_id"]) == (f"'{FORMULA}", FORMULA)
    assert row["order_count"] == raw["order_count"] == "1"
    assert json.loads(report(bought, *words, "--json"))["rows"][0]["front_id"] == FORMULA
    assert "王-1" in report(bought, "single_view", "--customer-id", "王-1")


@given(st.text())
def test_the_guard_loses_nothing_and_leaves_no_formula(text: str) -> None:
    shown = guarded(text)
    assert (shown[1:] if shown.startswith("'") else shown) == text
    assert not shown.startswith(tuple(set(GUARDED) - {"'"}))


def test_numbers_and_days_are_not_guarded() -> None:
    assert [guarded(value) for value in (-5, -0.5, None)] == [-5, -0.5, None]


@pytest.mark.parametrize("name", sorted(REPORTS))
def test_each_argument_is_an_option_and_takes_its_type(name: str) -> None:
    samples = {"date": "1998-01-01", "datetime": "1998-01-01T10:00Z", "int": "7", "float": "0.5", "str": "王"}
    given = {
        field.name: next(iter(field.type)).value
        if issubclass(field.type, Enum)
        else samples[field.type.__name__]
        for field in reports[name].arguments
    }
    values = arguments(reports[name], given)
    assert all(isinstance(values[field.name], field.type) for field in reports[name].arguments)
    help_text = kehu("report", name, "--help").stdout
    assert all(f"--{argument.replace('_', '-')}" in help_text for argument in given)


def test_what_cannot_be_looked_up_is_told_in_one_line(bought: str, tmp_path: Path) -> None:
    for words, code, told in (
        (["lifetime_values", "--weeks", str(2**70)], 2, "weeks: lies outside"),
        (["tier_distribution", "--as-of", "1950-01-01"], 3, "has not ended in this log"),
        (["tier_distribution", "--as-of", "soon"], 2, "neither a position nor a date"),
        (["tier_distribution", "--tenant", "nobody"], 3, "there is no tenant"),
        (["tier_distribution", "-o", str(tmp_path / "no" / "file.csv")], 2, "there is no directory"),
    ):
        done = kehu("report", *words, database=bought)
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        assert told in done.stderr.splitlines()[-1]
