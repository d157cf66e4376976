"""The two questions that are asked of Kehu in GraphQL and of a hand-written application in one path each."""

from __future__ import annotations

CUSTOMER = """
query ($id: String!) {
  customer(customerId: $id) {
    customerId name region language orderCount contactCount
    interactions(first: 10, orderBy: [{by: OCCURRED_AT, direction: DESC}]) {
      nodes { interactionId occurredAt channel direction topic responsible }
    }
  }
}
"""
LIST = """
{
  customers(first: 100) { nodes { customerId name region language orderCount lastOrderAt } }
}
"""

CUSTOMER_SQL = """
SELECT json_build_object('data', json_build_object('customer', json_build_object(
         'customerId', c.customer_id, 'name', c.name, 'region', c.region, 'language', c.language,
         'orderCount', c.order_count, 'contactCount', c.contact_count,
         'interactions', json_build_object('nodes', (
             SELECT coalesce(json_agg(json_build_object(
                        'interactionId', i.interaction_id, 'occurredAt', i.occurred_at,
                        'channel', upper(i.channel), 'direction', upper(i.direction),
                        'topic', i.topic, 'responsible', i.responsible)), '[]')
               FROM (SELECT * FROM {interactions}
                      WHERE tenant = $1 AND customer_id = c.customer_id
                      ORDER BY occurred_at DESC NULLS LAST, interaction_id LIMIT 10) i)))))::text
  FROM {customers} c
 WHERE c.tenant = $1 AND c.customer_id = $2
"""
LIST_SQL = """
SELECT json_build_object('data', json_build_object('customers', json_build_object('nodes',
         coalesce(json_agg(json_build_object(
             'customerId', c.customer_id, 'name', c.name, 'region', c.region, 'language', c.language,
             'orderCount', c.order_count, 'lastOrderAt', c.last_order_at)), '[]'))))::text
  FROM (SELECT * FROM {customers} WHERE tenant = $1 ORDER BY customer_id LIMIT 100) c
"""
