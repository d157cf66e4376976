"""Two files are one person's: a merge adds an alias, and taking it back leaves each file as it was."""

from __future__ import annotations

from random import Random

from domain.errors import DomainError
from domain.merging import (
    MERGES,
    CustomersMerged,
    FileIsAlias,
    MergeAlreadyMade,
    MergeAlreadyReversed,
    MergeCustomers,
    MergedWithItself,
    MergeReversed,
    MergeUnknown,
    ReverseMerge,
)
from tests.domain.spec import given

WHY = {"reason": "同一人"}


def merged(id: str, kept: str, gone: str) -> CustomersMerged:
    return CustomersMerged(merge_id=id, customer_id=kept, merged_id=gone, **WHY)


def test_a_file_becomes_an_alias() -> None:
    given(MERGES).when(MergeCustomers, merge_id="m", customer_id="a", merged_id="b", **WHY).then(
        merged("m", "a", "b")
    )


def test_an_alias_is_merged_no_second_time_and_nothing_is_merged_into_it() -> None:
    elsewhere = given(MERGES).and_elsewhere(merged("m", "a", "b"))
    elsewhere.when(MergeCustomers, merge_id="n", customer_id="c", merged_id="b", **WHY).refused(
        FileIsAlias, "merged_id"
    )
    elsewhere.when(MergeCustomers, merge_id="n", customer_id="b", merged_id="a", **WHY).refused(
        FileIsAlias, "customer_id"
    )
    given(MERGES).when(MergeCustomers, merge_id="n", customer_id="a", merged_id="a", **WHY).refused(
        MergedWithItself, "merged_id"
    )


def test_a_merge_is_taken_back_once() -> None:
    past = merged("m", "a", "b")
    back = MergeReversed(merge_id="m", customer_id="a", merged_id="b", reason="两个人")
    given(MERGES, past).when(ReverseMerge, merge_id="m", reason="两个人").then(back)
    given(MERGES, past, back).when(ReverseMerge, merge_id="m", **WHY).refused(
        MergeAlreadyReversed, "merge_id"
    )
    given(MERGES).when(ReverseMerge, merge_id="m", **WHY).refused(MergeUnknown, "merge_id")
    given(MERGES, past).when(MergeCustomers, merge_id="m", customer_id="a", merged_id="c", **WHY).refused(
        MergeAlreadyMade, "merge_id"
    )


def test_after_that_both_can_be_merged_again() -> None:
    past = (merged("m", "a", "b"), MergeReversed(merge_id="m", customer_id="a", merged_id="b", **WHY))
    given(MERGES).and_elsewhere(*past).when(
        MergeCustomers, merge_id="n", customer_id="b", merged_id="a", **WHY
    ).then(merged("n", "b", "a"))


def test_whatever_is_merged_and_taken_back_no_file_is_ever_its_own_alias() -> None:
    random = Random(7)
    for _ in range(50):
        log = list[CustomersMerged | MergeReversed]()
        fronts: dict[str, str] = {}
        for number in range(25):
            one, other = random.choices("abcdef", k=2)
            open_merges = [e for e in log if isinstance(e, CustomersMerged) and fronts.get(e.merged_id)]
            if open_merges and random.random() < 0.3:
                past = random.choice(open_merges)
                mine = [e for e in log if e.merge_id == past.merge_id]
                wish = (
                    given(MERGES, *mine).and_elsewhere(*log).when(ReverseMerge, merge_id=past.merge_id, **WHY)
                )
            else:
                wish = (
                    given(MERGES)
                    .and_elsewhere(*log)
                    .when(MergeCustomers, merge_id=str(number), customer_id=one, merged_id=other, **WHY)
                )
            try:
                happened = wish.decide()
            except DomainError:
                continue
            for event in happened:
                assert isinstance(event, CustomersMerged | MergeReversed)
                log.append(event)
                if isinstance(event, CustomersMerged):
                    fronts[event.merged_id] = event.customer_id
                else:
                    del fronts[event.merged_id]
            for file in fronts:
                seen = set[str]()
                while file in fronts:
                    assert file not in seen
                    seen.add(file)
                    file = fronts[file]
