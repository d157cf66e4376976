"""`kehu key` and `kehu trust`: who may ask a tenant, and what."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import asyncpg

from tests.kehu.console import kehu


def said(database: str, *words: str | Path) -> Any:
    result = kehu(*words, "--json", database=database)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


async def test_a_key_is_made_listed_without_its_secret_and_revoked(database: str) -> None:
    made = said(
        database, "key", "create", "--name", "phone", "--role", "agent", "--actor", "mei", "--days", "9"
    )
    assert (made["role"], made["actor"], made["own_only"]) == ("agent", "mei", False)
    [listed] = said(database, "key", "list")
    assert listed["id"] in made["token"]
    assert "token" not in listed
    assert said(database, "key", "revoke", made["id"]) == {"revoked": made["id"]}
    again = kehu("key", "revoke", made["id"], database=database)
    assert again.returncode == 3
    assert again.stderr.count("\n") == 1
    for blank in (["--name", " "], ["--name", "phone", "--actor", ""]):
        refused = kehu("key", "create", "--role", "agent", *blank, database=database)
        assert refused.returncode == 2
        assert refused.stderr.count("\n") == 1
    table = kehu("key", "list", database=database).stdout
    assert "phone" in table
    assert made["token"] not in table


async def test_documents_are_read_from_files_and_manifests(database: str, tmp_path: Path) -> None:
    relay, apollo = tmp_path / "relay.json", tmp_path / "apollo.json"
    relay.write_text(json.dumps({"r1": "{ customers { totalCount } }"}))
    operation = {"id": "a1", "name": "A", "type": "query", "body": "query A { orders { totalCount } }"}
    apollo.write_text(json.dumps({"format": "apollo-persisted-query-manifest", "operations": [operation]}))
    folder = tmp_path / "queries"
    folder.mkdir()
    (folder / "b.graphql").write_text("query B { complaints { totalCount } }")
    told = said(database, "trust", relay, apollo, folder)
    assert told["new_ids"] == 5
    assert {"r1", "a1"} < set(told["documents"])
    connection = await asyncpg.connect(database)
    assert await connection.fetchval("SELECT count(*) FROM kehu.documents WHERE tenant = 'main'") == 5
    await connection.close()


def test_a_document_that_the_schema_does_not_allow_is_told_and_nothing_stored(
    database: str, tmp_path: Path
) -> None:
    for name, text in {"a.json": '{"x": "{ nothing }"}', "b.graphql": "{", "c.json": "[1]"}.items():
        (tmp_path / name).write_text(text)
        result = kehu("trust", tmp_path / name, database=database)
        assert result.returncode == 2
        assert result.stderr.count("\n") == 1
        assert name in result.stderr
