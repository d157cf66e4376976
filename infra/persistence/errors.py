"""What the library's callers are told: its own persistence errors instead of Kehu's and PostgreSQL's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from asyncpg.exceptions._base import DataError as Unencodable  # it has no public name
from eventsourcing.persistence import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    PersistenceError,
    ProgrammingError,
)

from infra.database import DatabaseTooNew
from infra.log.group_commit import UNREACHABLE, Busy, Closed
from infra.log.units import CommandIdReused, Conflict, UnknownTenant

TRANSLATIONS: tuple[tuple[tuple[type[BaseException], ...], type[PersistenceError]], ...] = (
    ((CommandIdReused, asyncpg.IntegrityConstraintViolationError), IntegrityError),
    ((asyncpg.ClientConfigurationError,), InterfaceError),
    ((asyncpg.DataError, Unencodable), DataError),
    ((Busy, Closed, UnknownTenant, DatabaseTooNew, TimeoutError, *UNREACHABLE), OperationalError),
    ((asyncpg.InsufficientResourcesError, asyncpg.InvalidAuthorizationSpecificationError), OperationalError),
    ((asyncpg.InvalidCatalogNameError,), OperationalError),
    ((asyncpg.FeatureNotSupportedError,), NotSupportedError),
    ((asyncpg.SyntaxOrAccessError,), ProgrammingError),
    ((asyncpg.InternalServerError,), InternalError),
    ((asyncpg.PostgresError,), DatabaseError),
)
"""The first that fits counts."""


@contextmanager
def translated() -> Iterator[None]:
    """What fails inside is raised as one of the library's errors, with what it was as the cause."""
    try:
        yield
    except Conflict as conflict:
        raise IntegrityError(f"recorded already: {conflict.subject}") from conflict
    except Exception as error:
        for kinds, translation in TRANSLATIONS:
            if isinstance(error, kinds):
                raise translation(str(error) or type(error).__name__) from error
        raise
