"""Last year's archive (上一年度的归档): the sealed figures that growth is held against.

This year's bag keeps the pages of last year's that it rests on, where they lay: what is computed again from it finds them there.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from perfeval.archive import ORIGIN, examine_bag
from perfeval.archive.approvals import read_approvals
from perfeval.archive.package import APPROVALS, FACTS, WORKSPACE
from perfeval.errors import ArchiveError, PerfevalError
from perfeval.model import Facts
from perfeval.model.documents import load_json, recorded_facts
from perfeval.model.scores import FactRecord
from perfeval.workspace import CONFIG_FILE, Subject, Workspace

TAGS = "tagmanifest-sha256.txt"
_MANIFEST = "manifest-sha256.txt"
_PAGES = (TAGS, _MANIFEST, FACTS, APPROVALS, ORIGIN, WORKSPACE + CONFIG_FILE)
_NAMED = 3


def bag_of_last_year(subject: Subject) -> Path | None:
    """Where last year's bag of the same unit and programme lies; None where there is none.

    Raises: ArchiveError: there are two, or one that cannot tell whose it is.
    """
    folder, year = subject.workspace.archive_folder, subject.year - 1
    # 档号 has the year; a bag that an attempt has left unfinished begins with a dot.
    bags = [bag for bag in sorted(folder.glob(f"*·{year:04d}-*")) if bag.is_dir() and not bag.name.startswith(".")]
    own = [bag for bag in bags if _is_of(bag, subject)]
    if len(own) > 1:
        raise _unfit("、".join(bag.name for bag in own), f"{year}年度这一项目的归档包有{len(own)}个，分不清以哪个为准")
    return own[0] if own else None


def pages_of_last_year(subject: Subject) -> tuple[Path, ...]:
    """The pages of last year's bag that its figures are read and proved with."""
    bag = bag_of_last_year(subject)
    return tuple(bag / page for page in _PAGES if (bag / page).is_file()) if bag else ()


def facts_of_last_year(subject: Subject) -> Facts | None:
    """The facts that last year's bag was sealed with; None where there is no bag.

    Raises: ArchiveError: the bag is not as it was sealed.
    """
    bag = bag_of_last_year(subject)
    if bag is None:
        return None
    is_kept_in_a_bag = (subject.workspace.root.parents[1] / "bagit.txt").is_file()
    if wrong := list(_torn(bag) if is_kept_in_a_bag else _spoilt(bag)):
        raise _unfit(bag.name, "；".join(wrong[:_NAMED]))
    return recorded_facts(load_json(tuple[FactRecord, ...], (bag / FACTS).read_bytes()))


def refuse_other_bag(bag: Path | None, name: str, manifest: str) -> None:
    """Stop where the record tells of a bag, by its name and its last list's digest, and another is last year's or none.

    Raises: ArchiveError: it is so.
    """
    if bag is None or bag.name != name:
        raise _unfit(name, "归档文件夹里没有这个归档包")
    if hashlib.sha256((bag / TAGS).read_bytes()).hexdigest() != manifest:
        raise _unfit(name, "不是审批记录所记归档的那一份")


def _is_of(bag: Path, subject: Subject) -> bool:
    """Whether it is a bag of this unit and programme; of another year it cannot be without its number lying."""
    try:
        workspace, evaluation = Workspace(bag / WORKSPACE), read_approvals((bag / APPROVALS).read_bytes()).evaluation
        told = json.loads((bag / ORIGIN).read_bytes()) if (bag / ORIGIN).is_file() else {}
        programme = workspace.programme(str(told.get("programme") or ""))
    except (PerfevalError, OSError, ValueError, RecursionError, AttributeError) as error:
        raise _unfit(bag.name, "缺少文件或不能读取，认不出是哪个单位、哪个项目的") from error
    if not evaluation.startswith(f"{subject.year - 1}-"):
        raise _unfit(bag.name, f"包内是 {evaluation}，不是{subject.year - 1}年度的")
    # A programme that was given another key since then keeps its codes (预算项目编码).
    is_same = programme.key == subject.programme.key or not set(programme.codes).isdisjoint(subject.programme.codes)
    return is_same and workspace.unit == subject.workspace.unit


def _spoilt(bag: Path) -> Iterator[str]:
    return (f"{check.name}：{check.detail}" for check in examine_bag(bag).checks if not check.ok)


def _torn(bag: Path) -> Iterator[str]:
    """Pages kept in this year's bag that are not those of last year's, by its own lists of digests."""
    for listing in (TAGS, _MANIFEST):
        digests = {path: digest for digest, _, path in (line.partition("  ") for line in _lines(bag / listing))}
        for page in _PAGES:
            file, is_payload = bag / page, page.startswith("data/")
            if page == TAGS or is_payload is (listing == TAGS) or (page == ORIGIN and page not in digests and not file.exists()):
                continue
            if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != digests.get(page):
                yield f"{page} 与 {listing} 所记不符"


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []


def _unfit(bag: str, why: str) -> ArchiveError:
    hint = "用 perfeval verify 核验，从备份恢复归档文件夹；指标不再与上一年度比较的，改写指标体系。"
    return ArchiveError("K10", f"上一年度的归档包 {bag} 不能作增长率的依据：{why}", hint)
