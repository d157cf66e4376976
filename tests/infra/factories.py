"""Applications of the `eventsourcing` library, each with connections of its own, as a process has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from eventsourcing.utils import Environment

from kehu.persistence import Factory

Open = Callable[..., Factory]


@contextmanager
def factories(database: str) -> Iterator[Open]:
    """Opens an application's factory by name and environment variables; all are closed at the end."""
    with ExitStack() as stack:

        def open_factory(name: str = "Shop", **variables: str) -> Factory:
            factory = Factory(Environment(name, {"KEHU_DATABASE_URL": database} | variables))
            stack.callback(factory.close)
            return factory

        yield open_factory
