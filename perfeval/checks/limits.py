"""Limits of checks (限额) out of the workspace's checks.yml: numbers that a circular changes, each with date and source."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from pydantic import create_model

from perfeval.checks.check import Limits
from perfeval.configuration import Model, load_model


def read_limits(path: Path, kinds: Mapping[str, type[Limits]]) -> dict[type[Limits], Limits]:
    """Read the limits by the codes of the checks that have some; a code that is left out has none.

    Raises: ConfigurationError: with every fault as `checks.yml:line: what is wrong`.
    """
    read = load_model(path, _by_code(tuple(kinds.items())))
    return {kind: limits for code, kind in kinds.items() if (limits := getattr(read, code)) is not None}


@lru_cache(1)  # one model, so that a text that was read once is not read again
def _by_code(kinds: tuple[tuple[str, type[Limits]], ...]) -> type[Model]:
    fields = {code: (kind | None, None) for code, kind in kinds}
    return create_model("LimitsByCode", __base__=Model, **fields)  # type: ignore[call-overload, no-any-return]  # names come from data
