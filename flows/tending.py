"""What the door looks after by itself: runs that the store has overtaken, and those that Prefect has lost with its database."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Protocol

from flows.engine import key_of
from flows.forms import is_behind
from perfeval.errors import StoreError

OVERTAKEN = "继续到已登记的进度"
_PAUSE_SECONDS = 10.0


class Open(Protocol):
    """What is asked of the store."""

    def open_runs(self) -> dict[str, str]:
        """The runs of evaluations under way, each with how the key of the form begins that it must be at."""


class Conducted(Protocol):
    """What is asked of Prefect, and told it."""

    async def state(self, run: str) -> Mapping[str, Any]:
        """A run's state; nothing where it is lost."""

    async def go_on(self, run: str, key: str, why: str) -> None:
        """Tell a run that is suspended at a key to go on."""

    async def begin_again(self, run: str) -> bool:
        """Begin a run in the place of one that is lost; whether one was begun."""


class Tending:
    """What was seen of an office's runs at the last round."""

    def __init__(self, desk: Open, runs: Conducted) -> None:
        self._desk, self._runs = desk, runs
        self._settled: dict[str, str] = {}
        self._seen: dict[str, str] = {}

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
        seen: dict[str, str] = {}
        for run in forms.keys() - self._settled.keys():
            state = await self._runs.state(run)
            key = key_of(state)
            if not state:
                seen[run] = ""
            elif state.get("type") == "PAUSED" and is_behind(key, forms[run]):
                seen[run] = key
                if self._seen.get(run) == key:
                    await self._runs.go_on(run, key, OVERTAKEN)
            elif state.get("type") == "PAUSED":
                self._settled[run] = forms[run]
        lost = [run for run, key in seen.items() if not key and self._seen.get(run) == ""]
        self._seen = seen
        for run in lost:
            if await self._runs.begin_again(run):
                return
