"""The demo's purchases: CDNOW's first buyers of 1997, from the data files of the package `lifetimes`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import msgspec

from infra.imports.files import open_table
from infra.imports.kinds import PURCHASES
from infra.imports.steps import Job
from infra.imports.tables import WHITESPACE, Row, Shape, Table

FILE = "CDNOW_master.txt"
PACKAGE = "lifetimes"
JOB = Job(
    kind=PURCHASES,
    columns={"customer": "customer_id", "at": "date", "amount": "dollar_value", "quantity": "number_of_cds"},
    constants={"currency": "USD"},
    source=FILE,
    end_days=True,
)


class DataMissing(Exception):
    """The demo's data is not installed."""


def find() -> Path:
    """The file as the package brought it; the package itself is never imported. Raises `DataMissing`."""
    try:
        files = distribution(PACKAGE).files or ()
    except PackageNotFoundError:
        files = ()
    for file in files:
        if file.name == FILE:
            return Path(str(file.locate()))
    raise DataMissing(
        f"the demo's purchases come with the package {PACKAGE} 0.11.3, of which only the data is used:"
        f" pip install --no-deps {PACKAGE}==0.11.3"
    )


def purchases(path: Path, customers: int | None = None) -> Table:
    """The purchases of the first so many customers, each row with an id: `cdnow-`, customer, how manieth."""
    table = open_table(path, Shape(delimiter=WHITESPACE))
    assert table.columns is not None

    def rows() -> Iterator[Row]:
        bought: Counter[str] = Counter()
        for row in table.rows():
            customer = row.values["customer_id"]
            if customers is not None and customer not in bought and len(bought) == customers:
                return
            bought[customer] += 1
            number = f"cdnow-{customer}-{bought[customer]}"
            yield msgspec.structs.replace(row, values={**row.values, "id": number})

    digest = table.digest if customers is None else f"{table.digest}:{customers}"
    about = table.about if customers is None else 3 * customers
    return msgspec.structs.replace(
        table, columns=(*table.columns, "id"), rows=rows, digest=digest, about=about
    )
