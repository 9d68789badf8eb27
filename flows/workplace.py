"""The workspace and store that this process works in.

The workspace travels by environment and never as a flow parameter: whoever can start a run from the UI must not choose folders.
"""

import os
from functools import lru_cache
from pathlib import Path

from perfeval.settings import Workspace
from perfeval.store import Store

VARIABLE = "PERFEVAL_WORKSPACE"


@lru_cache(maxsize=1)
def open_workplace() -> tuple[Workspace, Store]:
    """The workspace named by PERFEVAL_WORKSPACE and its store, opened once per process."""
    workspace = Workspace(Path(os.environ[VARIABLE]))
    return workspace, Store(workspace.database_url, workspace.artifacts)
