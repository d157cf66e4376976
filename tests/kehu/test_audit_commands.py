"""`kehu replay`, `kehu status` and `kehu rebuild` on a small imported log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from domain.calendar import EndDay
from domain.commands import parse
from domain.tiers import PublishTierPolicy
from infra.database import connected
from infra.tenant import open_tenant
from kehu.console import write_rows
from tests.kehu.console import kehu

PURCHASES = """id,customer,at,amount,currency
1,王-1,1997-01-02,11.77,USD
2,王-1,1997-01-05,0,USD
3,b,1997-01-05,2.50,USD
"""
COMPLAINTS = """id,customer,at,category,text
k1,王-1,1997-01-06T10:00,delivery,太慢了 😡
"""


@pytest.fixture
def filled(database: str, tmp_path: Path) -> str:
    """The DSN of a database with two customers and a complaint, days ended to 5 January."""
    for name, text, more in (("purchases", PURCHASES, ["--end-days"]), ("complaints", COMPLAINTS, [])):
        file = tmp_path / f"{name}.csv"
        file.write_text(text, encoding="utf-8")
        result = kehu("import", file, "--as", name, *more, database=database)
        assert result.returncode == 0, result.stderr
    return database


def replayed(database: str, *more: str) -> list[dict[str, object]]:
    result = kehu("replay", "--customer", "王-1", "--json", *more, database=database)
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_replay_tells_everything_about_the_customer(filled: str) -> None:
    story = replayed(filled)
    assert [(e["event"], e["stream"]) for e in story] == [
        ("CustomerRegistered", "customer-王-1"),
        ("OrderPlaced", "order-1"),
        ("PaymentReceived", "order-1"),
        ("OrderPlaced", "order-2"),
        ("ComplaintReceived", "complaint-k1"),
    ]
    assert story[2]["changes"] == [
        {"field": "paid_minor", "old": 0, "new": 1177},
        {"field": "payment_ids", "old": [], "new": ["1"]},
    ]
    assert (story[1]["actor"], story[1]["source"]) == ("import", "purchases.csv")


def explained(database: str, *words: str) -> list[dict[str, object]]:
    result = kehu("explain", *words, "--json", database=database)
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_explain_tells_which_events_made_a_field_what_it_is(filled: str) -> None:
    paid, placed = explained(filled, "orders", "1", "--field", "paid_minor")
    assert (paid["event"], paid["changes"]) == (
        "PaymentReceived",
        [{"field": "paid_minor", "old": 0, "new": 1177}],
    )
    assert (placed["event"], placed["until"]) == ("OrderPlaced", paid["since"])
    assert explained(filled, "orders", "1", "--as-of", str(placed["since"]))[0]["event"] == "OrderPlaced"
    told = kehu("explain", "orders", "1", database=filled).stdout
    assert "paid_minor: 0 → 1177" in told
    missing = kehu("explain", "orders", "9", database=filled)
    assert missing.returncode == 3
    assert "orders had no row '9'" in missing.stderr.splitlines()[-1]


def test_replay_up_to_a_position_a_day_or_a_time(filled: str) -> None:
    story = replayed(filled)
    assert len(replayed(filled, "--position", str(story[2]["position"]))) == 3
    assert len(replayed(filled, "--at", "1997-01-02")) == 3
    assert len(replayed(filled, "--at", str(story[3]["recorded_at"]))) == 4


def test_replay_shows_a_table(filled: str) -> None:
    text = kehu("replay", "--customer", "王-1", database=filled).stdout
    assert "paid_minor: 0 → 1177" in text
    assert "1997-01-06 10:00:00" in text


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--customer", "nobody"], 3, "has no customer 'nobody'"),
        (["--customer", "b", "--position", "1"], 3, "up to position 1"),
        (["--customer", "b", "--position", "99"], 3, "must be between 0 and 12, where the log ends"),
        (["--customer", "b", "--at", "1999-01-01"], 3, "1999-01-01 has not ended"),
        (["--customer", "b", "--at", "yesterday"], 2, "neither a position nor a date nor a time"),
        (
            ["--customer", "b", "--tenant", "other"],
            3,
            "there is no tenant 'other'; say --tenant with one of: main",
        ),
    ],
)
def test_replay_of_what_is_not_there(filled: str, arguments: list[str], code: int, told: str) -> None:
    result = kehu("replay", *arguments, database=filled)
    assert (result.returncode, result.stdout) == (code, "")
    assert told in result.stderr
    assert result.stderr.count("\n") == 1


def test_status(filled: str) -> None:
    status = json.loads(kehu("status", "--json", database=filled).stdout)
    assert (status["tenant"], status["head"], status["views"]) == ("main", 12, [])
    assert [(i["file"], i["imported"]) for i in status["imports"]] == [
        ("purchases.csv", 3),
        ("complaints.csv", 1),
    ]
    assert kehu("parked", database=filled).stdout == "No key is parked.\n"
    assert kehu("views", database=filled).stdout == "No view is built yet.\n"
    assert "12 events" in kehu("status", database=filled).stdout


def test_no_table_is_cut_off_where_the_terminal_is_narrow(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    row = {"view": "complaint_deadlines", "generation": 1, "position": 12_345_678, "digest": "0123456789ab"}
    write_rows("Views", [{**row, "failed": "ValueError: " + "x" * 90}])
    told = capsys.readouterr().out
    assert all(value in told for value in ("complaint_deadlines", "generation", "12,345,678", "0123456789ab"))
    assert "…" not in told


async def test_explain_tells_what_decided_from_what_happened_meanwhile(filled: str) -> None:
    by = {"actor": "mei", "occurred_at": "1997-01-07T12:00:00Z"}
    rules = [{"tier": tier} for tier in ("platinum", "gold", "iron", "lead")]
    tiers = {"policy_version": "p", "effective_from": "1997-01-01", "currency": "USD", "window_days": 9}
    async with connected(filled) as pool, open_tenant(pool, "main", ()) as tenant:
        for command in (
            parse(PublishTierPolicy, {"command_id": "p", **by, **tiers, "cadence": "day", "rules": rules}),
            parse(EndDay, {"command_id": "e", **by, "day": "1997-01-06"}),
        ):
            await tenant.engine.execute(command)
    told = kehu("explain", "customer_values", "王-1", "--field", "tier", database=filled).stdout
    behind = [line.split() for line in told.splitlines() if " by " in line]
    assert {(words[0], words[4]) for words in behind[1:]} == {
        ("because", "TierPolicyPublished"),
        ("meanwhile", "CustomerRegistered"),
        ("meanwhile", "OrderPlaced"),
        ("meanwhile", "PaymentReceived"),
        ("meanwhile", "ComplaintReceived"),
    }


def test_a_rebuild_says_the_same(filled: str) -> None:
    result = json.loads(kehu("rebuild", "--json", database=filled).stdout)
    assert (result["position"], {view["equal"] for view in result["views"]}) == (12, {True})
    assert {"customers", "orders", "complaints", "timeline"} <= {view["view"] for view in result["views"]}
    one = kehu("rebuild", "orders", database=filled)
    assert one.returncode == 0
    views = json.loads(kehu("status", "--json", database=filled).stdout)["views"]
    assert [v["generation"] for v in views if v["view"] == "orders"] == [3]
    assert all(v["lag"] == 0 for v in views)


async def test_a_rebuild_that_differs_is_told(filled: str) -> None:
    assert kehu("rebuild", "orders", database=filled).returncode == 0
    async with connected(filled) as pool:
        await pool.execute("UPDATE kehu_views.orders_2 SET total_minor = total_minor + 1")
    result = kehu("rebuild", "orders", "--json", database=filled)
    assert result.returncode == 1
    assert [view["equal"] for view in json.loads(result.stdout)["views"]] == [False]
