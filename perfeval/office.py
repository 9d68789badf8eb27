"""An office (单位): its workspace, its store and its key, opened once and handed on together."""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from perfeval.approvals.record import PEOPLE
from perfeval.errors import ConfigurationError, ServerError
from perfeval.workspace import CONFIG_FILE, Workspace, secret_key

if TYPE_CHECKING:
    from perfeval.model import Evaluation
    from perfeval.store import Store
    from perfeval.workspace import Subject

# The workspace travels by environment and never as a flow's parameter: whoever can start a run must not choose folders.
WORKSPACE_VARIABLE = "PERFEVAL_WORKSPACE"


@dataclass(frozen=True, slots=True)
class Office:
    """A workspace with its store."""

    workspace: Workspace
    store: "Store"

    @property
    def key(self) -> str:
        """The key of the store's secrets, from the environment.

        Raises: UsageError: there is none.
        """
        return secret_key()

    def refuse_other_key(self) -> None:
        """See to it that the key is that with which people were enrolled: nobody could log in.

        Raises: UsageError: there is none. StoreError: it is another one.
        """
        _ = self.key
        with self.store.reading() as record:
            record.refuse_other_key(record.entries(PEOPLE))

    @property
    def url(self) -> str | None:
        """Where people open the server that is kept for this workspace, as its keeper noted it; None where there is none for people."""
        try:
            origin = str(json.loads(self.server_note.read_text(encoding="utf-8"))["origin"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return origin if origin and has_keeper(self.workspace) else None

    @property
    def server_note(self) -> Path:
        """Where the keeper of this workspace's server notes its address."""
        return self.workspace.state / "server.json"

    def subject(self, evaluation: "Evaluation") -> "Subject":
        """What an evaluation is about.

        Raises: UsageError: the settings know its programme no more.
        """
        return self.workspace.subject(evaluation.year, evaluation.programme_key)


def has_keeper(workspace: Workspace) -> bool:
    """Whether somebody keeps a server for a workspace, as far as it may be looked at.

    The lock is the kernel's, and ends with its process; the note may outlive it.
    """
    import fcntl  # not everywhere

    try:
        with (workspace.state / "server.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # there never was one, or it is another user's
        return False
    return False


@contextmanager
def unused(workspace: Workspace) -> Iterator[None]:
    """Nobody keeps a server for a workspace or uses one, until the block ends.

    Raises: ServerError: somebody does.
    """
    import fcntl  # not everywhere

    hint = "结束 perfeval serve；run、decide 所用的服务过10分钟自己结束。再执行一次。"
    with ExitStack() as stack:
        for name in ("server.users", "server.lock"):
            lock = stack.enter_context((workspace.state / name).open("a"))
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ServerError("P06", "本工作区的服务还开着，或正被另一个 perfeval 命令占用", hint) from error
        yield


def open_office(folder: Path) -> Office:
    """Open a workspace and its store, made or migrated where need be.

    Raises: UsageError, ConfigurationError: it is no workspace, or its settings are wrong. StoreError: no database.
    """
    from perfeval.store import URL_VARIABLE, open_store

    workspace = Workspace(folder)
    if workspace.settings.storage.database:
        message = f"{CONFIG_FILE} 里写了数据库地址（storage.database），它会随设置进入归档包"
        raise ConfigurationError("F07", message, f"把地址移到环境变量 {URL_VARIABLE}，并删去这一行。")
    keys = {programme.name: programme.key for programme in workspace.programmes}
    return Office(workspace, open_store(workspace.state, workspace.unit, secret_key, keys))


@lru_cache(maxsize=1)
def this_office() -> Office:
    """The office that this process works for, named by PERFEVAL_WORKSPACE, opened once."""
    return open_office(Path(os.environ[WORKSPACE_VARIABLE]))
