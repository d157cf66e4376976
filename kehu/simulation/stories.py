"""Service contacts and complaints for some of the demo's customers, made up, but always the same ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from domain.commands import Command
from domain.complaints import (
    AcceptRemedy,
    AcknowledgeComplaint,
    AssessComplaint,
    AssignComplaint,
    Category,
    CloseComplaint,
    CommunicateDecision,
    EscalateComplaint,
    OfferRemedy,
    ReceiveComplaint,
    RecordInvestigation,
    RejectRemedy,
    ReopenComplaint,
    Severity,
    VerifySatisfaction,
)
from domain.customers import AddContactPoint, AssignOwner, ChangeProfile
from domain.interactions import (
    Channel,
    HandOverInteraction,
    RecordInteraction,
    ResolveInteraction,
    ServiceStage,
)
from kehu.simulation import words
from kehu.simulation.telling import END, SEED, Purchase, tell

# --- The courses that complaints take -------------------------------------------------------------

STEPS: Mapping[str, tuple[type[Command], float, Mapping[str, Any]]] = {
    "acknowledge": (AcknowledgeComplaint, 0.3, {"apology": "apology"}),
    "acknowledge late": (AcknowledgeComplaint, 50, {"apology": "apology"}),
    "assess": (AssessComplaint, 0.2, {}),
    "assign": (AssignComplaint, 0.1, {}),
    "escalate": (EscalateComplaint, 0.5, {"reason": "escalation"}),
    "investigate": (RecordInvestigation, 0.8, {"finding": "finding", "justified": True}),
    "find nothing": (RecordInvestigation, 0.8, {"finding": "unfounded", "justified": False}),
    "offer": (OfferRemedy, 0.3, {"remedy": "remedy", "cost_minor": 1_000, "currency": "USD"}),
    "offer more": (OfferRemedy, 0.5, {"remedy": "better", "cost_minor": 2_500, "currency": "USD"}),
    "accept": (AcceptRemedy, 0.4, {}),
    "reject": (RejectRemedy, 0.4, {"reason": "rejection"}),
    "decide": (CommunicateDecision, 0.3, {"decision": "decision"}),
    "satisfied": (VerifySatisfaction, 70, {"verdict": "satisfied"}),
    "dissatisfied": (VerifySatisfaction, 70, {"verdict": "dissatisfied", "note": "dissatisfied"}),
    "unreachable": (VerifySatisfaction, 96, {"verdict": "unreachable", "note": "unreachable"}),
    "close": (CloseComplaint, 0.5, {}),
    "reopen": (ReopenComplaint, 200, {"reason": "reopening"}),
}
"""Each step's command, about how many hours it comes after the one before, and what is said."""

BEGIN = ("acknowledge", "assess", "assign", "investigate")
AGREED = ("offer", "accept", "decide")
SETTLED = ("offer more", "accept", "decide", "satisfied", "close")
COURSES: Sequence[tuple[int, Sequence[str]]] = (
    (40, (*BEGIN, *AGREED, "satisfied", "close")),
    (10, (*BEGIN, "offer", "reject", *SETTLED)),
    (8, (*BEGIN, *AGREED, "satisfied", "close", "reopen", *BEGIN, *SETTLED)),
    (8, ("acknowledge", "assess", "assign", "escalate", "investigate", *AGREED, "satisfied", "close")),
    (7, (*BEGIN, *AGREED, "dissatisfied", *SETTLED)),
    (7, ("acknowledge", "assess", "assign", "find nothing", "decide", "unreachable", "close")),
    (8, ("acknowledge late", "assess", "assign", "investigate", *AGREED, "satisfied", "close")),
    (6, (*BEGIN, "offer")),
    (4, ("acknowledge", "assess", "assign")),
    (2, ()),
)  # fmt: skip
"""How often each course is taken, and its steps after the receipt."""


# --- One customer's story -------------------------------------------------------------------------


COMPLAINING = 0.35
"""Of the customers with a story, those who complain."""
FINISHED = 0.98
"""Of the contacts, those that are brought to an end."""
HOURS_TO_ANSWER = (0.05, 0.1, 0.1, 0.15, 0.5, 3)
"""About how long it takes: mostly within the promised ten minutes."""


class Story:
    """What happens around one customer, drawn from a generator of its own; complaints from another one."""

    def __init__(self, customer_id: str, purchases: Sequence[Purchase]) -> None:
        self._id, self._purchases = customer_id, purchases
        self._random = Random(f"{SEED} {customer_id}")
        self._language = self._random.choice(("zh", "en"))
        self._agent = self._random.choice(words.AGENTS)

    def commands(self) -> Iterator[Command]:
        for command in (*self._file(), *self._contacts(), *self._complaints()):
            if command.occurred_at <= END:
                yield command

    def _command(self, cls: type[Command], id: str, at: datetime, actor: str, **fields: Any) -> Command:
        return tell(cls, id, at, actor, **fields)

    def _after(self, moment: datetime, hours: float) -> datetime:
        """Some time later, more or less, to the second."""
        return moment + timedelta(seconds=int(hours * 3600 * self._random.uniform(0.5, 1.5)))

    def _daytime(self, day: datetime) -> datetime:
        return day.replace(hour=9) + timedelta(seconds=self._random.randrange(9 * 3600))

    def _file(self) -> Iterator[Command]:
        at = self._daytime(self._purchases[0].at)
        customer = {"customer_id": self._id}
        profile = {
            "name": self._name(),
            "language": self._language,
            "region": self._random.choice(words.REGIONS[self._language]),
        }
        yield self._command(ChangeProfile, f"{self._id}/profile", at, self._agent, **customer, **profile)
        yield self._command(AssignOwner, f"{self._id}/owner", at, "sales.lead", **customer, owner=self._agent)
        email = {"kind": "email", "value": f"customer.{self._id}@example.com"}
        yield self._command(AddContactPoint, f"{self._id}/email", at, self._agent, **customer, **email)
        if self._random.random() < 0.6:
            phone = {
                "kind": "phone",
                "value": f"+1 {200 + int(self._id) % 800} 555 01{self._random.randrange(100):02}",
                "label": "mobile",
            }
            yield self._command(AddContactPoint, f"{self._id}/phone", at, self._agent, **customer, **phone)

    def _name(self) -> str:
        if self._language == "zh":
            return self._random.choice(words.FAMILY_ZH) + self._random.choice(words.GIVEN_ZH)
        return f"{self._random.choice(words.GIVEN_EN)} {self._random.choice(words.FAMILY_EN)}"

    def _contacts(self) -> Iterator[Command]:
        for number in range(1, self._random.randint(1, 8) + 1):
            purchase = self._random.choice(self._purchases)
            at = self._daytime(purchase.at + timedelta(days=self._random.randrange(40)))
            yield from self._contact(f"sim-i-{self._id}-{number}", purchase, at)

    def _contact(self, id: str, purchase: Purchase, at: datetime) -> Iterator[Command]:
        draw, taker = self._random, self._random.choice(words.AGENTS)
        topic = draw.choice(words.TOPICS[self._language])
        spoken = (channel := draw.choice(list(Channel))) in (Channel.PHONE, Channel.VISIT, Channel.SHOP)
        yield self._command(
            RecordInteraction,
            id,
            at,
            taker,
            interaction_id=id,
            customer_id=self._id,
            channel=channel.value,
            direction=topic.direction,
            stage=topic.stage,
            service_stage=draw.choice([None, *(s.value for s in ServiceStage)]),
            mood=draw.choice(topic.moods),
            topic=topic.name,
            text=topic.text,
            duration_seconds=draw.randrange(30, 1_800) if spoken else None,
            order_id=purchase.order_id,
        )
        if draw.random() < 0.15:
            at = self._after(at, 2)
            next_one = draw.choice([agent for agent in words.AGENTS if agent != taker])
            said = {"taker": next_one, "reason": words.SAID[self._language]["handover"]}
            yield self._command(HandOverInteraction, f"{id}/handover", at, taker, interaction_id=id, **said)
            taker = next_one
        if draw.random() < FINISHED:
            done = {"interaction_id": id, "within_remit": draw.random() < 0.8}
            at = self._after(at, draw.choice(HOURS_TO_ANSWER))
            yield self._command(ResolveInteraction, f"{id}/resolve", at, taker, **done)

    def _complaints(self) -> Iterator[Command]:
        self._random = Random(f"{SEED}, complaints of {self._id}")
        if self._random.random() >= COMPLAINING:
            return
        for number in range(1, self._random.choice((1, 1, 1, 2)) + 1):
            purchase = self._random.choice(self._purchases)
            at = self._daytime(purchase.at + timedelta(days=self._random.randrange(1, 30)))
            yield from self._complaint(f"sim-c-{self._id}-{number}", purchase, at)

    def _complaint(self, id: str, purchase: Purchase, at: datetime) -> Iterator[Command]:
        draw, category = self._random, self._random.choice(list(Category)).value
        yield self._command(
            ReceiveComplaint,
            id,
            at,
            self._agent,
            complaint_id=id,
            customer_id=self._id,
            category=category,
            text=words.COMPLAINTS[self._language][category],
            channel=draw.choice(list(Channel)).value,
            order_id=purchase.order_id,
        )
        (course,) = draw.choices([steps for _, steps in COURSES], [weight for weight, _ in COURSES])
        yield from self._steps(id, at, course)

    def _steps(self, id: str, at: datetime, course: Iterable[str]) -> Iterator[Command]:
        for number, step in enumerate(course, start=1):
            cls, hours, said = STEPS[step]
            at = self._after(at, hours)
            fields = {name: self._say(name, value) for name, value in said.items()}
            fields |= self._judged(cls)
            yield self._command(cls, f"{id}/{number}", at, self._agent, complaint_id=id, **fields)

    def _say(self, field: str, value: Any) -> Any:
        """The words in the customer's language, where the value stands for some."""
        spoken = isinstance(value, str) and field not in ("verdict", "currency")
        return words.SAID[self._language][value] if spoken else value

    def _judged(self, cls: type[Command]) -> dict[str, Any]:
        draw = self._random
        if cls is AssessComplaint:
            severity = draw.choices([s.value for s in Severity], (4, 8, 3, 1))[0]
            return {"severity": severity, "complexity": draw.randint(1, 5), "impact": draw.randint(1, 5)}
        if cls is AssignComplaint:
            return {"handler": draw.choice(words.AGENTS)}
        if cls is EscalateComplaint:
            return {"to": draw.choice(words.LEADS)}
        if cls is CloseComplaint:
            return {"root_cause": draw.choice(words.ROOT_CAUSES)}
        return {}
