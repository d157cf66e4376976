"""The application in the documentation runs as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]
PAGE = PROJECT / "docs" / "eventsourcing.md"


def test_the_documented_application_runs_by_configuration_alone(database: str, tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    script = tmp_path / "dog_school.py"
    script.write_text("\n".join(blocks), encoding="utf-8")
    environment = os.environ | {
        "PERSISTENCE_MODULE": "kehu.persistence",
        "KEHU_DATABASE_URL": database,
        "PYTHONPATH": str(PROJECT),
    }
    ran = subprocess.run(
        [sys.executable, script], env=environment, capture_output=True, text=True, timeout=60
    )
    assert (ran.returncode, ran.stderr) == (0, "")
