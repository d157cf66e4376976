"""A notebook's calls, made where an event loop runs already, as in Jupyter."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import kehu as public
from domain.calendar import EndDay
from domain.commands import parse
from domain.complaints import ReceiveComplaint
from domain.tiers import PublishTierPolicy
from infra.database import connected
from infra.tenant import open_tenant
from kehu.notebook import NotBuilt, OpenLog
from projections import view as declaring
from projections.folding import NotFolded
from projections.view import views
from tests.kehu.console import kehu

PURCHASES = """id,customer,at,amount,currency
1,王-1,1997-01-02,11.77,USD
2,b,1997-01-05,2.50,USD
3,王-1,1997-01-05,1,USD
"""
CELL = '''
from kehu import CustomerId, OrderPlaced, Recorded, View, on, view

@view("buyers", key="customer_id")
class Buyer(View):
    """Who bought."""
    customer_id: CustomerId
    orders: int = 0
    """How often."""

    @on(OrderPlaced)
    def ordered(self, recorded: Recorded[OrderPlaced]) -> "Buyer":
        return self.but(orders=self.orders + STEP)
'''


@pytest.fixture
def log(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenLog]:
    file = tmp_path / "purchases.csv"
    file.write_text(PURCHASES, encoding="utf-8")
    assert kehu("import", file, "--as", "purchases", "--end-days", database=database).returncode == 0
    assert kehu("rebuild", database=database).returncode == 0
    monkeypatch.delenv("KEHU_TENANT", raising=False)
    monkeypatch.setenv("KEHU_DATABASE_URL", database)
    with public.open_log() as opened:
        yield opened


async def test_events_rows_and_runs_are_arrow(log: OpenLog) -> None:
    mine = log.events([public.OrderPlaced, "PaymentReceived"], customer="王-1")
    assert mine.column("name").to_pylist() == ["OrderPlaced", "PaymentReceived"] * 2
    assert '"total_minor":1177' in mine.column("data")[0].as_py()
    last = log.events(since="1997-01-05")
    assert last.column("position").to_pylist() == [log.position()]
    for view in ("orders", "customers", "spendings"):
        assert log.run(view).equals(log.rows(view))
        assert log.run(view, until="1997-01-02").equals(log.rows(view, "1997-01-02"))
    assert log.rows("orders", 0).num_rows == 0
    with pytest.raises(NotFolded):
        log.run("customer_values")
    with pytest.raises(public.NoSuchMoment, match="has not ended"):
        log.rows("orders", "2001-01-01")


async def test_a_run_looks_up_what_the_built_views_say(log: OpenLog, database: str) -> None:
    by = {"actor": "mei", "occurred_at": "1997-01-07T12:00:00Z"}
    rules = [{"tier": tier} for tier in ("platinum", "gold", "iron", "lead")]
    tiers = {"policy_version": "p", "effective_from": "1997-01-01", "currency": "USD", "window_days": 9}
    complaint = {"complaint_id": "k", "customer_id": "王-1", "category": "product", "text": "坏了"}
    async with connected(database) as pool, open_tenant(pool, "main", ()) as tenant:
        for command in (
            parse(PublishTierPolicy, {"command_id": "p", **by, **tiers, "cadence": "day", "rules": rules}),
            parse(EndDay, {"command_id": "e", **by, "day": "1997-01-06"}),
            parse(ReceiveComplaint, {"command_id": "k", **by, **complaint}),
        ):
            await tenant.engine.execute(command)
    assert kehu("rebuild", database=database).returncode == 0
    run = log.run("complaints")
    assert run.column("tier").to_pylist() == ["platinum"]
    assert run.equals(log.rows("complaints"))


async def test_two_moments_compared(log: OpenLog) -> None:
    changes = log.compare("1997-01-02", "1997-01-05", "spendings")
    new, grown = changes
    assert (new.key, new.before) == (("b", "USD"), None)
    assert grown.before is not None
    assert grown.after is not None
    assert (grown.before["spent_minor"], grown.after["spent_minor"]) == (1177, 1277)
    assert set(grown.before) == {"order_count", "received_minor", "spent_minor", "last_order_at"}
    of_one = log.compare("1997-01-02", None, customer="王-1")
    assert {c.view for c in of_one} == {"customers", "orders", "spendings", "timeline"}
    assert log.compare(None, None, customer="王-1") == []


async def test_a_view_declared_in_a_cell_and_again(log: OpenLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(declaring, "_views", dict(views))
    monkeypatch.setattr("kehu.notebook.views", declaring._views)
    cell = ModuleType("cell_without_a_file")
    monkeypatch.setitem(sys.modules, cell.__name__, cell)
    for step in (1, 5):
        source, name = CELL.replace("STEP", str(step)), f"<cell {step}>"
        linecache.cache[name] = (len(source), None, source.splitlines(True), name)
        exec(compile(source, name, "exec", dont_inherit=True), cell.__dict__)
        assert log.run(cell.__dict__["Buyer"]).column("orders").to_pylist() == [step, 2 * step]
    assert declaring._views["buyers"].field("orders").doc == "How often."
    with pytest.raises(NotBuilt, match="serve it first"):
        log.rows("buyers")
