"""Complaints in GraphQL: every step is a mutation that answers with the complaint as it then stands."""

from __future__ import annotations

from api.nouns import Noun
from domain.complaints import COMPLAINTS

NOUN = Noun(decider=COMPLAINTS, answer="complaints")
