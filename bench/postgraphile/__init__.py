"""PostGraphile 4, the GraphQL server for Node.js, on plain tables with the rows of Kehu's views."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench import node
from infra.database import Pool

CUSTOMER = """
query ($id: String!) {
  customer: customerByCustomerId(customerId: $id) {
    customerId name region language orderCount contactCount
    interactions: interactionsByCustomerId(first: 10, orderBy: [OCCURRED_AT_DESC, INTERACTION_ID_ASC]) {
      nodes { interactionId occurredAt channel direction topic responsible }
    }
  }
}
"""
LIST = """
{
  customers: allCustomers(first: 100) { nodes { customerId name region language orderCount lastOrderAt } }
}
"""
TABLES = """
CREATE SCHEMA peer;
CREATE TABLE peer.customers AS
  SELECT customer_id, name, region, language, order_count::integer, contact_count::integer, last_order_at
    FROM {customers} c;
ALTER TABLE peer.customers ADD PRIMARY KEY (customer_id);
CREATE TABLE peer.interactions AS
  SELECT interaction_id, customer_id, occurred_at, upper(channel) AS channel, upper(direction) AS direction,
         topic, responsible
    FROM {interactions} i;
ALTER TABLE peer.interactions ADD PRIMARY KEY (interaction_id),
  ADD FOREIGN KEY (customer_id) REFERENCES peer.customers;
CREATE INDEX ON peer.interactions (customer_id, occurred_at DESC, interaction_id);
"""


def command(told: Callable[[str], None], cache: Path | None = None) -> Sequence[str]:
    """The command for a server; empty where it cannot be had."""
    return node.command("PostGraphile", Path(__file__).parent, "serve.mjs", told, cache)


async def prepare(pool: Pool, live: Mapping[str, str]) -> None:
    """Copy the rows of these live views into tables as PostGraphile likes them: keys, and no versions."""
    await pool.execute(TABLES.format_map(live))
