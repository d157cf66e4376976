"""`kehu fit` keeps a model in the log; predictions then follow, and those of earlier moments stay."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from domain.lifetime import LifetimeModelFitted, alive, expected_purchases, expected_spend
from infra.database import connected
from infra.tenant import open_tenant
from kehu.builtin import NAMES
from projections.view import reports, views
from tests.cdnow import purchases
from tests.kehu.console import kehu


@pytest.fixture
def filled(database: str, tmp_path: Path) -> str:
    """The first three hundred customers of CDNOW's sample."""
    file = tmp_path / "purchases.csv"
    lines = [
        f"{customer}-{day},{customer},{day},{cents / 100:.2f},USD"
        for customer, day, cents in purchases()
        if int(customer) <= 3_000
    ]
    file.write_text("\n".join(["id,customer,at,amount,currency", *lines]))
    assert kehu("import", file, "--as", "purchases", database=database).returncode == 0
    return database


async def test_a_fitted_model_predicts(filled: str) -> None:
    tried = kehu("fit", "--on", "1997-09-30", "--dry-run", "--json", database=filled)
    assert tried.returncode == 0, tried.stderr
    assert json.loads(tried.stdout)["position"] is None
    kept = kehu("fit", "--on", "1997-09-30", "--id", "first", "--json", database=filled)
    assert kept.returncode == 0, kept.stderr
    told = json.loads(kept.stdout)
    assert told["r"] == pytest.approx(json.loads(tried.stdout)["r"])
    again = kehu("fit", "--on", "1998-03-31", "--id", "first", database=filled)
    used = "kehu: the command id 'fit/first' was used before, for another command\n"
    assert (again.returncode, again.stderr) == (1, used)
    fields = {name: told[name] for name in LifetimeModelFitted.__struct_fields__}
    model = msgspec.convert(fields, LifetimeModelFitted)
    async with (
        connected(filled) as pool,
        open_tenant(pool, "main", [views[name] for name in NAMES]) as tenant,
    ):
        await tenant.projector.catch_up()
        standing = await tenant.reader.standing()
        asked = {"customer_id": None, "weeks": 39, "on": model.fitted_on}
        rows = await tenant.reader.report(reports["lifetime_values"], standing, told["position"], asked)
        before = await tenant.reader.report(reports["lifetime_values"], standing, told["position"] - 1, asked)
    assert len(rows) == 200
    assert before == []
    days: dict[str, list[tuple[int, int]]] = {}
    for customer, day, cents in purchases():
        if day <= model.fitted_on:
            days.setdefault(customer, []).append((day.toordinal(), cents))
    for row in rows:
        bought = sorted(days[row["customer"]])
        x, first = len(bought) - 1, bought[0][0]
        t_x, t = (bought[-1][0] - first) / 7, (model.fitted_on.toordinal() - first) / 7
        mean = sum(cents for _, cents in bought[1:]) / 100 / x if x else 0.0
        assert row["repeats"] == x
        assert row["probability_alive"] == pytest.approx(alive(model, x, t_x, t))
        assert row["expected_purchases"] == pytest.approx(expected_purchases(model, 39, x, t_x, t))
        assert row["expected_spend"] == pytest.approx(expected_spend(model, x, mean))


def test_a_log_without_orders_says_so(database: str) -> None:
    kehu("tenants", "--create", "main", database=database)
    refused = kehu("fit", database=database)
    assert (refused.returncode, refused.stderr) == (1, "kehu: there are no orders in USD: say --currency\n")
