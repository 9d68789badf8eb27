"""Opening a file as what it is (打开文件): a csv, a workbook, or neither, which is refused with what to do."""

from collections.abc import Sequence
from pathlib import PurePath

from perfeval.codes import Code
from perfeval.model import ReceivedFile
from perfeval.spreadsheets.delimited import DelimitedFile
from perfeval.spreadsheets.sheets import RefusedFileError, Sheet
from perfeval.spreadsheets.workbook import open_workbook

_SAVE_AS = "请用 Excel 或 WPS 打开，另存为“Excel 工作簿（.xlsx）”后重新提交，并移走原文件。"
_OTHER_TYPES = {
    ".xls": f"旧版 Excel（.xls）不能读取。{_SAVE_AS}",
    ".et": f"WPS 表格（.et）不能读取。{_SAVE_AS}",
    ".ods": f"OpenDocument 表格（.ods）不能读取。{_SAVE_AS}",
    ".xlsm": f"含宏的工作簿（.xlsm）不予打开。{_SAVE_AS}",
    ".xlsb": f"二进制工作簿（.xlsb）不能读取。{_SAVE_AS}",
}


def is_table(file: ReceivedFile) -> bool:
    """Whether a file's name says that it is a table, of a type that can be read or not."""
    return PurePath(file.name).suffix.lower() in {".xlsx", ".csv", *_OTHER_TYPES}


def open_file(file: ReceivedFile) -> Sequence[Sheet]:
    """Open a file by its extension.

    Raises: RefusedFileError: it is of another type, or cannot be read.
    """
    match PurePath(file.name).suffix.lower():
        case ".csv":
            return [DelimitedFile(file)]
        case ".xlsx":
            return open_workbook(file)
        case suffix:
            message = _OTHER_TYPES.get(suffix, "不是台账文件，没有读取。台账应为 .xlsx 或 .csv；其他材料请另放文件夹。")
            raise RefusedFileError(Code.WRONG_TYPE, message)
