"""Points in GraphQL: earned, redeemed, expired; each answers with its line of the ledger."""

from __future__ import annotations

from api.nouns import Noun
from domain.points import POINTS

NOUN = Noun(decider=POINTS, answer="points_transactions")
