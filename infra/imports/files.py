"""Opens a file as a table: CSV, JSON Lines, Parquet, a workbook, or mended rejects of one of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from infra.imports.columnar import parquet_table, workbook_table
from infra.imports.lines import csv_table, json_table, json_values, misfit
from infra.imports.tables import JSON_COLUMNS, REJECTED, Row, Shape, Table, TableError

FORMATS: Mapping[str, str] = {
    **dict.fromkeys((".csv", ".txt", ".tsv"), "csv"),
    **dict.fromkeys((".jsonl", ".ndjson"), "jsonl"),
    **dict.fromkeys((".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"), "excel"),
    ".parquet": "parquet",
}
"""Which format a file's name stands for."""
BLOCK = 1 << 20


def open_table(path: Path, shape: Shape) -> Table:
    """The file as a table. Raises `TableError` where it is none, `OSError` where it cannot be read."""
    form = shape.format or FORMATS.get(path.suffix.lower())
    digest, lines = _survey(path)
    match form:
        case "csv":
            if path.suffix.lower() == ".tsv" and shape.delimiter is None:
                shape = msgspec.structs.replace(shape, delimiter="\t")
            table = csv_table(path, shape, digest, lines)
        case "jsonl":
            table = json_table(path, shape, digest, lines)
        case "parquet":
            table = parquet_table(path, digest)
        case "excel":
            table = workbook_table(path, shape, digest)
        case _:
            raise TableError(f"{path.name}: say which format it has (csv, jsonl, parquet or excel)")
    return _mended(table) if table.raw_columns[: len(REJECTED)] == REJECTED else table


def _mended(table: Table) -> Table:
    """The rows of a rejects file, as the file that they come from would have them."""
    columns = table.raw_columns[len(REJECTED) :]
    as_json = columns == JSON_COLUMNS

    def rows() -> Iterator[Row]:
        for row in table.rows():
            raw, id = row.raw[len(REJECTED) :], row.values.get("row_id")
            problem = row.problem and misfit(raw, len(columns))
            values: Mapping[str, str] = {name: row.values[name] for name in columns if name in row.values}
            if as_json and not problem:
                values, problem = json_values(raw[0])
            yield Row(row.line, values, raw, problem or row.problem, id)

    return msgspec.structs.replace(
        table, columns=None if as_json else columns, raw_columns=columns, rows=rows
    )


def _survey(path: Path) -> tuple[str, int]:
    """A digest of the file's content, and how many lines it has."""
    digest, lines, last = hashlib.sha256(), 0, b"\n"
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            lines += block.count(b"\n")
            last = block[-1:]
    return digest.hexdigest(), lines + (last != b"\n")
