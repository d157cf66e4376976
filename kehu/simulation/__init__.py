"""Service around the demo's real purchases, made up but always the same; every context has a module here.

A module's `commands(chosen)` gets the customers who have a story, with their purchases, and answers with
commands that `telling.tell` made; they are brought into the order of their time here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from domain.commands import Command
from kehu.simulation import companies, governance, keeping, rules, voice
from kehu.simulation.stories import Story
from kehu.simulation.telling import EDITION, END, SEED, SOURCE, Purchase

SHARE = 1_500 / 23_570
"""Of the customers, those who get a story."""
CONTEXTS = (rules, companies, voice, keeping, governance)


def simulate(bought: Mapping[str, Sequence[Purchase]]) -> list[Command]:
    """All simulated commands in the order of their time, for some of these customers."""
    names = Random(SEED).sample(sorted(bought), round(len(bought) * SHARE))
    chosen = {customer_id: bought[customer_id] for customer_id in names}
    told = [c for customer_id, purchases in chosen.items() for c in Story(customer_id, purchases).commands()]
    told += [c for context in CONTEXTS for c in context.commands(chosen) if c.occurred_at <= END]
    return sorted(told, key=lambda command: command.occurred_at)


__all__ = ["EDITION", "END", "SOURCE", "Purchase", "simulate"]
