"""Calendars, deadlines and business days in GraphQL: published and ended, never edited."""

from __future__ import annotations

from api.nouns import Noun
from domain.calendar import CALENDARS, DAYS
from domain.deadlines import DEADLINES

NOUNS = (Noun(decider=CALENDARS), Noun(decider=DEADLINES, answer="complaint_deadlines"), Noun(decider=DAYS))
