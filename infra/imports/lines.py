"""Files of lines: CSV and JSON Lines, in whichever encoding and with whichever delimiter they are."""

from __future__ import annotations

import codecs
import csv
import hashlib
import json
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from infra.imports.tables import JSON_COLUMNS, WHITESPACE, Row, Shape, Table, TableError, texts

BLOCK = 1 << 20
UTF_8 = "utf-8-sig"
"""With a mark at the beginning, or without."""
DELIMITERS = (",", ";", "\t", "|")
"""Those that are recognised."""
CHINESE = 0.9
"""The share of the letters beyond ASCII that must be common Chinese ones, for a file to be GB 18030."""


# --- Encodings ------------------------------------------------------------------------------------


def encoding_of(path: Path, told: str | None) -> str:
    """The encoding in which a file is read; bytes that are none come as surrogates. Raises `TableError`."""
    if told is not None:
        return _known(told)
    with path.open("rb") as file:
        begin = file.read(BLOCK)
    if begin.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return "gb18030" if not _is_utf_8(path) and _is_chinese(begin) else UTF_8


def _known(name: str) -> str:
    try:
        codec = codecs.lookup(name)
        "".encode(name)  # some codecs are not of texts
    except LookupError:
        raise TableError(f"{name!r} is not an encoding, such as utf-8, gb18030 or utf-16") from None
    return UTF_8 if codec.name == "utf-8" else codec.name


def _is_utf_8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        try:
            while block := file.read(BLOCK):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _is_chinese(begin: bytes) -> bool:
    """Whether most letters beyond ASCII are those of GB 2312; those of a European encoding make rare ones."""
    foreign = [letter for letter in begin.decode("gb18030", "replace") if not letter.isascii()]
    common = sum(bool(letter.encode("gb2312", "ignore")) for letter in foreign)
    return common > CHINESE * len(foreign)


def _opened(path: Path, encoding: str, newline: str) -> Generator[str]:
    errors = "strict" if encoding.startswith(("utf-16", "utf-32")) else "surrogateescape"
    try:
        with path.open(encoding=encoding, errors=errors, newline=newline) as file:
            yield from file
    except UnicodeError as error:
        raise TableError(f"{path.name} is not text in {encoding}: {error}") from None


# --- CSV ------------------------------------------------------------------------------------------


def csv_table(path: Path, shape: Shape, digest: str, lines: int) -> Table:
    """A CSV file. Raises `TableError`."""
    encoding = encoding_of(path, shape.encoding)
    delimiter = shape.delimiter or _delimiter_of(path, encoding, shape.columns)
    if delimiter != WHITESPACE and (len(delimiter) != 1 or delimiter in '"\r\n'):
        raise TableError(f"{delimiter!r} is not a delimiter: a character, 'tab' or 'whitespace'")
    columns = shape.columns or _header(path, encoding, delimiter)
    return Table(
        name=path.name,
        path=path,
        columns=columns,
        raw_columns=columns,
        rows=lambda: _csv_rows(path, encoding, delimiter, columns, skip=shape.columns is None),
        digest=as_read(digest, encoding),
        about=max(lines - (shape.columns is None), 0),
        reading=_told(encoding, delimiter),
    )


def as_read(digest: str, encoding: str) -> str:
    """What tells a file that is read so from the same file in another encoding."""
    return digest if encoding == UTF_8 else hashlib.sha256(f"{digest} {encoding}".encode()).hexdigest()


def _told(encoding: str, delimiter: str) -> str:
    names = {"\t": "tabs", WHITESPACE: "blanks"}
    told = [] if encoding == UTF_8 else [encoding]
    return ", ".join(
        told if delimiter == "," else [*told, f"{names.get(delimiter, delimiter)} between columns"]
    )


def _delimiter_of(path: Path, encoding: str, columns: Sequence[str] | None) -> str:
    """The one that makes as many columns as are named, or else most, of the first line."""
    widths: dict[str, int] = {}
    for delimiter in DELIMITERS:
        _, cells, problem = next(_records(path, encoding, delimiter), (1, [], None))
        widths[delimiter] = 0 if problem else len(cells)
    if columns is not None:
        return next((delimiter for delimiter, width in widths.items() if width == len(columns)), ",")
    return max(DELIMITERS, key=lambda delimiter: widths[delimiter])


def _header(path: Path, encoding: str, delimiter: str) -> tuple[str, ...]:
    _, names, problem = next(_records(path, encoding, delimiter), (1, [], None))
    columns = () if problem else tuple(name.strip() for name in names)
    if any("\ud800" <= letter <= "\udfff" for name in columns for letter in name):
        raise TableError(f"{path.name}: its first line is not text in {encoding}; say --encoding")
    if not any(columns):
        raise TableError(f"{path.name}: it does not begin with a line that names the columns")
    if len(set(columns)) < len(columns):
        raise TableError(f"{path.name}: two columns have the same name")
    return columns


def _csv_rows(
    path: Path, encoding: str, delimiter: str, columns: Sequence[str], *, skip: bool
) -> Iterator[Row]:
    records = _records(path, encoding, delimiter, len(columns))
    if skip:
        next(records, None)
    for line, cells, problem in records:
        values = {name: cell for name, cell in zip(columns, cells, strict=False) if cell}
        yield Row(line, values, cells, problem)


_Record = tuple[int, list[str], str | None]
"""Line, cells and problem."""


def _records(path: Path, encoding: str, delimiter: str, width: int | None = None) -> Iterator[_Record]:
    """The records that are not blank, each of `width` cells."""
    with closing(_opened(path, encoding, "")) as file:
        if delimiter == WHITESPACE:
            for line, text in enumerate(file, start=1):
                if cells := text.split():
                    yield line, cells, misfit(cells, width)
        else:
            yield from _quoted_records(_Lines(file), delimiter, width)


def _quoted_records(lines: _Lines, delimiter: str, width: int | None) -> Iterator[_Record]:
    """Records that may go over several lines; of a bad one that does, only the first line is taken."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = lines.begin()
        try:
            cells = next(reader)
            problem = misfit(cells, width) if cells else None
        except StopIteration:
            return
        except csv.Error as error:
            cells, problem = [], str(error)
        if problem and (not cells or lines.taken > 1):
            if lines.taken > 1:
                problem = f"a quoted cell that begins here does not end as it should: {problem}"
            cells = lines.keep_first().rstrip("\r\n").split(delimiter)
        if cells:
            yield line, cells, problem


def misfit(cells: Sequence[str], width: int | None) -> str | None:
    return None if width in (None, len(cells)) else f"has {len(cells)} cells, not {width}"


class _Lines:
    """A file's physical lines, which can be taken back but for the first."""

    def __init__(self, file: Iterator[str]) -> None:
        self._file = file
        self._returned: deque[str] = deque()
        self._taken: list[str] = []
        self._before = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        text = self._returned.popleft() if self._returned else next(self._file)
        self._taken.append(text)
        return text

    @property
    def taken(self) -> int:
        """How many lines the record has taken so far."""
        return len(self._taken)

    def begin(self) -> int:
        """Begin a record; the number of its first line."""
        self._before += len(self._taken)
        self._taken.clear()
        return self._before + 1

    def keep_first(self) -> str:
        """Give back all lines of the record but its first, which is the answer."""
        self._returned.extendleft(reversed(self._taken[1:]))
        del self._taken[1:]
        return self._taken[0]


# --- JSON Lines -----------------------------------------------------------------------------------


def json_table(path: Path, shape: Shape, digest: str, lines: int) -> Table:
    """A file with a JSON object on each line. Raises `TableError`."""
    encoding = encoding_of(path, shape.encoding)
    return Table(
        name=path.name,
        path=path,
        columns=None,
        raw_columns=JSON_COLUMNS,
        rows=lambda: _json_rows(path, encoding),
        digest=as_read(digest, encoding),
        about=lines,
        reading=_told(encoding, ","),
    )


def _json_rows(path: Path, encoding: str) -> Iterator[Row]:
    for line, text in enumerate(_opened(path, encoding, "\n"), start=1):
        if text := text.strip():
            values, problem = json_values(text)
            yield Row(line, values, (text,), problem)


def json_values(text: str) -> tuple[dict[str, str], str | None]:
    try:
        fields = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        return {}, f"is not JSON: {error}"
    if not isinstance(fields, dict):
        return {}, "is not a JSON object"
    flat = [pair for name, value in fields.items() for pair in _members(name, value)]
    for name, value in flat:
        if isinstance(value, dict):
            return {}, f"{name}: must not be an object"
    return texts((name, _line(value) if isinstance(value, list) else value) for name, value in flat), None


def _members(name: str, value: object) -> list[tuple[str, object]]:
    """A value, or those of an object, each as if it had a column of its own: `answers.q1`."""
    if not isinstance(value, dict):
        return [(name, value)]
    return [(f"{name}.{key}", part) for key, part in value.items()]


def _line(values: list[object]) -> str:
    return json.dumps(values, ensure_ascii=False)
