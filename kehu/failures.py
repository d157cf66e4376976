"""How a command fails: one readable line on stderr, and an exit code that means something."""

from __future__ import annotations

import sys

import asyncpg
import click

from domain.errors import DomainError
from domain.events import UnknownEvent
from infra.archive.archiving import NotWhole, Occupied
from infra.archive.files import ArchiveUnreadable
from infra.arrow import ArrowMissing
from infra.charts import ChartsMissing, NoChart
from infra.database import DatabaseTooNew
from infra.export.log import NotItsExport
from infra.export.reports import BadArgument
from infra.export.versions import Replaced
from infra.fitting import NothingToFit, ScipyMissing
from infra.imports.steps import BadMapping
from infra.imports.tables import TableError
from infra.log.units import CommandIdReused
from infra.postgres.server import PostgresError
from infra.views.reader import NotReached
from kehu.cdnow import DataMissing
from kehu.opening import DatabaseUnavailable, UnknownTenant
from kehu.plugins import BadProjection
from projections.view import DeclarationError

PARTLY, USAGE, NOT_FOUND, DATABASE, INTERRUPTED = 1, 2, 3, 4, 130
EXIT_CODES = """\b
Exit codes:
  0    done
  1    done only partly (some rows were rejected), or it failed
  2    the command line or a file given in it is wrong
  3    what was asked for does not exist
  4    the database cannot be reached, or is newer than this program
  130  interrupted
"""
"""The end of every command's help."""


class Failure(Exception):
    """What the user is told, and the exit code."""

    def __init__(self, message: str, exit_code: int = PARTLY) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def explain(error: Exception) -> tuple[str, int]:
    """The line and the exit code for an exception."""
    match error:
        case Failure():
            return str(error), error.exit_code
        case click.ClickException():
            return _usage(error), error.exit_code
        case BadArgument() | NoChart() | BadMapping() | TableError() | DeclarationError() | BadProjection():
            return str(error), USAGE
        case ArchiveUnreadable() | ArrowMissing() | NotWhole() | Occupied() | Replaced() | UnknownEvent():
            return str(error), PARTLY
        case ChartsMissing() | NothingToFit() | ScipyMissing() | DomainError() | CommandIdReused():
            return str(error), PARTLY
        case NotItsExport():
            return str(error), USAGE
        case NotReached():
            return f"{error}; kehu status tells where they stand, and why", PARTLY
        case UnknownTenant() | DataMissing():
            return str(error), NOT_FOUND
        case PostgresError() | DatabaseTooNew() | DatabaseUnavailable():
            return str(error), DATABASE
        case asyncpg.PostgresError() | asyncpg.InterfaceError() | ConnectionError():
            return f"the database failed: {error}", DATABASE
        case OSError():
            return f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}", PARTLY
        case _:
            return f"unexpected {type(error).__name__}: {error} (--debug shows where)", PARTLY


def _usage(error: click.ClickException) -> str:
    message = error.format_message()
    if isinstance(error, click.UsageError) and error.ctx is not None:
        return f"{message} (see {error.ctx.command_path} --help)"
    return message


def tell(message: str) -> None:
    """One line on stderr."""
    line = " ".join(message.split())
    sys.stderr.write(f"kehu: {line}\n")
