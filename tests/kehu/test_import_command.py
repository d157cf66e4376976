"""`kehu import` as a user meets it: summaries, rejects, exit codes; a kill -9 in the middle loses nothing."""

from __future__ import annotations

import asyncio
import csv
import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg

from infra.log.followers import CHANNEL
from tests.kehu.console import KEHU, environment, kehu

HEADER = "id,customer,at,amount,currency"


def purchases(path: Path, rows: int) -> Path:
    """So many purchases of one dollar by as many customers, and a bad row at the beginning and the end."""
    lines = [
        HEADER,
        "x,a,never,1,USD",
        *(f"{n},c{n},1997-01-02,1.00,USD" for n in range(rows)),
        "y,a,1997-01-02,?,USD",
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


async def kill_at_first_commit(command: list[str], database: str) -> None:
    """Start a command, and kill it once the log has grown."""
    listener = await asyncpg.connect(database)
    grown = asyncio.Event()
    await listener.add_listener(CHANNEL, lambda *_: grown.set())
    process = await asyncio.create_subprocess_exec(
        *command, env=environment(database), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    await asyncio.wait_for(grown.wait(), 60)
    process.kill()
    assert await process.wait() == -9
    await listener.close()


async def fetch(database: str, query: str) -> list[Any]:
    connection = await asyncpg.connect(database)
    try:
        return [tuple(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


def rejected(summary: dict[str, Any]) -> list[dict[str, str]]:
    return list(csv.DictReader(Path(summary["rejects"]).read_text("utf-8-sig").splitlines()))


async def test_rejects_make_the_exit_code_1_and_the_rest_goes_in(database: str, tmp_path: Path) -> None:
    file = purchases(tmp_path / "f.csv", 3)
    result = kehu("import", file, "--as", "purchases", "--json", database=database)
    assert result.returncode == 1
    summary = json.loads(result.stdout)
    assert {name: summary[name] for name in ("imported", "repeated", "rejected")} == {
        "imported": 3,
        "repeated": 0,
        "rejected": 2,
    }
    rejects = rejected(summary)
    assert [(row["line"], row["column"], row["id"]) for row in rejects] == [
        ("2", "at", "x"),
        ("6", "amount", "y"),
    ]
    again = kehu("import", file, "--as", "purchases", database=database)
    assert again.returncode == 1
    assert "was imported before" in again.stdout
    assert "5 rows: 0 imported, 3 there already, 2 rejected" in again.stdout
    told = json.loads(kehu("import", file, "--as", "purchases", "--json", database=database).stdout)
    assert (told["imported"], told["repeated"], told["rejected"]) == (0, 3, 2)


async def test_a_killed_import_goes_on_and_ends_the_same(database: str, tmp_path: Path) -> None:
    file = purchases(tmp_path / "f.csv", 12_000)
    command = [KEHU, "import", str(file), "--as", "purchases"]
    await kill_at_first_commit(command, database)
    [(before,)] = await fetch(database, "SELECT position FROM kehu.heads")
    assert 0 < before < 36_000
    result = kehu("import", file, "--as", "purchases", "--json", database=database)
    summary = json.loads(result.stdout)
    assert summary["imported"] + summary["repeated"] == 12_000
    assert await fetch(
        database,
        "SELECT name, count(*), count(DISTINCT stream), count(DISTINCT data) FROM kehu.events"
        " GROUP BY name ORDER BY name",
    ) == [(name, 12_000, 12_000, 12_000) for name in ("CustomerRegistered", "OrderPlaced", "PaymentReceived")]
    assert await fetch(database, "SELECT count(*), min(position), max(position) FROM kehu.events") == [
        (36_000, 1, 36_000)
    ]
    assert [row["line"] for row in rejected(summary)] == ["2", "12003"]


def test_a_missing_column_is_told(database: str, tmp_path: Path) -> None:
    file = tmp_path / "f.csv"
    file.write_text("id,client,at,amount,currency\n")
    result = kehu("import", file, "--as", "purchases", database=database)
    assert result.returncode == 2
    assert "no column 'customer'" in result.stderr
    assert "--map customer=COLUMN" in result.stderr
    assert result.stderr.startswith("kehu: ")


async def test_a_dry_run_says_what_would_be_and_a_mapping_is_saved(database: str, tmp_path: Path) -> None:
    file, mapping = tmp_path / "订单.csv", tmp_path / "orders.toml"
    lines = ("号;客户;日期;价;备注", "1;王;02.01.2020;11.77;x", "2;王;03.01.2020;viel;y")
    file.write_bytes("\n".join(lines).encode("gb18030"))
    told = ["--map", "id=号", "--map", "customer=客户", "--map", "at=日期", "--map", "amount=价"]
    more = ["--set", "currency=CNY", "--date-format", "%d.%m.%Y", "--save-mapping", str(mapping)]
    dry = kehu("import", file, "--as", "purchases", *told, *more, "--dry-run", database=database)
    assert dry.returncode == 1
    assert "(gb18030, ; between columns)" in dry.stderr
    assert dry.stdout.splitlines()[0].startswith(
        "2 rows: 1 would be imported, 0 are there already, 1 would be"
    )
    assert [line.strip() for line in dry.stdout.splitlines()[1:]] == [
        "new: 1 customer, 1 order",
        "changed: nothing",
        "columns that are not read: 备注",
        "line 3, column 价 (amount): 'viel' is not an amount such as 11.77",
        "Nothing was written.",
    ]
    assert await fetch(database, "SELECT count(*) FROM kehu.heads") == [(0,)]
    assert not file.with_name(f"{file.name}.rejects.csv").exists()

    done = kehu("import", file, "--mapping", mapping, database=database)
    assert done.returncode == 1
    assert "line 3, column 价 (amount): 'viel' is not an amount such as 11.77" in done.stdout
    rejects = file.with_name(f"{file.name}.rejects.csv")
    rejects.write_text(rejects.read_text("utf-8-sig").replace(";viel", ";5").replace(",viel,", ",5,"))
    summary = json.loads(kehu("import", rejects, "--mapping", mapping, "--json", database=database).stdout)
    assert (summary["imported"], summary["rejected"]) == (1, 0)
    again = json.loads(
        kehu("import", file, "--mapping", mapping, "--dry-run", "--json", database=database).stdout
    )
    assert (again["imported"], again["repeated"], again["rejected"], again["made"]) == (0, 1, 1, {})


def test_wrong_flags_are_told(database: str, tmp_path: Path) -> None:
    file = purchases(tmp_path / "f.csv", 1)
    for flags, told in (
        (["--map", "customer"], "is not like FIELD=COLUMN"),
        (["--time-zone", "Mars/Base"], "is not a time zone"),
        (["--set", "tip=1"], "have no field 'tip'"),
    ):
        result = kehu("import", file, "--as", "purchases", *flags, database=database)
        assert (result.returncode, told in result.stderr) == (2, True), result.stderr


def test_rejects_never_go_where_something_else_is(database: str, tmp_path: Path) -> None:
    file, diary = purchases(tmp_path / "f.csv", 1), tmp_path / "diary.txt"
    diary.write_text("dear diary")
    for rejects, told in ((diary, "is not a rejects file"), (file, "this is the imported file")):
        before = rejects.read_bytes()
        result = kehu("import", file, "--as", "purchases", "--rejects", rejects, database=database)
        assert (result.returncode, told in result.stderr) == (2, True), result.stderr
        assert rejects.read_bytes() == before


async def test_a_day_that_is_not_over_does_not_end(database: str, tmp_path: Path) -> None:
    file, today = tmp_path / "f.csv", datetime.now(UTC).date()
    rows = [f"{n},a,{today + timedelta(days=n)},1,USD" for n in (-2, -1, 0, 3)]
    file.write_text("\n".join([HEADER, *rows]) + "\n")
    result = kehu("import", file, "--as", "purchases", "--end-days", "--json", database=database)
    assert [(row["id"], row["field"]) for row in rejected(json.loads(result.stdout))] == [("3", "at")]
    ends = await fetch(
        database, "SELECT command_id FROM kehu.commands WHERE command_id LIKE 'day/%' ORDER BY 1"
    )
    assert ends == [(f"day/{today - timedelta(days=n)}",) for n in (2, 1)]
