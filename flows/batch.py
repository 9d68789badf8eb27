"""Many at once (批量送审): a child run for each office and programme, a few at a time; what is wrong with one keeps no other waiting.

Each is `perfeval run` in a process of its own, and goes on where the store says it stands: a batch that was broken off is typed again.
All use one server: the one that is up for their office, else one that is kept for all the others.
"""

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from flows.keeping import IDLE, ServedError, keeping, kept_for_people
from flows.serve import HOST
from perfeval.console import STEP
from perfeval.errors import PerfevalError, fault_of
from perfeval.model import Stage
from perfeval.office import Office, open_office
from perfeval.workspace import Workspace

_ARCHIVED = "P08"
_TEND_SECONDS, _LOOK_SECONDS = 0.5, 0.1
BEGINS = "检查台账"
SEVERAL = 2


@dataclass(frozen=True, slots=True)
class Item:
    """An office's programme: the office's folder and how it is told, the programme's key, and how many the office has."""

    folder: Path
    office: str
    programme: str
    beside: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one: `state` as `run --json` names it, or failed; `told` is it in Chinese, or what it failed for; `hint` what to do."""

    office: str
    programme: str
    evaluation: str
    state: str
    told: str
    hint: str = ""

    @property
    def who(self) -> str:
        """Whose it is, as it is told; a folder that is no office has no programme."""
        return f"{self.office} {self.programme}".rstrip()


@dataclass(slots=True)
class _Work:
    """The processes of those that are being run, and the step at which each is, in the order begun."""

    processes: dict[Item, "subprocess.Popen[str]"]
    steps: dict[Item, str]

    def end(self, waited: Collection["Future[Outcome]"]) -> None:
        """Have what has begun end at once; what was asked of the server goes on there, and is found by the next batch."""
        while not all(future.done() for future in waited):  # not wait(), for which what is cancelled here has not ended
            for process in list(self.processes.values()):
                process.terminate()
            time.sleep(_LOOK_SECONDS)


def items_of(folders: Sequence[Path]) -> Iterator[Item | Outcome]:
    """The programmes of the offices, in order, each office once however often it is written; of a folder that is none, why.

    An office is told by its folder's name; where two have the same, by the path as it was written.
    """
    places = {folder.resolve(): folder for folder in folders}
    names = Counter(place.name for place in places)
    for place, folder in places.items():
        office = place.name if names[place.name] == 1 else str(folder)
        try:
            workspace = Workspace(folder)
            programmes = workspace.programmes
        except (PerfevalError, OSError) as error:
            fault = fault_of(error)
            yield Outcome(str(folder), "", "", "failed", fault.message, fault.hint)
        else:
            yield from (Item(folder, office, programme.key, len(programmes)) for programme in programmes)


def run_all(
    year: int,
    folders: Sequence[Path],
    name: str,
    jobs: int,
    show: Callable[[Outcome, int, int], None],
    watch: Callable[[Mapping[Item, str]], None] = lambda _: None,
) -> list[Outcome]:
    """Run them all, `jobs` at a time; `show` is told each outcome as it comes, with how many there are by then and in all.

    `watch` is told again and again at which step each of those is that are being run.
    """
    found, outcomes, work = list(items_of(folders)), dict[int, Outcome](), _Work({}, {})
    for place, item in enumerate(found):
        if isinstance(item, Outcome):
            outcomes[place] = item
            show(item, len(outcomes), len(found))
    places = dict.fromkeys(item.folder for item in found if isinstance(item, Item))
    with _served(places) as tend, ThreadPoolExecutor(jobs) as pool:
        waited = {pool.submit(_run, year, item, name, work): place for place, item in enumerate(found) if isinstance(item, Item)}
        left = set(waited)
        try:
            while left:
                tend()
                watch(dict(work.steps))
                ended, left = wait(left, _TEND_SECONDS, FIRST_COMPLETED)
                for done in ended:
                    outcomes[waited[done]] = done.result()
                    show(outcomes[waited[done]], len(outcomes), len(found))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            work.end(left)
            raise
    return [outcomes[place] for place in range(len(found))]


@contextmanager
def _served(folders: Iterable[Path]) -> Iterator[Callable[[], None]]:
    """One server for the offices that have none; gives what tends it.

    An office that cannot be opened, or is of the same unit as another, starts one for itself, or tells why not.
    """
    with ExitStack() as stack:
        while len(offices := _unserved(folders)) >= SEVERAL:
            with suppress(ServedError):  # people's came up meanwhile
                server = stack.enter_context(keeping(offices, HOST, 0, for_people=False, makes_room=True))
                yield server.tend
                return
        yield lambda: None


def _unserved(folders: Iterable[Path]) -> list[Office]:
    """The offices for which nobody keeps a server that is for people, and one with this key can be kept."""
    offices: dict[str, Office] = {}
    for folder in folders:
        with suppress(PerfevalError, OSError):
            office = open_office(folder)
            office.refuse_other_key()
            if not kept_for_people(office.workspace):
                offices.setdefault(office.workspace.unit, office)
    return list(offices.values())


def _run(year: int, item: Item, name: str, work: _Work) -> Outcome:
    command = [sys.executable, "-m", "flows", "run", "--year", str(year), "--json", "-w", str(item.folder), "--programme", item.programme]
    # A server for each of some hundred offices must not stay; where the next programme uses it, for a minute.
    variables = os.environ | {IDLE: "1" if item.beside > 1 else "0", "PYTHONSAFEPATH": "1"}
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as out,  # not a pipe, which nobody empties while the steps are read
        subprocess.Popen(  # noqa: S603  # our own module
            [*command, *(["--as", name] if name else [])],
            env=variables, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE, text=True,
        ) as process,
    ):  # fmt: skip
        work.processes[item], work.steps[item] = process, BEGINS
        for line in process.stderr or ():
            if line.startswith(STEP):
                work.steps[item] = line.removeprefix(STEP).strip()
        process.wait()
        del work.processes[item], work.steps[item]
        out.seek(0)
        return _read(year, item, out.read())


def _number(year: int, item: Item) -> str:
    """The number of a programme's evaluation, where one has begun that was not refused."""
    with suppress(PerfevalError, OSError), open_office(item.folder).store.reading() as record:
        latest = next(reversed(record.evaluations(year, item.programme)), None)
        return latest.id if latest and latest.outcome != Stage.REFUSED else ""
    return ""


def _stage(item: Item, evaluation: str, state: str) -> str:
    """Where an evaluation stands, at which of its draft's gates; as the run called it where the office cannot be read just now."""
    with suppress(PerfevalError, OSError):
        office = open_office(item.folder)
        with office.store.reading() as record:
            return record.progress(record.evaluation(evaluation)).status(office.workspace.gates).title
    return state


def _read(year: int, item: Item, text: str) -> Outcome:
    try:
        told = json.loads(text)
    except ValueError:
        return Outcome(item.office, item.programme, _number(year, item), "failed", "运行意外终止", "再执行一次，会从中断处接着进行。")
    if error := told.get("error"):
        is_archived = error["code"] == _ARCHIVED
        came = ("archived", "已归档") if is_archived else ("failed", error["message"], error["hint"])
        return Outcome(item.office, item.programme, _number(year, item), *came)
    title, _, hint = (told.get("message") or _stage(item, told["evaluation"], told["state"])).partition("\n")
    if any(finding["severity"] == "error" for finding in told.get("findings", ())):
        hint = f"逐项列出：perfeval check --year {year} -w {shlex.quote(str(item.folder))}"
    return Outcome(item.office, item.programme, told["evaluation"] or "", told["state"], title, hint)
