"""Emmett is left out, with a word why, where it cannot be had."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import emmett


def test_without_npm_emmett_is_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    told: list[str] = []
    assert emmett.command(told.append, tmp_path) == ()
    assert told == ["Emmett is left out: there is no npm"]


def test_without_the_registry_emmett_is_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("node", "npm"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    told: list[str] = []
    assert emmett.command(told.append, tmp_path / "cache") == ()
    [why] = told
    assert why.startswith("Emmett is left out: ")


def test_what_is_installed_is_used_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, script in (("node", "exit 1"), ("npm", "mkdir node_modules")):
        (tmp_path / name).write_text(f"#!/bin/sh\nPATH=/bin:/usr/bin\n{script}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    first = emmett.command(print, tmp_path / "cache")
    (tmp_path / "npm").write_text("#!/bin/sh\nexit 1\n")
    assert emmett.command(print, tmp_path / "cache") == first != ()
