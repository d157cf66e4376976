"""Peers on Node.js are left out, with a word why, where they cannot be had."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from bench import emmett, postgraphile

PEERS = pytest.mark.parametrize(("peer", "name"), [(emmett, "Emmett"), (postgraphile, "PostGraphile")])


@PEERS
def test_without_npm_it_is_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, peer: ModuleType, name: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    told: list[str] = []
    assert peer.command(told.append, tmp_path) == ()
    assert told == [f"{name} is left out: there is no npm"]


@PEERS
def test_without_the_registry_it_is_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, peer: ModuleType, name: str
) -> None:
    for program in ("node", "npm"):
        (tmp_path / program).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    told: list[str] = []
    assert peer.command(told.append, tmp_path / "cache") == ()
    [why] = told
    assert why.startswith(f"{name} is left out: ")


@PEERS
def test_what_is_installed_is_used_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, peer: ModuleType, name: str
) -> None:
    for program, script in (("node", "exit 1"), ("npm", "mkdir node_modules")):
        (tmp_path / program).write_text(f"#!/bin/sh\nPATH=/bin:/usr/bin\n{script}\n")
        (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    first = peer.command(print, tmp_path / "cache")
    (tmp_path / "npm").write_text("#!/bin/sh\nexit 1\n")
    assert peer.command(print, tmp_path / "cache") == first != ()
