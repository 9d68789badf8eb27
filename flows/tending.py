"""What the door looks after by itself: runs that the store has overtaken, and those that Prefect has lost with its database."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from flows.engine import key_of
from flows.forms import is_behind

OVERTAKEN = "继续到已登记的进度"


class Open(Protocol):
    """What is asked of the store."""

    def open_runs(self) -> dict[str, str]:
        """The runs of evaluations under way, each with how the key of the form begins that it must be at."""


class Tending:
    """What was seen at the last round. `state` is a run's as Prefect has it, `go_on` moves it, `begin_again` begins one that is lost."""

    def __init__(
        self,
        desk: Open,
        state: Callable[[str], Awaitable[Mapping[str, Any]]],
        go_on: Callable[[str, str, str], Awaitable[None]],
        begin_again: Callable[[str], Awaitable[bool]],
    ) -> None:
        self._desk, self._state, self._go_on, self._begin_again = desk, state, go_on, begin_again
        self._settled: dict[str, str] = {}
        self._seen: dict[str, str] = {}
        self._begun: set[str] = set()

    async def look(self) -> None:
        """Move on what was behind in the last round already: who has just decided in a terminal moves it himself.

        What stands where it must is not asked for again until the store tells otherwise; of what is lost one is begun again in a round.
        """
        # The store first: what it tells of is older than the run's state.
        forms = await asyncio.to_thread(self._desk.open_runs)
        self._settled = {run: form for run, form in self._settled.items() if forms.get(run) == form}
        seen: dict[str, str] = {}
        for run in forms.keys() - self._settled.keys() - self._begun:
            state = await self._state(run)
            key = key_of(state)
            if not state:
                seen[run] = ""
            elif state.get("type") == "PAUSED" and is_behind(key, forms[run]):
                seen[run] = key
                if self._seen.get(run) == key:
                    await self._go_on(run, key, OVERTAKEN)
            elif state.get("type") == "PAUSED":
                self._settled[run] = forms[run]
        lost = [run for run, key in seen.items() if not key and self._seen.get(run) == ""]
        self._seen = seen
        for run in lost:
            if await self._begin_again(run):
                self._begun.add(run)
                return
