"""Which messages were taken for somebody who was not there (留言记录), and whether they reached them."""

from __future__ import annotations

from domain.commands import Address, Command, Id, Name, Named, Text
from domain.course import Move, course
from domain.events import Event, Personal, event


@event("MessageTaken")
class MessageTaken(Event):
    message_id: str
    addressee: str
    text: Personal[str]
    firm: str | None = None
    name: Personal[str]
    value: Personal[str]
    customer_id: str | None = None


@event("MessagePassedOn")
class MessagePassedOn(Event):
    message_id: str


class TakeMessage(Command):
    """Take a message for a colleague (留言记录): the words, the firm, the name, how to reach the caller."""

    names = (Named(field="customer_id", noun="customer"),)
    message_id: Id
    """Which message; chosen by whoever takes it."""
    addressee: Name
    """The colleague it is for."""
    text: Text
    """The message."""
    firm: Name | None = None
    """The caller's firm."""
    name: Name
    """The caller's name."""
    value: Address
    """How to reach the caller."""
    customer_id: Id | None = None
    """The customer, where the caller is known as one."""


class PassMessageOn(Command):
    """Note that the addressee has the message."""

    message_id: Id
    """Which message."""


MESSAGES = course(
    "message",
    "message_id",
    Move(command=TakeMessage, event=MessageTaken, to="taken"),
    Move(command=PassMessageOn, event=MessagePassedOn, to="passed on", after=("taken",)),
)
