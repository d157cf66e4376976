"""A log that the server has made is one that commands could have made."""

from __future__ import annotations

from collections import defaultdict

from bench.business import BEGIN, wish
from bench.growth import AT_ONCE, EACH, SMALL, grown
from bench.harness import TINY, Run
from domain.customers import AssignOwner, CustomerRegistered


async def test_a_made_log_is_dense_and_decodes_and_goes_on(postgres: str) -> None:
    async with grown(Run(postgres, TINY), SMALL) as log:
        versions: dict[str, list[int]] = defaultdict(list)
        events = await log.tenant.log.read(limit=SMALL + 1)
        for event in events:
            versions[event.stream].append(event.version)
        assert [event.position for event in events] == list(range(1, SMALL + 1))
        assert len(versions) == min(SMALL // EACH, AT_ONCE)
        assert all(found == list(range(1, EACH + 1)) for found in versions.values())
        assert all(isinstance(event.event, CustomerRegistered) == (event.version == 1) for event in events)
        assert all(event.stream == f"customer-{event.customer_id}" for event in events)

        executed = await log.tenant.engine.execute(
            wish(AssignOwner, "next", BEGIN, customer_id="c7", owner="Li Na")
        )
        assert executed.position == SMALL + 1
        assert executed.appended.version == EACH + 1
