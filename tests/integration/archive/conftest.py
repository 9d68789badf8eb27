"""An approved evaluation, ready to be archived. All of it is invented."""

import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from chains import Chains, Device

from perfeval.approvals.events import Corrected, Frozen, RecordedFile, Returned
from perfeval.archive import SubmissionPackage, archive_bag, hear
from perfeval.archive.approvals import read_approvals
from perfeval.archive.description import bag_info, metadata
from perfeval.archive.digesting import digest_file, digest_folder
from perfeval.model import Evaluation, Gate, ReceivedFile, Verdict
from perfeval.model.digests import content_digest
from perfeval.settings import Archive


def word_file(text: str) -> bytes:
    """A zip with the parts of a Word file, the same whenever it is made; nobody opens it here."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("[Content_Types].xml"), "<Types/>", zipfile.ZIP_DEFLATED)
        archive.writestr(zipfile.ZipInfo("word/document.xml"), f"<document>{text}</document>", zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


GATES = (Gate("center", "中心审批"), Gate("bureau", "财政局审批"))


@dataclass
class Approving:
    """An evaluation on its way: 陈样例 prepared it, 张样例 signs for the centre with a device, 李样例 gives codes for the bureau."""

    folder: Path
    report: bytes
    files: dict[str, bytes]
    device: Device = field(default_factory=Device)
    chains: Chains = field(init=False)

    def __post_init__(self) -> None:
        self.chains = Chains("zdxm-2022-001", now=datetime(2023, 1, 5, 1, 0, tzinfo=UTC))
        self.chains.welcome("operator", "样例操作员", "operator")
        self.chains.welcome("p1", "陈样例", "clerk")
        self.chains.welcome("p2", "张样例", "center", self.device)
        self.chains.welcome("p3", "李样例", "bureau")
        self.chains.open(programme="经费补助缺口", programme_key="zdxm")

    def draft(self, revision: int, report: bytes) -> None:
        """Freeze ledgers and draft."""
        recorded = [RecordedFile(path, hashlib.sha256(content).hexdigest()) for path, content in self.files.items()]
        self.chains.note(Frozen(revision=revision, ledgers=tuple(file for file in recorded if file.path.startswith("ledgers/"))))
        settings = tuple(file for file in recorded if not file.path.startswith("ledgers/"))
        self.chains.draft(revision, digest=content_digest(report), file=hashlib.sha256(report).hexdigest(), configuration=settings)

    def decide(self, gate: str, **changed: Any) -> None:
        """By the gate's own approver, on the report."""
        who, device = ("p2", self.device) if gate == "center" else ("p3", None)
        fields = {"revision": 2, "content_digest": content_digest(self.report), "comment": "数据齐全"} | changed
        self.chains.decide(gate, fields.pop("approver", who), fields.pop("device", device), **fields)

    def returned(self) -> None:
        """The first revision goes back, the second is drafted."""
        self.draft(1, word_file("第1稿"))
        comment = {"verdict": Verdict.RETURN, "comment": "补充会议纪要"}
        self.decide("center", revision=1, content_digest=content_digest(word_file("第1稿")), **comment)
        self.chains.note(Returned(revision=1, gate="center"))
        self.chains.note(Corrected(revision=1, note="已补充会议纪要"), "p1")
        self.draft(2, self.report)


def received(folder: Path, name: str, content: bytes) -> ReceivedFile:
    """A ledger as the store keeps it, under a name of its own."""
    digest = hashlib.sha256(content).hexdigest()
    path = folder / digest
    path.write_bytes(content)
    return ReceivedFile(name, path, digest)


@pytest.fixture
def approving(tmp_path: Path) -> Approving:
    """The second revision stands at its first gate, after a return of the first."""
    return begun(tmp_path)


@pytest.fixture
def package(approving: Approving) -> SubmissionPackage:
    """Approved at both gates."""
    return packed(approved(approving))


def begun(folder: Path) -> Approving:
    """Returned once and drafted again."""
    artifacts = folder / "artifacts"
    artifacts.mkdir()
    files = {
        "ledgers/2022/资金支出台账.xlsx": b"expenditure",
        "ledgers/2022/进度 100%.csv": b"progress",
        "perfeval.yml": "unit: 样例单位\n".encode(),
        "indicators/2022.yml": b"year: 2022\n",
    }
    made = Approving(artifacts, word_file("自评报告"), files)
    made.returned()
    return made


def approved(made: Approving) -> Approving:
    """Approved at both gates."""
    made.decide("center")
    made.decide("bureau", comment="")
    return made


def packed(made: Approving) -> SubmissionPackage:
    """What is to be archived, its files in a folder; the tables say what the record says."""
    artifacts = made.folder
    ledgers = tuple(received(artifacts, PurePosixPath(path).name, content) for path, content in list(made.files.items())[:2])
    (artifacts / "snapshot").write_bytes(b"PAR1 expenditure PAR1")
    (artifacts / "settings").write_bytes(made.files["perfeval.yml"])
    (artifacts / "indicators").write_bytes(made.files["indicators/2022.yml"])
    chains = made.chains
    facts = f'[{{"id": "spent", "sources": [{{"file": "资金支出台账.xlsx", "digest": "{ledgers[0].digest}"}}]}}]'
    return SubmissionPackage(
        archive_no="0000-WS·2022-D30-XMXT-0001",
        title="样例单位2022年度项目支出绩效自评报告",
        evaluation=Evaluation(
            "zdxm-2022-001", 2022, "经费补助缺口", "陈样例", datetime(2023, 1, 5, 1, 0, tzinfo=UTC), programme_key="zdxm"
        ),
        revision=2,
        gates=GATES,
        decisions=tuple(hear(chains.evaluation, chains.entries, chains.people).stated),
        written_on=date(2023, 1, 31),
        archived_at=datetime(2023, 2, 2, 16, 30, tzinfo=UTC),
        unit="样例单位",
        programme="经费补助缺口",
        archive=Archive(fonds="0000", fonds_name="样例单位", category="WS", term="D30", office_code="XMXT"),
        report=made.report,
        ledgers=ledgers,
        snapshots={"expenditure": artifacts / "snapshot"},
        records={
            "facts.json": facts.encode(),
            "scores.json": b"{}",
            "findings.json": b"[]",
            "lineage.parquet": b"PAR1 lineage PAR1",
            "origin.json": b"{}",
            "corrections.json": json.dumps({"1": "已补充会议纪要"}).encode(),
        },
        configuration={"perfeval.yml": artifacts / "settings", "indicators/2022.yml": artifacts / "indicators"},
        program="perfeval 0.1.0",
        sheet=lambda: word_file("审批表"),
        record=chains.entries,
        people=chains.people,
    )


@pytest.fixture
def pack() -> Callable[[Approving], SubmissionPackage]:
    """Make ready what is to be archived of an evaluation."""
    return packed


@pytest.fixture
def make_report() -> Callable[[str], bytes]:
    """Make a report with a text."""
    return word_file


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
    path = archive_bag(packed(approved(begun(folder))), folder / "archive")
    for file in path.rglob("*"):
        file.chmod(0o755)
    return path


@pytest.fixture
def bag(sealed: Path, tmp_path: Path) -> Path:
    """An archived bag of one's own."""
    return Path(shutil.copytree(sealed, tmp_path / "archive" / sealed.name))
