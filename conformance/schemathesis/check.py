"""schemathesis asks each query and mutation with values of its own; `hooks.py` says what a fault is."""

import os
import re
import subprocess
import sys
from pathlib import Path

url, key = os.environ["KEHU_URL"], os.environ["KEHU_KEY"]
words = (
    "--mode positive --phases fuzzing --checks no_fault --max-examples 10 --seed 1 --workers 2 --no-shrink"
)
done = subprocess.run(
    [
        *(Path(sys.executable).with_name("schemathesis"), "run", url, *words.split()),
        *("--header", f"Authorization: Bearer {key}"),
    ],
    env={**os.environ, "SCHEMATHESIS_HOOKS": "hooks"},
    stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT,
    text=True,
)
print(done.stdout)
tested = re.search(r"Tested: (\d+)", done.stdout)
cases = re.search(r"(\d+) generated, (.*)", done.stdout)
print(
    f"{cases[1]} cases of {tested[1]} queries and mutations, {cases[2]}"
    if tested and cases
    else "it did not run"
)
sys.exit(done.returncode)
