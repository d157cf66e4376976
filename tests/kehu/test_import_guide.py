"""The guide to importing is run as it stands: its files, its commands, and what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.kehu.console import kehu

GUIDE = (Path(__file__).parents[2] / "docs" / "guide" / "import.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)(?: file=(\S+))?(?: encoding=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TIME = re.compile(r"\(\d+\.\d s\)")


def said(line: str, database: str) -> str:
    """What a command of the guide answers; to reject rows is no failure."""
    name, *words = line.split()
    result = kehu(*words, database=database)
    assert (name, result.returncode in (0, 1)) == ("kehu", True), result.stderr
    return TIME.sub("(0.1 s)", result.stdout)


def test_the_walk_through_the_guide(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    answer, answered = "", 0
    for kind, file, encoding, text in BLOCK.findall(GUIDE):
        if file:
            Path(file).write_text(text, encoding=encoding or "utf-8")
        elif kind == "sh":
            answer = "".join(said(line, database) for line in text.splitlines())
        else:
            assert (kind, answer) == ("text", text)
            answered += 1
    assert answered == 5
