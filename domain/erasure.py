"""Erasing what is personal in a customer's file (删除个人信息): the log keeps what happened, not to whom."""

from __future__ import annotations

from enum import StrEnum

from domain.commands import Command, Id
from domain.errors import DomainError
from domain.events import Event, event


class ErasureGround(StrEnum):
    """Why personal data is erased: the grounds of article 17(1) of the GDPR."""

    REQUEST = "request"
    """The customer asked for it, and nothing weighs more."""
    PURPOSE_ENDED = "purpose_ended"
    """It is not needed any more for what it was collected for; a retention period ended."""
    CONSENT_WITHDRAWN = "consent_withdrawn"
    UNLAWFUL = "unlawful"
    """It should not have been collected."""
    LEGAL_DUTY = "legal_duty"


BEFORE_A_FILE = ("lead-",)
"""How the streams begin of those who may become customers: what they say is erased with the customer's."""


@event("PersonalDataErased")
class PersonalDataErased(Event):
    """Nobody can read any more what was personal in the events about the customer, whenever they happened."""

    customer_id: str
    ground: ErasureGround


class ErasePersonalData(Command):
    """Erase what is personal in all events about a customer, for good, and close the file.

    Names, addresses, identifiers and what was said are gone from the log, its archives and every view, as of
    every moment; amounts, dates and categories stay. Of a person with several files, each is erased apart.
    """

    customer_id: Id
    ground: ErasureGround
    """What entitles us to."""


class CustomerErased(DomainError):
    """The personal data of customer {customer_id} was erased: the file stays closed."""

    field = "customer_id"
