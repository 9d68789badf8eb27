"""The keys of the forms that runs are suspended at: each tells what it asks for, and none is used twice."""

import secrets

from perfeval.model import Revision, Stage, Status
from perfeval.settings import CORRECTION


def new_key(name: str, revision: Revision) -> str:
    """A key for asking at a gate, or for the correction. Prefect takes letters, digits and dashes, and each key once."""
    return f"{name}-r{revision.number}-{secrets.token_hex(4)}"


def awaited(status: Status) -> str:
    """How the key begins of the form that a run must stand at by the store; empty where it must not stand."""
    name = CORRECTION if status.stage is Stage.CORRECTING else status.gate and status.gate.key
    return f"{name}-r{status.revision.number}-" if name else ""


def is_behind(key: str | None, form: str) -> bool:
    """Whether a run that stands at a key has been overtaken by the store."""
    return not form or not (key or "").startswith(form)
