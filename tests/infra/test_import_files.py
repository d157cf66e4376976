"""Files as companies have them: workbooks, old encodings, any delimiter; all of them the same rows."""

from __future__ import annotations

import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from infra.imports.files import open_table
from infra.imports.tables import Shape, TableError
from tests.infra.test_importing import job, rejected, run, tenant_in, write

HEADER = ("编号", "客户", "日期", "金额", "说明")
ROWS = (("1", "王小明", "1997-01-02", "11.77", "绿茶"), ("2", "李雷", "1997-01-03", "5", "红茶, 两盒"))
NAMES = {"id": "编号", "customer": "客户", "at": "日期", "amount": "金额", "description": "说明"}
READ = [(2, dict(zip(HEADER, ROWS[0], strict=True))), (3, dict(zip(HEADER, ROWS[1], strict=True)))]


def lines(delimiter: str = ",") -> str:
    quoted = [[f'"{cell}"' if "," in cell else cell for cell in row] for row in (HEADER, *ROWS)]
    return "\n".join(delimiter.join(row) for row in quoted) + "\n"


def read(path: Path, shape: Shape | None = None) -> list[tuple[int, dict[str, str]]]:
    table = open_table(path, shape or Shape())
    assert table.columns == HEADER
    return [(row.line, dict(row.values)) for row in table.rows()]


# --- Encodings and delimiters ---------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16"])
def test_the_encoding_is_seen(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(lines().encode(encoding))
    assert read(path) == READ


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_seen(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "f.csv"
    path.write_text(lines(delimiter), encoding="utf-8")
    assert read(path) == READ
    path.write_text(lines(delimiter).partition("\n")[2], encoding="utf-8")
    headless = open_table(path, Shape(columns=HEADER)).rows()
    assert [dict(row.values) for row in headless] == [values for _, values in READ]


@pytest.mark.parametrize("delimiter", ["||", '"', "\n"])
def test_what_delimits_nothing_is_told(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "f.csv"
    path.write_text(lines(), encoding="utf-8")
    with pytest.raises(TableError, match="is not a delimiter: a character"):
        open_table(path, Shape(delimiter=delimiter))


def test_an_encoding_can_be_told(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes("name,at\nMüller,1997-01-02\nŁódź,x\n".encode("iso-8859-2"))
    told = [row.values["name"] for row in open_table(path, Shape(encoding="iso-8859-2")).rows()]
    assert told == ["Müller", "Łódź"]
    with pytest.raises(TableError, match="'klingon' is not an encoding"):
        open_table(path, Shape(encoding="klingon"))


@pytest.mark.parametrize("name", ["Müller", "Zoë", "Dvořák", "ÄÖÜ"])
def test_a_european_encoding_is_never_taken_for_chinese(tmp_path: Path, name: str) -> None:
    """Its bytes often happen to be letters of GB 18030: such rows are told, not changed."""
    path = tmp_path / "f.csv"
    path.write_bytes(f"name,at\n{name},1997-01-02\n".encode("iso-8859-2", "replace"))
    [row] = open_table(path, Shape()).rows()
    with pytest.raises(UnicodeEncodeError):
        row.values["name"].encode()


def test_one_bad_byte_spoils_one_row_of_an_old_file(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(lines().encode("gb18030").replace("李雷".encode("gb18030"), b"\xff"))
    first, second = open_table(path, Shape()).rows()
    assert dict(first.values) == READ[0][1]
    assert second.values["客户"] == "\udcff"


def test_a_first_line_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes("Größe,Müller\n1,2\n".encode("latin-1"))
    with pytest.raises(TableError, match=r"is not text in utf-8-sig; say --encoding"):
        open_table(path, Shape())


# --- Workbooks ------------------------------------------------------------------------------------

XLSX = {
    "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/xl/workbook.xml" ContentType='
    '"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>',
    "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/'
    'officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>'
    '<sheet name="封面" sheetId="1" r:id="r1"/><sheet name="订单" sheetId="2" r:id="r2"/></sheets>'
    "</workbook>",
    "xl/_rels/workbook.xml.rels": "<Relationships "
    'xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"'
    ' Target="worksheets/sheet1.xml"/><Relationship Id="r2" Type='
    '"http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"'
    ' Target="worksheets/sheet2.xml"/><Relationship Id="r3" Type='
    '"http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/>'
    "</Relationships>",
    "xl/styles.xml": '<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    '<cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>',
}
"""The parts of a workbook besides its sheets; style 1 is a date."""
FIRST_DAY = 35_431
"""What Excel calls 1 January 1997."""


def text(cell: str) -> str:
    return f'<c t="inlineStr"><is><t>{escape(cell)}</t></is></c>'


def sheet(*rows: str) -> str:
    inside = "".join(f"<row>{row}</row>" for row in rows)
    return (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        f"<sheetData>{inside}</sheetData></worksheet>"
    )


def typed(number: int, row: tuple[str, ...]) -> str:
    """A row as Excel keeps it: numbers as numbers, days as days."""
    id, customer, _, amount, said = row
    day = f'<c s="1"><v>{FIRST_DAY + number}</v></c>'
    return f"<c><v>{id}</v></c>{text(customer)}{day}<c><v>{amount}</v></c>{text(said)}"


def workbook(path: Path) -> Path:
    orders = sheet("".join(map(text, HEADER)), typed(1, ROWS[0]), typed(2, ROWS[1]))
    sheets = {"xl/worksheets/sheet1.xml": sheet(text("not this one")), "xl/worksheets/sheet2.xml": orders}
    with zipfile.ZipFile(path, "w") as file:
        for name, part in {**XLSX, **sheets}.items():
            file.writestr(name, part)
    return path


def open_document(path: Path) -> Path:
    """The same as LibreOffice keeps it."""
    names = {
        "office": "urn:oasis:names:tc:opendocument:xmlns:office:1.0",
        "table": "urn:oasis:names:tc:opendocument:xmlns:table:1.0",
        "text": "urn:oasis:names:tc:opendocument:xmlns:text:1.0",
    }
    kinds = ("float", "string", "date", "float", "string")
    values = {"float": "office:value", "date": "office:date-value", "string": "office:string-value"}

    def cell(kind: str, value: str) -> str:
        given = f'office:value-type="{kind}" {values[kind]}="{escape(value)}"'
        return f"<table:table-cell {given}><text:p>{escape(value)}</text:p></table:table-cell>"

    rows = [[cell("string", name) for name in HEADER]]
    rows += [[cell(kind, value) for kind, value in zip(kinds, row, strict=True)] for row in ROWS]
    inside = "".join(f"<table:table-row>{''.join(row)}</table:table-row>" for row in rows)
    spaces = " ".join(f'xmlns:{name}="{uri}"' for name, uri in names.items())
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        manifest = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
        file.writestr("META-INF/manifest.xml", f'<m:manifest xmlns:m="{manifest}"/>')
        file.writestr(
            "content.xml",
            f"<office:document-content {spaces}><office:body><office:spreadsheet>"
            f'<table:table table:name="订单">{inside}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        )
    return path


def test_a_sheet_of_excel_and_of_libreoffice(tmp_path: Path) -> None:
    assert read(workbook(tmp_path / "f.xlsx"), Shape(sheet="订单")) == READ
    assert read(open_document(tmp_path / "f.ods")) == READ
    with pytest.raises(TableError, match="has no sheet 'x'; its sheets are 封面, 订单"):
        open_table(tmp_path / "f.xlsx", Shape(sheet="x"))
    (tmp_path / "g.xlsx").write_text("no workbook")
    with pytest.raises(TableError, match=r"g\.xlsx: "):
        open_table(tmp_path / "g.xlsx", Shape())


async def test_a_workbook_a_csv_and_an_old_csv_are_the_same_import_rows(
    database: str, tmp_path: Path
) -> None:
    how = job(columns=NAMES, constants={"currency": "CNY"})
    old, new = tmp_path / "old.csv", tmp_path / "new.csv"
    old.write_bytes(lines(";").encode("gb18030"))
    new.write_text(lines(), encoding="utf-8")
    async with tenant_in(database) as tenant:
        first = await run(tenant, workbook(tmp_path / "f.xlsx"), how, Shape(sheet="订单"))
        assert (first.imported, first.rejected) == (2, 0)
        for path in (open_document(tmp_path / "f.ods"), old, new):
            again = await run(tenant, path, how)
            assert (again.imported, again.repeated, again.rejected) == (0, 2, 0), path.name


async def test_lines_of_json_with_lists_and_objects(database: str, tmp_path: Path) -> None:
    """As other programs write what holds several things."""
    at = '"at": "2020-01-01"'
    survey = '"kind": "csat", "variant": "1-5", "title": "x", "lowest": 1, "highest": 5'
    questions = '"questions": [{"question_id": "q1", "text": "Well?"}, {"question_id": "q2", "text": "And?"}]'
    bought = '"amount": 2, "currency": "EUR", "products": ["茶; 绿", "b"]'
    files = {
        "customers": f'{{"id": "c", {at}}}',
        "orders": f'{{"id": "o", "customer": "c", {at}, {bought}}}',
        "surveys": f'{{"id": "s", {at}, {survey}, {questions}}}',
        "survey_answers": f'{{"survey": "s", "customer": "c", {at}, "answers": {{"q1": 5, "q2": 4}}}}',
    }
    async with tenant_in(database) as tenant:
        for kind, line in files.items():
            summary = await run(tenant, write(tmp_path / f"{kind}.jsonl", line), job(kind))
            assert (summary.imported, summary.rejected) == (1, 0), (kind, summary.rejections)
        events = {r.name: r.event for r in await tenant.log.read()}
        assert events["OrderDetailed"].products == ("茶; 绿", "b")  # type: ignore[attr-defined]
        answers = events["ResponseRecorded"].answers  # type: ignore[attr-defined]
        assert {a.question_id: a.score for a in answers} == {"q1": 5, "q2": 4}


# --- Mended rejects -------------------------------------------------------------------------------


def mend(path: Path, wrong: str, right: str, encoding: str) -> None:
    """What somebody does with a rejects file in a spreadsheet."""
    path.write_bytes(path.read_text("utf-8-sig").replace(wrong, right).encode(encoding))


async def test_mended_rejects_go_in_once_with_or_without_an_id(database: str, tmp_path: Path) -> None:
    bought = ["a,1997-01-01,1", "a,1997-01-01,1", "a,1997-01-01,viel", "a,1997-01-01,viel", "b,1997-01-01,2"]
    path = tmp_path / "f.csv"
    path.write_text("\n".join(["customer,at,amount", *bought]) + "\n")
    how = job(constants={"currency": "CNY"})
    async with tenant_in(database) as tenant:
        first = await run(tenant, path, how)
        assert (first.imported, first.rejected) == (3, 2)
        assert first.rejects is not None
        mend(first.rejects, "-01,viel", "-01,1", "gb18030")  # four of the same now
        mended = await run(tenant, first.rejects, how)
        assert (mended.imported, mended.repeated, mended.rejected) == (2, 0, 0)
        first.rejects.write_text(first.rejects.read_text("gb18030") + "\n", encoding="utf-8-sig")
        again = await run(tenant, first.rejects, how)
        assert (again.imported, again.repeated, again.rejected) == (0, 2, 0)


async def test_mended_rejects_can_be_rejected_again(database: str, tmp_path: Path) -> None:
    path = tmp_path / "f.jsonl"
    good = '{"id": 1, "customer": "a", "at": "1997-01-01", "amount": 1, "currency": "USD"}'
    path.write_text(f"{good}\n{good.replace('1,', '2,', 1).replace('USD', 'XXQ')}\n{{\n")
    async with tenant_in(database) as tenant:
        first = await run(tenant, path, job())
        assert [row[:2] for row in rejected(first)] == [["2", "currency"], ["3", ""]]
        assert first.rejects is not None
        mend(first.rejects, '""XXQ""', '""USD""', "utf-8")
        second = await run(tenant, first.rejects, job())
        assert (second.imported, second.rejected) == (1, 1)
        assert second.rejects is not None
        assert second.rejects.read_text("utf-8-sig").splitlines()[0] == (
            "line,column,field,rule,code,row_id,row"
        )
