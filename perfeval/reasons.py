"""A reason as the clerk writes it on his page (填写说明): into the year's file as he would by hand, and into the record.

What others wrote in the file stays as it is, comments and order too. What is new stands in quotes: no word of it means anything to YAML.
"""

import hashlib
import io
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from perfeval.approvals.events import Reasoned, RecordedFile
from perfeval.approvals.people import OPERATOR
from perfeval.approvals.person import Person
from perfeval.approvals.record import PEOPLE
from perfeval.assessment import recorded_reasons
from perfeval.configuration import parse_yaml, read_text
from perfeval.errors import ApprovalError, ConfigurationError
from perfeval.indicators import load_indicators
from perfeval.model import Revision, Stage, Status
from perfeval.office import Office
from perfeval.store import Transaction
from perfeval.workspace import Subject

Parts = Mapping[str, str | Sequence[str]]
"""What is written of a reason, by the names it has in the file; parts that are empty are not written."""
_writing = Lock()


def digest_of(path: Path) -> str:
    """The SHA-256 of the file as it lies there, empty where there is none: what a form says it was made for."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def may_write(status: Status | None) -> bool:
    """Whether reasons can be written: nothing is drafted yet, or the draft was returned."""
    return status is None or status.stage in {Stage.PREPARING, Stage.CORRECTING}


def status_of(record: Transaction, office: Office, subject: Subject) -> Status | None:
    """Where the evaluation of a programme's year stands; None before there is one, and where the last was refused."""
    same = record.evaluations(subject.year, subject.programme.key)
    known = [item for item in same if item.outcome != Stage.REFUSED]
    return record.progress(known[-1]).status(office.workspace.gates) if known else None


def write_reason(office: Office, subject: Subject, key: str, parts: Parts, known: str, by: Person) -> None:
    """Write a reason into the year's file, in place of what stood under its key, with who did it in the record.

    Args:
        office: the office.
        subject: the programme's year.
        key: what is explained.
        parts: its text, measure, evidence; of a judged row its value and grounds.
        known: the digest of the file that the writer saw.
        by: who writes.

    Raises: ApprovalError: he is no operator, reasons cannot be written now, or the file was changed meanwhile. ConfigurationError: it
        would not be right then, or cannot be written so.
    """
    if OPERATOR not in by.roles:
        raise ApprovalError("A53", f"“{by.name}”不是经办人（operator），不能写说明", "由经办人登录后填写。")
    path = subject.explanations
    with _writing, office.store.transaction() as record:
        status = status_of(record, office, subject)
        if status is None:
            record.lock_chain(PEOPLE)  # which is asked for reasons where an evaluation is opened: it is, or will be after this one
            status = status_of(record, office, subject)
        if not may_write(status):
            message = f"这一年度的自评{status.title if status else ''}，现在不能写说明"
            raise ApprovalError("A59", message, "成文前，或者审批人退回修改之后，再写。")
        if digest_of(path) != known:
            raise ApprovalError("A60", f"{subject.explanations_name} 在您打开页面之后改动过", "刷新本页，看过现在的内容再写。")
        text = _with_reason(read_text(path) if known else "", key, parts, subject.explanations_name)
        recorded_reasons(subject, load_indicators(subject.indicators, subject.workspace.catalogue), text)
        is_windows = known and b"\r\n" in path.read_bytes()
        content = text.replace("\n", "\r\n").encode() if is_windows else text.encode()
        chain, number = (status.revision.evaluation.id, _next(status)) if status else (PEOPLE, 1)
        file = RecordedFile(subject.explanations_name, hashlib.sha256(content).hexdigest())
        record.append(chain, Reasoned(revision=number, key=key, file=file), by.id)
        _replace(path, content)


def _next(status: Status) -> int:
    """The number of the revision that a reason is written for."""
    revision: Revision = status.revision
    return revision.number + (status.stage is Stage.CORRECTING)


def _with_reason(text: str, key: str, parts: Parts, file: str) -> str:
    """The file's text with a reason in it.

    Raises: ConfigurationError: F13, where it would say anything else than before besides.
    """
    told = {name: part for name, part in parts.items() if part}
    reason = told["reason"] if set(told) == {"reason"} else told
    before = parse_yaml(text, file)[0] or {}
    editor = YAML()
    editor.preserve_quotes, editor.width = True, sys.maxsize
    editor.indent(mapping=2, sequence=4, offset=2)
    try:
        document = editor.load(text)
        if document is None:  # comments at most, which nothing holds
            text, document = f"{text.rstrip()}\n".lstrip(), CommentedMap()
        else:
            text = ""
        kept = document.get(key)
        if isinstance(kept, CommentedMap) and isinstance(reason, Mapping):
            for name in [name for name in kept if name not in reason]:
                del kept[name]
            kept.update({name: _quoted(part) for name, part in reason.items() if before[key].get(name) != part})
        else:
            document[key if parse_yaml(key, file)[0] == key else _quoted(key)] = _quoted(reason)
        written = io.StringIO()
        editor.dump(document, written)
        text += written.getvalue()
        is_so = parse_yaml(text, file)[0] == {**before, key: _plain(reason)}
    except (YAMLError, ConfigurationError, AttributeError, TypeError):  # no mapping, or a way of writing that one of the two does not know
        is_so = False
    if not is_so:
        raise ConfigurationError("F13", f"{file} 的写法，本页不能改写", f"用文本编辑器把“{key}”的说明写进这个文件，写法见手册。")
    return text


def _quoted(value: object) -> object:
    if isinstance(value, str):
        return DoubleQuotedScalarString(value)
    if isinstance(value, Mapping):
        return CommentedMap({name: _quoted(part) for name, part in value.items()})
    return [_quoted(part) for part in value] if isinstance(value, Sequence) else value


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    return value if isinstance(value, str) or not isinstance(value, Sequence) else list(value)


def _replace(path: Path, content: bytes) -> None:
    """Nobody sees half a file."""
    path.parent.mkdir(exist_ok=True)
    handle, temporary = tempfile.mkstemp(suffix=".yml", prefix=".", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as target:
            target.write(content)
            target.flush()
            os.fsync(target.fileno())
        Path(temporary).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)
