"""A client with the classes that ariadne-codegen made, which speaks with the running server."""

import asyncio
import os
from datetime import date

from typed import AsOf, Client, RegisterCustomerInput


async def main() -> None:
    url, key = os.environ["KEHU_URL"], f"Bearer {os.environ['KEHU_KEY']}"
    init = {"authorization": key}
    client = Client(
        url,
        {"authorization": key},
        ws_url=url.replace("http", "ws", 1),
        ws_connection_init_payload=init,
    )
    story = (await client.customer_story_query("1", AsOf(day=date(2026, 1, 31)))).customer
    assert story is not None
    assert story.value is not None
    assert (story.name, story.value.policy_version) == ("王小明", "2026")

    first = (await client.lists_customers_query(first=2)).customers
    assert first.page_info.has_next_page
    second = (await client.lists_customers_query(first=2, after=first.page_info.end_cursor)).customers
    assert len({edge.node.customer_id for page in (first, second) for edge in page.edges}) == 4

    refused = await client.changes_register_mutation(RegisterCustomerInput(customerId="1"))
    assert [error.typename__ for error in refused.register_customer.errors] == ["CustomerAlreadyRegistered"]

    heard: list[int] = []
    async for told in client.following_events_subscription(after=3):
        heard.append(told.events.position)
        if len(heard) == 3:
            break
    assert heard == [4, 5, 6]


asyncio.run(main())
