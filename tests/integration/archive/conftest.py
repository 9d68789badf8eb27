"""An approved evaluation, ready to be archived. All of it is invented."""

import hashlib
import io
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from perfeval.archive import SubmissionPackage, archive_bag
from perfeval.archive.approvals import read_approvals
from perfeval.archive.description import bag_info, metadata
from perfeval.archive.digesting import digest_file, digest_folder
from perfeval.model import Decision, Evaluation, Gate, ReceivedFile, Verdict
from perfeval.model.digests import content_digest
from perfeval.settings import Archive


def word_file(text: str) -> bytes:
    """A zip with the parts of a Word file, the same whenever it is made; nobody opens it here."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("[Content_Types].xml"), "<Types/>", zipfile.ZIP_DEFLATED)
        archive.writestr(zipfile.ZipInfo("word/document.xml"), f"<document>{text}</document>", zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def decision(gate: str, approver: str, report: bytes, **changes: object) -> Decision:
    """A 同意 on the second revision."""
    at = datetime(2023, 2, 1, 1, 30, tzinfo=UTC)
    given = Decision("zdxm-2022-001", 2, gate, Verdict.APPROVE, approver, content_digest(report), "数据齐全", at)
    return replace(given, **changes)


def received(folder: Path, name: str, content: bytes) -> ReceivedFile:
    """A ledger as the store keeps it, under a name of its own."""
    digest = hashlib.sha256(content).hexdigest()
    path = folder / digest
    path.write_bytes(content)
    return ReceivedFile(name, path, digest)


@pytest.fixture
def package(tmp_path: Path) -> SubmissionPackage:
    """Approved at both gates on the second revision, after a return of the first."""
    return approved(tmp_path)


def approved(folder: Path) -> SubmissionPackage:
    """What is to be archived, its files in a folder."""
    artifacts = folder / "artifacts"
    artifacts.mkdir()
    ledgers = (received(artifacts, "资金支出台账.xlsx", b"expenditure"), received(artifacts, "进度 100%.csv", b"progress"))
    (artifacts / "snapshot").write_bytes(b"PAR1 expenditure PAR1")
    (artifacts / "settings").write_text("unit: 样例单位\n", encoding="utf-8")
    (artifacts / "indicators").write_text("year: 2022\n", encoding="utf-8")
    report = word_file("自评报告")
    facts = f'[{{"id": "spent", "sources": [{{"file": "资金支出台账.xlsx", "digest": "{ledgers[0].digest}"}}]}}]'
    return SubmissionPackage(
        archive_no="0000-WS·2022-D30-XMXT-0001",
        title="样例单位2022年度项目支出绩效自评报告",
        evaluation=Evaluation("zdxm-2022-001", 2022, "经费补助缺口", "陈样例", datetime(2023, 1, 5, 1, 0, tzinfo=UTC)),
        revision=2,
        gates=(Gate("center", "中心审批"), Gate("bureau", "财政局审批")),
        decisions=(
            decision("center", "张样例", word_file("第1稿"), revision=1, verdict=Verdict.RETURN, comment="补充会议纪要"),
            decision("center", "张样例", report),
            decision("bureau", "李样例", report, decided_at=datetime(2023, 2, 2, 2, 0, tzinfo=UTC), comment=""),
        ),
        written_on=date(2023, 1, 31),
        drafted_at=datetime(2023, 1, 31, 8, 0, tzinfo=UTC),
        archived_at=datetime(2023, 2, 2, 16, 30, tzinfo=UTC),
        unit="样例单位",
        archive=Archive(fonds="0000", fonds_name="样例单位", category="WS", term="D30", office_code="XMXT"),
        report=report,
        ledgers=ledgers,
        snapshots={"expenditure": artifacts / "snapshot"},
        records={"facts.json": facts.encode(), "scores.json": b"{}", "findings.json": b"[]", "lineage.parquet": b"PAR1 lineage PAR1"},
        configuration={"perfeval.yml": artifacts / "settings", "indicators/2022.yml": artifacts / "indicators"},
        program="perfeval 0.1.0",
    )


@pytest.fixture
def make_report() -> Callable[[str], bytes]:
    """Make a report with a text."""
    return word_file


@pytest.fixture
def decide() -> Callable[..., Decision]:
    """Make a decision on a report."""
    return decision


@pytest.fixture
def reseal(package: SubmissionPackage) -> Callable[[Path], None]:
    """Make manifests and metadata fit a bag's tampered payload, as somebody who knows the format would."""

    def reseal_bag(bag: Path) -> None:
        files, _ = digest_folder(bag / "data")
        payload = {f"data/{path}": digests for path, digests in sorted(files.items())}
        approvals = read_approvals((bag / "data/records/decisions.json").read_bytes())
        (bag / "metadata.xml").write_bytes(metadata(package, approvals, payload))
        (bag / "bag-info.txt").write_text(bag_info(package, payload), encoding="utf-8")
        for algorithm in ("sha256", "sm3"):
            lines = [f"{digests.by(algorithm)}  {path}\n" for path, digests in payload.items()]
            (bag / f"manifest-{algorithm}.txt").write_text("".join(lines), encoding="utf-8")
        reseal_tags(bag)

    return reseal_bag


def reseal_tags(bag: Path) -> None:
    """Make the tag manifests fit a bag's tampered tag files."""
    for algorithm in ("sha256", "sm3"):
        lines = []
        for path in sorted(bag.iterdir()):
            if path.is_file() and not path.name.startswith("tagmanifest-"):
                with path.open("rb") as file:
                    lines.append(f"{digest_file(file).by(algorithm)}  {path.name}\n")
        (bag / f"tagmanifest-{algorithm}.txt").write_text("".join(lines), encoding="utf-8")


@pytest.fixture(name="reseal_tags")
def _reseal_tags() -> Callable[[Path], None]:
    """Make the tag manifests fit a bag's tampered tag files."""
    return reseal_tags


@pytest.fixture(scope="session")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archived bag, to be copied; made writable so that it can be tampered with."""
    folder = tmp_path_factory.mktemp("sealed")
    path = archive_bag(approved(folder), folder / "archive")
    for file in path.rglob("*"):
        file.chmod(0o755)
    return path


@pytest.fixture
def bag(sealed: Path, tmp_path: Path) -> Path:
    """An archived bag of one's own."""
    return Path(shutil.copytree(sealed, tmp_path / "archive" / sealed.name))
