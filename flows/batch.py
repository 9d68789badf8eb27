"""Many at once (批量送审): a child run for each office and programme, a few at a time; what is wrong with one keeps no other waiting.

Each is `perfeval run` in a process of its own, and goes on where the store says it stands: a batch that was broken off is typed again.
All use one server: the one that is up for their office, else one that is kept for all the others.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from flows.keeping import IDLE, keeping, kept_for_people
from flows.serve import HOST
from perfeval.errors import PerfevalError
from perfeval.model import Gate
from perfeval.model.evaluation import gate_title
from perfeval.office import Office, open_office
from perfeval.workspace import Workspace

_ARCHIVED = "P08"
_TEND_SECONDS = 0.5
SEVERAL = 2


@dataclass(frozen=True, slots=True)
class Item:
    """An office's programme: the office's folder, the programme's key, how many the office has, and its gates."""

    folder: Path
    programme: str
    beside: int
    gates: tuple[Gate, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one: `state` as `run --json` names it, or failed; `told` is it in Chinese, or what it failed for."""

    office: str
    programme: str
    evaluation: str
    state: str
    told: str


def items_of(folders: Sequence[Path]) -> Iterator[Item | Outcome]:
    """The programmes of the offices, in order; of a folder that is none, why."""
    for folder in folders:
        try:
            workspace = Workspace(folder)
            programmes, gates = workspace.programmes, workspace.gates
        except PerfevalError as error:
            yield Outcome(str(folder), "", "", "failed", error.message)
        else:
            yield from (Item(folder, programme.key, len(programmes), gates) for programme in programmes)


def run_all(year: int, folders: Sequence[Path], name: str, jobs: int, show: Callable[[Outcome, int, int], None]) -> list[Outcome]:
    """Run them all, `jobs` at a time; `show` is told each outcome as it comes, with how many there are by then and in all."""
    found = list(items_of(folders))
    outcomes: dict[int, Outcome] = {place: item for place, item in enumerate(found) if isinstance(item, Outcome)}
    places = dict.fromkeys(item.folder for item in found if isinstance(item, Item))
    with _served(places) as tend, ThreadPoolExecutor(jobs) as pool:
        waited = {pool.submit(_run, year, item, name): place for place, item in enumerate(found) if isinstance(item, Item)}
        left = set(waited)
        while left:
            tend()
            ended, left = wait(left, _TEND_SECONDS, FIRST_COMPLETED)
            for done in ended:
                outcomes[waited[done]] = done.result()
                show(outcomes[waited[done]], len(outcomes), len(found))
    return [outcomes[place] for place in range(len(found))]


@contextmanager
def _served(folders: Iterable[Path]) -> Iterator[Callable[[], None]]:
    """One server for the offices that have none; gives what tends it.

    An office that cannot be opened, or is there twice, starts one for itself, or tells why not.
    """
    offices: dict[str, Office] = {}
    for folder in folders:
        with suppress(PerfevalError):
            office = open_office(folder)
            if not kept_for_people(office.workspace):
                offices.setdefault(office.workspace.unit, office)
    if len(offices) < SEVERAL:
        yield lambda: None
        return
    with keeping(list(offices.values()), HOST, 0, for_people=False, makes_room=True) as server:
        yield server.tend


def _run(year: int, item: Item, name: str) -> Outcome:
    command = [sys.executable, "-m", "flows", "run", "--year", str(year), "--json", "-w", str(item.folder), "--programme", item.programme]
    # A server for each of some hundred offices must not stay; where the next programme uses it, for a minute.
    variables = os.environ | {IDLE: "1" if item.beside > 1 else "0", "PYTHONSAFEPATH": "1"}
    done = subprocess.run(  # noqa: S603  # our own module
        [*command, *(["--as", name] if name else [])], check=False, env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    return _read(item, done.stdout)


def _read(item: Item, text: str) -> Outcome:
    office = item.folder.resolve().name
    try:
        told = json.loads(text)
    except ValueError:
        return Outcome(office, item.programme, "", "failed", "运行意外终止")
    if error := told.get("error"):
        is_archived = error["code"] == _ARCHIVED
        return Outcome(office, item.programme, "", *(("archived", "已归档") if is_archived else ("failed", error["message"])))
    state, key = told["state"], told["state"].removeprefix("waiting-")
    errors = sum(finding["severity"] == "error" for finding in told.get("findings", ()))
    title = f"{told.get('message', '')}（{errors}处错误）" if errors else told.get("message") or f"待{gate_title(item.gates, key)}"
    return Outcome(office, item.programme, told["evaluation"] or "", state, title)
