"""What the door looks after by itself: runs that the store has overtaken, that ended early, or that Prefect has lost with its database."""

import asyncio
import logging
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any, Protocol

from flows.desk import Started
from flows.engine import key_of
from flows.forms import is_behind
from flows.runs import ENDED_EARLY
from perfeval.errors import StoreError

OVERTAKEN = "继续到已登记的进度"
_PAUSE_SECONDS = 10.0
# So often a run goes on by itself whose process was killed: what takes all memory does so again.
_CRASHES = 3
# Prefect's words where a run comes to its gate and is already somebody else's.
_GIVEN_AWAY = "cannot be suspended. Received unexpected state from API"
_LOST = ""


class Open(Protocol):
    """What is asked of the store."""

    def open_runs(self) -> dict[str, str]:
        """The runs of evaluations under way, each with how the key of the form begins that it must be at."""

    def has_kept(self, run: str) -> bool:
        """Whether it is kept why a run has ended early."""

    def keep_ended(self, run: str, message: str, started: Started | None = None, lost: Collection[str] = ()) -> None:
        """Keep that a run has ended early, where it could not keep why; and for the lost run that it was begun for, if it was."""


class Conducted(Protocol):
    """What is asked of Prefect, and told it."""

    async def ended_early(self) -> dict[str, tuple[Mapping[str, Any], Started]]:
        """The runs that have ended early of late, whoever or whatever has begun them: their states, and what they were started for."""

    async def state(self, run: str) -> Mapping[str, Any]:
        """A run's state; nothing where it is lost."""

    async def go_on(self, run: str, key: str, why: str) -> None:
        """Tell a run that is suspended at a key to go on."""

    async def try_again(self, run: str, why: str) -> object:
        """Have a run go on that has ended early, and why in words."""

    async def begin_again(self, run: str) -> bool:
        """Begin a run in the place of one that is lost; whether one was begun."""


class Tending:
    """What was seen of an office's runs at the last round."""

    def __init__(self, desk: Open, runs: Conducted) -> None:
        self._desk, self._runs = desk, runs
        self._settled: dict[str, str] = {}
        self._seen: dict[str, str | None] = {}
        self._told: dict[str, str] = {}
        self._crashes = Counter[str]()

    async def keep_looking(self) -> None:
        """Look again and again, whatever died between a decision and the run's going on."""
        while True:
            try:
                await self.look()
            except StoreError as error:  # the database is busy or away: the next round asks again
                logging.getLogger(__name__).error("a round was cut short: %s", error.line)  # noqa: TRY400  # all is told by its line
            except Exception:
                logging.getLogger(__name__).exception("a round was cut short")
            await asyncio.sleep(_PAUSE_SECONDS)

    async def look(self) -> None:
        """Move on what was behind in the last round already: who has just decided in a terminal moves it himself.

        What stands where it must is not asked for again until the store tells otherwise; of what is lost one is begun again in a round.
        """
        # The store first: what it tells of is older than the run's state.
        forms = await asyncio.to_thread(self._desk.open_runs)
        self._settled = {run: form for run, form in self._settled.items() if forms.get(run) == form}
        seen = {run: await self._look_at(run, forms[run]) for run in forms.keys() - self._settled.keys()}
        lost = [run for run, now in seen.items() if now == _LOST and self._seen.get(run) == _LOST]
        for run, (state, started) in (await self._runs.ended_early()).items():
            if run not in forms:
                seen[run] = await self._after_early_end(run, state, started, lost)
        self._seen = seen
        for run in lost:
            if await self._runs.begin_again(run):
                return

    async def _look_at(self, run: str, form: str) -> str | None:
        """Do for a run what it needs, if it was so in the last round already; how it is, where it needs something."""
        state = await self._runs.state(run)
        kind, key = state.get("type"), key_of(state)
        if kind in ENDED_EARLY:
            return await self._after_early_end(run, state)
        if kind == "PAUSED" and is_behind(key, form):
            if self._seen.get(run) == key:
                await self._runs.go_on(run, key, OVERTAKEN)
            return key
        if kind == "PAUSED":
            self._settled[run] = form
            del self._crashes[run]  # whatever it came over, it came over it
        return None if state else _LOST

    async def _after_early_end(self, run: str, state: Mapping[str, Any], started: Started | None = None, lost: Collection[str] = ()) -> str:
        """Go on after a crash, else see to it that people are told, once it was so in the last round already; how it has ended.

        Who tries it again first takes away why it ended, and may die before he moves it: where it stands as it stood, it is told again.
        """
        now = f"{state['type']} {state.get('id')}"
        if self._seen.get(run) == now and self._told.get(run) == now:
            if not await asyncio.to_thread(self._desk.has_kept, run):
                del self._told[run]  # in the next round, if it has not been moved by then
        elif self._seen.get(run) == now:
            if _is_the_process(state) and self._crashes[run] < _CRASHES:
                self._crashes[run] += 1
                await self._runs.try_again(run, "意外终止后继续")
            else:
                await asyncio.to_thread(self._desk.keep_ended, run, state.get("message") or "", started, lost)
                self._told[run] = now
        return now


def _is_the_process(state: Mapping[str, Any]) -> bool:
    """Whether a run ended for what became of its process: it was killed, or was taken for dead, and the run given to another meanwhile."""
    return state["type"] == "CRASHED" or _GIVEN_AWAY in (state.get("message") or "")
