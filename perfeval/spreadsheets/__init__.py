"""Xlsx and csv as sheets of text cells, with what Excel or WPS really meant by them (电子表格).

Here belongs how files are opened, what may be opened at all, and how cells look to who reads them; not what the cells are about:
this room knows no schema.
"""

from perfeval.spreadsheets.opening import is_table, open_file
from perfeval.spreadsheets.sheets import HEAD, SCALED, Cell, Marks, RefusedFileError, Sheet, index_of, letter_of, letters

__all__ = ["HEAD", "SCALED", "Cell", "Marks", "RefusedFileError", "Sheet", "index_of", "is_table", "letter_of", "letters", "open_file"]
