"""A mapping says how a company's file becomes rows of a kind; a rehearsal says what an import would do."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from infra.imports.files import open_table
from infra.imports.importing import import_table, rehearse_table
from infra.imports.kinds import KINDS
from infra.imports.mapping import Saved, load, save
from infra.imports.steps import BadMapping
from infra.imports.tables import Shape
from infra.tenant import Tenant
from tests.infra.test_import_kinds import OLD, written
from tests.infra.test_importing import job, rejected, run, tenant_in, write

MAPPING = """
kind = "complaints"
time_zone = "Asia/Shanghai"
date_formats = ["%Y年%m月%d日 %H:%M", "%d.%m.%Y"]

[columns]
id = "编号"
customer = "客户"
at = "日期"
category = "类别"
text = "内容"

[constants]
channel = "web"

[values.category]
"服务态度" = "service_attitude"
"配送" = "delivery"
"""
SAID = Saved(
    kind="complaints",
    encoding="gb18030",
    header=("a", "b\t\"c\\ '"),
    date_formats=("%d.%m.%Y",),
    columns={"text": '内容 "x"\x7f\n'},
    constants={"channel": "web"},
    values={"category": {"配送": "delivery"}, "text": {"": "-"}},
)


async def test_a_chinese_file_through_a_mapping(database: str, tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text(MAPPING, encoding="utf-8")
    how = load(tmp_path / "m.toml")
    path = tmp_path / "投诉.csv"
    lines = (
        "编号;客户;日期;类别;内容",
        "1;c;2020年01月02日 09:30;服务态度;太慢",
        "2;c;03.01.2020;配送;坏了",
        "3;c;2020-01-04T10:00Z;price;贵",
        "4;c;1/2/2020;其他;?",
    )
    path.write_bytes("\n".join(lines).encode("gb18030"))
    async with tenant_in(database) as tenant:
        await run(tenant, written(tmp_path / "c.csv", [{"id": "c", "at": "2019-01-01"}]), job("customers"))
        table, rejects = open_table(path, how.shape()), tmp_path / "r.csv"
        summary = await import_table(tenant.engine, table, how.job(source="test"), rejects)
        assert [row[:2] for row in rejected(summary)] == [["5", "日期"]]
        [told] = summary.rejections
        assert (told.line, told.column, told.field) == (5, "日期", "at")
        assert "'1/2/2020' is not a date such as '%Y年%m月%d日 %H:%M'" in told.rule
        received = [(r.occurred_at.isoformat(), r.event) for r in (await tenant.log.read())[1:]]
        assert [(at, e.category, e.channel) for at, e in received] == [  # type: ignore[attr-defined]
            ("2020-01-02T01:30:00+00:00", "service_attitude", "web"),
            ("2020-01-02T16:00:00+00:00", "delivery", "web"),
            ("2020-01-04T10:00:00+00:00", "price", "web"),
        ]


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "m.toml"
    for saved in (SAID, Saved()):
        save(saved, path)
        assert load(path) == saved
    diary = write(tmp_path / "diary.txt", "dear diary")
    with pytest.raises(BadMapping, match=r"diary\.txt is not a mapping"):
        save(SAID, diary)
    assert diary.read_text() == "dear diary\n"


def test_what_is_told_beside_a_mapping_counts_more() -> None:
    told = Saved(encoding="utf-8", columns={"at": "when"}, constants={"channel": "phone"})
    how = told.over(SAID)
    assert (how.kind, how.encoding, how.date_formats) == ("complaints", "utf-8", ("%d.%m.%Y",))
    assert how.columns == {"text": '内容 "x"\x7f\n', "at": "when"}
    assert how.constants == {"channel": "phone"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("kind = ", "is not a mapping"),
        ("sort = 'x'", "unknown field `sort`"),
        ("columns = 'x'", "Expected `object`"),
        ("kind = 'cats'", "there is no kind 'cats'; there are purchases, customers"),
        ("time_zone = 'Mars/Base'", "'Mars/Base' is not a time zone"),
    ],
)
def test_a_file_that_is_no_mapping(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(BadMapping, match=told):
        load(write(tmp_path / "m.toml", text))


async def test_a_mapping_of_fields_that_there_are_not(database: str, tmp_path: Path) -> None:
    path = write(tmp_path / "f.csv", "id,customer,at,amount,currency", "1,a,1997-01-01,1,USD")
    async with tenant_in(database) as tenant:
        with pytest.raises(BadMapping, match="purchases have no field 'colour'"):
            await run(tenant, path, job(values={"colour": {"red": "green"}}))


# --- Rehearsals -----------------------------------------------------------------------------------


async def contents(tenant: Tenant) -> list[Any]:
    """All that a run could have written."""
    tables = ("heads", "events", "commands", "streams", "tags", "imports")
    return [await tenant.pool.fetch(f"SELECT * FROM kehu.{table} t ORDER BY t") for table in tables]


async def test_a_rehearsal_tells_what_an_import_then_does_and_writes_nothing(
    database: str, tmp_path: Path
) -> None:
    how = {"constants": {"at": "2020-01-01"}}
    async with tenant_in(database) as tenant:
        for kind in ("staff", "customers", "orders", "complaints", "surveys", "survey_answers", "points"):
            bad = {"id": "bad id", **dict.fromkeys(OLD[kind][0], "")}
            path = written(tmp_path / f"{kind}.csv", [*OLD[kind], OLD[kind][0], bad | {"id": "bad id"}])
            before = await contents(tenant)
            files = os.listdir(tmp_path)
            told = await rehearse_table(tenant.log, open_table(path, Shape()), job(kind, **how))
            assert await contents(tenant) == before
            assert os.listdir(tmp_path) == files
            summary = await run(tenant, path, job(kind, **how))
            assert (told.imported, told.repeated, told.rejected) == (
                summary.imported,
                summary.repeated,
                summary.rejected,
            ), kind
            assert [r.rule for r in told.rejections] == [r.rule for r in summary.rejections]
            known = {row["stream"]: row["version"] for row in before[3]}
            now = {row["stream"]: row["version"] for row in (await contents(tenant))[3]}
            assert sum(told.made.values()) == len(now.keys() - known.keys()), kind
            grown = [stream for stream, version in known.items() if now[stream] > version]
            assert sum(told.changed.values()) == len(grown), kind


async def test_a_rehearsal_knows_what_its_own_rows_did_chunks_before(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An identifier that one row takes, another cannot have, though no state is kept in memory."""
    monkeypatch.setattr("infra.imports.importing.CHUNK", 1)
    monkeypatch.setattr("infra.imports.importing.SLICE", 1)
    monkeypatch.setattr("infra.engine.CACHED", 1)
    card = {"kind": "account", "value": "A-1", "evidence": "seen", "at": "2020-01-02"}
    async with tenant_in(database) as tenant:
        people = [{"id": name, "at": "2020-01-01"} for name in "abc"]
        await run(tenant, written(tmp_path / "c.csv", people), job("customers"))
        path = written(tmp_path / "i.csv", [{"customer": name, **card} for name in "abca"])
        told = await rehearse_table(tenant.log, open_table(path, Shape()), job("identifiers"))
        summary = await run(tenant, path, job("identifiers"))
        assert summary.rejected == told.rejected == 3
        assert [r.code for r in told.rejections] == [r.code for r in summary.rejections]
        assert told.changed == {"customer": 1}


async def test_a_rehearsal_names_the_columns_that_nothing_comes_from(database: str, tmp_path: Path) -> None:
    row = {"id": "a", "at": "2020-01-01", "Telefon": "1", "colour": "red"}
    async with tenant_in(database) as tenant:
        table = open_table(written(tmp_path / "c.csv", [row]), Shape())
        told = await rehearse_table(tenant.log, table, job("customers", columns={"phone": "Telefon"}))
        assert (told.unread, told.made) == (["colour"], {"customer": 1})
    assert KINDS["customers"].columns.keys().isdisjoint({"colour"})
