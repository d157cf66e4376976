"""Every command explains itself: a help with an example, --json, exit codes; errors are one line."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from infra.imports.kinds import KINDS
from kehu.cli import cli, run
from tests.kehu.console import KEHU, kehu

COMMANDS = sorted(cli.commands)


def help_of(*command: str) -> str:
    result = CliRunner().invoke(cli, [*command, "--help"])
    assert result.exit_code == 0
    return result.output


def test_the_commands_are_those_of_the_product() -> None:
    assert COMMANDS == [
        "archive",
        "demo",
        "explain",
        "export",
        "fit",
        "import",
        "key",
        "parked",
        "rebuild",
        "replay",
        "report",
        "retry",
        "rollback",
        "serve",
        "status",
        "tenants",
        "trust",
        "verify",
        "views",
    ]
    assert all(f"  {name} " in help_of() for name in COMMANDS)


def leaves() -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by its words."""
    for name, command in cli.commands.items():
        if isinstance(command, click.Group):
            context = click.Context(command)
            for inner in command.list_commands(context):
                if leaf := command.get_command(context, inner):
                    yield f"{name} {inner}", leaf
        else:
            yield name, command


@pytest.mark.parametrize(("name", "command"), list(leaves()))
def test_a_command_has_a_help_with_an_example_and_json(name: str, command: click.Command) -> None:
    text = help_of(*name.split())
    assert re.search(rf"Example:\n +kehu {name}", text)
    assert "--json" in text
    assert "Exit codes:" in text
    assert all(option.help for option in command.params if isinstance(option, click.Option))


def test_the_help_of_import_names_every_kind_and_columns_tells_what_it_has() -> None:
    text = help_of("import")
    assert all(f"  {name} " in text for name in KINDS)
    for kind in KINDS.values():
        told = CliRunner().invoke(cli, ["import", "--columns", kind.name])
        assert (told.exit_code, told.output.startswith(f"{kind.name}: {kind.doc}")) == (0, True)
        lines = [line.split(maxsplit=1) for line in told.output.splitlines()[1:]]
        assert [name.rstrip("*") for name, _ in lines] == list(kind.columns)
        assert all(meaning.strip() for _, meaning in lines)


def test_readme_names_every_command() -> None:
    readme = Path(__file__).parents[2] / "README.md"
    if readme.exists():
        text = readme.read_text(encoding="utf-8")
        assert all(f"kehu {name}" in text or f"make {name}" in text for name in COMMANDS if name != "demo")
        assert f"customers, orders, complaints and {len(KINDS) - 3} more kinds" in text


def test_the_version_is_told() -> None:
    result = subprocess.run([KEHU, "--version"], capture_output=True, text=True, check=True)
    assert result.stdout.split()[0] == "kehu"


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["nonsense"], 2, "No such command 'nonsense'"),
        (["import", "nothing.csv", "--as", "purchases"], 2, "'nothing.csv' does not exist"),
        (["replay"], 2, "Missing option '--customer'"),
        (["replay", "--customer", "a", "--at", "1997-01-01", "--position", "1"], 2, "not both"),
        (["rebuild", "nothing"], 3, "there is no view 'nothing'"),
        (["explain", "nothing", "1"], 3, "there is no view 'nothing'"),
        (["explain", "orders", "1", "2"], 2, "the key of orders is order_id"),
        (["explain", "orders", "1", "--field", "colour"], 2, "has no field 'colour'"),
        (["export", "nothing", "--to", "csv"], 3, "there is no view 'nothing'"),
        (["export", "customers", "--to", "csv", "--out", "no/where.csv"], 2, "there is no directory 'no'"),
        (["export", "customers", "--to", "xlsx"], 2, "'xlsx' is not one of"),
        (["export", "--log", "--to", "csv", "."], 2, "the log is exported as parquet"),
        (["export", "--log", "--history", "--to", "parquet", "."], 2, "--history is of a view"),
        (["export", "--log", "--out", "x", "--to", "parquet", "."], 2, "--out is of a view"),
        (["report", "nothing"], 3, "there is no report 'nothing'"),
        (["report", "tier_distribution", "--format", "xlsx"], 2, "'xlsx' is not one of"),
        (["report", "tier_distribution", "--format", "parquet"], 2, "parquet goes into a file"),
        (["report", "tier_distribution", "-o", "a.xlsx"], 2, "a.xlsx: say --format"),
        (["report", "unpaid_orders", "-o", "a.svg"], 2, "unpaid_orders declares no chart"),
        (["report", "tier_distribution", "-o", "no/where.csv"], 2, "there is no directory 'no'"),
        (["report", "pareto_reached", "--share", "half"], 2, "share: takes a number, not 'half'"),
        (["report", "due_visits", "--on", "19980101"], 2, "on: takes a day"),
        (["report", "unpaid_orders", "--at", "now"], 2, "at: takes a time"),
        (["serve", "--host", "0.0.0.0"], 2, "put a proxy with TLS before it"),
    ],
)
def test_a_wrong_call_is_told_in_one_line(
    arguments: list[str], code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == code
    written = capsys.readouterr()
    assert written.out == ""
    assert told in written.err
    assert written.err.startswith("kehu: ")
    assert written.err.count("\n") == 1


def test_a_database_that_does_not_answer() -> None:
    result = kehu("status", database="postgresql://nobody@127.0.0.1:1/nothing")
    assert result.returncode == 4
    assert result.stderr.count("\n") == 1
    assert "cannot be used" in result.stderr
    assert "Traceback" in kehu("status", "--debug", database="postgresql://nobody@127.0.0.1:1/nothing").stderr


def test_a_port_that_is_none(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("KEHU_PORT", "http")
    assert run(["status"]) == 2
    assert "KEHU_PORT is 'http'" in capsys.readouterr().err


def test_importing_the_public_names_brings_no_machinery() -> None:
    code = "import sys, kehu; print(sorted({'asyncpg', 'uvicorn', 'strawberry', 'rich'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
