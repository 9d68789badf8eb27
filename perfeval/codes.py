"""The codes of findings that reading ledgers can give (疑点编码), in one place; those of rules over several cells are in `perfeval.checks`.

Codes are stable: they are quoted in letters and archives, so a code keeps its meaning and is never reused.
"""

from enum import StrEnum


class Code(StrEnum):
    """L: a file, sheet or header. V: a cell or row."""

    WRONG_TYPE = "L01"  # not .xlsx or .csv, or content of another type: .xls, macros, Word, text
    ENCRYPTED = "L02"  # opens with a password
    BROKEN = "L03"  # truncated, damaged, not what its name says
    TOO_LARGE = "L04"  # beyond the limits on size, ratio or extent
    UNSAFE = "L05"  # XML with DTD or entities
    NOT_TEXT = "L06"  # csv in another encoding or with unpaired quotes
    EMPTY = "L07"  # nothing in the file or sheet, or no row below the header
    UNKNOWN = "L08"  # a file or sheet that is no ledger
    TWICE = "L09"  # two sources for one ledger
    MISSING = "L10"  # no source for a ledger
    SWAPPED = "L11"  # file name, sheet name or headers belong to different ledgers
    NO_HEADER = "L12"  # no header row found
    NO_COLUMN = "L13"  # required columns missing
    DOUBLE_COLUMN = "L14"  # a column twice
    NO_UNIT = "L15"  # amount, percentage or quantity header without its unit
    EXTRA_COLUMN = "L16"  # a column the ledger does not know
    HIDDEN = "L17"  # hidden sheet, rows or columns, which count all the same
    MERGED = "L18"  # merged data cells

    EMPTY_CELL = "V01"  # a required cell is empty
    BAD_MONEY = "V02"
    BAD_DAY = "V03"
    BAD_MONTH = "V04"
    BAD_PERCENT = "V05"
    BAD_COUNT = "V06"
    NOT_A_CHOICE = "V07"  # not one of the allowed words
    OUT_OF_RANGE = "V08"  # beyond a limit
    BAD_FORM = "V09"  # a code or number in another form
    FORMULA_ERROR = "V10"  # #DIV/0! and its like
    FORMULA_EMPTY = "V11"  # a formula that was never computed
    NOT_A_ROW = "V12"  # one lone cell, no ledger row
    TOTAL_INSIDE = "V13"  # 合计 between data rows
    TOTAL_DIFFERS = "V14"  # 合计 at the end differs from the sum of the rows
    CHANGED_BY_EXCEL = "V15"  # a code that Excel turned into a date or cut to 15 digits
    WRONG_SIGN = "V16"  # a sign that contradicts another cell
    TOO_MANY_CELLS = "V17"  # csv row with more cells than the header
    BAD_QUANTITY = "V18"
