"""What a worksheet says beside its values (工作表的标记), found by one pass over its XML.

fastexcel turns error cells and formulas without result into blanks, knows of number formats only whether they are days, and
allocates the whole rectangle that the cells span. So all that is found, and the extent is bounded, before it reads the sheet.
"""

import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice

from perfeval.codes import Code
from perfeval.spreadsheets.beside import page_texts
from perfeval.spreadsheets.book import Book
from perfeval.spreadsheets.bounds import HELD, MOST_CELLS, MOST_TEXT, refuse_expanse, refuse_text
from perfeval.spreadsheets.formats import Look
from perfeval.spreadsheets.package import KNOWN_ERRORS, Package, UnplainError, attribute, is_plain
from perfeval.spreadsheets.patterns import SHORT, Patterns, Piece, patterns_of
from perfeval.spreadsheets.sheets import Cell, RefusedFileError, Traits, index_of, letter_of

# Cells of which something is noted, and merged areas: each takes a hundred times the room of a number.
_MOST_MARKS, _MOST_AREAS = 1_000_000, 100_000
# What a cell's XML has at least beside its text.
_MARKUP = 40
_SHEET_COLUMNS = 16_384
_TEXTS = {"s", "str", "inlineStr"}
# What most sheets do not have, looked for at once.
_RARE = ('t="b"', "hidden", 'ht="0', "ht='0", "DISPIMG(", "strike", "vertAlign")


def scan_sheet(package: Package, part: str, book: Book, *, hidden: bool) -> Traits:
    """Look through a worksheet's XML.

    Raises:
        RefusedFileError: broken, unsafe, or spanning more cells than can be read.
        UnplainError: it must be simplified before.
    """
    root = re.search(r"<(\w+:)?worksheet[\s>]", package.start(part))
    if not root:
        raise RefusedFileError(Code.BROKEN, "工作表的内部结构已损坏。请用 Excel 打开并另存为 .xlsx 后重新提交。")
    patterns = patterns_of(root[1] or "")
    scan = _Scan(patterns, book, Traits(hidden=hidden, epoch_1904=book.epoch_1904))
    try:
        for xml in package.pieces(part, patterns.row):
            if not is_plain(xml):
                raise UnplainError
            scan.take(Piece(xml))
            if scan.marks > _MOST_MARKS:
                message = f"工作表里有{_MOST_MARKS // 10_000}万个以上的单元格公式出错、没有算出结果，或按格式显示成别的内容，未予读取。"
                raise RefusedFileError(Code.TOO_LARGE, f"{message}请改正公式、把格式改为常规，或另存为 CSV。")
    except ValueError as error:  # a number that is none, an address without row
        message = "工作表里有不合规的数值或行列号。请用 Excel 打开并另存为 .xlsx 后重新提交。"
        raise RefusedFileError(Code.BROKEN, message) from error
    if scan.is_far or scan.cells > MOST_CELLS:
        refuse_expanse(package, part, patterns)
    if scan.text > MOST_TEXT:
        refuse_text(package, part, patterns, book.strings, scan.inline)
    return scan.finished()


@dataclass(slots=True)
class _Scan:
    """One worksheet being looked through, piece by piece."""

    patterns: Patterns
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

    def take(self, piece: Piece) -> None:
        """Look through the next piece."""
        # Behind the cells there are formulas of other things, and tags that begin like a cell's.
        end = piece.xml.find(self.patterns.end) if self.patterns.end in piece.xml[-SHORT:] else len(piece.xml)
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
        if is_first:
            self._note_hidden_columns(piece.xml[: max(piece.xml.find(self.patterns.row), 0) or len(piece.xml)])
        if has_hidden:
            self._note_hidden_rows(piece.xml)
        if not piece.xml[-SHORT:].rstrip().endswith(self.patterns.row_end) and self.patterns.end in piece.xml:
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

    def _placed(self, piece: Piece, end: int, *, is_numbered: bool) -> tuple[Piece, bool]:
        """The piece, whose cells end at `end`, with an address in every cell; and whether all are usual. Tells whether some lie far out."""
        patterns = self.patterns
        cells = piece.xml.count(patterns.start, 0, end) - (0 if self.row else piece.xml.count(patterns.column, 0, end))
        self.cells += cells
        inline = max(len(piece.xml) - _MARKUP * cells, 0) * HELD
        self.inline, self.text = self.inline + inline, self.text + inline
        if is_numbered and cells == piece.count(patterns.usual):
            self._follow_rows(piece.xml)
            return piece, True
        if is_numbered and piece.count(patterns.cell) == piece.count(patterns.placed):
            self._follow_rows(piece.xml)
        else:
            piece = Piece(self._addressed(piece.xml))
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

    def _note_values(self, piece: Piece) -> None:
        """Note error cells, and days written as text."""
        for found in piece.found(self.patterns.error):
            if found[2].strip() not in KNOWN_ERRORS:
                raise UnplainError
            self.traits.errors[_place(found[1])] = found[2].decode(errors="replace")
            if self.book.has_pictures and b"vm=" in found[1]:
                self.traits.pictures.add(_place(found[1]))
        for found in piece.found(self.patterns.day):
            self.traits.shown[_place(found[1])] = _day(found[2].decode(errors="replace"))

    def _note_large(self, piece: Piece) -> None:
        """Note numbers too long to be kept exactly, and those that are no day though their cell shows them as one."""
        for found in piece.found(self.patterns.large):
            tag = piece.xml[piece.xml.rfind(self.patterns.start, 0, found.start()) : found.start()].decode(errors="replace")
            if attribute(tag, "t") not in {None, "n"}:
                continue
            if attribute(tag, "s") in self.book.days:
                self.traits.shown[_place(tag.encode())] = found[1].decode()
            elif re.fullmatch(rb"[0-9]{16,}|[0-9.]+[Ee]\+?[0-9]+", found[1]):
                self.traits.long_numbers.add(_place(tag.encode()))

    def _note_formulas(self, piece: Piece) -> None:
        """Note formulas that were never computed, and those whose result says nothing of it."""
        patterns = self.patterns
        self.formulas += piece.xml.count(patterns.formula + b">") + piece.xml.count(patterns.formula + b" ")
        for found in piece.found(patterns.uncomputed):
            # A formula whose proper result is an empty text, t="str", is a blank.
            is_text = attribute(found[1].decode(errors="replace"), "t") == "str"
            (self.blanks if is_text else self.traits.uncomputed).add(_place(found[1]))
        self.zeros.update(_place(found[1]) for found in piece.found(patterns.zero))

    def _note_styles(self, piece: Piece) -> None:
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

    def _note_hidden_rows(self, piece: bytes) -> None:
        """Note hidden rows."""
        for tag in self.patterns.hidden_row.findall(piece):
            self.traits.hidden_rows.append(int(attribute(tag.decode(errors="replace"), "r") or 0))

    def _note_hidden_columns(self, head: bytes) -> None:
        """Note hidden columns, of which is told before the first row."""
        for tag in self.patterns.hidden_column.findall(head):
            self.traits.hidden_columns.extend(map(letter_of, _spanned(tag)))
        if self.patterns.no_width.search(head):  # then those are seen that have a width of their own
            own = {index for tag in self.patterns.own_column.findall(head) for index in _spanned(tag)}
            self.traits.hidden_columns.extend(letter_of(index) for index in range(_SHEET_COLUMNS) if index not in own)


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
