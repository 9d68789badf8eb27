"""Checking a bag (核验): intact, or what differs. Reads anything, believes nothing, never fails over what a bag holds."""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path

import bagit  # type: ignore[import-untyped]  # has no types
from lxml import etree

from perfeval.archive.approvals import Approvals, acts, conflicted, misbound, read_approvals, unapproved
from perfeval.archive.description import BAGIT, METADATA, NOTICE, describe, one_line
from perfeval.archive.digesting import ALGORITHMS, Digests, digest_folder
from perfeval.archive.package import APPROVALS, FACTS, LEDGERS, REPORT, SubmissionPackage, absent, path_problem, report_title
from perfeval.model import Evaluation
from perfeval.model.digests import check_code, content_digest
from perfeval.workspace import Subject

_ENTRY = re.compile(r"([0-9a-f]{64})  (.+)")
_TAG_FILES = ("bagit.txt", "bag-info.txt", *(f"manifest-{algorithm}.txt" for algorithm in ALGORITHMS), METADATA, NOTICE)
# Larger than any document of ours; what is larger is no document but an attack on the reader's memory.
_DOCUMENT_LIMIT = 256 << 20
_NAMED = 20


class State(StrEnum):
    """What came of a check: the same as archived; differs, because another version of the program words it so; not proved; wrong."""

    SAME = "same"
    DIFFERS = "differs"
    UNPROVED = "unproved"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at (核验项), what came of it, and what was found, in Chinese."""

    name: str
    state: State
    detail: str

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong with it."""
        return self.state is not State.WRONG


def verify_bag(path: Path) -> list[Check]:
    """Check a bag (核验归档包) against itself: files, digests, approvals, ledgers and metadata.

    Damage of any kind is a failed check that names what differs; recomputing the scores is not done here.
    """
    return examine_bag(path)[0]


def examine_bag(path: Path) -> tuple[list[Check], Mapping[str, Digests]]:
    """What `verify_bag` checks, and the digests of the payload that it has read for it."""
    if not os.path.isfile(path / "bagit.txt"):  # noqa: PTH113  # pathlib raises in a folder that may not be read
        detail = f"{_shown(str(path))} 不是归档包：不是文件夹，或其中没有 bagit.txt"
        return [Check("可用性：归档包", State.WRONG, detail)], {}
    bag = _Bag(path)
    checks = [
        _check("安全性：文件种类", bag.strange, "没有链接和特殊文件"),
        _check("完整性：文件清单", bag.incomplete(), f"{len(bag.payload)}个文件齐全，没有多余文件"),
        *(_check(f"完整性：{_title(name)}摘要", bag.altered(name), "全部相符") for name in ALGORITHMS),
        _check("完整性：说明文件", bag.altered_tags(), "未被改动"),
        _check("可用性：BagIt格式", bag.malformed(), "符合BagIt规范"),
        *_check_approvals(bag),
        _check("真实性：台账与事实记录", bag.foreign_ledgers(), "台账摘要与得出事实时的相同"),
        _check("真实性：元数据", bag.wrong_metadata(), "与文件和审批记录相符"),
    ]
    return checks, bag.payload


def made_by(path: Path) -> str:
    """The program and version that made a bag, as it says; empty where it does not."""
    return _told(path).get("Bag-Software-Agent", "")


def _told(path: Path) -> dict[str, str]:
    lines = (path / "bag-info.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split(": ", 1) for line in lines if ": " in line)


def misdescribed(path: Path, files: Mapping[str, Digests], subject: Subject, written_on: date) -> list[str]:
    """Which of bag-info.txt, metadata.xml and 归档说明.txt of an intact bag are not what its records and settings give.

    Raises: ValueError, OSError: one of them cannot be read.
    """
    told, settings = _told(path), subject.workspace.settings
    approvals = read_approvals((path / APPROVALS).read_bytes())
    package = SubmissionPackage(
        archive_no=told.get("External-Identifier", ""),
        title=report_title(settings.unit.name, subject.year),
        evaluation=Evaluation(approvals.evaluation, subject.year, subject.programme.name, approvals.prepared_by, approvals.drafted_at),
        revision=approvals.revision,
        gates=approvals.gates,
        decisions=approvals.decisions,
        written_on=written_on,
        drafted_at=approvals.drafted_at,
        archived_at=approvals.archived_at,
        unit=settings.unit.name,
        archive=settings.archive,
        program=told.get("Bag-Software-Agent", ""),
    )
    return [name for name, text in describe(package, approvals, files).items() if (path / name).read_bytes() != text]


class _Bag:
    """A bag as found on disk: its regular files with their digests, and its manifests as far as they can be read."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files, self.strange = digest_folder(root)
        self.payload = {path: digests for path, digests in self.files.items() if path.startswith("data/")}
        self.tags = {path: digests for path, digests in self.files.items() if not path.startswith(("data/", "tagmanifest-"))}
        self.manifests = {name: self._manifest(f"manifest-{name}.txt") for name in ALGORITHMS}
        self.tag_manifests = {name: self._manifest(f"tagmanifest-{name}.txt") for name in ALGORITHMS}

    def read(self, path: str) -> bytes:
        """The bytes of a regular file of the bag.

        Raises: ValueError: in Chinese, when there is none, or it is too large.
        """
        if path not in self.files:
            raise ValueError(f"缺少 {path}")
        if self.files[path].size > _DOCUMENT_LIMIT:
            raise ValueError(f"{path} 过大，不予读取")
        try:
            return (self.root / path).read_bytes()
        except OSError as error:
            raise ValueError(f"{path} 无法读取") from error

    def _manifest(self, name: str) -> tuple[dict[str, str], list[str]]:
        try:
            lines = self.read(name).decode().split("\n")
        except UnicodeDecodeError:
            return {}, [f"{name} 不是UTF-8文本"]
        except ValueError as error:
            return {}, [str(error)]
        listed: dict[str, str] = {}
        problems = [] if lines.pop() == "" else [f"{name} 末行不完整"]
        for number, line in enumerate(lines, 1):
            entry = _ENTRY.fullmatch(line)
            if entry is None:
                problems.append(f"{name} 第{number}行不是“摘要  文件名”")
            elif problem := path_problem(entry[2]):
                problems.append(f"{name} 第{number}行：{problem}")
            elif entry[2] in listed:
                problems.append(f"{name} 第{number}行：{entry[2]} 重复")
            else:
                listed[entry[2]] = entry[1]
        return listed, problems

    def incomplete(self) -> list[str]:
        """What the manifests list and is not there, what is there and not listed, and what every bag must hold."""
        problems = [f"缺少 {path}" for path in absent(self.payload)]
        for name, (listed, faults) in self.manifests.items():
            problems += faults
            problems += [f"缺少 {path}" for path in listed.keys() - self.payload.keys()]
            problems += [f"多出 {path}（manifest-{name}.txt 中没有）" for path in self.payload.keys() - listed.keys()]
        return problems

    def altered(self, algorithm: str) -> list[str]:
        """Payload files whose digest is not the manifest's."""
        name, (listed, _) = f"manifest-{algorithm}.txt", self.manifests[algorithm]
        return ([] if listed else [f"{name} 中没有摘要"]) + _mismatches(name, listed, self.payload, algorithm)

    def altered_tags(self) -> list[str]:
        """Files beside data/ that are missing, surplus, or not as the tag manifests have them."""
        problems = [f"缺少 {path}" for path in _TAG_FILES if path not in self.tags]
        known = {*_TAG_FILES, *(f"tagmanifest-{name}.txt" for name in ALGORITHMS)}
        problems += [f"多出 {path}" for path in self.files if path not in known and not path.startswith("data/")]
        for algorithm, (listed, faults) in self.tag_manifests.items():
            name = f"tagmanifest-{algorithm}.txt"
            problems += faults + [f"{name} 中没有 {path}" for path in _TAG_FILES if path not in listed]
            problems += _mismatches(name, listed, self.tags, algorithm)
        return problems

    def malformed(self) -> list[str]:
        """What the Library of Congress's own reader says, once nothing is left in the bag that could lead it outside."""
        if self.strange or self.incomplete() or self.altered_tags():
            return ["文件清单或说明文件有误，未作此项核验"]
        try:
            if self.read("bagit.txt") != BAGIT.encode():
                return ["bagit.txt 不是本程序所写"]
            # Digests were computed above; what is left is the format and the sum of sizes.
            bagit.Bag(str(self.root)).validate(completeness_only=True)
        except (bagit.BagError, OSError, ValueError) as error:
            return [f"bagit 报告：{error}"]
        return []

    def foreign_ledgers(self) -> list[str]:
        """Ledgers that are not the ones the facts were computed from."""
        kept = {path.rpartition("/")[2]: file.sha256 for path, file in self.payload.items() if path.startswith(LEDGERS)}
        try:
            recorded = set(_recorded(json.loads(self.read(FACTS))))
        except UnicodeDecodeError:
            return [f"{FACTS} 不是UTF-8文本"]
        except json.JSONDecodeError as error:
            return [f"{FACTS} 第{error.lineno}行起不是JSON"]
        except (ValueError, RecursionError) as error:
            return [f"{FACTS} 无法读取：{error}"]
        if not recorded:
            return [f"{FACTS} 没有记录台账摘要"]
        return [f"{name} 与事实记录的摘要不同或缺失" for name, digest in sorted(recorded) if kept.get(name) != digest]

    def wrong_metadata(self) -> list[str]:
        """Where metadata.xml disagrees with the files, bag-info.txt and decisions.json."""
        try:
            # No entity, no document type, nothing fetched: a reader of 2040 must not run what somebody wrote in here.
            parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
            root = etree.fromstring(self.read(METADATA), parser)
            described = {str(item.get("文件名")): tuple(child.text for child in item)[1:] for item in root.iterfind("电子文件")}
            done = [tuple(child.text for child in item) for item in root.iterfind("业务行为")]
            identified = f"\nExternal-Identifier: {root.findtext('档号')}\n" in f"\n{self.read('bag-info.txt').decode()}"
            expected = [tuple(map(one_line, act)) for act in acts(read_approvals(self.read(APPROVALS)))]
        except etree.XMLSyntaxError as error:
            return [f"{METADATA} 无法读取：{error.msg}"]
        except ValueError as error:
            return [f"{METADATA} 不能核对：{error}"]
        actual = {path: (str(file.size), file.sha256, file.sm3) for path, file in self.payload.items()}
        problems = [f"{path} 与元数据不符" for path in described.keys() | actual.keys() if described.get(path) != actual.get(path)]
        problems += [] if identified else ["档号与 bag-info.txt 不符"]
        return problems + ([] if done == expected else ["业务行为与 decisions.json 不符"])


def _mismatches(manifest: str, listed: Mapping[str, str], files: Mapping[str, Digests], algorithm: str) -> list[str]:
    return [f"{path} 与 {manifest} 所记不符" for path, file in files.items() if listed.get(path) not in {None, file.by(algorithm)}]


def _check_approvals(bag: _Bag) -> list[Check]:
    try:
        approvals = read_approvals(bag.read(APPROVALS))
    except ValueError as error:
        return [Check("真实性：审批决定", State.WRONG, _shown(f"{APPROVALS} 无法读取：{error}"))]
    try:
        digest = content_digest(bag.read(REPORT))
        unbound = misbound(approvals, digest) + ([] if approvals.content_digest == digest else ["审批记录中的内容摘要不是这份报告的"])
        coded = approvals.check_code == check_code(digest)
    except ValueError as error:
        unbound, coded = [str(error)], False
    return [
        _check("真实性：审批决定", unapproved(approvals), _approved(approvals)),
        _check("真实性：审批人与送审人", conflicted(approvals), "各环节由不同的人审批，送审人未参与"),
        _check("真实性：批准的就是这份报告", unbound, f"内容摘要 {approvals.content_digest}"),
        _check("真实性：核对码", [] if coded else [f"核对码 {approvals.check_code} 不是这份报告的"], approvals.check_code),
    ]


def _approved(approvals: Approvals) -> str:
    return "；".join(f"{approvals.title(item.gate)}：{item.approver} {item.verdict}" for item in approvals.current)


def _recorded(document: object) -> Iterator[tuple[str, str]]:
    """Every (file, digest) in a JSON document, however deep; a loop, because depth is the writer's choice."""
    waiting = [document]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            file, digest = item.get("file"), item.get("digest")
            if isinstance(file, str) and isinstance(digest, str):
                yield file, digest
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item


def _check(name: str, problems: Iterable[str], fine: str) -> Check:
    found = sorted(set(problems))
    detail = "；".join(found[:_NAMED]) + (f"；等{len(found)}处" if len(found) > _NAMED else "")
    return Check(name, State.WRONG if found else State.SAME, _shown(detail or fine))


def _title(algorithm: str) -> str:
    return "SM3" if algorithm == "sm3" else "SHA-256"


def _shown(text: str) -> str:
    # A name in a damaged bag may hold anything, even what would move the reader's cursor.
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
