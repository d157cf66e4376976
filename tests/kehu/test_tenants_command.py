"""`kehu tenants` makes logs and lists them; a name that is mistyped is told, not made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.kehu.console import kehu


def test_a_tenant_is_made_once_and_listed(database: str) -> None:
    first = json.loads(kehu("tenants", "--create", "华东", "--json", database=database).stdout)
    assert first == {"created": True, "tenants": [{"tenant": "华东", "head": 0, "recorded_at": None}]}
    again = kehu("tenants", "--create", "华东", database=database)
    assert (again.returncode, "is there already" in again.stdout) == (0, True)
    assert kehu("status", "--tenant", "华东", database=database).returncode == 0
    kehu("tenants", "--create", "acme", database=database)
    listed = json.loads(kehu("tenants", "--json", database=database).stdout)
    assert (listed["created"], [t["tenant"] for t in listed["tenants"]]) == (False, ["acme", "华东"])


@pytest.mark.parametrize("name", ["", "-a", ".", "a b", "a/b", "x" * 64, "a\n"])
def test_a_bad_name_is_refused_with_the_rule(database: str, name: str) -> None:
    result = kehu("tenants", "--create", name, database=database)
    assert (result.returncode, result.stdout) == (2, "")
    assert "a tenant's name has 1 to 63 letters" in result.stderr
    assert json.loads(kehu("tenants", "--json", database=database).stdout)["tenants"] == []


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_nothing_is_imported_into_a_mistyped_tenant(database: str, tmp_path: Path, more: list[str]) -> None:
    file = tmp_path / "customers.csv"
    file.write_text("id,at,name\nc-1,2024-01-05,Ann\n", encoding="utf-8")
    result = kehu("import", file, "--as", "customers", "--tenant", "amce", *more, database=database)
    assert (result.returncode, result.stdout) == (3, "")
    assert "there is no tenant 'amce'" in result.stderr
    assert json.loads(kehu("tenants", "--json", database=database).stdout)["tenants"] == []
    kehu("tenants", "--create", "amce", database=database)
    assert (
        kehu("import", file, "--as", "customers", "--tenant", "amce", *more, database=database).returncode
        == 0
    )


def test_a_mistyped_tenant_is_not_served(database: str) -> None:
    kehu("tenants", "--create", "acme", database=database)
    result = kehu("serve", "--tenant", "amce", "--port", "0", database=database)
    assert result.returncode == 3
    assert "there is no tenant 'amce'" in result.stderr
    assert "kehu tenants --create amce" in result.stderr
