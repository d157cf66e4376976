"""What a service desk brings from its old system goes in, each kind with its outcomes and dates."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

from infra.imports.kinds import KINDS
from tests.infra.test_importing import job, rejected, run, tenant_in

OLD: dict[str, list[dict[str, str]]] = {
    "staff": [
        {"id": "mei", "department": "service", "post": "agent", "skills": "tea; price", "outsourced": "否"},
        {"id": "bo", "department": "x", "post": "y", "reason": "moved", "left_at": "2020-02-01"},
    ],
    "customers": [
        {"id": "c1", "name": "王小明", "birthday": "1980-02-03", "owner": "mei", "phone": "+8613800138000",
         "email": "wang@example.com", "address": "北京市朝阳区1号", "chat": "wang-xm"},
        {"id": "c2", "name": "Ann", "relation": "business", "cause": "natural", "left_at": "2020-06-01"},
        {"id": "c3", "name": "Group"},
        {"id": "c4", "name": "Bad"},
        {"id": "c5", "name": "Gone"},
    ],
    "profiles": [{"customer": "c1", "name": "王大明", "region": "上海"}, {"customer": "c3", "name": "Group"}],
    "owners": [{"customer": "c1", "owner": "bo"}],
    "departures": [{"customer": "c5", "cause": "competition", "reason": "dear"}],
    "contacts": [{"customer": "c1", "kind": "phone", "value": "+8613900139000", "label": "工作"}],
    "identifiers": [{"customer": "c1", "kind": "account", "value": "A-1", "evidence": "seen"}],
    "parents": [{"customer": "c1", "parent": "c3"}, {"customer": "c3", "parent": ""}],
    "consents": [{"customer": "c1", "purpose": "marketing"}],
    "classes": [{"customer": "c1", "value_style": "follower"}],
    "notes": [{"customer": "c1", "kind": "need", "text": "想要更快的交付"}],
    "extra_fields": [{"id": "shoe", "kind": "number", "label": "鞋码"}],
    "extras": [{"customer": "c1", "field": "shoe", "value": "42"}],
    "orders": [
        {"id": "o1", "customer": "c1", "amount": "30.00", "currency": "CNY", "quantity": "3",
         "products": "茶; 杯", "category": "tea", "paid_amount": "30.00", "paid_at": "2020-01-03",
         "fulfilled_at": "2020-01-09", "refunded_amount": "5.50", "refunded_reason": "杯 broken",
         "refunded_at": "2020-01-12"},
        {"id": "o2", "customer": "c1", "amount": "9", "currency": "CNY", "reason": "too late"},
    ],
    "payments": [{"order": "o3", "amount": "2", "currency": "CNY"}],
    "refunds": [{"order": "o3", "amount": "1", "currency": "CNY", "reason": "x"}],
    "purchases": [{"id": "p1", "customer": "new", "amount": "1", "currency": "CNY"}],
    "interactions": [
        {"id": "i1", "customer": "c1", "channel": "phone", "topic": "交付", "duration": "90", "rings": "2",
         "order": "o1", "employee": "mei", "resolved_at": "2020-01-05T10:00"},
    ],
    "complaints": [
        {"id": "k1", "customer": "c1", "category": "delivery", "text": "太慢", "channel": "phone",
         "order": "o1", "apology": "对不起", "severity": "high", "safety": "no", "handler": "mei",
         "finding": "late", "justified": "yes", "remedy": "voucher", "cost": "5.00", "currency": "CNY",
         "accepted_at": "2020-01-06", "decision": "paid", "decided_at": "2020-01-07", "verdict": "satisfied",
         "root_cause": "carrier", "closed_at": "2020-01-08"},
        {"id": "k2", "customer": "c1", "category": "price", "text": "open still"},
    ],
    "claims": [
        {"customer": "c1", "amount": "8", "currency": "CNY", "reason": "cup", "paid": "5"},
    ],
    "commitments": [
        {"customer": "c1", "kind": "install", "promised_at": "2020-01-08", "kept_at": "2020-01-07"},
    ],
    "incidents": [
        {"place": "仓库", "symptom": "no power", "remedy": "call", "signed_at": "2020-01-02", "note": "done"},
    ],
    "articles": [{"id": "a1", "topic": "交付", "title": "How long", "text": "Three days."}],
    "surveys": [
        {"id": "s1", "kind": "csat", "variant": "1-5", "title": "满意吗", "lowest": "1", "highest": "5",
         "questions": "q1=How was it?; q2=And the price?"},
    ],
    "survey_answers": [
        {"survey": "s1", "customer": "c1", "answers.q1": "5", "answers.q2": "4", "text": "好", "themes": "x"},
        {"survey": "s1", "customer": "c3"},
    ],
    "leads": [{"name": "Li", "value": "+861", "interest": "tea", "origin": "fair", "customer": "c1"}],
    "opportunities": [
        {"customer": "c1", "title": "more tea", "amount": "99.90", "currency": "CNY", "percent": "50",
         "won_at": "2020-03-01"},
    ],
    "subscriptions": [{"customer": "c1", "product": "tea", "ends_on": "2021-01-01", "reason": "no thirst"}],
    "visits": [{"customer": "c1", "on": "2020-01-05", "member": "mei", "purpose": "round", "stock": "low"}],
    "campaigns": [{"kind": "fair", "title": "茶博会", "segment": "all", "on": "2020-05-01"}],
    "announcements": [{"title": "New", "text": "tea", "public_on": "2020-05-01"}],
    "points": [{"id": "t1", "customer": "c1", "points": "100", "reason": "order"}],
    "redemptions": [{"id": "t2", "customer": "c1", "points": "10", "reason": "cup"}],
    "care": [{"customer": "c1", "occasion": "birthday", "gesture": "card", "cost": "1.5", "currency": "CNY"}],
    "prices": [
        {"customer": "c1", "product": "x", "price": "9", "currency": "CNY", "effective_from": "20200101"},
    ],
    "reviews": [{"customer": "c1", "text": "fine"}],
    "costs": [{"kind": "keeping", "amount": "3", "currency": "CNY", "day": "2020-01-02"}],
    "rivals": [{"rival": "Other", "topic": "price", "text": "cheaper", "told_by": "c1", "customer": "c1"}],
    "blacklist": [{"customer": "c4", "reason": "fraud"}],
}  # fmt: skip
"""What an old system holds; the first of January 2020 where no date is given."""


def written(path: Path, rows: list[dict[str, str]]) -> Path:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    return path


async def test_what_an_old_system_holds_goes_in_once(database: str, tmp_path: Path) -> None:
    assert OLD.keys() == KINDS.keys()
    old = {
        **OLD,
        "orders": [*OLD["orders"], {"id": "o3", "customer": "c1", "amount": "2", "currency": "CNY"}],
    }
    how = {"constants": {"at": "2020-01-01"}}
    async with tenant_in(database) as tenant:
        for kind, rows in old.items():
            summary = await run(tenant, written(tmp_path / f"{kind}.csv", rows), job(kind, **how))
            assert summary.rejected == 0, (kind, rejected(summary))
            assert summary.imported == len(rows), kind
        events = await tenant.log.read()
        for kind, rows in old.items():
            backwards = written(tmp_path / f"again_{kind}.csv", rows[::-1])
            again = await run(tenant, backwards, job(kind, **how))
            assert (again.imported, again.repeated, again.rejected) == (0, len(rows), 0), kind
        assert await tenant.log.head() == len(events)

    happened = Counter(recorded.name for recorded in events)
    assert happened["ContactPointAdded"] == 5
    assert [r.stream for r in events if r.name == "ProfileChanged"] == [
        "customer-c1"
    ]  # c3's says what is known
    assert [recorded.name for recorded in events if recorded.stream == "order-o1"] == [
        "OrderPlaced", "OrderDetailed", "PaymentReceived", "OrderFulfilled", "RefundPaid",
    ]  # fmt: skip
    course = [(r.name, f"{r.occurred_at:%d}") for r in events if r.stream == "complaint-k1"]
    assert course == [
        ("ComplaintReceived", "01"),
        ("ComplaintAcknowledged", "01"),
        ("ComplaintAssessed", "01"),
        ("ComplaintAssigned", "01"),
        ("InvestigationRecorded", "01"),
        ("RemedyOffered", "01"),
        ("RemedyAccepted", "06"),
        ("DecisionCommunicated", "07"),
        ("SatisfactionVerified", "07"),
        ("ComplaintClosed", "08"),
    ]
    [answered] = [r.event for r in events if r.name == "ResponseRecorded"]
    assert {a.question_id: a.score for a in answered.answers} == {"q1": 5, "q2": 4}  # type: ignore[attr-defined]
    assert {r.actor for r in events if r.stream == "interaction-i1"} == {"mei"}


async def test_what_became_of_a_row_can_come_later(database: str, tmp_path: Path) -> None:
    """The old system goes on for a while: its next file has the same complaint, now closed."""
    first = {"id": "k", "customer": "c", "category": "price", "text": "dear", "at": "2020-01-02"}
    then = {**first, "apology": "sorry", "acknowledged_at": "2020-01-03", "decision": "no"}
    async with tenant_in(database) as tenant:
        await run(tenant, written(tmp_path / "c.csv", [{"id": "c", "at": "2020-01-01"}]), job("customers"))
        for rows in ([first], [then], [then | {"category": "other"}]):
            summary = await run(tenant, written(tmp_path / "k.csv", rows), job("complaints"))
        assert rejected(summary)[0][1] == "id"
        names = [r.name for r in await tenant.log.read()]
        assert names[1:] == ["ComplaintReceived", "ComplaintAcknowledged", "DecisionCommunicated"]


async def test_a_refusal_names_the_column_of_the_part_that_was_refused(database: str, tmp_path: Path) -> None:
    order = {"id": "o", "customer": "c", "amount": "2", "currency": "EUR", "at": "2020-01-01"}
    rows = [
        order | {"paid_amount": "3"},
        order | {"id": "p", "refunded_amount": "1"},
        order | {"id": "q", "paid_amount": "1,5"},
        order | {"id": "r", "cancelled_at": "soon", "reason": "x"},
    ]
    async with tenant_in(database) as tenant:
        await run(tenant, written(tmp_path / "c.csv", [{"id": "c", "at": "2020-01-01"}]), job("customers"))
        summary = await run(tenant, written(tmp_path / "o.csv", rows), job("orders"))
        assert [(column, rule.split(" ")[0]) for _, column, rule in rejected(summary)] == [
            ("paid_amount", "Order"),
            ("refunded_reason", "is"),
            ("paid_amount", "'1,5'"),
            ("cancelled_at", "'soon'"),
        ]
        assert [told.code for told in summary.rejections] == ["Overpaid", *["InvalidInput"] * 3]


async def test_a_refused_row_whose_id_was_used_before_registers_nobody(database: str, tmp_path: Path) -> None:
    bought = {"id": "1", "customer": "a", "amount": "1", "currency": "EUR", "at": "2020-01-01"}
    other = bought | {"customer": "b"}
    async with tenant_in(database) as tenant:
        both = await run(tenant, written(tmp_path / "a.csv", [bought, other]), job())
        later = await run(tenant, written(tmp_path / "b.csv", [other]), job())
        assert [rejected(summary)[0][1] for summary in (both, later)] == ["id", "id"]
        assert {r.customer_id for r in await tenant.log.read()} == {"a"}


async def test_a_row_goes_in_whole_or_not_at_all(database: str, tmp_path: Path) -> None:
    order = {"customer": "c", "amount": "2", "currency": "EUR", "at": "2020-01-01"}
    rows = [order | {"id": "o", "paid_amount": "3"}, order | {"id": "p", "paid_amount": "2"}]
    card = {"customer": "c", "kind": "account", "at": "2020-01-01", "evidence": "seen"}
    cards = [card | {"value": "1"}, card | {"value": "1"}, card | {"value": "2"}]
    async with tenant_in(database) as tenant:
        await run(tenant, written(tmp_path / "c.csv", [{"id": "c", "at": "2020-01-01"}]), job("customers"))
        assert (await run(tenant, written(tmp_path / "o.csv", rows), job("orders"))).rejected == 1
        summary = await run(tenant, written(tmp_path / "i.csv", cards), job("identifiers"))
        assert (summary.imported, summary.rejected) == (2, 1)
        events = (await tenant.log.read())[1:]
        assert [(r.stream, r.version, r.name) for r in events] == [
            ("order-p", 1, "OrderPlaced"),
            ("order-p", 2, "PaymentReceived"),
            ("customer-c", 2, "IdentifierAdded"),
            ("customer-c", 3, "IdentifierVerified"),
            ("customer-c", 4, "IdentifierAdded"),
            ("customer-c", 5, "IdentifierVerified"),
        ]


async def test_a_customer_is_registered_with_the_first_row_that_goes_in(
    database: str, tmp_path: Path
) -> None:
    """The domain refuses the first purchase, since there is such an order: its customer is not made by it."""
    bought = {"amount": "1", "currency": "EUR", "at": "2020-01-02"}
    rows = [
        {"id": "taken", "customer": "b", **bought},
        {"id": "taken", "customer": "d", **bought},
        {"id": "new", "customer": "b", **bought, "at": "2020-01-03"},
    ]
    async with tenant_in(database) as tenant:
        await run(tenant, written(tmp_path / "c.csv", [{"id": "a", "at": "2020-01-01"}]), job("customers"))
        placed = {"id": "taken", "customer": "a", **bought}
        await run(tenant, written(tmp_path / "o.csv", [placed]), job("orders"))
        summary = await run(tenant, written(tmp_path / "p.csv", rows), job())
        assert [told.code for told in summary.rejections] == ["OrderAlreadyPlaced"] * 2
        assert (summary.imported, {r.customer_id for r in await tenant.log.read()}) == (1, {"a", "b"})
