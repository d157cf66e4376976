"""The same small business on the `eventsourcing` package, with its own PostgreSQL recorders."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection
from psycopg.sql import SQL

NAME = "eventsourcing"


class Customer(Aggregate):
    """A customer with an owner, as the package's documentation writes aggregates."""

    @event("Registered")
    def __init__(self, name: str, region: str) -> None:
        self.name, self.region, self.owner = name, region, ""

    @event("OwnerAssigned")
    def assign_owner(self, owner: str) -> None:
        self.owner = owner


class Customers(Application[UUID]):
    """Customers, each saved with one event at a time or with several."""


class Owners(PostgresTrackingRecorder):
    """A view with one row a customer."""

    def __init__(self, datastore: PostgresDatastore, **how: Any) -> None:
        super().__init__(datastore, **how)
        table = "CREATE TABLE IF NOT EXISTS owners (customer uuid PRIMARY KEY, owner text, changes bigint)"
        self.sql_create_statements.append(SQL(table).format())

    def note(self, customer: UUID, owner: str, tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(
                "INSERT INTO owners VALUES (%s, %s, 1) ON CONFLICT (customer)"
                " DO UPDATE SET owner = excluded.owner, changes = owners.changes + 1",
                (customer, owner),
                prepare=True,
            )


class OwnersProjection(Projection[Owners]):
    """One upsert an event, in the transaction that notes the event as seen."""

    @singledispatchmethod
    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        self.view.note(domain_event.originator_id, getattr(domain_event, "owner", ""), tracking)


def environment(dsn: str) -> dict[str, str]:
    """How the package finds the database."""
    url = urlsplit(dsn)
    query = parse_qs(url.query)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": url.path.lstrip("/"),
        "POSTGRES_HOST": query["host"][0],
        "POSTGRES_PORT": query["port"][0],
        "POSTGRES_USER": url.username or "",
        "POSTGRES_PASSWORD": "trusted",
        "POSTGRES_POOL_SIZE": "64",
        "POSTGRES_MAX_OVERFLOW": "4",
    }


def fill(customers: Customers, events: int) -> None:
    """Customers with ten events each, five hundred events in one save."""
    for begin in range(0, events, 500):
        batch = []
        for number in range(begin, min(begin + 500, events), 10):
            customer = Customer(name=f"客户 {number}", region="上海")
            for change in range(9):
                customer.assign_owner(f"owner {change}")
            batch.append(customer)
        customers.save(*batch)
