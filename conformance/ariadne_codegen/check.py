"""ariadne-codegen types the documents, mypy checks what it made, a client of it speaks with the server."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

bin = Path(sys.executable).parent
shutil.rmtree("typed", ignore_errors=True)
shutil.rmtree("documents", ignore_errors=True)
shutil.copytree(os.environ["KEHU_DOCUMENTS"], "documents")
shutil.copy(os.environ["KEHU_SCHEMA"], "schema.graphql")

for step in ([bin / "ariadne-codegen"], [bin / "mypy"], [sys.executable, "client.py"]):
    done = subprocess.run(step, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        print(done.stdout)
        print(f"{Path(step[0]).name} failed")
        sys.exit(1)
made = Path("typed/client.py").read_text(encoding="utf-8")
methods = made.count("    async def ")
asked = Path("client.py").read_text(encoding="utf-8").count(" client.")
print(f"{methods} operations typed, mypy --strict finds nothing, {asked} of them asked")
sys.exit(0 if "@asOf(at: $at)" in made else 1)
