"""The views that every Kehu has; importing this file declares them, once."""

from __future__ import annotations

import projections.cohorts
import projections.complaint_rates
import projections.complaints
import projections.customers
import projections.identifiers
import projections.interactions
import projections.orders
import projections.pareto
import projections.points
import projections.tiers
from projections.view import views

NAMES = tuple(views)
"""The built-in views, by name."""

__all__ = ["NAMES", "projections"]
