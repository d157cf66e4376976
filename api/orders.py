"""Orders in GraphQL: placed, paid, fulfilled, cancelled, refunded."""

from __future__ import annotations

from api.nouns import Noun
from domain.orders import ORDERS

NOUN = Noun(decider=ORDERS, answer="orders")
