"""A person (人员) and by what he proves that he is one."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from perfeval.approvals.passkey import Passkey


class ProofKind(StrEnum):
    """A kind of proof (凭证): a one-time code, the approver's own device, or another office's signature such as an SM2 UKey's."""

    CODE = "code"
    PASSKEY = "passkey"
    EXTERNAL = "external"


PROOF_TITLES = {ProofKind.CODE: "动态码", ProofKind.PASSKEY: "设备签名", ProofKind.EXTERNAL: "外部签名"}


@dataclass(frozen=True, slots=True)
class Means:
    """One enrolled proof of a person. It counts from `confirmed_at` on; `fingerprint` is what was compared.

    `is_proved` when whoever confirmed it showed a proof of his own.
    """

    kind: ProofKind
    fingerprint: str
    enrolled_at: datetime
    passkey: Passkey | None = None
    confirmed_at: datetime | None = None
    confirmed_by: str = ""
    is_on_paper: bool = False
    is_proved: bool = False


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody known by an id (人员): `roles` are operator, archivist, admin and the keys of gates."""

    id: str
    name: str
    roles: tuple[str, ...]
    means: tuple[Means, ...] = ()
    revoked_at: datetime | None = None

    @property
    def confirmed(self) -> tuple[Means, ...]:
        """The proofs that count."""
        return tuple(item for item in self.means if item.confirmed_at)


@dataclass(frozen=True, slots=True)
class Substitution:
    """代理: `person` stands in for `absent` at a gate, both days included, Chinese days."""

    person: str
    absent: str
    gate: str
    from_on: date
    to_on: date

    def holds_on(self, day: date) -> bool:
        """Whether it holds on that day."""
        return self.from_on <= day <= self.to_on
