"""A draft's pages as pictures, drawn beside the requests, one draft at a time, and kept by the draft's digest."""

import logging
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread

from perfeval.errors import PerfevalError
from perfeval.office import Office
from perfeval.report.paged import can_draw_pages, draw_pages, drawn_pages


@dataclass(frozen=True, slots=True)
class Picture:
    """A page's picture: its number, width and height."""

    number: int
    width: int
    height: int


class Pictures:
    """The pictures of an office's drafts."""

    def __init__(self, office: Office) -> None:
        self._office, self._folder = office, office.workspace.state / "pages"
        self._begun: set[str] = set()
        self._drawing = Lock()

    def of(self, digest: str) -> list[Picture] | None:
        """The pictures of a draft; none yet while they are being drawn, which this begins; None where they cannot be had."""
        if found := drawn_pages(self._folder / digest):
            return [Picture(number, *_size(path)) for number, path in enumerate(found, start=1)]
        if not can_draw_pages():
            return None
        if digest not in self._begun:  # what failed once is not tried again by every page
            self._begun.add(digest)
            Thread(target=self._draw, args=(digest,), daemon=True).start()
            return []
        return [] if self._drawing.locked() else None

    def path(self, digest: str, number: int) -> Path | None:
        """A page's picture."""
        found = drawn_pages(self._folder / digest)
        return found[number - 1] if 1 <= number <= len(found) else None

    def _draw(self, digest: str) -> None:
        with self._drawing:
            try:
                draw_pages(self._office.store.artifacts.read(digest), self._folder / digest)
            except (OSError, subprocess.SubprocessError, PerfevalError):
                logging.getLogger(__name__).warning("the pages of %s were not drawn", digest[:12], exc_info=True)
            else:
                self._begun.discard(digest)  # where they are cleared away, they are drawn again


def _size(path: Path) -> tuple[int, int]:
    """A picture's width and height, as a PNG says first."""
    with path.open("rb") as file:
        width, height = struct.unpack(">16xII", file.read(24))
    return width, height
