"""What each context must keep, as plain rules over the events of a whole log."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time
from typing import Any

from domain.events import ERASED, Recorded

Fact = Recorded[Any]


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SERVED = words(
    "interaction order complaint merge group extras file_loan commitment invitations opportunity"
    " survey_issue visit subscription claim"
)
"""Whose matters begin only for customers who are with us and not on the blacklist."""


def category(happened: Fact) -> str:
    return happened.stream.partition("-")[0]


class Judge:
    """Sees a log from its beginning and notes what breaks a rule."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def see(self, happened: Fact) -> None:
        raise NotImplementedError

    def must(self, holds: bool, happened: Fact, rule: str) -> None:
        if not holds:
            self.faults.append(f"{happened.name} at {happened.position} in {happened.stream}: {rule}")


class People(Judge):
    """Who is with us, who is on the blacklist, and what was done for whom all the same."""

    HERE_ONLY = words(
        "ProfileChanged ContactPointAdded ContactPointRemoved OwnerAssigned IdentifierAdded"
        " IdentifierVerified ProfileConfirmed CustomerClassified ImportanceOverridden FileRoleAssigned"
        " FileEntryRecorded FileEntryStruck ConsentGiven ConsentWithdrawn ScreeningRuled PriceAgreed"
        " ShareOfCustomerStated CareGiven AccountReviewed CustomerTold RelationshipEnded PointsEarned"
        " PointsRedeemed"
    )

    def __init__(self) -> None:
        super().__init__()
        self.known: set[str] = set()
        self.left: set[str] = set()
        self.erased: set[str] = set()
        self.listed: dict[str, date] = {}
        """Who is on the blacklist, and through which day an exception holds."""

    def see(self, happened: Fact) -> None:
        said, customer = happened.event, getattr(happened.event, "customer_id", None)
        begins = category(happened) in SERVED and happened.name != "MergeReversed"
        if customer is not None and begins:
            self.must(customer in self.known - self.left, happened, "it is for somebody who is not with us")
            served = happened.occurred_at.date() <= self.listed.get(customer, date.max)
            self.must(served, happened, "it is for somebody on the blacklist")
        if happened.name in self.HERE_ONLY:
            self.must(customer in self.known - self.left, happened, "it is for somebody who is not with us")
        match happened.name:
            case "CustomerRegistered":
                self.known.add(said.customer_id)
            case "RelationshipEnded":
                self.left.add(said.customer_id)
            case "CustomerWonBack":
                self.must(said.customer_id not in self.erased, happened, "their file was closed for good")
                self.left.discard(said.customer_id)
            case "PersonalDataErased":
                self.must(said.customer_id not in self.erased, happened, "it was erased before")
                self.left.add(said.customer_id)
                self.erased.add(said.customer_id)
            case "WinBackOffered":
                self.must(customer in self.left, happened, "it is for somebody who has not left")
            case "PointsExpired":
                self.must(customer in self.known, happened, "it is for nobody we know")
            case "RestrictionPlaced":
                self.listed[said.customer_id] = date.min
            case "RestrictionLifted":
                self.listed.pop(said.customer_id, None)
            case "OverrideApproved":
                self.listed[said.customer_id] = said.good_through
                self.must(said.asked_by != happened.actor, happened, "approved their own request")


class Identities(Judge):
    """One live customer holds a verified identifier."""

    def __init__(self) -> None:
        super().__init__()
        self.proved: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.left: set[str] = set()

    def see(self, happened: Fact) -> None:
        said = happened.event
        if getattr(said, "value", None) == ERASED:
            return
        match happened.name:
            case "IdentifierVerified":
                self.proved[said.kind, said.value.casefold()].add(said.customer_id)
            case "IdentifierRejected":
                self.proved[said.kind, said.value.casefold()].discard(said.customer_id)
            case "RelationshipEnded" | "PersonalDataErased":
                self.left.add(said.customer_id)
            case "CustomerWonBack":
                self.left.discard(said.customer_id)
            case _:
                return
        holders = [who - self.left for who in self.proved.values()]
        self.must(all(len(who) <= 1 for who in holders), happened, "an identifier has two holders")


class Files(Judge):
    """Merged files and groups are trees, extra values fit their field, contact points are there once."""

    def __init__(self) -> None:
        super().__init__()
        self.front: dict[str, str] = {}
        self.parent: dict[str, str] = {}
        self.kinds: dict[str, str] = {}
        self.points: set[tuple[str, str, str]] = set()

    def see(self, happened: Fact) -> None:
        said = happened.event
        match happened.name:
            case "CustomersMerged":
                aliases = {said.customer_id, said.merged_id} & self.front.keys()
                self.must(not aliases and said.customer_id != said.merged_id, happened, "an alias is merged")
                self.front[said.merged_id] = said.customer_id
            case "MergeReversed":
                self.must(self.front.pop(said.merged_id, None) == said.customer_id, happened, "is no merge")
            case "ParentAssigned":
                self.parent.pop(said.customer_id, None)
                if said.parent_id is not None:
                    self.parent[said.customer_id] = said.parent_id
                self.must(self._top(said.customer_id) is not None, happened, "the group goes in circles")
            case "ExtraFieldDefined":
                self.kinds[said.field] = said.kind
            case _ if getattr(said, "value", None) == ERASED:
                pass  # nobody can tell any more
            case "ExtraFieldSet":
                read = READ.get(self.kinds.get(said.field, ""))
                fits = False
                with suppress(ValueError, KeyError):
                    fits = read is not None and (said.value is None or read(said.value) is not None)
                self.must(fits, happened, "the value is not of its field's kind")
            case "ContactPointAdded" | "ContactPointRemoved":
                way, added = (said.customer_id, said.kind, said.value), happened.name == "ContactPointAdded"
                self.must((way in self.points) is not added, happened, "it was noted, or it was not")
                (self.points.add if added else self.points.discard)(way)

    def _top(self, customer: str) -> str | None:
        above: str | None = customer
        for _ in range(len(self.parent) + 1):
            if (next_one := self.parent.get(above or "")) is None:
                return above
            above = next_one
        return None


READ: Mapping[str, Callable[[str], object]] = {
    "text": str,
    "number": float,
    "date": date.fromisoformat,
    "flag": {"true": 1, "false": 0}.__getitem__,
}
"""How a text is read as a value of a kind."""


class Naming(Judge):
    """What is named was there before, and is the same customer's, as far as files were ever one."""

    BEGINNING: Mapping[str, str] = {
        "CustomerRegistered": "customer", "OrderPlaced": "order", "ComplaintReceived": "complaint",
        "InteractionRecorded": "interaction", "AnnouncementPrepared": "announcement",
        "ScreeningListLoaded": "list", "SurveyDesigned": "survey",
    }  # fmt: skip
    NAMED: Mapping[str, str] = {
        "order_id": "order", "complaint_id": "complaint", "interaction_id": "interaction",
        "announcement_id": "announcement", "list_id": "list", "survey_id": "survey",
        "customer_id": "customer", "parent_id": "customer", "merged_id": "customer",
    }  # fmt: skip
    THEIRS = ("order", "complaint")

    def __init__(self) -> None:
        super().__init__()
        self.there: dict[tuple[str, str], str | None] = {}
        self.kin: dict[str, frozenset[str]] = {}

    def see(self, happened: Fact) -> None:
        said = happened.event
        if begun := self.BEGINNING.get(happened.name):
            self.there.setdefault((begun, getattr(said, f"{begun}_id")), happened.customer_id)
        for field, noun in self.NAMED.items():
            if (id := getattr(said, field, None)) is None:
                continue
            self.must((noun, id) in self.there, happened, f"there is no {noun} {id}")
            owner, mine = self.there.get((noun, id)), happened.customer_id
            if noun in self.THEIRS and owner and mine:
                kin = self.kin.get(owner, frozenset([owner]))
                self.must(mine in kin, happened, f"the {noun} {id} is not {mine}'s")
        if happened.name == "CustomersMerged":
            pair = (said.customer_id, said.merged_id)
            both = frozenset(who for one in pair for who in self.kin.get(one, frozenset([one])))
            self.kin |= dict.fromkeys(both, both)


class Responsibility(Judge):
    """A contact has one responsible at a time, and only they give it away."""

    def __init__(self) -> None:
        super().__init__()
        self.taker: dict[str, str] = {}

    def see(self, happened: Fact) -> None:
        said = happened.event
        match happened.name:
            case "ResponsibilityTaken" | "HandoverRuled":
                self.taker[said.interaction_id] = said.responsible
            case "InteractionHandedOver":
                here = self.taker[said.interaction_id]
                self.must(said.giver == here != said.taker, happened, f"it was {here}'s to give")
                self.taker[said.interaction_id] = said.taker
            case "CommitmentMade":
                self.must(happened.occurred_at <= said.promised_at, happened, "promised for the past")
                self.must(said.promised_at <= said.standard_due_at, happened, "promised beyond the standard")


class Money(Judge):
    """Of an order no more is paid than it costs, no more paid back than was paid, and each transfer once."""

    def __init__(self) -> None:
        super().__init__()
        self.total: dict[str, tuple[int, str]] = {}
        self.moved: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)

    def see(self, happened: Fact) -> None:
        said = happened.event
        match happened.name:
            case "OrderPlaced":
                self.total[said.order_id] = (said.total_minor, said.currency)
                return
            case "PaymentReceived":
                kind, id = "paid", said.payment_id
            case "RefundPaid":
                kind, id = "refunded", said.refund_id
            case _:
                return
        book = self.moved[said.order_id, kind]
        total, currency = self.total[said.order_id]
        self.must(id not in book, happened, f"{id} was booked before")
        self.must(said.currency == currency, happened, f"the order is in {currency}")
        book[id] = said.amount_minor
        paid, refunded = (sum(self.moved[said.order_id, k].values()) for k in ("paid", "refunded"))
        self.must(refunded <= paid <= total, happened, f"{refunded} <= {paid} <= {total} is wrong")


class Campaigns(Judge):
    """Customers are invited while a campaign is open, and who answers was invited."""

    def __init__(self) -> None:
        super().__init__()
        self.open: set[str] = set()
        self.invited: set[tuple[str, str]] = set()

    def see(self, happened: Fact) -> None:
        said = happened.event
        match happened.name:
            case "CampaignPlanned":
                self.open.add(said.campaign_id)
            case "CampaignClosed":
                self.open.discard(said.campaign_id)
            case "CustomerInvited":
                guest = (said.campaign_id, said.customer_id)
                self.must(said.campaign_id in self.open, happened, "the campaign is not open")
                self.must(guest not in self.invited, happened, "they were invited before")
                self.invited.add(guest)
            case "CampaignAnswered":
                guest = (said.campaign_id, said.customer_id)
                self.must(guest in self.invited, happened, "nobody invited them")


class Closing(Judge):
    """A complaint closes when the customer was asked and is content, or it is noted why nobody could be."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: dict[str, Any] = {}
        self.justified: dict[str, bool] = {}
        self.sorry: set[str] = set()

    def see(self, happened: Fact) -> None:
        said = happened.event
        match happened.name:
            case "ComplaintAcknowledged":
                self.sorry.add(said.complaint_id)
            case "InvestigationRecorded":
                self.justified[said.complaint_id] = said.justified
            case "RemedyOffered":
                self.must(said.complaint_id in self.sorry, happened, "nobody apologised before")
            case "SatisfactionVerified":
                self.asked[said.complaint_id] = said
            case "ComplaintClosed":
                asked = self.asked.pop(said.complaint_id, None)
                told = asked is not None and (
                    asked.verdict == "satisfied" or (asked.verdict == "unreachable" and bool(asked.note))
                )
                self.must(told, happened, "the customer was not asked, or is not satisfied")
            case "YellowCardIssued":
                self.must(self.justified.get(said.complaint_id, False), happened, "it was not justified")


class Answers(Judge):
    """Only surveys that exist are handed out, and answers come in time and fit their questions and scale."""

    def __init__(self) -> None:
        super().__init__()
        self.designs: dict[str, Any] = {}
        self.issues: dict[str, Any] = {}

    def see(self, happened: Fact) -> None:
        said = happened.event
        match happened.name:
            case "SurveyDesigned":
                self.designs[said.survey_id] = said
                ids = [question.question_id for question in said.questions]
                self.must(len({*ids}) == len(ids) and said.lowest < said.highest, happened, "it is no design")
            case "SurveyIssued":
                self.issues[said.issue_id] = said
            case "ResponseRecorded":
                issue = self.issues[said.issue_id]
                last = issue.good_through or date.max
                self.must(happened.occurred_at.date() <= last, happened, f"it was good through {last} only")
                design = self.designs[issue.survey_id]
                asked = [question.question_id for question in design.questions]
                told = [answer.question_id for answer in said.answers]
                once = not Counter(told) - Counter(asked)
                self.must(once, happened, "it answers what was not asked, or twice")
                scores = [s for a in said.answers for s in (a.score, a.expectation) if s is not None]
                within = all(design.lowest <= score <= design.highest for score in scores)
                self.must(within, happened, "a score is beyond the scale")


class Points(Judge):
    """A balance never falls below zero, and of what expires all that is left goes, once it is due."""

    def __init__(self) -> None:
        super().__init__()
        self.lots: dict[str, list[tuple[date, int]]] = defaultdict(list)

    def see(self, happened: Fact) -> None:
        said = happened.event
        if category(happened) != "points":
            return
        lots = self.lots[said.customer_id]
        match happened.name:
            case "PointsEarned":
                lots.append((said.expires_on or date.max, said.points))
                lots.sort()
            case "PointsRedeemed":
                self.must(said.points <= sum(n for _, n in lots), happened, "the balance falls below zero")
                self.lots[said.customer_id] = [*_spent(lots, said.points)]
            case "PointsExpired":
                due = sum(n for day, n in lots if day <= said.through)
                self.must(said.points == due > 0, happened, f"{due} were due")
                self.must(said.through <= happened.occurred_at.date(), happened, "they are still good")
                self.lots[said.customer_id] = [lot for lot in lots if lot[0] > said.through]


def _spent(lots: Iterable[tuple[date, int]], points: int) -> Iterable[tuple[date, int]]:
    """What is left when those that expire first are spent first."""
    for day, lot in lots:
        used = min(points, lot)
        points -= used
        if lot > used:
            yield day, lot - used


class Days(Judge):
    """Business days end in their order, each once, and none before it is over anywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.last = date.min

    def see(self, happened: Fact) -> None:
        if happened.name == "DayEnded":
            self.must(happened.event.day > self.last, happened, f"{self.last} has ended already")
            over = datetime.combine(happened.event.day, time(10), UTC)  # where the sun rises first
            self.must(happened.occurred_at >= over, happened, "it is not over anywhere")
            self.last = happened.event.day


JUDGES: Sequence[type[Judge]] = (
    People, Identities, Files, Naming, Responsibility, Money, Campaigns, Closing, Answers, Points, Days,
)  # fmt: skip
