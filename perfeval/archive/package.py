"""What goes into a bag (归档内容), and where it lies there."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path, PurePosixPath

from perfeval.approvals.offline import CHECK_SCRIPT, PEOPLE_RECORD, PROOFS, RECORD, write_lines
from perfeval.approvals.record import Entry
from perfeval.model import Decision, Evaluation, Gate, ReceivedFile
from perfeval.settings import Archive
from perfeval.workspace import CONFIG_FILE

REPORT = "data/report.docx"
APPROVALS = "data/records/decisions.json"
SHEET = "data/审批表.docx"
CORRECTIONS = "data/records/corrections.json"
ORIGIN = "data/records/origin.json"
FACTS = "data/records/facts.json"
SNAPSHOTS = "data/snapshots/"
WORKSPACE = "data/workspace/"
LEDGERS = WORKSPACE + "ledgers/"
REQUIRED = (REPORT, APPROVALS, FACTS, "data/records/scores.json", "data/records/findings.json", WORKSPACE + CONFIG_FILE)
# Every bag since there is a record has these too.
RECORDED = (RECORD, PEOPLE_RECORD, SHEET, CORRECTIONS, ORIGIN)

# Names Windows cannot hold, and %-escapes that BagIt readers of different versions read differently.
_FORBIDDEN = re.compile(r'[<>:"|?*\\]|%(?:0[ad]|25)', re.IGNORECASE)
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?", re.IGNORECASE)
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_NAME_BYTES = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionPackage:
    """One approved evaluation, ready to be archived (OAIS: submission information package); the same package makes the same bag.

    Attributes:
        archive_no: 档号, from `archive_number`.
        title: 题名, the report's.
        decisions: every decision of the evaluation, earlier revisions' too, as the store's tables have them: the record must say the same.
        written_on: 成文日期, as printed under the report.
        archived_at: when this revision was archived, as recorded once: never the clock's now.
        unit: 立档单位 and 责任者.
        programme: its name, as the report has it: it may have got another since the evaluation was opened.
        ledgers: as received, under the clerk's own names.
        snapshots: validated ledgers, English ledger name → Parquet file; a long ledger has several, numbered.
        records: file name → bytes; facts.json, scores.json and findings.json at least. decisions.json is made here.
        configuration: path within the workspace → file; perfeval.yml at least.
        program: the program's name and version.
        sheet: makes the 审批表, asked once the record has been found whole.
        record, people: the evaluation's chain and the people's, as far as they went when the bag was begun.
    """

    archive_no: str
    title: str
    evaluation: Evaluation
    revision: int
    gates: tuple[Gate, ...]
    decisions: tuple[Decision, ...]
    written_on: date
    archived_at: datetime
    unit: str
    programme: str
    archive: Archive
    program: str
    report: bytes = b""
    ledgers: Sequence[ReceivedFile] = ()
    snapshots: Mapping[str, Path] = field(default_factory=dict)
    records: Mapping[str, bytes] = field(default_factory=dict)
    configuration: Mapping[str, Path] = field(default_factory=dict)
    sheet: Callable[[], bytes] = bytes
    record: Sequence[Entry] = ()
    people: Sequence[Entry] = ()


def report_title(unit: str, year: int) -> str:
    """题名."""
    return f"{unit}{year}年度项目支出绩效自评报告"


def archive_number(archive: Archive, year: int, number: int) -> str:
    """The archive number (档号) of the year's `number`-th item, such as 0000-WS·2022-D30-XMXT-0001.

    Source: DA/T 22-2015: 全宗号-门类·年度-保管期限-机构-件号.
    """
    return f"{archive.fonds}-{archive.category}·{year:04d}-{archive.term}-{archive.office_code}-{number:04d}"


def payload(package: SubmissionPackage, approvals: bytes, proofs: Mapping[str, bytes]) -> list[tuple[str, bytes | Path]]:
    """Everything under data/: path in the bag and bytes or file. `workspace` is a workspace again, ledgers and all."""
    ledgers = f"{LEDGERS}{package.evaluation.year}/"
    return [
        (REPORT, package.report),
        (APPROVALS, approvals),
        (SHEET, package.sheet()),
        (RECORD, write_lines(package.record)),
        (PEOPLE_RECORD, write_lines(package.people)),
        *proofs.items(),
        *((f"data/records/{name}", content) for name, content in package.records.items()),
        *((f"{SNAPSHOTS}{name}.parquet", path) for name, path in package.snapshots.items()),
        *((WORKSPACE + name, path) for name, path in package.configuration.items()),
        *((ledgers + ledger.name, ledger.path) for ledger in package.ledgers),
    ]


def absent(paths: Iterable[str]) -> list[str]:
    """What a bag must hold and these paths do not; one with a record, or with a part of it, more than an older one."""
    present = set(paths)
    required = (*REQUIRED, *RECORDED) if is_recorded(present) else REQUIRED
    missing = [path for path in required if path not in present]
    return missing + [folder for folder in (LEDGERS, SNAPSHOTS) if not any(path.startswith(folder) for path in present)]


def is_recorded(paths: Iterable[str]) -> bool:
    """Whether a bag is one of those with a record: it has a record, or anything that goes with it."""
    return any(path in {RECORD, PEOPLE_RECORD, SHEET, CHECK_SCRIPT} or path.startswith(PROOFS) for path in paths)


def path_problem(path: str) -> str | None:
    """Why a path must not stand in a bag, in Chinese, or None: it must mean one file inside, on Windows and on Linux."""
    for part in path.split("/"):
        if part in {"", ".", ".."}:
            return "路径越出归档包或不完整"
        if _FORBIDDEN.search(part) or any(unicodedata.category(character) in _INVISIBLE for character in part):
            return '文件名含有不可见字符、< > : " | ? * \\ 或 %0A、%0D、%25'
        if part.endswith((" ", ".")) or part.startswith(" "):
            return "文件名以空格开头，或以空格、句点结尾"
        if _RESERVED.fullmatch(part):
            return "文件名是Windows的保留名"
        if len(part.encode()) > _NAME_BYTES:
            return f"文件名超过{_NAME_BYTES}字节"
    return None


def path_problems(paths: Sequence[str]) -> list[str]:
    """Every path that must not stand in a bag, and every two that are one file on some system, in Chinese."""
    problems = [f"{path}：{problem}" for path in paths if (problem := path_problem(path))]
    folders = {_folded(str(parent)) for path in paths for parent in PurePosixPath(path).parents}
    seen: dict[str, str] = {}
    for path in paths:
        folded = _folded(path)
        if folded in seen:
            problems.append(f"{path}：与 {seen[folded]} 重名（不区分大小写）")
        elif folded in folders:
            problems.append(f"{path}：与文件夹重名")
        seen[folded] = path
    return problems


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold()
