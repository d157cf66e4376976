"""`kehu export`: what other tools read in the files is what Kehu answers, whole or not at all."""

from __future__ import annotations

import asyncio
import csv
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import duckdb
import polars
import pyarrow
import pyarrow.parquet
import pytest

from infra.database import connected
from infra.export import versions
from infra.export.files import whole
from infra.log.log import Log
from tests.infra.test_archive import SMALL_RANGES, archived, filled
from tests.kehu.console import KEHU, environment, kehu

CONTACTS = '''id,customer,at,channel,topic
1,王-1,1997-01-02T10:00,chat,"茶叶很好 🍵, ""really"""
2,王-1,1997-01-03T10:00,chat,=1+1
3,李,1997-01-03T11:00,phone,"two
lines"
4,b,1997-01-04T11:00,shop,x
'''
PURCHASES = """id,customer,at,amount,currency
1,王-1,1997-01-01,11.77,USD
2,李,1997-01-02,0,USD
3,b,1997-01-03,2.50,USD
"""
EXAMPLE = Path(__file__).parents[2] / "examples" / "channel_use.py"
PATIENCE = timedelta(seconds=60).total_seconds()


@pytest.fixture
def contacts(database: str, tmp_path: Path) -> str:
    for name, text, more in (("purchases", PURCHASES, ["--end-days"]), ("interactions", CONTACTS, [])):
        file = tmp_path / f"{name}.csv"
        file.write_text(text, encoding="utf-8")
        result = kehu("import", file, "--as", name, *more, database=database)
        assert result.returncode == 0, result.stdout
    return database


def export(database: str, *words: str | Path) -> dict[str, Any]:
    done = kehu("export", *words, "--json", database=database)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


async def as_sql_says(database: str, view: str, key: str, position: int) -> list[dict[str, Any]]:
    """A view's rows as of a position, as its tables hold them."""
    connection = await asyncpg.connect(database)
    rows = await connection.fetch(
        f'SELECT * FROM (SELECT *, NULL::bigint AS until FROM kehu_views."{view}_1"'
        f' UNION ALL SELECT * FROM kehu_views."{view}_1_past") v'
        f" WHERE since <= {position} AND (until IS NULL OR until > {position})"
    )
    await connection.close()
    hidden = ("tenant", "since", "until")
    plain = [{name: value for name, value in row.items() if name not in hidden} for row in rows]
    return sorted(plain, key=lambda row: str(row[key]))


@pytest.mark.parametrize(
    ("view", "key", "moment", "count"),
    [
        ("interactions", "interaction_id", None, 4),
        ("interactions", "interaction_id", "14", 2),
        ("orders", "order_id", "1997-01-02", 2),
        ("orders", "order_id", "1997-01-01T00:00Z", 0),
    ],
)
async def test_duckdb_and_polars_read_what_the_view_says(
    contacts: str, tmp_path: Path, view: str, key: str, moment: str | None, count: int
) -> None:
    file = tmp_path / "i.parquet"
    asked = ["--as-of", moment] if moment else []
    done = export(contacts, view, "--to", "parquet", "--out", file, *asked)
    expected = await as_sql_says(contacts, view, key, done["position"])
    assert len(expected) == done["rows"] == count
    assert polars.read_parquet(file).to_dicts() == expected
    duck = duckdb.connect().execute(f"SELECT {key} FROM '{file}' ORDER BY {key}").fetchall()
    assert [row[0] for row in duck] == [row[key] for row in expected]


def test_arrow_and_parquet_say_the_same_and_tell_what_columns_mean(contacts: str, tmp_path: Path) -> None:
    parquet, arrow = tmp_path / "c.parquet", tmp_path / "c.arrow"
    export(contacts, "customers", "--to", "parquet", "--out", parquet)
    export(contacts, "customers", "--to", "arrow", "--out", arrow)
    table = pyarrow.parquet.read_table(parquet)
    with pyarrow.ipc.open_file(str(arrow)) as file:
        assert file.read_all().to_pylist() == table.to_pylist()
    assert pyarrow.types.is_dictionary(table.schema.field("relation").type)
    name, registered = table.schema.field("name"), table.schema.field("registered_at")
    assert (name.nullable, registered.nullable) == (True, False)
    assert name.metadata == {b"kehu.doc": b"The person's or the firm's name.", b"kehu.personal": b"true"}
    assert table.schema.metadata is not None
    assert table.schema.metadata[b"kehu.view"] == b"customers"


def test_csv_changes_no_text(contacts: str, tmp_path: Path) -> None:
    file = tmp_path / "i.csv"
    export(contacts, "interactions", "--to", "csv", "--out", file)
    assert file.read_bytes().count(b"\r\n") == 5
    with file.open(encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    assert {row["topic"] for row in rows} >= {'茶叶很好 🍵, "really"', "=1+1", "two\nlines"}
    assert {row["customer_id"] for row in rows} == {"王-1", "李", "b"}


def test_the_history_of_an_own_view_in_pages(
    contacts: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "PAGE", 2)
    file = tmp_path / "u.parquet"
    own = ("channel_uses", "--projection", EXAMPLE, "--to", "parquet", "--out", file)
    now = export(contacts, *own)
    assert now["rows"] == 3
    history = export(contacts, *own, "--history")
    rows = pyarrow.parquet.read_table(file).to_pylist()
    assert history["rows"] == len(rows) == 4
    chats = [(row["contacts"], row["until"] is None) for row in rows if row["channel"] == "chat"]
    assert chats == [(1, False), (2, True)]
    parts = pyarrow.parquet.ParquetFile(file).metadata
    assert max(parts.row_group(n).num_rows for n in range(parts.num_row_groups)) == 2


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--as-of", "2001-01-01"], 3, "2001-01-01 has not ended in this log"),
        (["--as-of", "999"], 3, "must be between 0 and"),
        (["--as-of", "soon"], 2, "neither a position nor a date"),
        (["--out", "/nowhere/at/all.csv"], 2, "there is no directory '/nowhere/at'"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(contacts: str, words: list[str], code: int, told: str) -> None:
    failed = kehu("export", "customers", "--to", "csv", "--json", *words, database=contacts)
    assert (failed.returncode, failed.stdout) == (code, "")
    assert told in failed.stderr
    assert failed.stderr.count("\n") == 1


def test_a_failure_leaves_the_older_file(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("old")

    def fail() -> None:
        with whole(file) as out:
            out.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    assert file.read_text() == "old"


async def small_log(database: str) -> list[dict[str, Any]]:
    """A hundred events in ranges of 20, the first two archived later; the rows."""
    async with connected(database) as pool:
        await pool.execute(SMALL_RANGES)
        log = await filled(pool, "main")
        rows = [dict(row) for row in await pool.fetch("SELECT * FROM kehu.events ORDER BY position")]
        await pool.execute("DELETE FROM kehu.builds")
        assert await log.head() == 100
        return [{**row, "data": row["data"].decode()} for row in rows]


def read(directory: Path) -> list[dict[str, Any]]:
    return polars.read_parquet(directory / "*.parquet").sort("position").to_dicts()


async def test_the_log_grows_without_double_rows(database: str, tmp_path: Path) -> None:
    expected, directory = await small_log(database), tmp_path / "log"
    first = export(database, "--log", "--to", "parquet", directory, "--as-of", "50")
    assert len(first["files"]) == 3
    assert [row["position"] for row in read(directory)] == list(range(1, 51))
    async with connected(database) as pool:
        assert len(await archived(Log(pool, "main"), tmp_path / "old", 45)) == 2
    second = export(database, "--log", "--to", "parquet", directory)
    assert [Path(file).name for file in second["files"]] == [
        f"events-{n:015}.parquet" for n in (40, 60, 80, 100)
    ]
    assert export(database, "--log", "--to", "parquet", directory)["files"] == []
    columns = list(expected[0])
    assert [{name: row[name] for name in columns} for row in read(directory)] == expected
    names = (
        duckdb.connect()
        .execute(f"SELECT count(DISTINCT data->>'customer_id') FROM '{directory}/*.parquet'")
        .fetchall()
    )
    assert names == [(1,)]
    again = tmp_path / "again"
    export(database, "--log", "--to", "parquet", again)
    assert read(again) == read(directory)
    refused = kehu("export", "--log", "--to", "parquet", directory, "--as-of", "30", database=database)
    assert refused.returncode == 2
    other = kehu("export", "--log", "--to", "parquet", tmp_path / "old", "--json", database=database)
    assert (other.returncode, other.stderr.count("\n")) == (2, 1)


async def test_a_killed_export_leaves_whole_files_only(database: str, tmp_path: Path) -> None:
    expected, directory = await small_log(database), tmp_path / "log"
    blocking = await asyncpg.connect(database)
    transaction = blocking.transaction()
    await transaction.start()
    await blocking.execute("LOCK TABLE kehu.events_40 IN ACCESS EXCLUSIVE MODE")
    process = await asyncio.create_subprocess_exec(
        KEHU, "export", "--log", "--to", "parquet", str(directory), env=environment(database)
    )
    async with asyncio.timeout(PATIENCE):
        while not await blocking.fetchval(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'kehu.events_40'::regclass)"
        ):
            pass
    process.kill()
    await process.wait()
    await transaction.rollback()
    await blocking.close()
    there = [int(path.stem.split("-")[1]) for path in directory.glob("*.parquet")]
    assert sorted(there) == [1, 20][: len(there)]
    export(database, "--log", "--to", "parquet", directory)
    assert [row["position"] for row in read(directory)] == [row["position"] for row in expected]
    assert all(path.suffix == ".parquet" for path in directory.iterdir())
