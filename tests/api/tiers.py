"""A pyramid whose layers are far apart, for tests in which the tier alone matters."""

from __future__ import annotations

TIERS = [
    {"tier": "PLATINUM", "minSpendMinor": 100_00},
    {"tier": "GOLD", "minSpendMinor": 10_00},
    {"tier": "IRON", "minSpendMinor": 1_00},
    {"tier": "LEAD"},
]
