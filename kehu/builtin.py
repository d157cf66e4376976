"""The views that every Kehu has; importing this file declares them, once."""

from __future__ import annotations

import projections
from projections.builtin import NAMES

__all__ = ["NAMES", "projections"]
