"""Xlsx and csv as sheets of text cells, with what Excel or WPS really meant by them (电子表格).

Here belongs how files are opened, what may be opened at all, and how cells look to who reads them; not what the cells are about:
this room knows no schema.
"""

from perfeval.spreadsheets.annotating import write_annotated
from perfeval.spreadsheets.formats import SCALED
from perfeval.spreadsheets.notes import Note, UnfitError
from perfeval.spreadsheets.opening import is_table, open_file
from perfeval.spreadsheets.package import open_package
from perfeval.spreadsheets.sheets import HEAD, Cell, RefusedFileError, Sheet, Traits, index_of, letter_of, letters
from perfeval.spreadsheets.writing import Listing, text_workbook

__all__ = [
    "HEAD",
    "SCALED",
    "Cell",
    "Listing",
    "Note",
    "RefusedFileError",
    "Sheet",
    "Traits",
    "UnfitError",
    "index_of",
    "is_table",
    "letter_of",
    "letters",
    "open_file",
    "open_package",
    "text_workbook",
    "write_annotated",
]  # fmt: skip
