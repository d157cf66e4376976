"""Files that know their columns and types: Parquet, and the workbooks of Excel and LibreOffice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from infra.imports.tables import Row, Shape, Table, TableError, as_text, texts

if TYPE_CHECKING:
    from python_calamine import CalamineSheet


def parquet_table(path: Path, digest: str) -> Table:
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise TableError("Parquet files need pyarrow: pip install 'kehu[files]'") from None
    try:
        with ParquetFile(path) as file:
            columns, count = tuple(file.schema_arrow.names), file.metadata.num_rows
    except ArrowException as error:
        raise TableError(f"{path.name}: {error}") from None
    return Table(
        name=path.name,
        path=path,
        columns=columns,
        raw_columns=columns,
        rows=lambda: _parquet_rows(path, columns),
        digest=digest,
        about=count,
    )


def _parquet_rows(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    from pyarrow.parquet import ParquetFile

    line = 0
    with ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=5_000):
            for fields in batch.to_pylist():
                line += 1
                values = texts(fields.items())
                yield Row(line, values, [values.get(name, "") for name in columns])


def workbook_table(path: Path, shape: Shape, digest: str) -> Table:
    """A sheet of a workbook (.xlsx, .xlsm, .xlsb, .xls, .ods); as a whole in memory, as sheets are.

    Raises `TableError`.
    """
    sheet = _sheet(path, shape.sheet)
    header = next(_sheet_rows(sheet), None)
    columns = shape.columns or (tuple(cell.strip() for cell in header[1]) if header else ())
    if not any(columns):
        raise TableError(f"{path.name}: the sheet {sheet.name!r} does not begin with the columns' names")
    while columns and not columns[-1]:
        columns = columns[:-1]
    if len(set(columns)) < len(columns):
        raise TableError(f"{path.name}: two columns of the sheet {sheet.name!r} have the same name")
    skip = shape.columns is None

    def rows() -> Iterator[Row]:
        for line, cells in islice(_sheet_rows(sheet), skip, None):
            more = any(cells[len(columns) :])
            problem = f"has cells beyond the {len(columns)} columns" if more else None
            cells = [*cells, *[""] * (len(columns) - len(cells))] if not more else cells
            values = {name: cell for name, cell in zip(columns, cells, strict=False) if name and cell}
            yield Row(line, values, cells if more else cells[: len(columns)], problem)

    return Table(
        name=path.name,
        path=path,
        columns=columns,
        raw_columns=columns,
        rows=rows,
        digest=hashlib.sha256(f"{digest} {sheet.name}".encode()).hexdigest(),
        about=max(sheet.height - skip, 0),
        reading=f"sheet {sheet.name}",
    )


def _sheet(path: Path, name: str | None) -> CalamineSheet:
    try:
        from python_calamine import CalamineError, CalamineWorkbook
    except ImportError:
        raise TableError("workbooks need python-calamine: pip install 'kehu[files]'") from None
    try:
        workbook = CalamineWorkbook.from_path(path)
        if name is not None and name not in workbook.sheet_names:
            listed = ", ".join(workbook.sheet_names)
            raise TableError(f"{path.name} has no sheet {name!r}; its sheets are {listed}")
        return workbook.get_sheet_by_name(name) if name else workbook.get_sheet_by_index(0)
    except (CalamineError, ValueError) as error:
        raise TableError(f"{path.name}: {error}") from None


def _sheet_rows(sheet: CalamineSheet) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, with their numbers in the sheet."""
    for line, cells in enumerate(sheet.iter_rows(), start=1):
        written = [as_text(cell) for cell in cells]
        if any(written):
            yield line, written
