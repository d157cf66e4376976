"""By which figures a customer's worth, loyalty and risk are judged."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec

from domain.commands import Command, Id
from domain.course import Move, course
from domain.events import PolicyEvent, event
from domain.files import Percent
from domain.money import Amount

Some = Annotated[int, msgspec.Meta(ge=1, le=100_000)]


@event("ValuePolicyPublished")
class ValuePolicyPublished(PolicyEvent):
    """Amounts are in minor units of the tier policy's currency."""

    value_version: str
    effective_from: date
    file_threshold_minor: int = 200_00
    margin_percent: int = 30
    contact_cost_minor: int = 3_00
    complaint_cost_minor: int = 10_00
    loyal_orders: int = 4
    new_days: int = 90
    quiet_days: int = 180
    lost_days: int = 365
    watch_percent: int = 200
    high_margin_minor: int = 50_00
    many_customers: int = 1_000
    claims_least: int = 3
    loss_percent: int = 50


DEFAULT_VALUE = ValuePolicyPublished(value_version="default", effective_from=date.min)
"""In force until another is published."""


class PublishValuePolicy(Command):
    """Set the figures by which customers' worth is judged from a day on; the rest keeps its default."""

    value_version: Id
    """The version's name."""
    effective_from: date
    file_threshold_minor: Amount = DEFAULT_VALUE.file_threshold_minor
    """Yearly sales from which a customer gets a key file (建库门槛); 200.00, where it is left out."""
    margin_percent: Percent = DEFAULT_VALUE.margin_percent
    """What is left of sales as margin; 30, where it is left out."""
    contact_cost_minor: Amount = DEFAULT_VALUE.contact_cost_minor
    """What serving one contact costs; 3.00, where it is left out."""
    complaint_cost_minor: Amount = DEFAULT_VALUE.complaint_cost_minor
    """What handling one complaint costs besides its remedy; 10.00, where it is left out."""
    loyal_orders: Some = DEFAULT_VALUE.loyal_orders
    """Orders in the tier policy's window from which a customer is loyal; 4, where it is left out."""
    new_days: Some = DEFAULT_VALUE.new_days
    """Days since the first order for which a customer is new; 90, where it is left out."""
    quiet_days: Some = DEFAULT_VALUE.quiet_days
    """Days without an order after which a customer declines; 180, where it is left out."""
    lost_days: Some = DEFAULT_VALUE.lost_days
    """Days without an order after which a customer counts as lost; 365, where it is left out."""
    watch_percent: Some = DEFAULT_VALUE.watch_percent
    """A customer is watched who is silent for so much of their usual interval; 200, where it is left out."""
    high_margin_minor: Amount = DEFAULT_VALUE.high_margin_minor
    """Margin a customer from which it is high (relationship levels); 50.00, where it is left out."""
    many_customers: Some = DEFAULT_VALUE.many_customers
    """Customers from which there are many (relationship levels); 1,000, where it is left out."""
    claims_least: Some = DEFAULT_VALUE.claims_least
    """Claims from which a customer is looked at; 3, where it is left out."""
    loss_percent: Some = DEFAULT_VALUE.loss_percent
    """Paid ÷ premium from which a customer is looked at; 50, where it is left out."""


VALUE_POLICIES = course(
    "value_policy",
    "value_version",
    Move(command=PublishValuePolicy, event=ValuePolicyPublished, to="published"),
)
