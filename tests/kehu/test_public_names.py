"""What `from kehu import …` offers."""

from __future__ import annotations

import kehu
import kehu.builtin
from domain.events import catalogue
from projections.view import views


def test_every_event_is_public() -> None:
    declared = {event.__name__ for event in catalogue.values() if event.__module__.startswith("domain.")}
    assert declared <= set(kehu.__all__)


def test_every_public_name_exists() -> None:
    assert all(hasattr(kehu, name) for name in kehu.__all__)
    assert kehu.__all__ == sorted(kehu.__all__)


def test_the_built_in_views_are_declared_once() -> None:
    assert len(kehu.builtin.NAMES) == len(set(kehu.builtin.NAMES))
    assert {"customers", "complaints", "interactions", "orders", "customer_values"} <= set(kehu.builtin.NAMES)
    assert set(kehu.builtin.NAMES) <= set(views)
