"""Kinds of fields in the record's lines and statements: strict, and closed to anything not foreseen."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator, ConfigDict, Field, PlainSerializer, StringConstraints

from perfeval.model.evaluation import NAME_LENGTH

# Built where one is read or written: most commands meet few of them, and the building costs.
CLOSED = ConfigDict(extra="forbid", strict=True, defer_build=True)
_UTC = "%Y-%m-%dT%H:%M:%S.%fZ"


def _written(at: datetime) -> str:
    return at.astimezone(UTC).strftime(_UTC)


def _read(value: object) -> object:
    at = datetime.strptime(value, _UTC).replace(tzinfo=UTC) if isinstance(value, str) else value
    if not isinstance(at, datetime) or (isinstance(value, str) and _written(at) != value):
        raise ValueError("时间应写成 2023-04-03T08:30:00.000000Z")
    return at


Moment = Annotated[AwareDatetime, BeforeValidator(_read), PlainSerializer(_written)]
"""A point in time, written in UTC and in one way."""
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Fingerprint = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{24}$")]
PersonId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
PersonName = Annotated[str, StringConstraints(min_length=1, max_length=NAME_LENGTH)]
Role = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+$")]
Number = Annotated[int, Field(ge=1)]
