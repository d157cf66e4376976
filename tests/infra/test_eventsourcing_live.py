"""A live subscriber of an `eventsourcing` application sees every notification once and in order."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from eventsourcing.persistence import ApplicationRecorder, InfrastructureFactory
from eventsourcing.utils import Environment

from tests.infra.notifications import event, faults, hold_slow_commits, overtake

PROJECT = Path(__file__).parents[2]

OpenRecorder = Callable[[dict[str, str]], ApplicationRecorder]


@pytest.fixture
def recorder() -> Iterator[OpenRecorder]:
    """Opens an application's recorder, each with connections of its own, as a process would."""
    with ExitStack() as stack:

        def open_recorder(variables: dict[str, str]) -> ApplicationRecorder:
            factory = InfrastructureFactory.construct(Environment("Shop", variables))
            stack.callback(factory.close)
            return factory.application_recorder()

        yield open_recorder


def on_kehu(database: str) -> dict[str, str]:
    return {"PERSISTENCE_MODULE": "kehu.persistence", "KEHU_DATABASE_URL": database}


def on_the_library(database: str) -> dict[str, str]:
    dsn = urlsplit(database)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": dsn.path.removeprefix("/"),
        "POSTGRES_HOST": parse_qs(dsn.query)["host"][0],
        "POSTGRES_USER": dsn.username or "",
        "POSTGRES_PASSWORD": "",
    }


def test_a_commit_that_takes_long_is_not_overtaken(database: str, recorder: OpenRecorder) -> None:
    with psycopg.connect(database, autocommit=True) as surgeon:
        hold_slow_commits(surgeon, "kehu.events", "name")
        assert overtake(lambda: recorder(on_kehu(database)), surgeon) == []


@pytest.mark.parametrize(("functions", "found"), [("n", []), ("y", ["a follower saw 3 after 1"])])
def test_the_oracle_finds_what_the_librarys_own_recorder_loses(
    database: str, recorder: OpenRecorder, functions: str, found: list[str]
) -> None:
    variables = on_the_library(database) | {"POSTGRES_ENABLE_DB_FUNCTIONS": functions}
    recorder(variables)  # it makes the table
    with psycopg.connect(database, autocommit=True) as surgeon:
        hold_slow_commits(surgeon, "shop_events", "topic")
        assert overtake(lambda: recorder(variables), surgeon) == found


def test_many_threads_of_many_processes_write(
    database: str, recorder: OpenRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in on_kehu(database).items():
        monkeypatch.setenv(name, value)
    reader, seen = recorder(on_kehu(database)), list[int]()

    def follow() -> None:
        with reader.subscribe() as subscription:
            for notification in subscription:
                seen.append(notification.id)
                if notification.topic == "end":
                    break

    follower = Thread(target=follow)
    follower.start()
    writing = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.infra.recorder_writer", "Shop", "8", "30", str(seed)], cwd=PROJECT
        )
        for seed in range(3)
    ]
    assert [writer.wait() for writer in writing] == [0, 0, 0]
    (end,) = reader.insert_events([event("end")]) or ()
    follower.join()
    assert end > 3 * 8 * 30
    assert faults(seen, range(1, end + 1)) == []


def test_the_oracle_can_complain() -> None:
    assert faults([1, 2, 3], [1, 2, 3]) == []
    assert faults([1, 3], [1, 2, 3]) == ["a follower saw 3 after 1"]
    assert faults([1, 2, 2], [1, 2]) == ["a follower saw 2 after 2"]
    assert faults([1, 2], [1]) == ["a follower saw another history up to 2"]
    assert faults([1], [1, 2]) == ["a follower saw another history up to 1"]
    assert faults([2, 1], [1, 2]) == ["a follower saw 2 after 0", "a follower saw 1 after 2"]
