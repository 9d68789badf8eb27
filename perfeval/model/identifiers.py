"""Codes that identify things (编号), compared as people read them."""

from collections.abc import Callable

import polars as pl

from perfeval.texts import COMPATIBLE, FILLERS, told_signs

INVISIBLE = rf"\p{{Cf}}\x00-\x08\x0e-\x1f\x7f-\x9f{FILLERS}"
"""Signs that pasted text carries and nobody sees, beside white space: for a class of Polars' expressions."""
ROUNDED = "^[1-9][0-9]{14}0+$"
"""What is left of a code of more than 15 digits once a spreadsheet has taken it for a number."""
# A code of these signs alone is compared as it is.
_NOT_PLAIN = "[^-/0-9A-Z㐀-䶿一-鿿]|^NO"


def comparable(codes: pl.Series) -> pl.Series:
    """Codes as they are compared: whatever the blanks, invisible signs, case, width and hyphens, without a leading ' or No.

    One code in two writings is one code here. Every rule that compares codes does it by this.
    """
    return change_few(codes, codes.str.contains(_NOT_PLAIN), _compared)


def _compared(codes: pl.Series) -> pl.Series:
    code = change_few(codes, codes.str.contains("[^ -~]"), lambda odd: odd.str.normalize("NFKC"))
    code = code.str.replace_all(f"[\\s{INVISIBLE}]", "").str.to_uppercase()
    code = code.str.replace_all("[‐-―−]", "-").str.replace("^['`‘’]+", "").str.replace("^NO[.:]?([0-9])", "$1")
    # Programs write a column of whole numbers with gaps as 31000037.0.
    return code.str.replace("^([0-9]{5,})[.]0$", "$1")


def change_few(texts: pl.Series, are_odd: pl.Series, change: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Texts with the odd ones changed. An expression would change all of them and choose afterwards."""
    odd = are_odd.fill_null(value=False)
    return texts.scatter(odd.arg_true(), change(texts.filter(odd))) if odd.any() else texts


def compared(code: pl.Expr) -> pl.Expr:
    """`comparable` for a column."""
    return code.map_batches(comparable, return_dtype=pl.String, is_elementwise=True)


def looks(codes: pl.Series) -> pl.Series:
    """What codes look like: those that differ in O and 0, or in I, l and 1 alone, look the same."""
    return comparable(codes).str.replace_many(["O", "I", "L"], ["0", "1", "1"])


def unified(texts: pl.Series) -> pl.Series:
    """Texts with characters for the radicals and compatibility signs that look the same: ⾦ is 金."""
    return change_few(texts, texts.str.contains(COMPATIBLE), lambda odd: odd.str.normalize("NFKC"))


def told_difference(code: str, other: str) -> str:
    """Says in what a code differs from another that looks like it; nothing where they do not look alike."""
    if signs := told_signs(code):
        return signs
    if len(code) == len(other):
        places = [place for place, (one, two) in enumerate(zip(code, other, strict=True), 1) if one != two]
        if len(places) == 1:
            place = places[0]
            return f"与“{other}”只差第{place}个字：这里是“{code[place - 1]}”，那里是“{other[place - 1]}”"
    one, two = comparable(pl.Series([code, other]))
    if one != two:
        return ""
    blank = next((place for place, sign in enumerate(code, 1) if sign.isspace()), 0)
    return f"与“{other}”只是写法不同，这里第{blank}个字是空格" if blank else f"与“{other}”只是写法不同"
