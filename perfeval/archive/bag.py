"""Making a bag (归档包): through the door, into a folder beside, checked, and then to its place in one rename."""

import io
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from perfeval.approvals.offline import CHECK_SCRIPT, check_sh, proof_files
from perfeval.archive import description
from perfeval.archive.approvals import Approvals, approvals_of, conflicted, misbound, unrecorded, untimely, write_approvals
from perfeval.archive.digesting import ALGORITHMS, Digests, digest_file, digest_folder
from perfeval.archive.hearing import Hearing, hear_all, touched
from perfeval.archive.package import APPROVALS, SubmissionPackage, absent, path_problem, path_problems, payload
from perfeval.archive.verification import Check, verify_bag
from perfeval.errors import ArchiveError, refusal
from perfeval.model.digests import content_digest

_OTHERS = (
    "归档包一经形成不得改动：用 perfeval verify 核验原包。数据库是从旧备份恢复的，换成归档以后的；"
    "原包是另一项自评的，先把它移到别处保存，再执行一次 perfeval run。"
)
_UNRECORDED = "归档中断以后程序升级过，或原包被改动过；原包没有登记在数据库里：移到别处保存，再执行一次 perfeval run，重新形成归档包。"
_READ_ONLY = 0o444
_FOLDER = 0o755


def archive_bag(
    package: SubmissionPackage, folder: Path, key: bytes | None = None, verify: Callable[[Path], list[Check]] = verify_bag
) -> Path:
    """Archive an approved evaluation (归档) as a BagIt bag in `folder`/档号 and return it.

    Atomic: the bag is there whole or not at all. Idempotent: the same package again return the bag that is there. `key` is the record's,
    for its MACs; `verify` is asked about the bag before it is sealed.

    Raises: ArchiveError: nothing is archived when the record was touched, an approval is missing or is not for this report, when something
        to keep is missing or cannot be kept, when `verify` finds something wrong, or when another bag has the place.
    """
    hearing, approvals = _through_the_door(package, key)
    proofs = proof_files(package.record, hearing.decisions, hearing.people)
    contents = payload(package, write_approvals(approvals), proofs)
    _check_contents(package, [path for path, _ in contents])
    bag = folder / package.archive_no
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            building = Path(tempfile.mkdtemp(prefix=_leftover_prefix(package), dir=folder))
            try:
                _write_bag(building, package, approvals, contents, verify)
                _publish(building, bag)
            finally:
                # Also what a crash has left of earlier attempts.
                for leftover in folder.iterdir():
                    if leftover.name.startswith(_leftover_prefix(package)):
                        shutil.rmtree(leftover, ignore_errors=True)
    except OSError as error:
        raise ArchiveError("K04", f"归档时读写文件失败：{refusal(error)}", "检查磁盘空间和归档文件夹的权限后重试。") from error
    return bag


def _through_the_door(package: SubmissionPackage, key: bytes | None) -> tuple[Hearing, Approvals]:
    hearing = hear_all(package.evaluation.id, package.record, package.people, package.decisions, key)
    opened, evaluation = hearing.opened, package.evaluation
    told = opened and (opened.year, opened.programme_key, opened.programme, hearing.prepared_by)
    if told != (evaluation.year, evaluation.programme_key, evaluation.programme, evaluation.prepared_by):
        raise touched(["数据库中的年度、项目或送审人与审批记录第1条不同"])
    try:
        digest = content_digest(package.report)
    except ValueError as error:
        raise ArchiveError("K06", f"不能归档：{error}", "重新生成报告并重新审批。") from error
    approvals = approvals_of(package, hearing, digest)
    # One reading of the same things as in a bag: what is wrong here would be wrong there.
    problems = [
        *unrecorded(approvals, hearing),
        *misbound(approvals, digest),
        *conflicted(approvals),
        *untimely(approvals, is_recorded=True),
    ]
    if problems:
        raise ArchiveError("K01", "不能归档：" + "；".join(problems), "各审批环节由不同的人对这一稿作出“同意”后再归档。")
    return hearing, approvals


def _check_contents(package: SubmissionPackage, paths: list[str]) -> None:
    if missing := absent(paths):
        raise ArchiveError("K02", "不能归档，缺少：" + "、".join(missing), "补齐后再归档。")
    names = [package.archive_no, *(ledger.name for ledger in package.ledgers)]
    problems = [f"{name}：名称中不应有 /" for name in names if "/" in name]
    if problem := path_problem(package.archive_no):
        problems.append(f"档号{package.archive_no}：{problem}")
    if problems := problems + path_problems(paths):
        raise ArchiveError("K07", "不能归档，以下文件名不能长期保存：" + "；".join(problems), "改名后重新接收台账再归档。")


def _leftover_prefix(package: SubmissionPackage) -> str:
    return f".{package.archive_no}."


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    # Two at once cannot spoil a bag, the rename decides; but the second would clear away, as leftovers, what the first is writing.
    if os.name != "posix":
        yield
        return
    import fcntl  # not everywhere

    handle = os.open(folder, os.O_RDONLY)
    try:
        # Some network shares know no locks on folders.
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _write_bag(
    bag: Path,
    package: SubmissionPackage,
    approvals: Approvals,
    contents: list[tuple[str, bytes | Path]],
    verify: Callable[[Path], list[Check]],
) -> None:
    files = {path: _write(bag / path, content) for path, content in contents}
    _check_received(package, files)
    tags = {f"manifest-{algorithm}.txt": _manifest(files, algorithm) for algorithm in ALGORITHMS} | {
        "bagit.txt": description.BAGIT.encode(),
        CHECK_SCRIPT: check_sh().encode(),
        **description.describe(package, approvals, files),
    }
    written = {name: _write(bag / name, content) for name, content in tags.items()}
    for algorithm in ALGORITHMS:
        _write(bag / f"tagmanifest-{algorithm}.txt", _manifest(written, algorithm))
    if failed := [check for check in verify(bag) if not check.ok]:
        found = "；".join(f"{check.name}：{check.detail}" for check in failed)
        raise ArchiveError("K03", f"不能归档，核验未通过：{found}", "按所列修正后重试。")
    for root, _, _ in os.walk(bag, topdown=False):
        Path(root).chmod(_FOLDER)
        _flush_folder(Path(root))


def _write(path: Path, content: bytes | Path) -> Digests:
    path.parent.mkdir(parents=True, exist_ok=True)
    with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as source, path.open("xb") as target:
        digests = digest_file(source, target)
        target.flush()
        os.fsync(target.fileno())
    path.chmod(_READ_ONLY)
    return digests


def _check_received(package: SubmissionPackage, files: Mapping[str, Digests]) -> None:
    kept = {path.rpartition("/")[2]: digests.sha256 for path, digests in files.items() if "/ledgers/" in path}
    if changed := [ledger.name for ledger in package.ledgers if kept[ledger.name] != ledger.digest]:
        raise ArchiveError("K08", "不能归档，台账与收到时不同：" + "、".join(changed), "从备份恢复工作区的状态文件夹。")


def _manifest(files: Mapping[str, Digests], algorithm: str) -> bytes:
    return "".join(f"{digests.by(algorithm)}  {path}\n" for path, digests in sorted(files.items())).encode()


def _flush_folder(folder: Path) -> None:
    # Names survive a power cut only when their folder is flushed too; Windows has no handle for that.
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _publish(building: Path, bag: Path) -> None:
    try:
        building.rename(bag)
    except OSError:
        if not os.path.lexists(bag):
            raise
        if differing := _differences(bag, building):
            # The time of archiving stands among the approvals: who has the same was begun by the record that is here.
            hint = _OTHERS if APPROVALS in differing else _UNRECORDED
            raise ArchiveError("K05", f"档号 {bag.name} 已有归档包，内容不同：" + "、".join(differing), hint) from None
    else:
        _flush_folder(bag.parent)


def _differences(bag: Path, other: Path) -> list[str]:
    if bag.is_symlink() or not bag.is_dir():
        return [f"{bag.name} 不是文件夹"]
    (here, strange), (there, _) = digest_folder(bag), digest_folder(other)
    return strange + sorted(path for path in here.keys() | there.keys() if here.get(path) != there.get(path))
