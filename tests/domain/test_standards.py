"""标准与承诺: the standard says how long a promise may take, at most and on average; we may promise less."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from domain.calendar import CalendarPublished
from domain.commands import parse
from domain.commitments import (
    COMMITMENTS,
    CommitmentMade,
    MakeCommitment,
    PromisedBeyondTheStandard,
    PromisedForThePast,
)
from domain.course import MatterAlreadyBegun
from domain.errors import InvalidInput
from domain.events import Event
from domain.standards import (
    DEFAULT_STANDARD,
    PROMISE_STANDARDS,
    AverageAboveTheMost,
    KindStandard,
    KindTwice,
    PromiseStandardPublished,
    PublishPromiseStandard,
)
from tests.domain.spec import BY, NOW, given

MARCH = date(2026, 3, 1)
INSTALL = {"kind": "install", "most_hours": 240, "average_hours": 120}


def standard(version: str, since: date, install: int) -> PromiseStandardPublished:
    by_kind = (KindStandard(kind="install", most_hours=install),)
    return PromiseStandardPublished(standard_version=version, effective_from=since, by_kind=by_kind)


def promise(kind: str, hours: float, at: Any = NOW) -> dict[str, Any]:
    promised_at = at + timedelta(hours=hours)
    return {
        "commitment_id": "p",
        "customer_id": "c",
        "kind": kind,
        "occurred_at": at,
        "promised_at": promised_at,
    }


def made(kind: str, hours: float, most: int) -> CommitmentMade:
    return CommitmentMade(
        commitment_id="p",
        customer_id="c",
        kind=kind,
        standard_due_at=NOW + timedelta(hours=most),
        promised_at=NOW + timedelta(hours=hours),
    )


def test_until_a_standard_is_published_the_handbooks_figures_hold() -> None:
    assert DEFAULT_STANDARD.by_kind == (
        KindStandard(kind="install", most_hours=20 * 24, average_hours=15 * 24),
        KindStandard(kind="repair", most_hours=72),
    )
    assert DEFAULT_STANDARD.of("move house") == KindStandard(kind="move house", most_hours=24)


@pytest.mark.parametrize(("kind", "most"), [("install", 20 * 24), ("repair", 72), ("change", 24)])
def test_the_standard_says_the_latest_and_our_own_word_is_not_later(kind: str, most: int) -> None:
    given(COMMITMENTS).when(MakeCommitment, **promise(kind, most / 2)).then(made(kind, most / 2, most))
    given(COMMITMENTS).when(MakeCommitment, **promise(kind, most)).then(made(kind, most, most))
    refused = given(COMMITMENTS).when(MakeCommitment, **promise(kind, most + 1))
    error = refused.refused(PromisedBeyondTheStandard, "promised_at")
    assert (NOW + timedelta(hours=most)).isoformat() in error.message


def test_nothing_is_promised_for_the_past() -> None:
    given(COMMITMENTS).when(MakeCommitment, **promise("repair", 0)).then(made("repair", 0, 72))
    refused = given(COMMITMENTS).when(MakeCommitment, **promise("repair", -0.5))
    assert NOW.isoformat() in refused.refused(PromisedForThePast, "promised_at").message


def test_nights_and_holidays_count() -> None:
    closed = tuple(NOW.date() + timedelta(days=n) for n in range(5))
    calendar = CalendarPublished(
        calendar_version="c", effective_from=MARCH, time_zone="UTC", hours=((),) * 7, holidays=closed
    )
    promised = given(COMMITMENTS).and_elsewhere(calendar).when(MakeCommitment, **promise("repair", 72))
    promised.then(made("repair", 72, 72))


@pytest.mark.parametrize(
    ("published", "hours"),
    [
        ([standard("1", MARCH, 240)], 240),
        ([standard("1", date(2026, 3, 3), 240)], 480),
        ([standard("1", MARCH, 240), standard("2", date(2026, 3, 2), 120)], 120),
        ([standard("1", MARCH, 240), standard("2", date(2026, 3, 3), 120)], 240),
    ],
    ids=["in force", "not yet", "the later one", "the later one not yet"],
)
def test_the_standard_of_the_day_on_which_the_promise_is_made_holds(
    published: list[Event], hours: int
) -> None:
    promising = given(COMMITMENTS).and_elsewhere(*published)
    promising.when(MakeCommitment, **promise("install", hours)).then(made("install", hours, hours))
    promising.when(MakeCommitment, **promise("install", hours + 1)).refused(
        PromisedBeyondTheStandard, "promised_at"
    )


def test_the_day_is_the_one_of_our_own_calendar() -> None:
    """At 16:30 in London it is the third of March in Shanghai already."""
    calendar = CalendarPublished(
        calendar_version="c", effective_from=MARCH, time_zone="Asia/Shanghai", hours=((),) * 7
    )
    shorter, evening = standard("1", date(2026, 3, 3), 240), NOW + timedelta(hours=7)
    promised = promise("install", 241, evening)
    given(COMMITMENTS).and_elsewhere(shorter, calendar).when(MakeCommitment, **promised).refused(
        PromisedBeyondTheStandard, "promised_at"
    )
    assert given(COMMITMENTS).and_elsewhere(shorter).when(MakeCommitment, **promised).decide()


def test_a_standard_is_published_once_under_its_version() -> None:
    new = {"standard_version": "2026", "effective_from": "2026-03-01"}
    published = PromiseStandardPublished(standard_version="2026", effective_from=MARCH)
    given(PROMISE_STANDARDS).when(PublishPromiseStandard, **new).then(published)
    given(PROMISE_STANDARDS, published).when(PublishPromiseStandard, **new).refused(
        MatterAlreadyBegun, "standard_version"
    )


def test_a_kind_has_one_standard_and_its_average_is_not_above_the_most() -> None:
    new = {"standard_version": "2026", "effective_from": "2026-03-01"}
    publishing = given(PROMISE_STANDARDS)
    publishing.when(PublishPromiseStandard, **new, by_kind=[INSTALL, INSTALL]).refused(KindTwice, "by_kind")
    slow = INSTALL | {"kind": "repair", "average_hours": 241}
    publishing.when(PublishPromiseStandard, **new, by_kind=[INSTALL, slow]).refused(
        AverageAboveTheMost, "by_kind[1].average_hours"
    )
    with pytest.raises(InvalidInput, match="8760"):
        parse(PublishPromiseStandard, BY | new | {"other_hours": 8_761})
