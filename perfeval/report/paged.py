"""The report's pages as pictures (版式图), set by LibreOffice and drawn by poppler where both are there: to look at, never to decide by."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from perfeval.leftovers import HALF_MADE, sweep
from perfeval.programs import environment

_SECONDS = 180
_DOTS_PER_INCH = "100"
_NAME = "page"


def can_draw_pages() -> bool:
    """Whether the programs are there."""
    return _office() is not None and shutil.which("pdftoppm") is not None


def draw_pages(document: bytes, folder: Path) -> None:
    """Draw a document's pages into a folder that is not there yet; it comes whole or not at all.

    Raises: OSError, subprocess.SubprocessError: a program fails or does not end.
    """
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    sweep(folder.parent)
    with tempfile.TemporaryDirectory(prefix=HALF_MADE, dir=folder.parent) as temporary:
        work = Path(temporary)
        drawn = work / "drawn"
        drawn.mkdir()
        (work / "report.docx").write_bytes(document)
        # A profile of its own: one that is in use would have the program hand the work over and end.
        profile = f"-env:UserInstallation={(work / 'profile').as_uri()}"
        _run(str(_office()), "--headless", "--norestore", profile, "--convert-to", "pdf", "--outdir", temporary, str(work / "report.docx"))
        _run("pdftoppm", "-r", _DOTS_PER_INCH, "-png", "-gray", str(work / "report.pdf"), str(drawn / _NAME))
        if not folder.exists():
            drawn.rename(folder)


def drawn_pages(folder: Path) -> list[Path]:
    """The pages that were drawn into a folder, in order."""
    return sorted(folder.glob(f"{_NAME}-*.png"))


def _office() -> str | None:
    return shutil.which("soffice") or shutil.which("libreoffice")


def _run(*command: str) -> None:
    calm = ["nice", "-n", "10"] if shutil.which("nice") else []
    # LibreOffice works in children of what is started: one that hangs is ended with all of them, even where we have ended before.
    limit = ["timeout", "-k", "5", str(_SECONDS)] if shutil.which("timeout") else []
    told, wait = subprocess.DEVNULL, _SECONDS + 10
    subprocess.run(  # noqa: S603  # our own words and paths
        [*limit, *calm, *command], check=True, env=environment(), stdout=told, stderr=told, timeout=wait
    )
