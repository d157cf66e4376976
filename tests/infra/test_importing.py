"""Rows of files become commands: strictly read, each once, the bad ones told."""

from __future__ import annotations

import csv
import json
import weakref
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pyarrow
import pyarrow.parquet
import pytest

from domain.calendar import DayEnded
from domain.commands import parse
from domain.customers import CustomerRegistered, ProfileChanged, RegisterCustomer
from domain.interactions import InteractionRecorded
from domain.orders import OrderPlaced, PaymentReceived
from infra.database import connected
from infra.imports.files import open_table
from infra.imports.importing import Summary, import_table
from infra.imports.kinds import KINDS
from infra.imports.rejects import NoRejects
from infra.imports.steps import Among, BadMapping, Job, Step, job_fingerprint, steps
from infra.imports.tables import REJECTED, WHITESPACE, Row, Shape, TableError
from infra.tenant import Tenant, open_tenant
from kehu import cdnow

HEADER = "id,customer,at,amount,currency"
NOTE = "五星好评👍🏽 «tout est bien» עברית e\u0301 " + "长" * 3_400  # more than 10 kB in UTF-8
WORDS = ("王小明", "𠮷野家", "Zoë 👩‍👩‍👧", "line one\nline two", 'say "hi", twice')


@asynccontextmanager
async def tenant_in(database: str) -> AsyncIterator[Tenant]:
    async with connected(database) as pool, open_tenant(pool, "t", ()) as tenant:
        yield tenant


def job(kind: str = "purchases", **how: Any) -> Job:
    return Job(kind=KINDS[kind], source="test", **how)


async def run(tenant: Tenant, path: Path, job: Job, shape: Shape | None = None, **how: Any) -> Summary:
    rejects = path.with_name(f"{path.name}.rejects.csv")
    return await import_table(tenant.engine, open_table(path, shape or Shape()), job, rejects, **how)


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def rejected(summary: Summary) -> list[list[str]]:
    """Line, column and rule of each rejected row."""
    assert summary.rejects is not None
    with summary.rejects.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        return [[row["line"], row["column"], row["rule"]] for row in csv.DictReader(file)]


async def orders(tenant: Tenant) -> list[OrderPlaced]:
    return [r.event for r in await tenant.log.read() if isinstance(r.event, OrderPlaced)]


async def test_a_headerless_file_with_blanks_between_its_columns(database: str, tmp_path: Path) -> None:
    path = tmp_path / "f.txt"
    path.write_bytes(cdnow.find().with_name("CDNOW_sample.txt").read_bytes())
    shape = Shape(delimiter=WHITESPACE, columns=("master", "customer", "at", "quantity", "amount"))
    async with tenant_in(database) as tenant:
        summary = await run(tenant, path, job(constants={"currency": "USD"}), shape)
        placed = [r.event for r in await tenant.log.read(limit=30_000) if isinstance(r.event, OrderPlaced)]
        amounts = [Decimal(line.split()[4]) for line in path.read_text().splitlines()]
        assert summary.imported == len(placed) == len(amounts) == 6_919
        assert sum(order.total_minor for order in placed) == sum(amounts) * 100
        assert sum(order.total_minor == 0 for order in placed) == 8


# --- What a row means -----------------------------------------------------------------------------


async def test_the_customer_is_registered_before_the_first_purchase(database: str, tmp_path: Path) -> None:
    path = write(tmp_path / "f.csv", HEADER, "1,甲,1997-01-02,0,USD", "2,甲,1997-01-03,11.77,USD")
    async with tenant_in(database) as tenant:
        await run(tenant, path, job())
        events = [r.event for r in await tenant.log.read()]
        assert [type(e) for e in events] == [CustomerRegistered, OrderPlaced, OrderPlaced, PaymentReceived]
        assert [e.total_minor for e in events if isinstance(e, OrderPlaced)] == [0, 1_177]
        assert all(r.customer_id == "甲" for r in await tenant.log.read())


async def test_a_customer_who_is_registered_already_is_fine(database: str, tmp_path: Path) -> None:
    path = write(tmp_path / "f.csv", HEADER, "1,a,1997-01-02,1,USD")
    async with tenant_in(database) as tenant:
        await tenant.engine.execute(
            parse(
                RegisterCustomer,
                {
                    "command_id": "x",
                    "actor": "me",
                    "occurred_at": datetime(1990, 1, 1, tzinfo=UTC),
                    "customer_id": "a",
                },
            )
        )
        assert (await run(tenant, path, job())).imported == 1


@pytest.mark.parametrize(
    ("written", "zone", "meant"),
    [
        ("19970101", "UTC", datetime(1997, 1, 1, tzinfo=UTC)),
        ("1997-01-01", "Asia/Shanghai", datetime(1996, 12, 31, 16, tzinfo=UTC)),
        ("1997-01-01T10:00", "Asia/Shanghai", datetime(1997, 1, 1, 2, tzinfo=UTC)),
        ("1997-01-01 10:00:30.5", "UTC", datetime(1997, 1, 1, 10, 0, 30, 500_000, tzinfo=UTC)),
        ("1997-01-01T10:00:00+02:00", "Asia/Shanghai", datetime(1997, 1, 1, 8, tzinfo=UTC)),
        ("1997-01-01T10:00:00Z", "Asia/Shanghai", datetime(1997, 1, 1, 10, tzinfo=UTC)),
    ],
)
async def test_dates_and_times(
    database: str, tmp_path: Path, written: str, zone: str, meant: datetime
) -> None:
    path = write(tmp_path / "f.csv", HEADER, f"1,a,{written},1,USD")
    async with tenant_in(database) as tenant:
        await run(tenant, path, job(zone=zone))
        assert {r.occurred_at for r in await tenant.log.read()} == {meant}


async def test_texts_arrive_unchanged(database: str, tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "customer", "at", "channel", "topic", "text"])
        for number, text in enumerate((NOTE, *WORDS)):
            writer.writerow([number, "a", "1997-01-02", "chat", f"主题 {number} 🎉", text])
    buyers = write(tmp_path / "buyers.csv", HEADER, "1,a,1997-01-01,0,CNY")
    async with tenant_in(database) as tenant:
        await run(tenant, buyers, job())
        assert (await run(tenant, path, job("interactions"))).imported == 6
        events = [r.event for r in await tenant.log.read() if isinstance(r.event, InteractionRecorded)]
        assert [e.text for e in events] == [NOTE, *WORDS]
        assert events[0].topic == "主题 0 🎉"


async def test_customers_complete_what_purchases_began(database: str, tmp_path: Path) -> None:
    buyers = write(tmp_path / "b.csv", HEADER, "1,a,1997-01-01,1,USD")
    people = write(
        tmp_path / "p.csv",
        "id,at,name,email,owner",
        "a,1997-02-01,李雷,li@example.com,mei",
        "b,1997-02-01,Bo,,",
    )
    async with tenant_in(database) as tenant:
        await run(tenant, buyers, job())
        summary = await run(tenant, people, job("customers"))
        events = [r.event for r in await tenant.log.read()]
        assert (summary.imported, summary.rejected) == (2, 0)
        assert [e.name for e in events if isinstance(e, ProfileChanged)] == ["李雷"]
        assert [e.name for e in events if isinstance(e, CustomerRegistered)] == [None, "Bo"]


async def test_complaints_and_their_columns(database: str, tmp_path: Path) -> None:
    buyers = write(tmp_path / "b.csv", HEADER, "1,a,1997-01-01,1,USD")
    said = write(
        tmp_path / "c.csv",
        "customer,at,category,text",
        "a,1997-01-02,delivery,太慢了",
        "nobody,1997-01-02,price,?",
    )
    async with tenant_in(database) as tenant:
        await run(tenant, buyers, job())
        summary = await run(tenant, said, job("complaints"))
        assert (summary.imported, summary.rejected) == (1, 1)
        assert rejected(summary) == [["3", "customer", "There is no customer nobody."]]


# --- Three formats, one meaning -------------------------------------------------------------------

ROWS: Sequence[dict[str, Any]] = (
    {
        "customer": "a",
        "at": "1997-01-01",
        "amount": "11.77",
        "currency": "USD",
        "quantity": 2,
        "description": "唱片 🎵",
    },
    {
        "customer": "a",
        "at": "1997-01-01",
        "amount": "11.77",
        "currency": "USD",
        "quantity": 2,
        "description": "唱片 🎵",
    },
    {
        "customer": "b",
        "at": "1997-01-05",
        "amount": "0.00",
        "currency": "USD",
        "quantity": 1,
        "description": None,
    },
)


def as_csv(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(ROWS[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def as_jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    lines = (json.dumps({**row, "amount": float(row["amount"])}, ensure_ascii=False) for row in rows)
    return write(path, *lines)


def as_parquet(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    typed = [{**row, "amount": Decimal(row["amount"]), "at": date.fromisoformat(row["at"])} for row in rows]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(typed), path)
    return path


async def test_the_same_rows_in_other_formats_or_orders_are_the_same_rows(
    database: str, tmp_path: Path
) -> None:
    async with tenant_in(database) as tenant:
        first = await run(tenant, as_csv(tmp_path / "f.csv", ROWS), job())
        assert (first.imported, first.repeated) == (3, 0)
        head = await tenant.log.head()
        for other in (
            as_jsonl(tmp_path / "f.jsonl", ROWS),
            as_parquet(tmp_path / "f.parquet", ROWS),
            as_csv(tmp_path / "backwards.csv", ROWS[::-1]),
        ):
            again = await run(tenant, other, job())
            assert (again.imported, again.repeated, again.rejected) == (0, 3, 0), other.name
        assert await tenant.log.head() == head
        assert [o.description for o in await orders(tenant)] == ["唱片 🎵", "唱片 🎵", None]


async def test_columns_are_mapped_and_constants_set(database: str, tmp_path: Path) -> None:
    path = write(tmp_path / "f.tsv", "Kunde\tTag\tBetrag", "a\t19970101\t5")
    how = job(columns={"customer": "Kunde", "at": "Tag", "amount": "Betrag"}, constants={"currency": "JPY"})
    async with tenant_in(database) as tenant:
        await run(tenant, path, how)
        assert [(o.total_minor, o.currency) for o in await orders(tenant)] == [(5, "JPY")]


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({}, "has no column 'amount'"),
        ({"columns": {"amount": "Preis"}}, "has no column 'Preis'"),
        ({"columns": {"price": "x"}}, "purchases have no field 'price'"),
        ({"constants": {"tip": "1"}}, "purchases have no field 'tip'"),
    ],
)
async def test_a_mapping_that_does_not_fit(
    database: str, tmp_path: Path, how: dict[str, Any], told: str
) -> None:
    path = write(tmp_path / "f.csv", "id,customer,at,currency", "1,a,1997-01-01,USD")
    async with tenant_in(database) as tenant:
        with pytest.raises(BadMapping, match=told):
            await run(tenant, path, job(**how))


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("f.dat", "x", "say which format"),
        ("f.csv", "", "does not begin with a line"),
        ("f.csv", "a,a\n", "the same name"),
        ("f.parquet", "no parquet", "f.parquet"),
    ],
)
def test_a_file_that_is_no_table(tmp_path: Path, name: str, content: str, told: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(TableError, match=told):
        open_table(tmp_path / name, Shape())


# --- Bad rows -------------------------------------------------------------------------------------

BAD = (
    ("1,a,1997-13-01,1,USD,", "at", "is not a day of the calendar"),
    ("1,a,01/02/1997,1,USD,", "at", "is not a date such as"),
    ("1,a,1997-01-01,1.234,USD,", "amount", "is not a whole number of USD's minor units"),
    ("1,a,1997-01-01,-1,USD,", "amount", "is negative"),
    ("1,a,1997-01-01,1_000,USD,", "amount", "is not an amount"),
    ("1,a,1997-01-01,NaN,USD,", "amount", "is not an amount"),
    ("1,a,1997-01-01,99999999999999999,USD,", "amount", "at most 9007199254740991"),
    ("1,a,1997-01-01,1,XXQ,", "currency", "'XXQ' is not a currency of ISO 4217"),
    ("1,a b,1997-01-01,1,USD,", "customer", "may hold letters, digits and"),
    ("1,,1997-01-01,1,USD,", "customer", "is required"),
    ("a b,a,1997-01-01,1,USD,", "id", "may hold letters, digits and"),
    (f"1,{'a' * 110},1997-01-01,1,USD,", "customer", "is too long"),
    ("1,a,1997-01-01,1", "", "has 4 cells, not 6"),
    ("1,a,1997-01-01,1,USD,,more", "", "has 7 cells, not 6"),
    ('1,"a"b,1997-01-01,1,USD,', "", "expected after"),
    ("1,\udcff,1997-01-01,1,USD,", "customer", "is not text in the file's encoding"),
)


@pytest.mark.parametrize(("row", "field", "rule"), BAD)
async def test_a_bad_row_is_told_and_the_others_go_in(
    database: str, tmp_path: Path, row: str, field: str, rule: str
) -> None:
    path = tmp_path / "f.csv"
    text = f'{HEADER},description\n"0",a,1997-01-01,1,USD,"two\nlines"\n{row}\n9,a,1997-01-01,1,USD,\n'
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    async with tenant_in(database) as tenant:
        summary = await run(tenant, path, job())
        [(line, column, reason)] = rejected(summary)
        assert (line, column) == ("4", field)
        assert rule in reason
        assert [order.order_id for order in await orders(tenant)] == ["0", "9"]


async def test_the_rejects_name_the_file_s_own_column_and_hold_the_row(database: str, tmp_path: Path) -> None:
    path = write(tmp_path / "f.csv", "id,wer,at,wieviel", "1,a,1997-01-01,viel")
    how = job(columns={"customer": "wer", "amount": "wieviel"}, constants={"currency": "EUR"})
    async with tenant_in(database) as tenant:
        summary = await run(tenant, path, how)
        assert summary.rejects is not None
        assert summary.rejects.read_text(encoding="utf-8-sig").splitlines() == [
            "line,column,field,rule,code,row_id,id,wer,at,wieviel",
            "2,wieviel,amount,'viel' is not an amount such as 11.77,InvalidInput,1,1,a,1997-01-01,viel",
        ]
        [told] = summary.rejections
        assert (told.line, told.column, told.field, told.code) == (2, "wieviel", "amount", "InvalidInput")


async def test_json_lines_that_are_none(database: str, tmp_path: Path) -> None:
    good = '{"id": 1, "customer": "a", "at": "1997-01-01", "amount": 1, "currency": "USD"}'
    path = write(tmp_path / "f.jsonl", "{", "[1]", '{"id": [1]}', good)
    async with tenant_in(database) as tenant:
        summary = await run(tenant, path, job())
        assert summary.imported == 1
        assert [line for line, _, _ in rejected(summary)] == ["1", "2", "3"]


async def test_one_id_for_two_different_rows_is_not_taken_for_a_repetition(
    database: str, tmp_path: Path
) -> None:
    path = write(
        tmp_path / "f.csv", HEADER, "1,a,1997-01-01,1,USD", "1,a,1997-01-01,1,USD", "1,a,1997-01-01,2,USD"
    )
    edited = write(tmp_path / "g.csv", HEADER, "1,a,1997-01-01,3,USD")
    async with tenant_in(database) as tenant:
        summary = await run(tenant, path, job())
        assert (summary.imported, summary.repeated, summary.rejected) == (1, 1, 1)
        assert [row[:2] for row in rejected(summary)] == [["4", "id"]]
        later = await run(tenant, edited, job())
        assert (later.imported, later.rejected) == (0, 1)


async def test_an_order_that_the_domain_refuses_is_told(database: str, tmp_path: Path) -> None:
    path = write(tmp_path / "f.csv", "customer,at,channel,topic", "a,1997-01-01,chat,x")
    async with tenant_in(database) as tenant:
        summary = await run(tenant, path, job("interactions"))
        assert rejected(summary) == [["2", "customer", "There is no customer a."]]


async def test_when_the_rejects_are_lost_they_are_made_again(database: str, tmp_path: Path) -> None:
    path = write(tmp_path / "f.csv", HEADER, "1,a,?,1,USD", "2,a,1997-01-01,1,USD")
    async with tenant_in(database) as tenant:
        summary = await run(tenant, path, job())
        assert summary.rejects is not None
        summary.rejects.unlink()
        await tenant.pool.execute("UPDATE kehu.imports SET finished_at = NULL")
        again = await run(tenant, path, job())
        assert (again.repeated, again.rejected) == (1, 1)
        assert [line for line, _, _ in rejected(again)] == ["2"]


async def test_a_good_row_after_a_refused_one_of_its_id_goes_in(database: str, tmp_path: Path) -> None:
    buyers = write(tmp_path / "b.csv", HEADER, "1,right,1997-01-01,1,USD")
    path = write(
        tmp_path / "f.csv",
        "id,customer,at,channel,topic",
        "i1,typo,1997-01-02,chat,x",
        "i1,right,1997-01-02,chat,x",
    )
    async with tenant_in(database) as tenant:
        await run(tenant, buyers, job())
        summary = await run(tenant, path, job("interactions"))
        assert (summary.imported, summary.repeated) == (1, 0)
        assert rejected(summary) == [["2", "customer", "There is no customer typo."]]


def rows_of(path: Path) -> list[Row]:
    return list(open_table(path, Shape()).rows())


@pytest.mark.parametrize("bad", [0, 9_999, 19_999])
def test_an_opening_quote_swallows_one_row_and_no_other(tmp_path: Path, bad: int) -> None:
    lines = [f"{n},a,1997-01-01,1,USD" for n in range(20_000)]
    lines[bad] = '"' + lines[bad]
    rows = rows_of(write(tmp_path / "f.csv", HEADER, *lines))
    assert [row.line for row in rows] == list(range(2, 20_002))
    [told] = [row for row in rows if row.problem]
    assert (told.line, list(told.raw)) == (bad + 2, lines[bad].split(","))
    assert "does not end" in str(told.problem) or "end of data" in str(told.problem)


def test_a_quote_that_ends_in_another_row_loses_neither_the_rows_between(tmp_path: Path) -> None:
    rows = rows_of(write(tmp_path / "f.csv", "a,b", '1,"x', "2,y", '3,"', '4,"two', 'lines"', '5,x,"', "6,y"))
    assert [(row.line, bool(row.problem)) for row in rows if row.values.get("b") != '"'] == [
        (2, False),  # its cell goes on to line 4, as far as anybody can tell
        (5, False),
        (7, True),
        (8, False),
    ]
    wrong = rows_of(write(tmp_path / "g.csv", "a,b", '1,"x', "2,y", '3",', "4,z"))
    assert [(row.line, bool(row.problem)) for row in wrong] == [(2, True), (3, False), (4, False), (5, False)]


async def test_a_file_that_holds_no_rejects_is_never_touched(database: str, tmp_path: Path) -> None:
    path = write(tmp_path / "f.csv", HEADER, "1,a,?,1,USD")
    diary = write(tmp_path / "diary.csv", "dear,diary")
    before = path.read_bytes()
    async with tenant_in(database) as tenant:
        for rejects, told in ((diary, "is not a rejects file"), (path, "this is the imported file")):
            with pytest.raises(NoRejects, match=told):
                await import_table(tenant.engine, open_table(path, Shape()), job(), rejects)
        assert (path.read_bytes(), diary.read_text()) == (before, "dear,diary\n")
        assert await tenant.pool.fetchval("SELECT count(*) FROM kehu.imports") == 0
        older = write(tmp_path / "f.csv.rejects.csv", f"\ufeff{','.join(REJECTED)},id", "9,id,id,x,y,1,1")
        assert rejected(await run(tenant, path, job()))[0][:2] == ["2", "at"]
        assert "9,id,id" not in older.read_text()


async def test_a_finished_import_finds_its_rows_there(database: str, tmp_path: Path) -> None:
    path = write(tmp_path / "f.csv", HEADER, "1,a,1997-01-01,1,USD", "1,a,1997-01-01,1,USD", "2,a,?,1,USD")
    async with tenant_in(database) as tenant:
        first, again = await run(tenant, path, job()), await run(tenant, path, job())
        assert (first.imported, first.repeated, first.rejected, first.finished_before) == (1, 1, 1, False)
        assert (again.imported, again.repeated, again.rejected, again.finished_before) == (0, 2, 1, True)
        assert again.rejects == first.rejects


# --- Days -----------------------------------------------------------------------------------------


async def test_rows_go_in_by_time_and_every_day_is_ended(database: str, tmp_path: Path) -> None:
    path = write(
        tmp_path / "f.csv",
        HEADER,
        "3,b,1997-01-04,1,USD",
        "1,a,1997-01-01,1,USD",
        "2,a,1997-01-01T23:59,1,USD",
        "4,b,?,1,USD",
    )
    between = parse(
        RegisterCustomer,
        {
            "command_id": "x",
            "actor": "me",
            "occurred_at": datetime(1997, 1, 2, 12, tzinfo=UTC),
            "customer_id": "z",
        },
    )
    async with tenant_in(database) as tenant:
        summary = await run(
            tenant, path, job(end_days=True), among=Among(name="one", commands=lambda: [between])
        )
        assert (summary.imported, summary.rejected) == (3, 1)
        events = await tenant.log.read()
        assert [r.occurred_at for r in events] == sorted(r.occurred_at for r in events)
        days = [r.event.day for r in events if isinstance(r.event, DayEnded)]
        assert days == [date(1997, 1, 1) + timedelta(days=n) for n in range(4)]
        assert [r.stream for r in events if isinstance(r.event, OrderPlaced)] == [
            "order-1",
            "order-2",
            "order-3",
        ]
        assert [r.position for r in events if r.customer_id == "z"] == [7]


NOW = datetime(1997, 1, 3, 12, tzinfo=UTC)


def ended(plan: Iterable[Step]) -> list[str]:
    return [step.commands[0].command_id for step in plan if step.ends_day]


@pytest.mark.parametrize("days", [True, False])
async def test_rows_of_the_future_are_refused(database: str, tmp_path: Path, days: bool) -> None:
    path = write(
        tmp_path / "f.csv",
        HEADER,
        "1,a,2090-12-31T23:59,1,USD",
        "2,b,1997-01-04T12:00,1,USD",
        "3,b,1997-01-04T12:01,1,USD",
        "4,b,1997-01-01,1,USD",
    )
    async with tenant_in(database) as tenant:
        summary = await run(tenant, path, job(end_days=days, now=NOW))
        assert (summary.imported, summary.rejected) == (2, 2)
        assert sorted(row[:2] for row in rejected(summary)) == [["2", "at"], ["4", "at"]]
        assert {"lies in the future" in row[2] for row in rejected(summary)} == {True}
        events = [r.event for r in await tenant.log.read()]
        assert [e.day.day for e in events if isinstance(e, DayEnded)] == ([1, 2] if days else [])
        assert [e.customer_id for e in events if isinstance(e, CustomerRegistered)] == ["b"]


async def test_an_import_that_goes_on_later_ends_more_days_but_drops_no_row(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "f.csv", HEADER, *(f"{n},a,1997-01-0{n},1,USD" for n in range(1, 8)))
    early = job(end_days=True, now=NOW)
    later = job(end_days=True, now=NOW + timedelta(days=30))
    table = open_table(path, Shape())
    assert job_fingerprint(table, early) == job_fingerprint(table, later)
    assert ended(steps(table, early)) == ["day/1997-01-01", "day/1997-01-02"]
    assert len(ended(steps(table, later))) == 7
    monkeypatch.setattr("infra.imports.importing.CHUNK", 1)
    monkeypatch.setattr("infra.imports.importing.SLICE", 1)

    def interrupt(done: int, about: int) -> None:
        if done == 3:
            raise InterruptedError

    async with tenant_in(database) as tenant:
        with pytest.raises(InterruptedError):
            await run(tenant, path, early, progress=interrupt)
        summary = await run(tenant, path, later)
        assert (summary.imported, summary.repeated, summary.rejected) == (7, 0, 0)
        days = [r.event.day.day for r in await tenant.log.read() if isinstance(r.event, DayEnded)]
        assert days == [1, 2, 3, 4, 5, 6, 7]


# --- Memory ---------------------------------------------------------------------------------------


async def test_rows_are_read_as_they_go_in_and_forgotten(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long a file is: what is read ahead is two chunks at most, and who was met is forgotten."""
    chunk, ahead, done, alive = 20, [0], [0], weakref.WeakSet[Kept]()
    monkeypatch.setattr("infra.imports.importing.CHUNK", chunk)
    monkeypatch.setattr("infra.imports.importing.SLICE", 5)
    monkeypatch.setattr("infra.imports.steps.MET", 3)
    path = write(tmp_path / "f.csv", HEADER[3:], *(f"c{n % 10},1997-01-01,1,USD" for n in range(1_000)))
    table = open_table(path, Shape())

    def rows() -> Iterator[Row]:
        for number, row in enumerate(table.rows(), start=1):
            ahead.append(number - done[0])
            kept = Kept(row.values)
            alive.add(kept)
            yield msgspec.structs.replace(row, values=kept)
            ahead.append(len(alive))

    def progress(rows: int, about: int) -> None:
        done[0] = rows

    async with tenant_in(database) as tenant:
        summary = await import_table(
            tenant.engine,
            msgspec.structs.replace(table, rows=rows),
            job(),
            tmp_path / "r.csv",
            progress=progress,
        )
        assert summary.imported == 1_000
        assert max(ahead) <= 2 * chunk + 5
        names = Counter(r.name for r in await tenant.log.read())
        assert names == {"CustomerRegistered": 10, "OrderPlaced": 1_000, "PaymentReceived": 1_000}


class Kept(dict[str, str]):
    """A row's values, of which one can see whether somebody holds them still."""

    __hash__ = object.__hash__  # type: ignore[assignment]  # by identity, as a weak set needs
