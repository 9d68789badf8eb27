"""Checking a bag (核验): intact, or what differs. Reads anything, believes nothing, never fails over what a bag holds."""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

import bagit  # type: ignore[import-untyped]  # has no types
from lxml import etree

from perfeval.approvals.canonical import object_once
from perfeval.approvals.offline import CHECK_SCRIPT, PEOPLE_RECORD, PROOFS, RECORD, proof_files, read_lines
from perfeval.approvals.record import Entry
from perfeval.archive.approvals import Approvals, acts, conflicted, misbound, read_approvals, unapproved, unrecorded, untimely
from perfeval.archive.description import BAGIT, METADATA, NOTICE, one_line
from perfeval.archive.digesting import ALGORITHMS, Digests, digest_folder
from perfeval.archive.hearing import Hearing, hear
from perfeval.archive.package import APPROVALS, CORRECTIONS, FACTS, LEDGERS, REPORT, WORKSPACE, absent, is_recorded, path_problem
from perfeval.model.digests import check_code, content_digest, holds_more

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
    return examine_bag(path).checks


@dataclass(frozen=True, slots=True)
class Examination:
    """What came of a bag's checks, and what was read for them: digests of the payload, approvals, both chains and what they amount to."""

    checks: list[Check]
    payload: Mapping[str, Digests]
    approvals: Approvals | None = None
    entries: Sequence[Entry] = ()
    people: Sequence[Entry] = ()
    hearing: Hearing | None = None


def is_bag(path: Path) -> bool:
    """Whether there is a bag, whole or not."""
    return os.path.isfile(path / "bagit.txt")  # noqa: PTH113  # pathlib raises in a folder that may not be read


def examine_bag(path: Path) -> Examination:
    """What `verify_bag` checks, with what was read for it."""
    if not is_bag(path):
        detail = f"{_shown(str(path))} 不是归档包：不是文件夹，或其中没有 bagit.txt"
        return Examination([Check("可用性：归档包", State.WRONG, detail)], {})
    bag = _Bag(path)
    try:
        approvals = read_approvals(bag.read(APPROVALS))
    except ValueError:
        approvals = None
    entries, people = bag.chain(RECORD), bag.chain(PEOPLE_RECORD)
    hearing = hear(approvals.evaluation if approvals else "", entries, people) if bag.is_recorded else None
    checks = [
        _check("安全性：文件种类", bag.strange, "没有链接和特殊文件"),
        _check("完整性：文件清单", bag.incomplete(), f"{len(bag.payload)}个文件齐全，没有多余文件"),
        *(_check(f"完整性：{_title(name)}摘要", bag.altered(name), "全部相符") for name in ALGORITHMS),
        _check("完整性：说明文件", bag.altered_tags(), "未被改动"),
        _check("可用性：BagIt格式", bag.malformed(), "符合BagIt规范"),
        _check("可用性：记录的读法", bag.ambiguous(), "每个记录只有一种读法"),
        *_check_record(hearing, len(entries), len(people)),
        *_check_approvals(bag, approvals, hearing),
        _check("真实性：台账与事实记录", bag.foreign_ledgers(), "台账摘要与得出事实时的相同"),
        _check("真实性：更正说明", bag.wrong_corrections(approvals, hearing), "与退回的稿次相符"),
        _check("真实性：元数据", bag.wrong_metadata(approvals), "与文件和审批记录相符"),
    ]
    return Examination(checks, bag.payload, approvals, entries, people, hearing)


class _Bag:
    """A bag as found on disk: its regular files with their digests, and its manifests as far as they can be read."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files, self.strange = digest_folder(root)
        self.payload = {path: digests for path, digests in self.files.items() if path.startswith("data/")}
        self.tags = {path: digests for path, digests in self.files.items() if not path.startswith(("data/", "tagmanifest-"))}
        self.is_recorded = is_recorded(self.files)
        self.tag_files = (*_TAG_FILES, CHECK_SCRIPT) if self.is_recorded else _TAG_FILES
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

    def chain(self, path: str) -> list[Entry]:
        """The entries of a chain's file, none where it cannot be read."""
        try:
            return read_lines(self.read(path))
        except ValueError:
            return []

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
        problems = [f"缺少 {path}" for path in self.tag_files if path not in self.tags]
        known = {*self.tag_files, *(f"tagmanifest-{name}.txt" for name in ALGORITHMS)}
        problems += [f"多出 {path}" for path in self.files if path not in known and not path.startswith("data/")]
        for algorithm, (listed, faults) in self.tag_manifests.items():
            name = f"tagmanifest-{algorithm}.txt"
            problems += faults + [f"{name} 中没有 {path}" for path in self.tag_files if path not in listed]
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
        except (bagit.BagError, OSError, ValueError) as error:  # whose words are English
            return [f"bagit 报告不合规范，或文件总大小与 bag-info.txt 不符（{type(error).__name__}）"]
        return []

    def ambiguous(self) -> list[str]:
        """Records that name something twice: a program reads the last, a person the first."""
        problems = []
        for path in (path for path in self.payload if path.startswith("data/records/") and path.endswith(".json")):
            try:
                text = self.read(path).decode()
                json.loads(text)
            except (ValueError, RecursionError):  # told where it is read
                continue
            try:
                json.loads(text, object_pairs_hook=object_once)
            except ValueError as error:
                problems.append(f"{path} {error}")
        return problems

    def foreign_ledgers(self) -> list[str]:
        """Ledgers that are not the ones the facts were computed from."""
        kept = {path.rpartition("/")[2]: file.sha256 for path, file in self.payload.items() if path.startswith(LEDGERS)}
        try:
            recorded = set(_recorded(json.loads(self.read(FACTS))))
        except (ValueError, RecursionError) as error:
            return [f"{FACTS} 无法读取：{_in_chinese(error)}"]
        if not recorded:
            return [f"{FACTS} 没有记录台账摘要"]
        return [f"{name} 与事实记录的摘要不同或缺失" for name, digest in sorted(recorded) if kept.get(name) != digest]

    def wrong_corrections(self, approvals: Approvals | None, hearing: Hearing | None) -> list[str]:
        """Notes of corrections that are not the record's, or of an older bag not one for each revision that was returned."""
        if approvals is None:
            return [f"{APPROVALS} 无法读取，未核对"]
        try:
            kept = json.loads(self.read(CORRECTIONS))
        except (ValueError, RecursionError) as error:
            return [f"{CORRECTIONS} 无法读取：{_in_chinese(error)}"]
        if hearing and hearing.faults:
            return ["审批记录有误，未能对照"]
        if hearing:
            return [] if kept == hearing.corrections(approvals.revision) else [f"{CORRECTIONS} 与审批记录不同"]
        returned = {str(number) for number in range(1, approvals.revision)}
        is_so = isinstance(kept, dict) and kept.keys() == returned and all(isinstance(note, str) for note in kept.values())
        return [] if is_so else [f"{CORRECTIONS} 不是每个退回的稿次各有一条"]

    def wrong_metadata(self, approvals: Approvals | None) -> list[str]:
        """Where metadata.xml disagrees with the files, bag-info.txt and decisions.json."""
        if approvals is None:
            return [f"{METADATA} 不能核对：{APPROVALS} 无法读取"]
        try:
            # No entity, no document type, nothing fetched: a reader of 2040 must not run what somebody wrote in here.
            parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
            root = etree.fromstring(self.read(METADATA), parser)
            described = {str(item.get("文件名")): tuple(child.text for child in item)[1:] for item in root.iterfind("电子文件")}
            done = [tuple(child.text for child in item) for item in root.iterfind("业务行为")]
            identified = f"\nExternal-Identifier: {root.findtext('档号')}\n" in f"\n{self.read('bag-info.txt').decode()}"
            expected = [tuple(map(one_line, act)) for act in acts(approvals)]
        except etree.XMLSyntaxError as error:
            return [f"{METADATA} 无法读取：第{error.lineno}行起不是XML"]
        except ValueError as error:
            return [f"{METADATA} 不能核对：{_in_chinese(error)}"]
        actual = {path: (str(file.size), file.sha256, file.sm3) for path, file in self.payload.items()}
        problems = [f"{path} 与元数据不符" for path in described.keys() | actual.keys() if described.get(path) != actual.get(path)]
        problems += [] if identified else ["档号与 bag-info.txt 不符"]
        return problems + ([] if done == expected else ["业务行为与 decisions.json 不符"])


def _mismatches(manifest: str, listed: Mapping[str, str], files: Mapping[str, Digests], algorithm: str) -> list[str]:
    return [f"{path} 与 {manifest} 所记不符" for path, file in files.items() if listed.get(path) not in {None, file.by(algorithm)}]


def _check_record(hearing: Hearing | None, length: int, people: int) -> list[Check]:
    """The chains, and how far the decisions in them are proved: never more than a device has signed."""
    if hearing is None:
        return []
    chain = _check("真实性：审批记录", hearing.faults, f"审批记录{length}条、人员记录{people}条，前后衔接，每个决定重新判定成立")
    if hearing.faults:
        return [chain]
    if hearing.disorder:
        told = "；".join(hearing.disorder[:_NAMED])
        chain = replace(chain, state=State.UNPROVED, detail=_shown(f"{chain.detail}；{told}：时钟曾经走快，先后以条号为准"))
    return [chain, Check("真实性：审批凭证", State.SAME if hearing.is_proved else State.UNPROVED, _shown(hearing.proofs()))]


def _check_approvals(bag: _Bag, approvals: Approvals | None, hearing: Hearing | None) -> list[Check]:
    if approvals is None:
        return [Check("真实性：审批决定", State.WRONG, f"{APPROVALS} 缺失，或无法读取")]
    try:
        digest = content_digest(bag.read(REPORT))
        unbound = misbound(approvals, digest) + ([] if approvals.content_digest == digest else ["审批记录中的内容摘要不是这份报告的"])
        coded = approvals.check_code == check_code(digest)
        # Byte for byte: the content digest says nothing of what hangs behind the document. Nobody has noted the bytes of older ones.
        drafted = hearing.draft(approvals.revision) if hearing else None
        if hearing is None and holds_more(bag.read(REPORT)):
            unbound.append(f"{REPORT} 的各部件之外还有别的内容，不是批准的文件")
        if not unbound and drafted and bag.payload[REPORT].sha256 != drafted[1].digest:
            unbound = [f"{REPORT} 与审批记录第{drafted[0].number}条成文的文件不是逐字节相同"]
    except ValueError as error:
        unbound, coded = [str(error)], False
    wrong = [
        *(_untold(bag, approvals, hearing) if hearing else unapproved(approvals)),
        *untimely(approvals, is_recorded=hearing is not None),
    ]
    decided = _check("真实性：审批决定", wrong, _approved(approvals))
    if hearing is None and decided.ok:
        detail = f"{decided.detail}；本包由没有审批记录的程序形成，只有 decisions.json 为证，事后不能独立验证"
        decided = replace(decided, state=State.UNPROVED, detail=detail)
    return [
        decided,
        _check("真实性：审批人与送审人", conflicted(approvals), "各环节由不同的人审批，送审人未参与"),
        _check("真实性：批准的就是这份报告", unbound, f"内容摘要 {approvals.content_digest}"),
        _check("真实性：核对码", [] if coded else [f"核对码 {approvals.check_code} 不是这份报告的"], approvals.check_code),
    ]


def _untold(bag: _Bag, approvals: Approvals, hearing: Hearing) -> list[str]:
    """What of decisions, proofs, ledgers and configuration is not as the record tells it."""
    if hearing.faults:
        return ["审批记录有误，未能对照"]
    proofs = proof_files(bag.chain(RECORD), hearing.decisions, hearing.people)
    told = {path: hashlib.sha256(content).hexdigest() for path, content in proofs.items()}
    told |= {WORKSPACE + path: digest for path, digest in hearing.files(approvals.revision).items()}
    kept = {path: digests.sha256 for path, digests in bag.payload.items()}
    problems = [f"{path} 不是审批记录所说的文件" for path, digest in told.items() if kept.get(path) != digest]
    problems += [f"{path} 不属于审批记录中的任何决定" for path in kept if path.startswith(PROOFS) and path not in proofs]
    return unrecorded(approvals, hearing) + problems


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


def _in_chinese(error: Exception) -> str:
    """Why a document cannot be read; what a library says of it is English."""
    if isinstance(error, UnicodeDecodeError):
        return "不是UTF-8文本"
    if isinstance(error, json.JSONDecodeError):
        return f"第{error.lineno}行起不是JSON"
    return "嵌套过深" if isinstance(error, RecursionError) else str(error)


def _title(algorithm: str) -> str:
    return "SM3" if algorithm == "sm3" else "SHA-256"


def _shown(text: str) -> str:
    # A name in a damaged bag may hold anything, even what would move the reader's cursor.
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
