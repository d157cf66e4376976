"""What subscriptions tell: a message is executed once for all to whom the same is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from typing import Any

import orjson
from graphql import (
    ExecutionResult,
    FieldNode,
    FragmentDefinitionNode,
    OperationDefinitionNode,
    VariableNode,
    Visitor,
    visit,
)
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from api.call import Call
from api.policy import alike
from api.reads import Reads
from api.scalars import Place
from domain.records import Record
from infra.log.feeds import Told

AFTER = "after"
"""The argument that says where a subscriber goes on: the messages do not depend on it."""


class Message(Record):
    """What subscribers are told of an event; they may be told several things."""

    told: Told
    value: Any
    """What the subscription's field stands for."""
    kind: str = ""
    key: str | None = None
    """Which of the things that are told of the event this is."""

    @property
    def place(self) -> Place:
        """Where a subscriber goes on after it."""
        return Place(position=self.told.position, key=self.key)


class _Same(Record, eq=False):
    """An object as a key: equal to itself alone, and kept while the key is."""

    one: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.one is self.one

    def __hash__(self) -> int:
        return id(self.one)


class Telling(StrawberryGraphQLCoreExecutionContext):
    """Executes a subscription for each message, and a message once for all equal subscribers."""

    _asked: Hashable = None

    def build_per_event_executor(self, payload: Any) -> Any:
        if self._asked is None:
            variables = self.variable_values.coerced
            self._asked = asked(self.operation, self.fragment_definitions, variables)
        return super().build_per_event_executor(payload)

    def execute_operation(self, serially: bool | None = None) -> Any:
        message = self.root_value
        return self._tell(message) if isinstance(message, Message) else super().execute_operation(serially)

    async def _tell(self, message: Message) -> ExecutionResult:
        context: Call = self.context_value
        execute = super().execute_operation

        async def make() -> tuple[ExecutionResult, Reads]:
            now = context.right_after(message.told.position)
            self.root_value, self.context_value = message.value, now
            result: Any = execute(False)
            result = _written(await result if self.is_awaitable(result) else result)
            return result, now.seen.reads

        same = self._asked, alike(context.caller), message.kind, message.key
        result, reads = await message.told.once(same, make)
        await context.gate.reads.log(context.caller, reads)
        context.place = message.place
        return result


def _written(result: ExecutionResult) -> ExecutionResult:
    """The same with its data as JSON, which is so written once."""
    if result.data is None:
        return result
    try:
        return ExecutionResult(orjson.Fragment(orjson.dumps(result.data)), result.errors)  # type: ignore[arg-type]
    except orjson.JSONEncodeError:
        return result  # half of a surrogate pair: the server's encoder knows what to do


def asked(
    operation: OperationDefinitionNode,
    fragments: dict[str, FragmentDefinitionNode],
    variables: dict[str, Any],
) -> Hashable:
    """What subscribers have in common who are told the same, wherever they go on."""
    used: Counter[str] = Counter()

    class Uses(Visitor):
        def enter_variable(self, node: VariableNode, *_: Any) -> None:
            used[node.name.value] += 1

    for part in (operation.selection_set, *fragments.values()):
        visit(part, Uses())
    begin = {name for name in _after(operation) if used[name] == 1}
    return _Same(one=operation), repr(sorted((n, v) for n, v in variables.items() if n not in begin))


def _after(operation: OperationDefinitionNode) -> set[str]:
    """The variables that stand for where a subscriber goes on."""
    return {
        argument.value.name.value
        for field in operation.selection_set.selections
        if isinstance(field, FieldNode)
        for argument in field.arguments or ()
        if argument.name.value == AFTER and isinstance(argument.value, VariableNode)
    }
