"""Spoil the sample's ledgers by chance and read them: every file must end in rows or findings, in bounded time and memory.

    python tests/mutations/spoil.py FIRST COUNT

Each number is a file, the same one for ever. Prints a line for every fault, and what was wrong with it; the exit code says whether
there was one. `PERFEVAL_KEEP=DIR` keeps the files with faults.
"""

import csv
import os
import random
import resource
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path

import openpyxl

sys.path.insert(0, str(Path(__file__).parent))

from faults import IN_TEXT, IN_WORKBOOKS, Spoil
from seconding import differences

from perfeval.ledgers import annotate, read_ledgers, receive
from perfeval.sample.workbooks import write_sample
from schemas import DEFAULT, Catalogue

_MOST_SECONDS, _MOST_BYTES = 10, 1 << 30
_MOST_SECONDED = 1 << 20
_ROWS = 15


def main(first: int, count: int) -> int:
    """Read so many spoilt files; returns how many had faults."""
    faulty = 0
    with tempfile.TemporaryDirectory() as folder:
        # In another process: what openpyxl takes is not the reader's.
        process = get_context("spawn").Process(target=_spoil, args=(Path(folder), range(first, first + count)))
        process.start()
        process.join()
        for place in sorted(Path(folder).glob("[0-9]*"), key=lambda place: int(place.name)):
            (path,) = (place / "ledgers").iterdir()
            faults = list(_faults(path, place / "marked"))
            faulty += bool(faults)
            for fault in faults:
                print(f"{place.name} {path.name} ({(place / 'steps').read_text()}): {fault}", flush=True)
            if faults and (keep := os.environ.get("PERFEVAL_KEEP")):
                shutil.copytree(place, Path(keep) / place.name, dirs_exist_ok=True)
            shutil.rmtree(place)
    return faulty


def _spoil(folder: Path, seeds: range) -> None:
    """Make a folder per seed, with a spoilt ledger alone in a folder of its own, and what was done to it."""
    sample = _sample(folder / "sample")
    for seed in seeds:
        name, content, steps = _spoilt(seed, sample)
        (folder / str(seed) / "ledgers").mkdir(parents=True)
        (folder / str(seed) / "ledgers" / name).write_bytes(content)
        (folder / str(seed) / "steps").write_text(", ".join(steps))


def _sample(folder: Path) -> list[Path]:
    """The beginnings of the sample's ledgers, and each of them as csv."""
    folder.mkdir()
    paths = write_sample(folder)
    for path in paths:
        workbook = openpyxl.load_workbook(path)
        sheet = workbook.worksheets[0]
        sheet.delete_rows(_ROWS + 1, sheet.max_row)
        workbook.save(path)
        with path.with_suffix(".csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(
                [f"{value:%Y-%m-%d}" if isinstance(value, datetime) else value for value in row] for row in sheet.values
            )
    return [*paths, *(path.with_suffix(".csv") for path in paths)]


def _spoilt(seed: int, sample: list[Path]) -> tuple[str, bytes, list[str]]:
    """A file of the sample, spoilt in up to three ways: its name, its content, what was done."""
    chance = random.Random(seed)  # noqa: S311  # no secret
    origin = chance.choice(sample)
    ways: Mapping[str, Spoil] = IN_TEXT if origin.suffix == ".csv" else IN_WORKBOOKS
    content, done = origin.read_bytes(), []
    for way in chance.choices(list(ways), k=chance.choice((1, 1, 2, 3))):
        try:
            content = ways[way](content, chance)
        except Exception:  # noqa: BLE001, S112  # what is spoilt already may be no workbook any more
            continue
        done.append(way)
    return origin.name, content, done


def _faults(path: Path, marked: Path) -> Iterator[str]:
    started = time.monotonic()
    try:
        files = receive(path.parent)
        name = next(name for name, model in DEFAULT.items() if model.ledger_title() == path.stem)
        reading = read_ledgers(files, Catalogue({name: DEFAULT[name]}))
        annotate(files, reading.findings, marked)
    except BaseException:  # noqa: BLE001  # Polars panics with one
        yield traceback.format_exc()
        return
    if (seconds := time.monotonic() - started) > _MOST_SECONDS:
        yield f"took {seconds:.0f} s"
    if (most := resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10) > _MOST_BYTES:
        yield f"took {most >> 20} MiB"
    if not reading.ledgers and not reading.findings:
        yield "nothing is said of it"
    if path.stat().st_size < _MOST_SECONDED:
        yield from differences(path.read_bytes(), path.suffix, reading)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])) > 0)
