"""Every command can be given over HTTP: what it says arrives, and it is done or refused by a rule."""

from __future__ import annotations

from datetime import date
from enum import Enum
from typing import Any

import msgspec
from strawberry.utils.str_converters import to_camel_case

from domain.calendar import PublishCalendar
from domain.commands import METADATA, Command
from domain.deciders import DECIDERS, INTERNAL
from domain.erasure import ErasePersonalData
from tests.api.server import Api
from tests.domain.samples import sample

COMMANDS: list[type[Command]] = [
    command
    for decider in DECIDERS
    for command in decider.commands
    if command is not ErasePersonalData and command not in INTERNAL
]
APART: dict[type[Command], dict[str, Any]] = {PublishCalendar: {"hours": [[]] * 7}}
"""What a sample that fits the types alone does not get right."""


async def test_every_command_is_done_or_refused_by_a_rule(api: Api) -> None:
    done, refused = set(), {}
    twice: list[type[Command]] = [*COMMANDS, *COMMANDS, ErasePersonalData]  # some need what a later one makes
    for command in twice:
        name = to_camel_case(command.__name__[0].lower() + command.__name__[1:])
        answer = await api.do(name, **told(sample(command, **APART.get(command, {}))))
        if answer["errors"]:
            refused[name] = answer["errors"][0]
            assert {"code", "message", "field"} <= refused[name].keys(), name
        else:
            done.add(name)

    assert done | refused.keys() == {f["name"] for f in await fields(api)} - {"reassignCustomers"}
    assert len(done) > len(COMMANDS) / 2, refused


async def fields(api: Api) -> Any:
    return (await api.ask('{ __type(name: "Mutation") { fields { name } } }'))["__type"]["fields"]


def told(record: msgspec.Struct) -> dict[str, Any]:
    """A command's own fields as a client writes them."""
    names = [name for name in record.__struct_fields__ if name not in METADATA]
    return {to_camel_case(name): _written(getattr(record, name)) for name in names}


def _written(value: Any) -> Any:
    match value:
        case Enum():
            return value.name
        case msgspec.Struct():
            return told(value)
        case tuple() | list():
            return [_written(part) for part in value]
        case date():
            return value.isoformat()
    return value
