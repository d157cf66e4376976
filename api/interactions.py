"""Interactions in GraphQL: contacts on every channel, and who is responsible for each."""

from __future__ import annotations

from api.nouns import Noun
from domain.interactions import INTERACTIONS

NOUN = Noun(decider=INTERACTIONS, answer="interactions")
