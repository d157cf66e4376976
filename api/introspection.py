"""Answers what is asked of the schema itself: worked out once for each document, beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from threading import Lock
from typing import Any

import orjson
from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    SelectionNode,
    execute_sync,
)

from api.known import Known

ANSWERS = 16
"""How many are remembered; one that tells of the whole schema has megabytes."""


class Introspections:
    """The answers of one schema, whoever asks: it is the same for all."""

    def __init__(self, core: GraphQLSchema) -> None:
        self._core = core
        self._answers: dict[tuple[str, str | None, bytes], Any] = {}
        self._one_at_a_time = Lock()

    async def answer(
        self, known: Known, query: str, operation_name: str | None, given: Mapping[str, Any]
    ) -> Any:
        """The data, which the encoder writes as it is; None where the operation asks for something else, too,
        or something is wrong.

        The whole schema takes seconds, in which a thread lets the event loop answer others.
        """
        if not _asks_for_the_schema(known.operation.selection_set.selections, known):
            return None
        try:
            key = query, operation_name, orjson.dumps(given, option=orjson.OPT_SORT_KEYS)
        except orjson.JSONEncodeError:
            return None
        found = self._answers.get(key)
        return found or await asyncio.to_thread(self._worked_out, key, known, given)

    def _worked_out(self, key: tuple[str, str | None, bytes], known: Known, given: Mapping[str, Any]) -> Any:
        with self._one_at_a_time:
            found = self._answers.get(key)
            if found is None:
                told = execute_sync(
                    self._core, known.document, variable_values=dict(given), operation_name=key[1]
                )
                if told.errors:
                    return None
                found = orjson.Fragment(orjson.dumps(told.data))
                if len(self._answers) == ANSWERS:
                    del self._answers[next(iter(self._answers))]
                self._answers[key] = found
            return found


def _asks_for_the_schema(selections: Iterable[SelectionNode], known: Known) -> bool:
    """Whether all fields at the root are the schema's own."""
    for node in selections:
        match node:
            case FieldNode(name=name):
                inside = name.value.startswith("__")
            case InlineFragmentNode(selection_set=selected):
                inside = _asks_for_the_schema(selected.selections, known)
            case FragmentSpreadNode(name=name):
                fragment = known.fragments[name.value]
                inside = _asks_for_the_schema(fragment.selection_set.selections, known)
            case _:
                inside = False
        if not inside:
            return False
    return True
