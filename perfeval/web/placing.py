"""Where things stand in the printed report (位置), in words that its readers know: 第12段, 附件的哪一行."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from perfeval.model.outcomes import Drafted
from perfeval.report import name_paragraphs
from perfeval.report.reading import PARAGRAPH, Grid, GridCell, Passage

_CELLS, _CELL, _BEFORE, _AFTER = 3, 20, 16, 8


@dataclass(frozen=True, slots=True)
class Said:
    """A paragraph that says something: its text, and its name as remarks count it, or in a table the table's title and its row."""

    text: str
    name: str
    where: str = ""


def read_places(parts: Sequence[Passage | Grid]) -> dict[int, Said]:
    """The paragraphs that say something, by their numbers, in order."""
    filled = sorted((found for found in _passages(parts) if found[0].text.strip()), key=lambda found: found[0].number)
    names = {passage.number: name for name, passage in name_paragraphs(parts).items()}
    return {item.number: Said(item.text, names.get(item.number, ""), where) for item, where in filled}


def figure_places(drafted: Drafted, said: Mapping[int, Said]) -> dict[str, str]:
    """Where each figure stands first: the row of its table, or the words around it."""
    found: dict[str, str] = {}
    for figure, (paragraph, start) in zip(drafted.figures, drafted.places, strict=False):
        if place := said.get(paragraph):
            around = place.text[max(0, start - _BEFORE) : start + len(figure.text) + _AFTER]
            found.setdefault(figure.id, place.where or f"{place.name}“…{around}…”")
    return found


def _passages(parts: Sequence[Passage | Grid]) -> Iterator[tuple[Passage, str]]:
    title = ""
    for part in parts:
        if isinstance(part, Passage):
            title = part.text.strip() if part.level < PARAGRAPH and part.text.strip() else title
            yield part, ""
            continue
        for row in part.rows:
            for cell in row:
                beside = [text for other in row if other is not cell and (text := _shown(other))]
                where = " › ".join(text for text in (title, "／".join(beside[:_CELLS])) if text)
                yield from ((passage, where) for passage in cell.passages)


def _shown(cell: GridCell) -> str:
    text = "".join(item.text for item in cell.passages).strip()
    return f"{text[:_CELL]}…" if len(text) > _CELL else text
