"""Spoil the sample's ledgers by chance and read them: every file must end in rows or findings, in bounded time and memory.

    python tests/mutations/read_spoilt.py FIRST COUNT [KEEP]

Each number is a file, the same one for ever. Prints a line for every fault; the exit code says whether there was one. A file that
takes too long ends the program, which tells what it was doing. Files with faults are kept in the folder KEEP.
"""

# ruff: noqa: S311, T201  # no secret; a program that prints

import csv
import faulthandler
import random
import resource
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import openpyxl
from second import differences
from ways import WAYS

from perfeval.ledgers import annotate, read_ledgers, receive
from perfeval.sample.workbooks import write_sample
from schemas import BUILT_IN, Catalogue

_MOST_SECONDS, _MOST_KIB, _ROWS = 10, 1 << 20, 15
_BY_TITLE = {model.ledger_title(): (name, model) for name, model in BUILT_IN.items()}


def main(first: int, count: int, keep: str | None = None) -> int:
    """Read so many spoilt files; returns how many had faults."""
    faulthandler.register(signal.SIGXCPU, chain=True)
    faulty = 0
    with tempfile.TemporaryDirectory() as folder:
        samples = _samples(Path(folder) / "samples")
        for number in range(first, first + count):
            path = _spoilt(number, samples, Path(folder) / str(number))
            print(f"{number} {path.name}", file=sys.stderr, flush=True)
            if faults := list(_faults(path)):
                faulty += 1
                print(f"{number} {path.name}:", *faults, sep="\n  ", flush=True)
                if keep:
                    shutil.copytree(path.parent, Path(keep) / str(number), dirs_exist_ok=True)
            shutil.rmtree(path.parent)
    return faulty


def _samples(folder: Path) -> list[Path]:
    """The beginnings of the sample's ledgers, and each of them as csv."""
    paths = write_sample(folder)
    for path in paths:
        workbook = openpyxl.load_workbook(path)
        sheet = workbook.worksheets[0]
        sheet.delete_rows(_ROWS + 1, sheet.max_row)
        workbook.save(path)
        with path.with_suffix(".csv").open("w", encoding="utf-8", newline="") as file:
            rows = ([f"{value:%Y-%m-%d}" if isinstance(value, datetime) else value for value in row] for row in sheet.values)
            csv.writer(file, lineterminator="\n").writerows(rows)
    return [*paths, *(path.with_suffix(".csv") for path in paths)]


def _spoilt(number: int, samples: list[Path], folder: Path) -> Path:
    """A ledger of the sample, alone in its folder, spoilt in one to four ways."""
    chance = random.Random(number)
    sample = chance.choice(samples)
    ways, content = WAYS[sample.suffix], sample.read_bytes()
    for place in sorted(chance.choices(range(len(ways)), k=chance.choice((1, 1, 2, 2, 3, 4)))):
        # What is spoilt already may be no workbook any more.
        with suppress(Exception):
            content = ways[place](content, chance)
    folder.mkdir()
    (folder / sample.name).write_bytes(content)
    return folder / sample.name


def _faults(path: Path) -> Iterator[str]:
    name, model = _BY_TITLE[path.stem]
    used = resource.getrusage(resource.RUSAGE_SELF)
    # Of the processor: it may have other work.
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + _MOST_SECONDS, resource.RLIM_INFINITY))
    try:
        files = receive(path.parent)
        reading = read_ledgers(files, Catalogue({name: model}))
        annotate(files, reading.findings, path.parent / "marked")
    except BaseException:  # noqa: BLE001  # Polars panics with one
        yield traceback.format_exc()
        return
    if (most := resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) > max(used.ru_maxrss, _MOST_KIB):
        yield f"took {most >> 10} MiB"
    if not reading.ledgers and not reading.findings:
        yield "nothing is said of it"
    yield from differences(path.read_bytes(), path.suffix, reading)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]) > 0)
