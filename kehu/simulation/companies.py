"""A dozen made-up companies: who they are, who belongs to whom, what they buy, and what goes wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from domain.claims import MakeClaim, PayClaim
from domain.commands import Command
from domain.commitments import KeepCommitment, MakeCommitment, MissCommitment
from domain.complaints import (
    AcknowledgeComplaint,
    IssueYellowCard,
    PauseComplaint,
    ReceiveComplaint,
    RecordInvestigation,
    ResumeComplaint,
)
from domain.customers import (
    AddContactPoint,
    AssignOwner,
    ChangeProfile,
    EndRelationship,
    RegisterCustomer,
    WinBackCustomer,
)
from domain.erasure import ErasePersonalData
from domain.extras import SetExtraField
from domain.files import (
    AgreePrice,
    AssignFileRole,
    ClassifyCustomer,
    ConfirmProfile,
    GiveConsent,
    OfferWinBack,
    OverrideImportance,
    RecordFileEntry,
    RuleOnMatch,
    StateShare,
    WithdrawConsent,
)
from domain.groups import AssignParent
from domain.identifiers import AddIdentifier, VerifyIdentifier
from domain.leads import CaptureLead, DisqualifyLead, QualifyLead
from domain.loans import LendFile, ReturnFile
from domain.merging import MergeCustomers
from domain.opportunities import AdvanceStage, LoseOpportunity, OpenOpportunity, WinOpportunity
from domain.orders import CancelOrder, DetailOrder, FulfilOrder, PlaceOrder, ReceivePayment
from domain.reads import LogRead
from domain.restrictions import ApproveOverride, RestrictCustomer
from domain.subscriptions import CancelSubscription, RenewSubscription, StartSubscription
from kehu.simulation import words
from kehu.simulation.telling import Purchase, at, tell

NAMES = (
    "长江文化集团 Yangtze Culture",
    "长江唱片上海",
    "长江唱片杭州",
    "Harbour Trading",
    "Baker & Sons Records",
    "Baker & Sons",
    "音乐之家 House of Music",
    "Nordlicht Musik GmbH",
    "Café Discos",
    "成都声音艺术中心",
    "Ontario School of Music",
    "Wales Radio",
)
REGIONS = (
    "武汉", "上海", "杭州", "香港", "Wales", "Wales", "广州", "Bavaria", "Ontario", "成都", "Ontario",
    "Wales",
)  # fmt: skip
"""Where each of them is."""
PARENTS = {1: 0, 2: 1, 5: 4}
"""Who stands below whom: a group of three levels, and one of two."""
PRODUCTS = ("piano", "opera", "jazz", "folk", "headphones", "turntable")
LEFT = {
    "natural": "歇业的琴行 A music shop that closed",
    "malicious": "赖账的代理 An agent who never paid",
    "own_fault": "受气的书店 A bookshop that we kept waiting",
}
"""Resellers who are gone, by the cause of the break."""
LEAD, OTHER_LEAD = words.LEADS
MAINTAINER, CONTRIBUTOR = words.AGENTS[1:3]
"""Who keeps the companies' core data true, and who adds what else there is to know."""


def company(number: int) -> str:
    return f"sim-co-{number + 1:02}"


def commands(chosen: Mapping[str, Sequence[Purchase]]) -> Iterator[Command]:
    for number, name in enumerate(NAMES):
        yield from _Company(number, name).commands()
    for number in range(8):
        id, begin = f"lead-{number + 1}", at("1997-02-03") + timedelta(days=20 * number)
        yield tell(
            CaptureLead,
            id,
            begin,
            LEAD,
            lead_id=id,
            name=f"Choir {number + 1} 合唱团",
            interest="scores",
            origin=("fair", "recommendation", "website")[number % 3],
        )
        if number % 3 == 0:
            yield tell(
                QualifyLead,
                f"{id}/end",
                begin + timedelta(days=9),
                LEAD,
                lead_id=id,
                customer_id=company(number),
            )
        elif number % 3 == 1:
            yield tell(
                DisqualifyLead,
                f"{id}/end",
                begin + timedelta(days=9),
                LEAD,
                lead_id=id,
                reason="没有预算 (no budget)",
            )
    yield tell(
        MergeCustomers,
        "merge-1",
        at("1998-01-20"),
        LEAD,
        merge_id="merge-1",
        customer_id=company(4),
        merged_id=company(5),
        reason="same firm, told on the phone 电话确认",
    )
    for cause, reason in LEFT.items():
        me, id = {"customer_id": f"sim-left-{cause}"}, f"left/{cause}"
        yield tell(RegisterCustomer, id, at("1997-02-11", 9), LEAD, **me, name=reason, relation="channel")
        yield tell(EndRelationship, f"{id}/end", at("1998-04-06"), LEAD, **me, cause=cause, reason=reason)
    yield tell(
        RegisterCustomer,
        "erased",
        at("1997-02-11"),
        LEAD,
        customer_id="sim-erased",
        name="Visitor 访客",
        region="East",
    )
    yield tell(
        ErasePersonalData, "erased/2", at("1998-05-04"), LEAD, customer_id="sim-erased", ground="request"
    )


class _Company:
    """What happens with one of them."""

    def __init__(self, number: int, name: str) -> None:
        self.number, self.name, self.id = number, name, company(number)
        self.owner = words.AGENTS[number % len(words.AGENTS)] if number != 8 else "old.hand"
        self.begin = at("1997-01-08") + timedelta(days=number)

    def tell(
        self, cls: type[Command], what: str, days: float, by: str | None = None, **fields: Any
    ) -> Command:
        moment: datetime = self.begin + timedelta(days=days)
        return tell(cls, f"{self.id}/{what}", moment, by or self.owner, **fields)

    def _read(self, number: int, days: float, reader: str, what: str, *fields: str, **more: Any) -> Command:
        """A read of this company's personal data, as Kehu would log it."""
        moment, id = self.begin + timedelta(days=days), f"{self.id}/read-{number}"
        said = {"read_id": id, "customer_id": self.id, "day": moment.date().isoformat(), "what": what}
        return tell(LogRead, id, moment, reader, fields=fields, **{**said, **more})

    def commands(self) -> Iterator[Command]:
        yield from self._file()
        yield from self._sales()
        yield from self._trouble()

    def _file(self) -> Iterator[Command]:
        me = {"customer_id": self.id}
        number, relation = self.number, ("business", "channel", "internal")[self.number % 3]
        yield self.tell(
            RegisterCustomer,
            "register",
            0,
            **me,
            name=self.name,
            relation=relation,
            region=REGIONS[number],
            language="zh" if number % 2 else "en",
            birthday=f"19{60 + number}-07-{number + 1:02}",
        )
        yield self.tell(AssignOwner, "owner", 0.01, LEAD, **me, owner=self.owner)
        yield self.tell(
            AddContactPoint,
            "phone",
            0.02,
            **me,
            kind="phone",
            value=f"+86 21 5550 {1000 + (number if number != 5 else 4)}",
        )
        card = {"kind": "company_number", "value": f"CN-9131{number if number else 0:04}"}
        yield self.tell(AddIdentifier, "identifier", 0.03, **me, **card)
        if number % 4 != 3:
            yield self.tell(
                VerifyIdentifier, "verified", 1, **me, **card, evidence="营业执照 business licence"
            )
        for role, member in (
            ("creator", self.owner),
            ("maintainer", MAINTAINER),
            ("operator", words.AGENTS[0]),
            ("contributor", CONTRIBUTOR),
            ("custodian", LEAD),
        ):
            yield self.tell(AssignFileRole, f"role/{role}", 1.1, LEAD, **me, role=role, member=member)
        for entry, layer, kind, text in (
            ("need", "basic", "need", "每月新品目录 a monthly list of new releases"),
            ("rival", "important", "rival", "buys classics from Blue Note Direct"),
            ("supplier", "important", "supplier", "shelves from Holzwerk"),
            ("decides", "core", "decision_maker", "王总 decides above 5,000"),
            ("plan", "process", "plan", "double the jazz corner by summer"),
        ):
            yield self.tell(
                RecordFileEntry,
                f"entry/{entry}",
                2,
                LEAD,
                **me,
                entry_id=entry,
                layer=layer,
                kind=kind,
                text=text,
            )
        yield self.tell(
            ClassifyCustomer,
            "class",
            3,
            **me,
            value_style=("lighthouse", "follower", "rational", "opportunist")[number % 4],
            marketing_class=("price", "ethics", "individual", "convenience")[number % 4],
        )
        yield self.tell(GiveConsent, "consent", 3.1, **me, purpose="marketing")
        yield self.tell(GiveConsent, "consent-profile", 3.2, **me, purpose="profiling")
        yield self.tell(
            SetExtraField,
            "extra",
            3.3,
            CONTRIBUTOR,
            **me,
            field="genre",
            value="爵士 jazz" if number % 2 else "opera",
        )
        yield self.tell(
            StateShare,
            "share",
            90,
            CONTRIBUTOR,
            **me,
            category="records",
            percent=30 + 5 * number if number != 6 else 95,
            basis="stated" if number % 2 else "estimated",
            told_by="buyer, on the fair",
        )
        yield self.tell(ConfirmProfile, "confirm", 200 + 5 * number, **me, fields=["name", "region"])
        if number in PARENTS:
            yield self.tell(AssignParent, "parent", 20, LEAD, **me, parent_id=company(PARENTS[number]))
        if number == 0:
            yield self.tell(
                OverrideImportance, "importance", 30, LEAD, **me, importance="vip", reason="标杆客户"
            )
            yield self.tell(ChangeProfile, "moved", 60, MAINTAINER, **me, region="苏州")
            yield self.tell(
                LendFile,
                "loan-1",
                70,
                LEAD,
                loan_id="loan-1",
                **me,
                borrower="emma.stone-hill",
                purpose="offer for the summer fair",
                due_on="1997-04-10",
            )
            yield self.tell(ReturnFile, "loan-1/back", 75, LEAD, loan_id="loan-1")
            yield self.tell(
                LendFile,
                "loan-2",
                530,
                LEAD,
                loan_id="loan-2",
                **me,
                borrower="tom.parker",
                purpose="yearly review",
                due_on="1998-07-31",
            )
            by_role = {"role": "manager", "ground": "role"}
            borrowed = {"role": "agent", "ground": "lent", "loan_id": "loan-2"}
            yield self._read(1, 531, "tom.parker", "customers", "name", **borrowed)
            yield self._read(2, 531, "tom.parker", "core_entries", "text", **borrowed)
            yield self._read(3, 532, self.owner, "customers", "name", role="agent", ground="own")
            yield self._read(4, 533, LEAD, "complaints", "text", **by_role)
            yield self._read(5, 533, LEAD, "duplicate_candidates", customer_id=None, **by_role)
        if number == 2:
            yield self.tell(WithdrawConsent, "unconsent", 150, **me, purpose="marketing")
            nobody = {"role": "contributor", "member": None}
            yield self.tell(AssignFileRole, "role/contributor/end", 160, LEAD, **me, **nobody)
        if number == 3:
            yield self.tell(
                RuleOnMatch,
                "ruling",
                40,
                LEAD,
                **me,
                list_id="exposed-1997",
                entry_id="e-1",
                verdict="cleared",
                reason="another firm of that name",
            )

    def _sales(self) -> Iterator[Command]:
        me, number = {"customer_id": self.id}, self.number
        yield self.tell(
            AgreePrice,
            "price",
            10,
            LEAD,
            **me,
            product="jazz",
            price_minor=6_800 - 100 * number,
            currency="USD",
            effective_from="1997-02-01",
        )
        yield self.tell(
            AgreePrice,
            "price-2",
            300,
            LEAD,
            **me,
            product="jazz",
            price_minor=6_500 - 100 * number,
            currency="USD",
            effective_from="1998-01-01",
        )
        deal = f"deal-{self.id}"
        yield self.tell(
            OpenOpportunity,
            "deal",
            300,
            opportunity_id=deal,
            **me,
            title="jazz corner",
            amount_minor=100_000 * (number + 1),
            currency="USD",
            percent=20,
        )
        yield self.tell(
            AdvanceStage, "deal/2", 330, opportunity_id=deal, stage="proposal", percent=40 + number
        )
        if number % 4 == 1:
            yield self.tell(LoseOpportunity, "deal/lost", 360, opportunity_id=deal, reason="太贵 too dear")
        for turn in range(3):
            order, day = f"sim-o-{self.id}-{turn + 1}", 15 + 150 * turn
            price: dict[str, Any] = {"total_minor": 20_000 + 1_000 * number, "currency": "USD"}
            yield self.tell(PlaceOrder, f"order/{turn}", day, order_id=order, **me, **price, items=3 + turn)
            products = sorted(
                {PRODUCTS[(number + turn) % 6], PRODUCTS[(number + turn + 1) % 6], PRODUCTS[number % 2]}
            )
            yield self.tell(
                DetailOrder,
                f"order/{turn}/products",
                day + 0.1,
                order_id=order,
                products=products,
                category="records",
            )
            if turn == 2 and number % 4 == 0:
                continue
            if turn == 2 and number % 4 == 2:
                yield self.tell(
                    CancelOrder, f"order/{turn}/cancel", day + 3, order_id=order, reason="重复下单"
                )
                continue
            amount = price if turn < 2 else price | {"total_minor": 5_000}
            yield self.tell(
                ReceivePayment,
                f"order/{turn}/pay",
                day + 2,
                order_id=order,
                payment_id="p",
                amount_minor=amount["total_minor"],
                currency="USD",
            )
            if turn < 2:
                yield self.tell(FulfilOrder, f"order/{turn}/deliver", day + 4 + number % 5, order_id=order)
            if turn == 1 and number % 4 == 2:
                yield self.tell(WinOpportunity, "deal/won", 361, opportunity_id=deal, order_id=order)
        contract = f"sub-{self.id}"
        yield self.tell(
            StartSubscription,
            "subscription",
            170,
            subscription_id=contract,
            **me,
            product="new releases, monthly",
            ends_on=f"1998-07-{10 + number}",
        )
        if number == 10:
            yield self.tell(
                CancelSubscription, "subscription/2", 479, subscription_id=contract, reason="转投他家"
            )
        elif number % 3 == 1:
            yield self.tell(
                RenewSubscription, "subscription/2", 500, subscription_id=contract, ends_on="1999-07-01"
            )

    def _trouble(self) -> Iterator[Command]:
        me, number = {"customer_id": self.id}, self.number
        promise = f"promise-{self.id}"
        made = self.begin + timedelta(days=40)
        kind, days = (("install", 20), ("repair", 3), ("change", 1))[number % 3]
        yield self.tell(
            MakeCommitment,
            "promise",
            40,
            commitment_id=promise,
            **me,
            kind=kind,
            promised_at=made + timedelta(days=days * 0.75),
        )
        if number % 5 != 4:
            yield self.tell(
                KeepCommitment, "promise/kept", 40 + days * (0.5 + 0.1 * (number % 5)), commitment_id=promise
            )
        elif kind == "repair":
            yield self.tell(
                MissCommitment, "promise/missed", 41 + days, commitment_id=promise, reason="配件缺货 no part"
            )
        if number in (6, 7, 8):
            for turn in range(number - 5):
                claim = f"claim-{self.id}-{turn + 1}"
                yield self.tell(
                    MakeClaim,
                    claim,
                    100 + 30 * turn,
                    claim_id=claim,
                    **me,
                    amount_minor=15_000,
                    currency="USD",
                    reason="货物破损 broken in transit",
                )
                yield self.tell(
                    PayClaim,
                    f"{claim}/paid",
                    110 + 30 * turn,
                    LEAD,
                    claim_id=claim,
                    paid_minor=12_000,
                    currency="USD",
                )
        if number < 4:
            complaint = f"sim-c-{self.id}"
            it = {"complaint_id": complaint}
            yield self.tell(
                ReceiveComplaint,
                "complaint",
                250,
                **it,
                **me,
                category="delivery",
                text="箱子湿了 The box was wet.",
            )
            yield self.tell(
                AcknowledgeComplaint, "complaint/2", 250.1, **it, apology="We are sorry 非常抱歉."
            )
            yield self.tell(PauseComplaint, "complaint/3", 250.2, **it, reason="waiting for photos")
            yield self.tell(ResumeComplaint, "complaint/4", 252, **it)
            yield self.tell(
                RecordInvestigation, "complaint/5", 252.1, **it, finding="left in the rain", justified=True
            )
            yield self.tell(
                IssueYellowCard,
                "complaint/6",
                253,
                LEAD,
                **it,
                member=words.AGENTS[number],
                reason="未检查包装",
            )
        if number == 9:
            yield self.tell(
                RestrictCustomer, "restrict", 520, LEAD, **me, reason="三次拒付 refused payment three times"
            )
            yield self.tell(
                ApproveOverride,
                "override",
                522,
                OTHER_LEAD,
                **me,
                asked_by=self.owner,
                credit_record="paid on time until 1997",
                good_through="1998-07-15",
            )
        if number in (10, 11):
            cause = "competition" if number == 10 else "own_fault"
            yield self.tell(EndRelationship, "end", 480, LEAD, **me, cause=cause, reason="went elsewhere")
            yield self.tell(
                OfferWinBack, "offer", 490, LEAD, **me, offer="三个月免运费 three months free delivery"
            )
        if number == 11:
            yield self.tell(
                WinBackCustomer, "back", 500, LEAD, **me, offer="三个月免运费 three months free delivery"
            )
