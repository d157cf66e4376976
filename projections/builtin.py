"""The views that every Kehu has; importing this file declares them, once."""

from __future__ import annotations

import projections.care
import projections.classes
import projections.cohorts
import projections.commitments
import projections.complaint_rates
import projections.complaints
import projections.costs
import projections.customers
import projections.extras
import projections.files
import projections.groups
import projections.identifiers
import projections.improvement
import projections.interactions
import projections.lifetime
import projections.loans
import projections.merging
import projections.orders
import projections.pareto
import projections.points
import projections.policies
import projections.reads
import projections.sales
import projections.screening
import projections.staff
import projections.surveys
import projections.tiers
from projections.view import views

NAMES = tuple(views)
"""The built-in views, by name."""

__all__ = ["NAMES", "projections"]
