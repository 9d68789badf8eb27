"""An office moved off its machine (移库): its record into the database, its artifacts into the storage, that the environment names."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from perfeval.archive import sealed_bags
from perfeval.audit import audit
from perfeval.errors import StoreError, UsageError
from perfeval.model.clock import CHINA
from perfeval.office import unused
from perfeval.store import (
    ARTIFACTS_VARIABLE,
    MOVED,
    MOVING,
    STORE,
    URL_VARIABLE,
    Artifacts,
    Store,
    file_url,
    has_tables,
    move_store,
    place_of_artifacts,
    refuse_one_for_both,
    try_artifacts,
)
from perfeval.workspace import Workspace, secret_key


@dataclass(frozen=True, slots=True)
class Moved:
    """What was moved: lines of the record and files, None where they stay; `kept` is the workspace's store as it was."""

    events: int | None = None
    artifacts: int | None = None
    kept: Path | None = None


def move(workspace: Workspace) -> Moved:
    """Move an office's store and artifacts where the environment says; broken off, it goes on when it is asked again.

    Artifacts first: until the store's file has another name, the office goes on where it was.

    Raises: UsageError: there is nothing to move, or nowhere to. ServerError: the workspace is in use. StoreError: the record is not whole,
        or cannot be moved.
    """
    key, url, address = secret_key(), os.environ.get(URL_VARIABLE, ""), os.environ.get(ARTIFACTS_VARIABLE, "")
    if not url and not address:
        message = f"没有写明移到哪里：环境变量 {URL_VARIABLE}、{ARTIFACTS_VARIABLE} 都没有设置"
        raise UsageError("U22", message, "设置要移去的数据库、存储的地址，写法见手册，再执行一次。")
    refuse_one_for_both()
    aside = workspace.state / MOVING  # broken off at its commit
    file = aside if aside.exists() else workspace.state / STORE
    has_record = bool(url) and has_tables(file)  # a command that was refused leaves a file without tables
    if url and not has_record and not (address and any(workspace.state.glob(f"{MOVED}*"))):  # else the files alone
        hint = f"用 -w 写对工作区；已经移走的，用 perfeval audit 核对；只移存档文件的，不设 {URL_VARIABLE}。"
        raise UsageError("U23", f"没有可移的记录：{file} 不存在，或是空的", hint)
    with unused(workspace):
        if address:
            try_artifacts(workspace.artifacts)
        events = _audited(workspace, file, with_files=bool(address)) if has_record else None
        artifacts = Artifacts(*place_of_artifacts(workspace.artifacts)).take(Artifacts(workspace.artifacts)) if address else None
        if events is None and not artifacts:
            hint = f"已经移走的，用 perfeval audit 核对；已在别处的，自己复制到环境变量 {ARTIFACTS_VARIABLE} 所指的地方。"
            raise UsageError("U23", f"没有可移的存档文件：{workspace.artifacts} 不存在，或是空的", hint)
        if events is None:
            return Moved(None, artifacts)
        kept = file.with_name(f"{MOVED}{datetime.now(UTC).astimezone(CHINA):%Y%m%d-%H%M%S}")
        move_store(file, url, lambda: key, audit, kept)
        return Moved(events, artifacts, kept)


def _audited(workspace: Workspace, file: Path, *, with_files: bool) -> int:
    """How many lines the workspace's record has, brought to the newest schema and checked whole.

    Raises: StoreError: it is not whole, or was written with another key; or the files that it tells of, and that are to go with it, are
        not here.
    """
    keys = {programme.name: programme.key for programme in workspace.programmes}
    sealed = sealed_bags(workspace.archive_folder)
    store = Store(file_url(file), workspace.artifacts, workspace.unit, secret_key, keys, own=file)
    try:
        if with_files:
            store.artifacts.refuse_gone()
        with store.reading() as record:
            found = audit(record, sealed=sealed)
    finally:
        store.close()
    if found.faults:
        faults = [f"{fault.chain}：{fault.message}" for fault in found.faults]
        raise StoreError("S10", "审批记录被改动过，没有移动", "执行 perfeval audit 查明，从备份恢复，再移动。", faults=faults)
    return found.events
