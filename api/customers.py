"""Customers in GraphQL: the file, with links to everything that belongs to it."""

from __future__ import annotations

from api.nouns import Noun
from domain.customers import CUSTOMERS

NOUN = Noun(decider=CUSTOMERS, answer="customers")
