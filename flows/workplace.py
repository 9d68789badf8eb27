"""The workspace and store that this process works in.

The workspace travels by environment and never as a flow parameter: whoever can start a run from the UI must not choose folders.
"""

import os
import re
import shutil
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from perfeval.errors import StoreError
from perfeval.model import Draft, Revision
from perfeval.model.documents import kept
from perfeval.workspace import Workspace

if TYPE_CHECKING:
    from perfeval.store import Store

VARIABLE = "PERFEVAL_WORKSPACE"
# A file's name has room for 255 bytes.
_PROGRAMME = 40


@lru_cache(maxsize=1)
def open_workplace() -> tuple[Workspace, "Store"]:
    """The workspace named by PERFEVAL_WORKSPACE and its store, opened once per process."""
    from perfeval.store import open_store

    workspace = Workspace(Path(os.environ[VARIABLE]))
    return workspace, open_store(workspace)


def find_draft(store: "Store", revision: Revision) -> tuple[Path, str]:
    """A draft's file and the name to give it, which ends with its check code (核对码).

    Raises: StoreError: when there is no such draft or its file is damaged.
    """
    evaluation = revision.evaluation
    drafted = store.outcome(revision, "drafted")
    if drafted is None:
        raise StoreError("S05", f"{evaluation.id} 没有第{revision.number}稿", "用 perfeval status 查看稿次。")
    draft = kept(Draft, drafted["draft"])
    programme = re.sub(r'[\\/:*?"<>|\s]+', "-", evaluation.programme)[:_PROGRAMME]
    name = f"{evaluation.year}年度{programme}自评报告-第{revision.number}稿-核对码{draft.check_code}.docx"
    return store.artifacts.path(draft.digest), name


def save_draft(workspace: Workspace, store: "Store", revision: Revision) -> Path:
    """Leave a draft in the workspace's folder of drafts, where the office can open it."""
    source, name = find_draft(store, revision)
    file = workspace.root / "drafts" / name
    file.parent.mkdir(exist_ok=True)
    shutil.copyfile(source, file)
    return file
