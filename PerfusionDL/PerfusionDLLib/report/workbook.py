"""The segment table as an Excel workbook: numbers are numbers in every language, which CSV cannot promise.

Office Open XML by hand (ECMA-376), because a table of 20 rows needs no library.
"""

import io
import math
import zipfile
from collections.abc import Mapping, Sequence
from html import escape

from .. import NOTICE
from ..data.table import SegmentTable
from .tables import cells_of

_WIDEST = 60  # characters
_EPOCH = (1980, 1, 1, 0, 0, 0)  # of every file in the archive, so that the same table gives the same bytes
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_HEADER = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


def table_xlsx(table: SegmentTable) -> bytes:
    """The table as a workbook of two sheets: segments with territories and the whole, and where they came from.

    A missing value is an empty cell.
    """
    rows = [cells_of(row) for row in (*table.segments, *table.territories, table.whole)]
    values: list[list[object]] = [list(rows[0])]
    values += [list(row.values()) for row in rows]
    about: list[list[object]] = [["notice", NOTICE]]
    about += [[key, str(value)] for key, value in table.provenance.flat().items()]
    return _workbook({"Myocardial blood flow": values, "Provenance": about})


def _workbook(sheets: Mapping[str, Sequence[Sequence[object]]]) -> bytes:
    numbers = range(1, len(sheets) + 1)
    types = "".join(
        f'<Override PartName="/xl/worksheets/sheet{number}.xml" ContentType="{_TYPE}.worksheet+xml"/>'
        for number in numbers
    )
    listed = "".join(
        f'<sheet name="{escape(name, quote=False)}" sheetId="{number}" r:id="rId{number}"/>'
        for number, name in enumerate(sheets, start=1)
    )
    links = "".join(
        f'<Relationship Id="rId{number}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{number}.xml"/>'
        for number in numbers
    )
    files = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>{types}</Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">{links}</Relationships>',
        **{f"xl/worksheets/sheet{number}.xml": _sheet(rows) for number, rows in enumerate(sheets.values(), start=1)},
    }
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), _HEADER + content, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def _sheet(rows: Sequence[Sequence[object]]) -> str:
    lines = "".join(
        f'<row r="{number}">{"".join(_cell(value, column, number) for column, value in enumerate(row))}</row>'
        for number, row in enumerate(rows, start=1)
    )
    widths = (min(max(len(_shown(value)) for value in column), _WIDEST) + 2 for column in zip(*rows, strict=True))
    columns = "".join(
        f'<col min="{number}" max="{number}" width="{width}" customWidth="1"/>'
        for number, width in enumerate(widths, start=1)
    )
    return f'<worksheet xmlns="{_MAIN}"><cols>{columns}</cols><sheetData>{lines}</sheetData></worksheet>'


def _shown(value: object) -> str:
    """About what a cell shows of a value."""
    return f"{value:.5f}" if isinstance(value, float) else str(value)


def _cell(value: object, column: int, row: int) -> str:
    place = f"{column_name(column)}{row}"
    if isinstance(value, int | float):
        return f'<c r="{place}"><v>{value!r}</v></c>' if math.isfinite(value) else ""
    text = escape(str(value), quote=False)
    return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>' if text else ""


def column_name(index: int) -> str:
    """The letters of a column, counted from 0.

    >>> column_name(0), column_name(25), column_name(26), column_name(53)
    ('A', 'Z', 'AA', 'BB')
    """
    name = ""
    index += 1
    while index:
        index, letter = divmod(index - 1, 26)
        name = chr(ord("A") + letter) + name
    return name
