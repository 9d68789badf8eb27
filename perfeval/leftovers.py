"""What a process that was killed has left half made (残留): swept where the next one is made."""

import shutil
import time
from contextlib import suppress
from pathlib import Path

# What is made in such a folder begins so, and nothing that people keep there does.
HALF_MADE = ".perfeval-"
_OLD_SECONDS = 24 * 60 * 60


def sweep(folder: Path) -> None:
    """Remove what was begun in a folder more than a day ago: nobody makes anything for so long."""
    long_ago = time.time() - _OLD_SECONDS
    for path in folder.glob(f"{HALF_MADE}*"):
        with suppress(OSError):
            if path.stat().st_mtime < long_ago:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
