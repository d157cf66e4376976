"""`python -m conformance`: runs the checks against a Kehu of its own and writes what they found."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from conformance.checks import CHECKS, HERE, Check
from conformance.environment import Environment, NotInstalled
from conformance.page import PAGE, Finding, Result, page, screen
from conformance.served import Served, served

PATIENCE = 900
"""Seconds for one check."""
NOT_OFFERED = 3
"""How a script ends that found nothing to check."""
TAIL = 60
"""Lines of what a failed check said."""


@click.command(help=f"Run other people's tools against Kehu. NAMES: {', '.join(CHECKS)}; all by default.")
@click.argument("names", nargs=-1, type=click.Choice(list(CHECKS)), metavar="[NAMES]...")
def main(names: tuple[str, ...]) -> None:
    console = Console() if sys.stdout.isatty() else Console(width=160)
    findings = _run([CHECKS[name] for name in names or CHECKS], console)
    console.print(screen(findings))
    if not names:
        PAGE.write_text(page(findings), encoding="utf-8")
        console.print(f"Written to {PAGE.relative_to(PAGE.parent.parent)}")
    sys.exit(any(finding.result is Result.FAILED for finding in findings))


def _run(checks: list[Check], console: Console) -> list[Finding]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    findings = []
    with (
        tempfile.TemporaryDirectory(prefix="kehu-conformance-") as directory,
        Progress(*columns, console=console, transient=True) as progress,
    ):
        task = progress.add_task("starting Kehu", total=len(checks))
        with served(Path(directory)) as kehu:
            for check in checks:
                progress.update(task, description=f"{check.name}: installing")
                environment = Environment(check)
                try:
                    environment.prepare()
                    progress.update(task, description=f"{check.name}: running")
                    finding = _judged(environment, kehu, console)
                except NotInstalled as failure:
                    finding = Finding(check=check, result=Result.FAILED, words=f"not installed: {failure}")
                findings.append(finding)
                console.print(f"{check.name}: {finding.result}: {finding.words}", markup=False)
                progress.advance(task)
    return findings


def _judged(environment: Environment, kehu: Served, console: Console) -> Finding:
    """Run a check, and read what it says."""
    try:
        done = environment.run(
            PATIENCE,
            KEHU_URL=kehu.url,
            KEHU_KEY=kehu.key,
            KEHU_SCHEMA=str(HERE.parent / "schema.graphql"),
            KEHU_DOCUMENTS=str(HERE / "documents"),
        )
    except subprocess.TimeoutExpired:
        return Finding(check=environment.check, result=Result.FAILED, words=f"no end within {PATIENCE} s")
    lines = done.stdout.strip().splitlines() or [f"ended with {done.returncode}"]
    result = {0: Result.PASSED, NOT_OFFERED: Result.MISSING}.get(done.returncode, Result.FAILED)
    if result is Result.FAILED:
        console.print("\n".join(lines[-TAIL:]), markup=False, highlight=False)
    return Finding(check=environment.check, result=result, words=lines[-1])


main()
