"""The console command `kehu`."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Sequence

import click

import kehu.builtin  # noqa: F401  # declares the views
from kehu.commands.archive import archive_command
from kehu.commands.demo import demo_command
from kehu.commands.explain import explain_command
from kehu.commands.export import export_command
from kehu.commands.fit import fit_command
from kehu.commands.importing import import_command
from kehu.commands.key import key_command
from kehu.commands.parked import parked_command, retry_command
from kehu.commands.rebuild import rebuild_command
from kehu.commands.replay import replay_command
from kehu.commands.report import report_command
from kehu.commands.serve import serve_command
from kehu.commands.status import status_command
from kehu.commands.tenants import tenants_command
from kehu.commands.trust import trust_command
from kehu.commands.verify import verify_command
from kehu.commands.views import rollback_command, views_command
from kehu.failures import INTERRUPTED, explain, tell


@click.group("kehu", context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="kehu", message="kehu %(version)s")
def cli() -> None:
    """Kehu, an event-sourced CRM engine: the log of what happened is the only truth.

    \b
    Example:
      kehu demo                                   load the demo's data and serve it
      kehu import sales.csv --as purchases        put your own in
      kehu replay --tenant demo --customer 00001  ask what happened, and why
    """


for command in (
    serve_command,
    demo_command,
    import_command,
    replay_command,
    explain_command,
    rebuild_command,
    status_command,
    views_command,
    rollback_command,
    parked_command,
    retry_command,
    tenants_command,
    key_command,
    trust_command,
    verify_command,
    archive_command,
    export_command,
    report_command,
    fit_command,
):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and end the process with its exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run a command; its exit code."""
    try:
        code = cli.main(list(arguments), prog_name="kehu", standalone_mode=False)
    except (KeyboardInterrupt, click.Abort):
        tell("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        return 0
    except click.exceptions.NoArgsIsHelpError as asked:
        click.echo(str(asked))
        return 0
    except Exception as error:
        if "--debug" in arguments or os.environ.get("KEHU_DEBUG", "0") not in ("", "0"):
            traceback.print_exc()
        message, code = explain(error)
        tell(message)
    return int(code or 0)
