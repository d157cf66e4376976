"""CDNOW's sample of 2,357 customers, as the literature uses it."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime
from decimal import Decimal

from kehu import cdnow

Purchase = tuple[str, date, int]
"""Customer, day and cents."""


def purchases() -> list[Purchase]:
    """All 18 months, purchases of one day merged."""
    merged: dict[tuple[str, date], int] = defaultdict(int)
    for line in cdnow.find().with_name("CDNOW_sample.txt").read_text().splitlines():
        _, customer, day, _, dollars = line.split()
        merged[customer, datetime.strptime(day, "%Y%m%d").date()] += int(Decimal(dollars) * 100)
    return [(customer, day, cents) for (customer, day), cents in merged.items()]
