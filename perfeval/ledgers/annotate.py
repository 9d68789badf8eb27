"""Marked copies for the clerk (标注副本): the faulty workbook itself, its faulty cells filled and commented, and a list with links.

The clerk's own file is only read. A csv becomes an xlsx copy. Files without findings are not copied.
"""

import io
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath

from openpyxl import Workbook, load_workbook
from openpyxl.cell import Cell, MergedCell
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils.exceptions import IllegalCharacterError, InvalidFileException
from openpyxl.worksheet.worksheet import Worksheet

from perfeval.ledgers.delimited import DelimitedFile
from perfeval.ledgers.sheets import RefusedFileError
from perfeval.ledgers.workbook import open_workbook
from perfeval.model import Finding, ReceivedFile, Severity

_INDEX = "疑点清单"
_FILLS = {
    Severity.ERROR: PatternFill("solid", fgColor="FFFFC7CE"),
    Severity.WARNING: PatternFill("solid", fgColor="FFFFEB9C"),
    Severity.NOTE: PatternFill("solid", fgColor="FFDDEBF7"),
}
_WORDS = {Severity.ERROR: "错误", Severity.WARNING: "提醒", Severity.NOTE: "说明"}
_HEADERS = ("序号", "程度", "编码", "台账", "工作表", "单元格", "栏目", "原值", "问题和处理")
_WIDTHS = (6, 6, 7, 16, 16, 9, 18, 20, 80)
