"""The analyst's guide is run as it stands: a projection, a real server, exports and a notebook."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import httpx
import polars
import pytest

from tests.kehu.console import KEHU, environment, kehu
from tests.kehu.test_serve_command import serving

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "guide" / "analyst.md").read_text(encoding="utf-8")
CONTACTS = """id,customer,at,channel,topic,direction
1,王-1,1997-01-02T10:00,chat,茶叶很好 🍵,inbound
2,王-1,1997-01-03T10:00,chat,x,inbound
3,b,1997-01-03T11:00,phone,y,outbound
"""
PURCHASES = "id,customer,at,amount,currency\n1,王-1,1997-01-01,1,USD\n2,b,1997-01-01,2,USD\n"


def block(kind: str) -> str:
    [found] = blocks(kind)
    return found


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


def run(database: str, directory: Path, *words: str) -> str:
    """What a program of the guide says, in the directory where the analyst works."""
    done = subprocess.run(
        words, env=environment(database), cwd=directory, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


async def answers(database: str, file: Path, queries: list[str]) -> list[list[dict[str, Any]]]:
    """What a server of this projection answers, once it has caught up."""
    found = []
    async with serving(database, "--projection", str(file)) as (_, url, key), httpx.AsyncClient() as client:
        headers = {"authorization": f"Bearer {key}"}
        for query in queries:
            answer = (await client.post(url, json={"query": query}, headers=headers, timeout=30)).json()
            found.append(answer["data"]["channelUses"]["nodes"])
    return found


@pytest.fixture
def filled(database: str, tmp_path: Path) -> str:
    for name, text in (("purchases", PURCHASES), ("interactions", CONTACTS)):
        file = tmp_path / f"{name}.csv"
        file.write_text(text, encoding="utf-8")
        assert kehu("import", file, "--as", name, database=database).returncode == 0
    return database


def test_the_projection_is_the_example() -> None:
    assert block("python file=channel_use.py") == (ROOT / "examples" / "channel_use.py").read_text()


async def test_the_walk_through_the_guide(filled: str, tmp_path: Path) -> None:
    file = tmp_path / "channel_use.py"
    file.write_text(block("python file=channel_use.py"), encoding="utf-8")
    now, then = await answers(filled, file, blocks("graphql"))
    assert [(row["customerId"], row["contacts"]) for row in now] == [("王-1", 2), ("b", 1)]
    assert then == []

    await asyncio.to_thread(use, filled, tmp_path)

    changed = file.read_text(encoding="utf-8")
    fold = "        return self.but"
    file.write_text(changed.replace(fold, block("python change=channel_use.py") + fold), encoding="utf-8")
    [after] = await answers(filled, file, blocks("graphql")[:1])
    assert [(row["customerId"], row["contacts"]) for row in after] == [("王-1", 2)]


def use(database: str, directory: Path) -> None:
    """The exports, and the notebook as a script."""
    for line in blocks("sh")[-1].splitlines():
        run(database, directory, KEHU, *line.split()[1:])
    rows = polars.read_parquet(directory / "channel_uses.parquet").to_dicts()
    assert [(row["customer_id"], row["contacts"]) for row in rows] == [("b", 1), ("王-1", 2)]
    assert polars.read_parquet(directory / "history.parquet").height == 3
    told = f"SELECT name = 'PersonalDataRead' AS read, count(*) FROM '{directory}/log/*.parquet' GROUP BY 1"
    assert {*duckdb.connect().execute(told).fetchall()} == {(False, 13), (True, 2)}
    (directory / "notebook.py").write_text(block("python file=notebook.py"), encoding="utf-8")
    said = run(database, directory, sys.executable, "notebook.py")
    assert said.startswith("3 ")
    assert "茶叶很好 🍵" in said
    assert "channel_uses ('王-1', 'chat') None → " in said
    assert (directory / "channel_uses.csv").exists()
