"""What a worksheet says beside its values (工作表的标记), found by one pass over its XML.

fastexcel turns error cells and formulas without result into blanks, knows of number formats only whether they are days, and
allocates the whole rectangle that the cells span. So all that is found, and the extent is bounded, before it reads the sheet.
Patterns that look at every cell run in Polars, whose regular expressions are several times faster than Python's.
"""

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice

import polars as pl

from perfeval.codes import Code
from perfeval.spreadsheets.beside import page_texts
from perfeval.spreadsheets.formats import Look, NumberFormat
from perfeval.spreadsheets.package import KNOWN_ERRORS, Package, UnplainError, attribute, broken_file, is_plain
from perfeval.spreadsheets.sheets import Cell, RefusedFileError, Traits, index_of, letter_of
from perfeval.spreadsheets.strings import MIXED, PICTURE, STRUCK, Strings

_MOST_CELLS = 6_000_000
_MOST_TEXT = 224 << 20
# Cells of which something is noted, and merged areas: each takes a hundred times the room of a number.
_MOST_MARKS, _MOST_AREAS = 1_000_000, 100_000
# What a cell's XML has at least beside its text; and how often text in its place is held, compared with text that cells share.
_MARKUP, _HELD = 40, 2
_SHEET_COLUMNS = 16_384
_TRUE = r"""["'](?:1|true)["']"""
_FORMULA = r"<~f(?:\s[^>]*)?(?:/>|>[^<]*</~f>)\s*"
_VALUE = r"<~v(?:\s[^>]*)?>"
_PLACED = r"""<~c\s[^>]*?\br\s*=\s*["']%s["'](?:[^>]*[^/>])?>"""
_NEAR = "[A-Z][1-9][0-9]{0,4}"
# Less than a point high, less than a tenth of a character wide.
_NO_HEIGHT, _NO_WIDTH = r"""\bht\s*=\s*["']0*(?:\.[0-9]*)?["']""", r"""\bwidth\s*=\s*["']0*(?:\.0[0-9]*)?["']"""
_TEXTS = {"s", "str", "inlineStr"}
# From so many bytes on Polars is faster, which takes half a millisecond to begin.
_SHORT = 1 << 17
# What most sheets do not have, looked for at once.
_RARE = ('t="b"', "hidden", 'ht="0', "ht='0", "DISPIMG(", "strike", "vertAlign")


@dataclass(frozen=True, slots=True)
class Drawn:
    """How styles draw cells, beside their number formats: indexes of cell styles, and of the styles that conditions apply."""

    struck: frozenset[str] = frozenset()
    """Cell styles that strike through."""
    unseen: frozenset[str] = frozenset()
    """Those that write white on white."""
    striking: frozenset[str] = frozenset()
    """Styles of conditions that strike through."""
    changing: frozenset[str] = frozenset()
    """Those under which a number looks unlike itself."""


@dataclass(frozen=True, slots=True)
class Book:
    """What a workbook says for all its sheets."""

    epoch_1904: bool
    is_stale: bool
    """Whether it asks for its formulas to be computed when it is opened."""
    is_computed: bool
    """Whether the program that wrote it computes formulas at all."""
    has_pictures: bool
    """Whether what Excel keeps behind an error cell is a picture."""
    formats: Mapping[str, NumberFormat]
    """By the index of the cell style: those under which a cell looks unlike what is stored."""
    days: frozenset[str]
    """Cell styles that show a number as a day."""
    months: frozenset[str]
    """Those that show the month alone."""
    drawn: Drawn
    strings: Strings

    @property
    def special(self) -> frozenset[str]:
        """Cell styles whose cells must be looked at one by one."""
        return self.drawn.struck.union(self.drawn.unseen, self.formats, self.months)


@dataclass(frozen=True, slots=True)
class _Patterns:
    """Patterns of a sheet's XML for one namespace prefix (mostly none, `x:` from .NET): text for Polars, compiled for Python."""

    row: bytes
    row_end: bytes
    end: bytes
    start: bytes
    column: bytes
    formula: bytes
    usual: str
    cell: str
    placed: str
    near: str
    styled: str
    filled: re.Pattern[bytes]
    nameless: re.Pattern[bytes]
    tags: re.Pattern[bytes]
    uncomputed: re.Pattern[bytes]
    zero: re.Pattern[bytes]
    error: re.Pattern[bytes]
    day: re.Pattern[bytes]
    picture: re.Pattern[bytes]
    struck: re.Pattern[bytes]
    mixed: re.Pattern[bytes]
    string: re.Pattern[bytes]
    content: re.Pattern[bytes]
    large: re.Pattern[bytes]
    hidden_row: re.Pattern[bytes]
    hidden_column: re.Pattern[bytes]
    merged: re.Pattern[bytes]
    stale: re.Pattern[bytes]
    boolean: re.Pattern[bytes]
    conditions: re.Pattern[bytes]
    no_width: re.Pattern[bytes]
    own_column: re.Pattern[bytes]


@functools.cache
def _patterns(prefix: str) -> _Patterns:
    def prefixed(pattern: str) -> str:
        return pattern.replace("~", prefix)

    def compiled(pattern: str) -> re.Pattern[bytes]:
        return re.compile(prefixed(pattern).encode())

    return _Patterns(
        row=prefixed("<~row").encode(),
        row_end=prefixed("</~row>").encode(),
        end=prefixed("</~sheetData").encode(),
        start=prefixed("<~c").encode(),
        column=prefixed("<~col").encode(),
        formula=prefixed("<~f").encode(),
        usual=prefixed(f'<~c r="{_NEAR}"(?: s="[0-9]+")?(?: t="(?:s|n|str|inlineStr|b)")?/?>'),
        # Cells with content; those without, <c r="A1" s="1"/>, take no room.
        cell=prefixed(r"<~c(?:\s[^>]*[^/>])?>"),
        placed=prefixed(_PLACED % "[A-Z]{1,3}[1-9][0-9]{0,6}"),
        near=prefixed(_PLACED % _NEAR),
        styled=prefixed(rf"""<~c\s[^>]*?\bs\s*=\s*["'](?:%s)["'][^>]*>\s*(?:{_FORMULA})?(?:{_VALUE}[^<]*</~v>|<~is>)"""),
        filled=compiled(f"{_VALUE}[^<]|<~is>"),
        nameless=compiled(r"<~row(?=[\s/>])(?![^>]*\br\s*=)"),
        tags=compiled(r"<(~row|~c)(?=[\s/>])([^>]*)>"),
        uncomputed=compiled(rf"<~c\s([^>]*[^/>])>\s*{_FORMULA}(?:<~v\s*/>|{_VALUE}\s*</~v>)?\s*</~c>"),
        zero=compiled(rf"<~c\s([^>]*[^/>])>\s*{_FORMULA}{_VALUE}\s*-?0+(?:\.0*)?(?:[Ee][-+]?[0-9]+)?\s*</~v>"),
        error=compiled(rf"""<~c\s([^>]*\bt\s*=\s*["']e["'][^>]*)>(?:{_FORMULA})?{_VALUE}([^<]*)"""),
        day=compiled(rf"""<~c\s([^>]*\bt\s*=\s*["']d["'][^>]*)>(?:{_FORMULA})?{_VALUE}([^<]*)"""),
        picture=compiled(
            rf"<~c\s([^>]*)>\s*(?:<~f(?:\s[^>]*)?>[^<]*DISPIMG\(|(?:{_FORMULA})?(?:{_VALUE}|<~is>\s*<~t(?:\s[^>]*)?>)\s*{PICTURE})"
        ),
        struck=compiled(rf"<~c\s([^>]*)>\s*<~is>(?:(?!</~is>).)*?{STRUCK}"),
        mixed=compiled(rf"<~c\s([^>]*)>\s*<~is>(?=(?:(?!</~is>).)*?</~r>\s*<~r>)(?:(?!</~is>).)*?{MIXED}"),
        string=compiled(rf"""<~c\s([^>]*\bt\s*=\s*["']s["'][^>]*)>(?:{_FORMULA})?{_VALUE}\s*([0-9]+)"""),
        content=compiled(rf"<~c\s([^>]*)>\s*(?:{_FORMULA})?(?:{_VALUE}\s*([^<]*?)\s*<|<~is>)"),
        large=compiled(rf"{_VALUE}(-?(?:[0-9]{{9,}}|9[0-9]{{7}})(?:\.[0-9]*)?|-?[0-9.]+[Ee]\+?[0-9]+)</~v>"),
        hidden_row=compiled(rf"<~row\s[^>]*(?:\bhidden\s*=\s*{_TRUE}|{_NO_HEIGHT})[^>]*>"),
        hidden_column=compiled(rf"<~col\s[^>]*(?:\bhidden\s*=\s*{_TRUE}|{_NO_WIDTH})[^>]*>"),
        merged=compiled(r"""<~mergeCell\s[^>]*\bref\s*=\s*["']([A-Z]+[0-9]+:[A-Z]+[0-9]+)["']"""),
        boolean=compiled(rf"""<~c\s([^>]*\bt\s*=\s*["']b["'][^>]*)>\s*(?:{_FORMULA})?{_VALUE}\s*([01])\s*<"""),
        conditions=compiled(r"""<~conditionalFormatting\s[^>]*\bsqref\s*=\s*["']([^"']*)["'][^>]*>(.*?)</~conditionalFormatting>"""),
        no_width=compiled(r"""<~sheetFormatPr\s[^>]*\bdefaultColWidth\s*=\s*["']0*(?:\.0[0-9]*)?["']"""),
        own_column=compiled(r"<~col\s[^>]*>"),
        stale=compiled(rf"<~sheetCalcPr\s[^>]*\bfullCalcOnLoad\s*=\s*{_TRUE}"),
    )


def scan_sheet(package: Package, part: str, book: Book, *, hidden: bool) -> Traits:
    """Look through a worksheet's XML.

    Raises:
        RefusedFileError: broken, unsafe, or spanning more cells than can be read.
        UnplainError: it must be simplified before.
    """
    root = re.search(r"<(\w+:)?worksheet[\s>]", package.start(part))
    if not root:
        raise RefusedFileError(Code.BROKEN, "工作表的内部结构已损坏。请用 Excel 打开并另存为 .xlsx 后重新提交。")
    patterns = _patterns(root[1] or "")
    scan = _Scan(patterns, book, Traits(hidden=hidden, epoch_1904=book.epoch_1904))
    try:
        for xml in package.pieces(part, patterns.row):
            if not is_plain(xml):
                raise UnplainError
            scan.take(_Piece(xml))
            if scan.marks > _MOST_MARKS:
                message = f"工作表里有{_MOST_MARKS // 10_000}万个以上的单元格公式出错、没有算出结果，或按格式显示成别的内容，未予读取。"
                raise RefusedFileError(Code.TOO_LARGE, f"{message}请改正公式、把格式改为常规，或另存为 CSV。")
    except ValueError as error:  # a number that is none, an address without row
        message = "工作表里有不合规的数值或行列号。请用 Excel 打开并另存为 .xlsx 后重新提交。"
        raise RefusedFileError(Code.BROKEN, message) from error
    if scan.is_far or scan.cells > _MOST_CELLS:
        _refuse_expanse(package, part, patterns)
    if scan.text > _MOST_TEXT:
        _refuse_text(package, part, patterns, book.strings, scan.inline)
    return scan.finished()


class _Piece:
    """A piece of a sheet's XML, for both kinds of regular expressions.

    Raises: RefusedFileError: it is not UTF-8.
    """

    def __init__(self, xml: bytes) -> None:
        self.xml = xml
        self._text = pl.Series([xml], dtype=pl.Binary)
        try:
            self._text = self._text.cast(pl.String)
        except pl.exceptions.InvalidOperationError as error:
            raise broken_file() from error

    def has_any(self, signs: list[str], end: int) -> bool:
        """Whether one of these occurs; in a long piece perhaps behind `end`."""
        if len(self.xml) < _SHORT:
            return any(self.xml.find(sign.encode(), 0, end) >= 0 for sign in signs)
        return bool(self._text.str.contains_any(list(signs)).item())

    def count(self, pattern: str) -> int:
        """How often a pattern occurs."""
        if len(self.xml) < _SHORT:
            return len(re.findall(pattern.encode(), self.xml))
        return int(self._text.str.count_matches(pattern).item())

    def found(self, pattern: re.Pattern[bytes]) -> Iterable[re.Match[bytes]]:
        """Where a rare pattern occurs."""
        if len(self.xml) >= _SHORT and not self._text.str.contains(pattern.pattern.decode()).item():
            return ()
        return pattern.finditer(self.xml)

    def all(self, pattern: str) -> pl.Series:
        """What a pattern matches, wherever it occurs."""
        return self._text.str.extract_all(pattern).explode(empty_as_null=False)


@dataclass(slots=True)
class _Scan:
    """One worksheet being looked through, piece by piece."""

    patterns: _Patterns
    book: Book
    traits: Traits
    is_far: bool = False
    """Whether cells with content lie beyond column Z or row 99999: only those can make the extent too large."""
    text: int = 0
    """How many bytes of text the sheet may have at most, each shared string counted where it stands."""
    inline: int = 0
    """How many of these are of text that stands in its place."""
    cells: int = 0
    """How many cells there are at most, those without content too."""
    row: int = 0
    is_empty: bool = True
    is_stale: bool = False
    formulas: int = 0
    zeros: set[Cell] = field(default_factory=set)
    """Formulas whose result is zero."""
    blanks: set[Cell] = field(default_factory=set)
    """Formulas whose result is a text without characters."""
    looks: dict[tuple[str, str | None], Look] = field(default_factory=dict)

    def take(self, piece: _Piece) -> None:
        """Look through the next piece."""
        # Behind the cells there are formulas of other things, and tags that begin like a cell's.
        end = piece.xml.find(self.patterns.end) if self.patterns.end in piece.xml[-_SHORT:] else len(piece.xml)
        is_first, has_rare = self.row == 0, piece.has_any([*_RARE, self.patterns.formula.decode()], end)
        has_hidden = has_rare and any(sign in piece.xml for sign in (b"hidden", b'ht="0', b"ht='0"))
        has_formulas = has_rare and piece.xml.find(self.patterns.formula, 0, end) >= 0
        piece, is_usual = self._placed(piece, end, is_numbered=not has_hidden or not self.patterns.nameless.search(piece.xml))
        self.is_empty = self.is_empty and not self.patterns.filled.search(piece.xml)
        if not is_usual:
            self._note_values(piece)
        if has_rare and b't="b"' in piece.xml:
            self.traits.shown.update(
                (_place(tag), "TRUE" if value == b"1" else "FALSE") for tag, value in self.patterns.boolean.findall(piece.xml)
            )
        if has_rare and b"DISPIMG(" in piece.xml:
            self.traits.pictures.update(map(_place, self.patterns.picture.findall(piece.xml)))
        if has_rare and b"strike" in piece.xml:
            self.traits.struck.update(map(_place, self.patterns.struck.findall(piece.xml)))
        if has_rare and (b"strike" in piece.xml or b"vertAlign" in piece.xml):
            self.traits.mixed.update(map(_place, self.patterns.mixed.findall(piece.xml)))
        self._note_large(piece)
        if has_formulas:
            self._note_formulas(piece)
        self._note_styles(piece)
        self._note_strings(piece.xml)
        if is_first or has_hidden:
            self._note_hidden(piece.xml)
        if not piece.xml[-_SHORT:].rstrip().endswith(self.patterns.row_end) and self.patterns.end in piece.xml:
            self.traits.merged.extend(area[1].decode() for area in islice(self.patterns.merged.finditer(piece.xml), _MOST_AREAS))
            self.traits.beside.extend(("", text) for text in page_texts(piece.xml[piece.xml.rindex(self.patterns.end) :].decode()))
            self.is_stale = bool(self.patterns.stale.search(piece.xml))
            self._note_conditions(piece.xml)

    @property
    def marks(self) -> int:
        """How many cells something is noted of."""
        traits = self.traits
        noted = (
            traits.errors,
            traits.uncomputed,
            traits.shown,
            traits.worded,
            traits.long_numbers,
            traits.unseen,
            traits.struck,
            traits.months,
        )
        return sum(map(len, (*noted, traits.pictures, self.zeros, self.blanks)))

    def finished(self) -> Traits:
        """What has been found."""
        traits = self.traits
        if self.is_stale or self.book.is_stale:
            traits.uncomputed.update(self.zeros, self.blanks)
        elif not self.book.is_computed and self.formulas <= len(self.zeros) + len(self.blanks) + len(traits.uncomputed):
            traits.uncomputed.update(self.zeros)
        for cell in traits.pictures:
            traits.shown[cell] = None
            traits.errors.pop(cell, None)
            traits.uncomputed.discard(cell)
        return replace(traits, empty=self.is_empty)

    def _placed(self, piece: _Piece, end: int, *, is_numbered: bool) -> tuple[_Piece, bool]:
        """The piece, whose cells end at `end`, with an address in every cell; and whether all are usual. Tells whether some lie far out."""
        patterns = self.patterns
        cells = piece.xml.count(patterns.start, 0, end) - (0 if self.row else piece.xml.count(patterns.column, 0, end))
        self.cells += cells
        inline = max(len(piece.xml) - _MARKUP * cells, 0) * _HELD
        self.inline, self.text = self.inline + inline, self.text + inline
        if is_numbered and cells == piece.count(patterns.usual):
            self._follow_rows(piece.xml)
            return piece, True
        if is_numbered and piece.count(patterns.cell) == piece.count(patterns.placed):
            self._follow_rows(piece.xml)
        else:
            piece = _Piece(self._addressed(piece.xml))
            if piece.count(patterns.cell) != piece.count(patterns.placed):
                message = "工作表里有地址不合规的单元格，可能不是 Excel 存出的文件。请用 Excel 打开并另存为 .xlsx 后重新提交。"
                raise RefusedFileError(Code.BROKEN, message)
        self.is_far = self.is_far or piece.count(patterns.cell) != piece.count(patterns.near)
        return piece, False

    def _follow_rows(self, piece: bytes) -> None:
        """Keep the number of the last row, from which rows without number count on."""
        start = piece.rfind(self.patterns.row)
        if start >= 0:
            number = attribute(piece[start : start + 4096].partition(b">")[0].decode(errors="replace"), "r")
            self.row = int(number) if number else self.row + piece.count(self.patterns.row)

    def _addressed(self, piece: bytes) -> bytes:
        """The piece with the addresses written out that some programs leave away: the next row, the next column."""
        column = 0

        def address(found: re.Match[bytes]) -> bytes:
            nonlocal column
            number = attribute(found[2].decode(errors="replace"), "r")
            if found[1] == self.patterns.row[1:]:
                self.row, column = int(number) if number else self.row + 1, 0
                return found[0] if number else b'<%s r="%d"%s>' % (found[1], self.row, found[2])
            column = index_of(number.rstrip("0123456789")) if number else column
            column += 1
            return found[0] if number else b'<%s r="%s%d"%s>' % (found[1], letter_of(column - 1).encode(), self.row, found[2])

        return self.patterns.tags.sub(address, piece)

    def _note_values(self, piece: _Piece) -> None:
        """Note error cells, and days written as text."""
        for found in piece.found(self.patterns.error):
            if found[2].strip() not in KNOWN_ERRORS:
                raise UnplainError
            self.traits.errors[_place(found[1])] = found[2].decode(errors="replace")
            if self.book.has_pictures and b"vm=" in found[1]:
                self.traits.pictures.add(_place(found[1]))
        for found in piece.found(self.patterns.day):
            self.traits.shown[_place(found[1])] = _day(found[2].decode(errors="replace"))

    def _note_large(self, piece: _Piece) -> None:
        """Note numbers too long to be kept exactly, and those that are no day though their cell shows them as one."""
        for found in piece.found(self.patterns.large):
            tag = piece.xml[piece.xml.rfind(self.patterns.start, 0, found.start()) : found.start()].decode(errors="replace")
            if attribute(tag, "t") not in {None, "n"}:
                continue
            if attribute(tag, "s") in self.book.days:
                self.traits.shown[_place(tag.encode())] = found[1].decode()
            elif re.fullmatch(rb"[0-9]{16,}|[0-9.]+[Ee]\+?[0-9]+", found[1]):
                self.traits.long_numbers.add(_place(tag.encode()))

    def _note_formulas(self, piece: _Piece) -> None:
        """Note formulas that were never computed, and those whose result says nothing of it."""
        patterns = self.patterns
        self.formulas += piece.xml.count(patterns.formula + b">") + piece.xml.count(patterns.formula + b" ")
        for found in piece.found(patterns.uncomputed):
            # A formula whose proper result is an empty text, t="str", is a blank.
            is_text = attribute(found[1].decode(errors="replace"), "t") == "str"
            (self.blanks if is_text else self.traits.uncomputed).add(_place(found[1]))
        self.zeros.update(_place(found[1]) for found in piece.found(patterns.zero))

    def _note_styles(self, piece: _Piece) -> None:
        """Note the cells that look unlike what is stored in them, and those struck through."""
        if self.book.special:
            for found in piece.all(self.patterns.styled % "|".join(sorted(self.book.special))):
                self._note_look(found.encode())

    def _note_look(self, cell: bytes) -> None:
        found = self.patterns.content.match(cell)
        if not found:
            return
        named = dict(re.findall(r"""\b([rst])\s*=\s*["']([^"']*)""", found[1].decode(errors="replace")))
        style, kind = named.get("s", ""), named.get("t", "n")
        place = _place(found[1])
        traits, book = self.traits, self.book
        for cells, styles in ((traits.struck, book.drawn.struck), (traits.unseen, book.drawn.unseen), (traits.months, book.months)):
            if style in styles:
                cells.add(place)
        if style not in self.book.formats or not (kind == "n" or kind in _TEXTS):
            return
        value = None if kind in _TEXTS else (found[2] or b"").decode(errors="replace")
        if value == "":
            return
        look = self.looks.get((style, value))
        if look is None:
            form = self.book.formats[style]
            look = self.looks[style, value] = form.look_of_text() if value is None else form.look(value)
        if look.hidden:
            self.traits.unseen.add(place)
        if look.number is not None:
            self.traits.shown[place] = look.number
        if look.text is not None:
            self.traits.worded[place] = look.text

    def _note_strings(self, piece: bytes) -> None:
        """Note shared strings that are struck through or stand for a picture, and how much text they may be."""
        strings = self.book.strings
        if strings.longest:
            self.text += strings.longest * (piece.count(b't="s"') + piece.count(b"t='s'"))
        if strings.struck or strings.mixed or strings.pictures:
            for tag, index in self.patterns.string.findall(piece):
                if int(index) in strings.struck:
                    self.traits.struck.add(_place(tag))
                if int(index) in strings.mixed:
                    self.traits.mixed.add(_place(tag))
                if int(index) in strings.pictures:
                    self.traits.pictures.add(_place(tag))

    def _note_conditions(self, piece: bytes) -> None:
        """Note where conditions strike cells through or show another number."""
        drawn = self.book.drawn
        for areas, rules in islice(self.patterns.conditions.findall(piece), _MOST_AREAS) if drawn.striking or drawn.changing else ():
            used = set(re.findall(r"""\bdxfId\s*=\s*["']([0-9]+)""", rules.decode(errors="replace")))
            self.traits.struck_if.extend(areas.decode(errors="replace").split() if used & drawn.striking else ())
            self.traits.shown_if.extend(areas.decode(errors="replace").split() if used & drawn.changing else ())

    def _note_hidden(self, piece: bytes) -> None:
        """Note hidden rows and columns."""
        for tag in self.patterns.hidden_row.findall(piece):
            self.traits.hidden_rows.append(int(attribute(tag.decode(errors="replace"), "r") or 0))
        for tag in self.patterns.hidden_column.findall(piece):
            self.traits.hidden_columns.extend(map(letter_of, _spanned(tag)))
        if self.patterns.no_width.search(piece):  # then those are seen that have a width of their own
            own = {index for tag in self.patterns.own_column.findall(piece) for index in _spanned(tag)}
            self.traits.hidden_columns.extend(letter_of(index) for index in range(_SHEET_COLUMNS) if index not in own)


def _refuse_expanse(package: Package, part: str, patterns: _Patterns) -> None:
    """Refuse a sheet whose cells span more than can be held: a stray cell far out costs as much memory as a full sheet."""
    cells, last_row, last_column = 0, 0, ""
    for xml in package.pieces(part, patterns.row):
        places = _Piece(xml).all(patterns.placed).to_frame("cell")
        address = pl.col("cell").str.extract_groups(r"""\br\s*=\s*["']([A-Z]+)([0-9]+)""")
        found = places.select(letter=address.struct.field("1"), row=address.struct.field("2").cast(pl.Int64))
        cells += len(places)
        last_row = max([last_row, *found.select(pl.col("row").max()).drop_nulls()["row"]])
        last_column = max([last_column, *found["letter"].unique()], key=index_of)
    if max(last_row * (index_of(last_column) + 1), cells) > _MOST_CELLS:
        where = f"工作表的内容延伸到 {last_column}{last_row}，超过 {_MOST_CELLS // 10_000} 万格的上限。"
        message = f"{where}请整行、整列删除数据以外的部分后保存；数据确有这么多时请按年度拆分，或另存为 CSV。"
        raise RefusedFileError(Code.TOO_LARGE, message)


def _refuse_text(package: Package, part: str, patterns: _Patterns, strings: Strings, total: int) -> None:
    """Refuse a sheet with more text than can be held: so much in its place, `total`, or a long one repeated so often."""
    lengths = pl.Series(strings.lengths, dtype=pl.Int64)
    for xml in package.pieces(part, patterns.row):
        cells = _Piece(xml).all(patterns.string.pattern.decode())
        indexes = cells.str.extract("([0-9]+)$").cast(pl.Int64)
        total += int(lengths.gather(indexes.filter(indexes < len(lengths))).sum())
        if total > _MOST_TEXT:
            message = f"工作表里的文字合计超过 {_MOST_TEXT // _HELD >> 20} MiB，未予打开。请删除重复的长文字，或另存为 CSV。"
            raise RefusedFileError(Code.TOO_LARGE, message)


def _spanned(tag: bytes) -> range:
    """The positions of the columns that a `<col>` speaks of."""
    first, last = (int(attribute(tag.decode(errors="replace"), name) or 1) for name in ("min", "max"))
    return range(max(first, 1) - 1, min(last, _SHEET_COLUMNS))


def _place(tag: bytes) -> Cell:
    letter, row = re.findall(r"[A-Z]+|[0-9]+", attribute(tag.decode(errors="replace"), "r") or "")
    return int(row), letter


def _day(value: str) -> str:
    """A day as ISO 8601 writes it, t="d", written as fastexcel writes days; what is none as it is."""
    try:
        return f"{datetime.fromisoformat(value.strip()):%Y-%m-%d %H:%M:%S}"
    except ValueError:
        return value
