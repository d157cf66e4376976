"""A view that an analyst declares shows in the API like any other: type, filter, order, links, moments."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Self

import pytest

from domain.events import Recorded
from domain.interactions import Channel, InteractionRecorded
from domain.orders import OrderPlaced
from projections import view as declaring
from projections.view import CustomerId, FoldError, View, on, view, views
from tests.api.conftest import BUILT_IN
from tests.api.server import Api, serving


@view("busy_customers", key="customer_id", indexes=["contacts"])
class BusyCustomer(View):
    """Who contacts us, how often and by which ways."""

    customer_id: CustomerId
    """Whose contacts they are."""
    first_topic: str
    """What the first contact was about."""
    contacts: int = 0
    """How many there were."""
    channels: tuple[Channel, ...] = ()
    """By which ways, each once."""

    @on(InteractionRecorded)
    def contacted(self, recorded: Recorded[InteractionRecorded]) -> Self:
        e = recorded.event
        known = self.channels if e.channel in self.channels else (*self.channels, e.channel)
        first = self.first_topic or e.topic
        return self.but(contacts=self.contacts + 1, channels=known, first_topic=first)

    @on(OrderPlaced)
    def ordered(self, recorded: Recorded[OrderPlaced]) -> Self:
        return self.but(contacts=self.contacts)


OWN = declaring._views.pop("busy_customers")  # other tests shall not meet it


@pytest.fixture
async def api(database: str) -> AsyncIterator[Api]:
    async with serving(database, [*BUILT_IN, OWN]) as running:
        yield running


async def contact(api: Api, id: str, customer: str, channel: str, topic: str) -> int:
    return await api.done(
        "recordInteraction", interactionId=id, customerId=customer, channel=channel, direction="INBOUND",
        stage="AFTER", topic=topic,
    )  # fmt: skip


async def test_an_own_view_is_part_of_the_api(api: Api) -> None:
    for id in ("1", "2"):
        await api.done("registerCustomer", customerId=id, name=f"n{id}")
    first = await contact(api, "1", "1", "PHONE", "茶")
    for n, channel in ((2, "PHONE"), (3, "CHAT")):
        await contact(api, str(n), "1", channel, "x")
    last = await contact(api, "4", "2", "SHOP", "y")
    query = """query Q($at: AsOf!) @asOf(at: $at) {
      busyCustomer(customerId: "1") { contacts channels firstTopic customer { name } }
      busyCustomers(filter: {channels: {has: CHAT}}) { totalCount nodes { customerId } }
      sorted: busyCustomers(orderBy: [{by: CONTACTS}]) { nodes { customerId } }
      customer(customerId: "2") { busyCustomer { contacts } }
    }"""

    now, then = await api.ask(query, at={"atLeast": last}), await api.ask(query, at={"position": first})

    assert now == {
        "busyCustomer": {
            "contacts": 3, "channels": ["PHONE", "CHAT"], "firstTopic": "茶", "customer": {"name": "n1"},
        },
        "busyCustomers": {"totalCount": 1, "nodes": [{"customerId": "1"}]},
        "sorted": {"nodes": [{"customerId": "2"}, {"customerId": "1"}]},
        "customer": {"busyCustomer": {"contacts": 1}},
    }  # fmt: skip
    assert then["busyCustomer"] == {
        "contacts": 1, "channels": ["PHONE"], "firstTopic": "茶", "customer": {"name": "n1"},
    }  # fmt: skip
    assert then["customer"]["busyCustomer"] is None


async def test_it_is_described_and_honest_about_null(api: Api) -> None:
    found = await api.ask(
        '{ __type(name: "BusyCustomer") { description fields { name description type { kind } } } }'
    )

    kinds = {f["name"]: (f["type"]["kind"], f["description"]) for f in found["__type"]["fields"]}
    assert found["__type"]["description"] == "Who contacts us, how often and by which ways."
    assert kinds["firstTopic"] == ("NON_NULL", "What the first contact was about.")


def test_an_event_that_begins_a_row_sets_what_has_no_default() -> None:
    handler = OWN.handlers[OrderPlaced]
    with pytest.raises(FoldError, match="OrderPlaced begins a row without first_topic"):
        handler.fold(OWN.blank(("1",)), Recorded(1, "", 1, None, None, _order(), "1", "", ""))  # type: ignore[arg-type]


def _order() -> OrderPlaced:
    return OrderPlaced(order_id="1", customer_id="1", total_minor=1, currency="EUR", items=1)


def test_the_built_in_views_do_not_know_it() -> None:
    assert "busy_customers" not in views
