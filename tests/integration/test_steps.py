"""The year in a plain loop, without a conductor: what each step leaves, and what cannot be got past it."""

import csv
import hashlib
import io
import json
import re
import shutil
import sqlite3
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest

from perfeval import persons, steps
from perfeval.approvals.keys import derive_key
from perfeval.approvals.person import ProofKind
from perfeval.approvals.proof import Proof
from perfeval.approvals.record import ACCESS
from perfeval.approvals.statement import state
from perfeval.archive import State, SubmissionPackage, archive_bag, sealed_bags, verify_bag
from perfeval.assessment import assess, write_report
from perfeval.audit import audit
from perfeval.errors import ApprovalError, ArchiveError, ConfigurationError, LedgerError, ReportError, StoreError, UsageError
from perfeval.ledgers import receive
from perfeval.model import Answer, Decision, Figure, Remark, Revision, Scorecard, Verdict
from perfeval.model.documents import dump, record_facts
from perfeval.model.ledgers import parquet
from perfeval.model.outcomes import Drafted, Scored, Sealing, Validated
from perfeval.model.scores import FactRecord
from perfeval.office import open_office
from perfeval.reperformance import verify_archive
from perfeval.report import read_text, write_approval_sheet
from perfeval.texts import has_controls, visible
from perfeval.version import Version


class Rehearsal:
    """A sample office, its approvers and one evaluation."""

    def __init__(self, folder: Path, welcome: Callable[..., Any]) -> None:
        self.open(folder)
        self.welcome = welcome
        self.phones = {"operator": welcome(self.office, "样例经办人", "operator")}
        self.phones |= {gate.key: self.enrol(gate.key) for gate in self.workspace.gates}
        self.evaluation = steps.open_evaluation(self.office, self.subject, "样例经办人", "run-1")

    def open(self, folder: Path) -> None:
        self.office = open_office(folder)
        self.workspace, self.store = self.office.workspace, self.office.store
        self.subject = self.workspace.subject(2022)

    def take_over(self, other: "Rehearsal") -> None:
        """Go on from a copy of all that another office has."""
        shutil.rmtree(self.workspace.root)
        self.open(Path(shutil.copytree(other.workspace.root, self.workspace.root)))
        self.phones, self.evaluation = other.phones, other.evaluation

    def enrol(self, key: str) -> Any:
        return self.welcome(self.office, f"样例{key}", key)

    def person(self, name: str) -> Any:
        with self.store.reading() as record:
            return persons.find(record.people(), name)

    @property
    def revision(self) -> Revision:
        with self.store.reading() as record:
            return record.current_revision(self.evaluation)

    def prepare(self) -> str:
        return steps.prepare(self.office, self.revision).check_code

    def decide(self, key: str, verdict: Verdict, check_code: str) -> None:
        gate = next(gate for gate in self.workspace.gates if gate.key == key)
        code = self.phones[key].code()
        steps.decide(self.office, self.revision, gate, Answer(verdict, f"样例{key}", code, check_code, "样例意见"))

    def approve(self) -> None:
        code = self.prepare()
        for gate in self.workspace.gates:
            self.decide(gate.key, Verdict.APPROVE, code)

    def archive(self) -> Path:
        return steps.archive_report(self.office, self.revision)

    def status(self) -> str:
        return steps.status(self.office, self.evaluation).key

    def package(self) -> SubmissionPackage:
        return steps._package(self.office, self.revision)


@pytest.fixture
def office(pristine: Path, tmp_path: Path, welcome: Callable[..., Any]) -> Rehearsal:
    return Rehearsal(Path(shutil.copytree(pristine, tmp_path / "office")), welcome)


@pytest.fixture(scope="module")
def done(pristine: Path, tmp_path_factory: pytest.TempPathFactory, welcome: Callable[..., Any]) -> Rehearsal:
    """An office whose year is archived, to be copied."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PERFEVAL_KEY", "an invented key for tests")
        office = Rehearsal(Path(shutil.copytree(pristine, tmp_path_factory.mktemp("done") / "office")), welcome)
        office.approve()
        office.archive()
    return office


@pytest.fixture(scope="module")
def ready(pristine: Path, tmp_path_factory: pytest.TempPathFactory, welcome: Callable[..., Any]) -> Rehearsal:
    """An office whose report was returned once, and then approved at both gates, to be copied."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PERFEVAL_KEY", "an invented key for tests")
        office = Rehearsal(Path(shutil.copytree(pristine, tmp_path_factory.mktemp("ready") / "office")), welcome)
        office.decide("center", Verdict.RETURN, office.prepare())
        steps.record_correction(office.office, office.revision, "已补充会议纪要")
        office.approve()
    return office


@pytest.fixture
def archived(office: Rehearsal, done: Rehearsal) -> Path:
    """The bag of the office, whose year is archived."""
    office.take_over(done)
    return next((office.workspace.root / "archive").iterdir())


def test_remarks_of_a_return_are_replied_to_one_by_one_and_go_into_the_archive(office: Rehearsal) -> None:
    check_code = office.prepare()

    def give(*remarks: tuple[str, str], verdict: Verdict = Verdict.RETURN) -> None:
        wanted = tuple(Remark(*item) for item in remarks)
        answer = Answer(verdict, "样例center", office.phones["center"].code(), check_code, remarks=wanted)
        steps.decide(office.office, office.revision, office.workspace.gates[0], answer)

    places = steps.places(office.office, office.revision)
    row = next(iter(steps.score_indicators(office.office, office.revision).scores))
    assert places[row.id] == row.name
    for wrong in [("total", "补"), ("没有的位置", "补"), (row.id, " "), ("第0段", "补")], [(row.id, "字" * 2001)], [(row.id, "补")] * 51:
        with pytest.raises(ApprovalError) as refused:
            give(*wrong)
        assert refused.value.code in {"A57", "A14"}
    with pytest.raises(ApprovalError) as refused:
        give((row.id, "补"), verdict=Verdict.APPROVE)
    assert "不能附修改意见" in refused.value.message
    give((row.id, " 写明怎么数的\n"), ("第12段", "=1+1"))
    revision = office.revision
    assert [(item.remark.place, item.remark.text, item.reply) for item in steps.remarks(office.office, office.evaluation)] == [
        (row.id, "写明怎么数的", ""),
        ("第12段", "=1+1", ""),
    ]
    for replies in [], ["已写明"], ["已写明", " "], ["已写明", "已改", "多"]:
        with pytest.raises(ApprovalError) as refused:
            steps.record_correction(office.office, revision, "已改", replies=replies)
        assert refused.value.code == "A58"
    assert office.status() == "correcting"
    steps.record_correction(office.office, revision, "已改", replies=["已写明", "不改，本来如此"])
    assert office.revision.number == 2
    assert [item.reply for item in steps.remarks(office.office, office.evaluation)] == ["已写明", "不改，本来如此"]
    office.approve()
    bag = office.archive()
    assert [check for check in verify_archive(bag) if not check.ok] == []
    text = "\n".join(read_text((bag / "data" / "审批表.docx").read_bytes()))
    assert f"{row.name}（{row.id}）：写明怎么数的\n答复\n已写明\n修改意见\n第12段“{places['第12段']}”：=1+1\n答复\n不改，本来如此" in text


def test_year_in_the_archive_is_not_begun_anew_by_a_store_that_does_not_know_it(office: Rehearsal, archived: Path) -> None:
    office.store.close()
    state = office.workspace.state
    for file in state.glob("store.db*"):
        file.unlink()
    with pytest.raises(StoreError) as lost:
        open_office(office.workspace.root)
    assert lost.value.code == "S15"
    assert not list(state.glob("store.db-*"))
    shutil.rmtree(state)
    office.open(office.workspace.root)
    with pytest.raises(StoreError) as lost:
        steps.open_evaluation(office.office, office.subject, "样例经办人", "run-2")
    assert (lost.value.code, archived.name in lost.value.message) == ("S14", True)
    archived.rename(office.workspace.root / archived.name)
    office.welcome(office.office, "样例经办人", "operator")
    assert steps.open_evaluation(office.office, office.subject, "样例经办人", "run-2").id == "2022-zdxm-1"


def test_year_approved_at_both_gates_is_archived_and_verifies(office: Rehearsal, archived: Path) -> None:
    assert archived.name == "0000-WS·2022-D30-XMXT-0001"
    assert [check for check in verify_archive(archived) if not check.ok] == []
    assert office.status() == "archived"


def test_stages_are_named_in_order(office: Rehearsal) -> None:
    seen = [office.status()]
    code = office.prepare()
    seen.append(office.status())
    office.decide("center", Verdict.APPROVE, code)
    seen.append(office.status())
    office.decide("bureau", Verdict.APPROVE, code)
    seen.append(office.status())
    office.archive()
    assert [*seen, office.status()] == ["preparing", "waiting-center", "waiting-bureau", "approved", "archived"]


def test_year_run_twice_leaves_the_same_draft_and_bag(office: Rehearsal, archived: Path) -> None:
    before = {path: path.read_bytes() for path in archived.rglob("*") if path.is_file()}
    office.prepare()
    assert office.archive() == archived
    assert {path: path.read_bytes() for path in archived.rglob("*") if path.is_file()} == before


def test_bag_lost_after_archiving_is_made_again_the_same(office: Rehearsal, archived: Path) -> None:
    manifest = (archived / "tagmanifest-sha256.txt").read_bytes()
    shutil.rmtree(archived)
    assert (office.archive() / "tagmanifest-sha256.txt").read_bytes() == manifest


@pytest.mark.parametrize("approved", [[], ["center"]])
def test_archive_without_both_approvals_is_refused(office: Rehearsal, approved: list[str]) -> None:
    code = office.prepare()
    [office.decide(gate, Verdict.APPROVE, code) for gate in approved]
    with pytest.raises(ArchiveError, match="不能归档"):
        office.archive()
    assert not list(office.workspace.root.glob("archive/*"))


def test_gate_taken_out_of_the_settings_after_drafting_still_decides_on_the_draft(office: Rehearsal) -> None:
    office.decide("center", Verdict.APPROVE, office.prepare())
    settings = office.workspace.config_file
    settings.write_text(settings.read_text(encoding="utf-8").replace("key: bureau", "key: office"), encoding="utf-8")
    office.office = open_office(office.workspace.root)
    office.workspace = office.office.workspace
    assert [gate.key for gate in office.workspace.gates] == ["center", "office"]
    office.phones["office"] = office.enrol("office")
    with pytest.raises(ApprovalError, match="第1稿没有“office”这一审批环节"):
        office.decide("office", Verdict.APPROVE, office.prepare())
    assert office.status() == "waiting-bureau"


@pytest.mark.parametrize("gates", [("center",), ("center", "bureau")])
def test_refusal_at_any_gate_is_the_end_before_the_evaluation_is_closed(office: Rehearsal, gates: tuple[str, ...]) -> None:
    draft = office.prepare()
    for gate in gates[:-1]:
        office.decide(gate, Verdict.APPROVE, draft)
    office.decide(gates[-1], Verdict.REFUSE, draft)
    assert office.status() == "refused"


def test_archive_after_a_refusal_is_refused(office: Rehearsal) -> None:
    office.decide("center", Verdict.REFUSE, office.prepare())
    steps.close_evaluation(office.store, office.evaluation)
    assert office.status() == "refused"
    with pytest.raises(ArchiveError, match="不能归档"):
        office.archive()


def test_year_archived_is_not_opened_again_by_another_run(office: Rehearsal, archived: Path) -> None:
    with pytest.raises(UsageError, match="已归档"):
        steps.open_evaluation(office.office, office.subject, "样例经办人", "run-2")
    assert steps.open_evaluation(office.office, office.subject, "样例经办人", "run-1").outcome == "archived"


def test_ledgers_edited_after_validation_do_not_reach_the_revision(office: Rehearsal) -> None:
    before = office.prepare()
    _drop_row(office, "调度会议台账")
    assert office.prepare() == before
    assert steps.load_ledgers(office.office, office.revision)["meetings"].frame.height == 108


def test_csv_of_several_blocks_makes_the_same_year_and_is_archived_in_parts(office: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = office.subject.ledgers
    expected = assess(office.subject, receive(folder))
    path = folder / "资金支出台账.xlsx"
    with path.with_suffix(".csv").open("w", encoding="utf-8", newline="") as text:
        csv.writer(text).writerows(openpyxl.load_workbook(path).worksheets[0].iter_rows(values_only=True))
    path.unlink()
    monkeypatch.setattr("perfeval.spreadsheets.delimited._BLOCK", 2048)
    code = office.prepare()
    assert steps.score_indicators(office.office, office.revision) == expected.card
    office.decide("center", Verdict.APPROVE, code)
    office.decide("bureau", Verdict.APPROVE, code)
    bag = office.archive()
    assert all(check.ok for check in verify_archive(bag))
    parts = sorted((bag / "data" / "snapshots").glob("expenditure-*.parquet"))
    assert len(parts) > 1
    assert pl.read_parquet(parts).equals(expected.ledgers["expenditure"].frame)


def test_correction_makes_a_new_revision_from_the_ledgers_as_they_are(office: Rehearsal) -> None:
    code = office.prepare()
    office.decide("center", Verdict.RETURN, code)
    assert office.status() == "correcting"
    _drop_row(office, "调度会议台账")
    steps.record_correction(office.office, office.revision, "已删除重复登记的会议")
    assert office.revision.number == 2
    assert office.prepare() != code
    assert office.status() == "waiting-center"


def test_ledger_corrected_after_a_fault_in_scoring_is_read_afresh(office: Rehearsal) -> None:
    path = office.subject.ledgers / "资金支出台账.xlsx"
    whole = path.read_bytes()
    book = openpyxl.load_workbook(path)
    for row in book.worksheets[0].iter_rows(min_row=3, min_col=9, max_col=9):
        row[0].value = -row[0].value
    book.save(path)
    with pytest.raises(LedgerError, match="不能评分"):
        office.prepare()
    path.write_bytes(whole)
    office.prepare()
    assert office.status() == "waiting-center"


def test_indicators_corrected_after_a_fault_in_the_narrative_are_read_afresh(office: Rehearsal) -> None:
    narrative, indicators = office.subject.narrative, office.subject.indicators
    text = narrative.read_text(encoding="utf-8")
    narrative.write_text(text.replace("facts.videos | number", "facts.films | number"), encoding="utf-8")
    with pytest.raises(ReportError, match="films"):
        office.prepare()
    rules = indicators.read_text(encoding="utf-8")
    indicators.write_text(rules.replace("  videos: {", "  films: {ledger: publications, aggregate: count}\n  videos: {"), encoding="utf-8")
    office.prepare()
    assert office.status() == "waiting-center"


def test_draft_that_is_made_is_never_forgotten(office: Rehearsal) -> None:
    code = office.prepare()
    with office.store.transaction() as record:
        record.forget_undrafted(office.revision, (Validated, Scored))
    _drop_row(office, "调度会议台账")
    assert office.prepare() == code
    assert steps.load_ledgers(office.office, office.revision)["meetings"].frame.height == 108


def test_year_without_ledgers_is_not_opened(office: Rehearsal) -> None:
    with pytest.raises(UsageError, match="没有 2023 年度的台账文件夹"):
        steps.open_evaluation(office.office, office.workspace.subject(2023), "样例经办人", "run-2")
    with office.store.reading() as record:
        assert [evaluation.year for evaluation in record.evaluations()] == [2022]


def test_faulty_ledgers_are_marked_and_not_frozen_and_then_read_afresh(office: Rehearsal) -> None:
    path = office.subject.ledgers / "调度会议台账.xlsx"
    whole = path.read_bytes()
    book = openpyxl.load_workbook(path)
    book.worksheets[0]["B3"].value = "没有日期"
    book.save(path)
    with pytest.raises(LedgerError) as error:
        office.prepare()
    assert "B3" in {finding.cell for finding in error.value.findings}
    assert [copy.name for copy in steps.marked_folder(office.office.subject(office.revision.evaluation), 1).iterdir()]
    path.write_bytes(whole)
    office.prepare()
    assert office.status() == "waiting-center"


def test_faulty_ledgers_are_told_before_anything_is_opened_and_never_once_they_are_frozen(office: Rehearsal) -> None:
    path, subject = office.subject.ledgers / "调度会议台账.xlsx", office.subject
    whole = path.read_bytes()
    steps.refuse_faulty_ledgers(office.office, subject, None)
    book = openpyxl.load_workbook(path)
    book.worksheets[0]["B3"].value = "没有日期"
    book.save(path)
    for evaluation in (None, office.revision.evaluation):
        with pytest.raises(LedgerError) as error:
            steps.refuse_faulty_ledgers(office.office, subject, evaluation)
        assert error.value.context["copies"] == [steps.marked_folder(subject, 1) / "调度会议台账-标注.xlsx"]
        failure = steps.failure_of(office.store, "校验台账", error.value)
        assert (failure.code, failure.findings is not None) == ("L00", True)
    assert office.status() == "preparing"
    path.write_bytes(whole)
    office.prepare()
    path.write_bytes(b"")
    steps.refuse_faulty_ledgers(office.office, subject, office.revision.evaluation)


def test_faulty_ledgers_are_told_though_their_copies_cannot_be_written(office: Rehearsal) -> None:
    (office.subject.ledgers / "调度会议台账.xlsx").write_bytes(b"")
    (marked := office.workspace.root / "marked").touch()
    with pytest.raises(LedgerError) as error:
        steps.refuse_faulty_ledgers(office.office, office.subject, None)
    assert error.value.findings
    assert str(marked) in str(error.value.context["unwritten"])


def _tamper_snapshot(office: Rehearsal) -> None:
    path = office.store.artifacts.path(steps._done(office.store, office.revision, Validated).snapshots["meetings"].parts[0])
    path.write_bytes(path.read_bytes()[:-1])


def _tamper_draft(office: Rehearsal) -> None:
    path = office.store.artifacts.path(steps._done(office.store, office.revision, Drafted).draft.digest)
    path.write_bytes(path.read_bytes() + b" ")


@pytest.mark.parametrize("tamper", [_tamper_snapshot, _tamper_draft])
def test_artifact_changed_after_approval_keeps_the_archive_shut(office: Rehearsal, tamper: Callable[[Rehearsal], None]) -> None:
    code = office.prepare()
    office.decide("center", Verdict.APPROVE, code)
    office.decide("bureau", Verdict.APPROVE, code)
    tamper(office)
    with pytest.raises(Exception, match="已被改动"):
        office.archive()
    assert not list(office.workspace.root.glob("archive/*"))


def test_verification_of_a_bag_whose_scores_were_rewritten_names_it(archived: Path) -> None:
    scores = archived / "data" / "records" / "scores.json"
    document = json.loads(scores.read_bytes())
    document["total"] = "100.00"
    scores.chmod(0o644)
    scores.write_text(json.dumps(document), encoding="utf-8")
    failed = [check for check in verify_archive(archived) if not check.ok]
    assert any("scores.json" in check.detail for check in failed)


def test_verification_of_a_bag_made_anew_from_other_ledgers_misses_the_approved_report(office: Rehearsal, archived: Path) -> None:
    package = office.package()
    _drop_row(office, "调度会议台账")
    ledgers = receive(office.subject.ledgers)
    forged = assess(office.subject, ledgers)
    figures = write_report(office.subject, 0, forged).figures
    records = {
        "facts.json": steps._json(dump(tuple[FactRecord, ...], record_facts(forged.facts))),
        "scores.json": steps._json(dump(Scorecard, forged.card)),
        "figures.json": steps._json(dump(list[Figure], list(figures))),
    }
    bag = sealed(replace(package, ledgers=ledgers, records={**package.records, **records}), archived.parents[1] / "forged")
    (check,) = [check for check in verify_bag(bag) if not check.ok]
    assert (check.name, check.detail) == ("真实性：审批决定", "data/workspace/ledgers/2022/调度会议台账.xlsx 不是审批记录所说的文件")


@pytest.mark.parametrize("content", [b"rubbish", b"5", b"{}", b"[]", b"[" * 100_000])
@pytest.mark.parametrize("record", ["scores.json", "figures.json"])
def test_verification_of_a_bag_with_a_record_of_another_form_ends_in_a_failed_check(
    office: Rehearsal, archived: Path, record: str, content: bytes
) -> None:
    package = office.package()
    bag = sealed(replace(package, records={**package.records, record: content}), archived.parents[1] / "other")
    recorded = "按规则重算的得分" if record == "scores.json" else "报告中印出的数字"
    assert {check.name for check in verify_archive(bag) if not check.ok} in ({recorded, "报告与所记的数字、得分"}, {recorded})


def test_verification_of_a_bag_described_otherwise_names_what_differs(office: Rehearsal, archived: Path) -> None:
    package = office.package()
    secret = replace(package, archive=package.archive.model_copy(update={"security": "秘密"}), written_on=date(2020, 1, 1))
    bag = archive_bag(secret, archived.parents[1] / "other")
    (check,) = [check for check in verify_archive(bag) if not check.ok]
    assert (check.name, check.detail) == ("元数据和说明", "与归档时不同：metadata.xml 的日期、metadata.xml 的密级")


def sealed(package: SubmissionPackage, folder: Path) -> Path:
    """Archive what the door would refuse."""
    return archive_bag(package, folder, verify=lambda _: [])


def _of_another_version(package: SubmissionPackage) -> SubmissionPackage:
    origin = json.loads(package.records["origin.json"]) | {"source": "0" * 64, "program": "perfeval 9.9", "commit": ""}
    return replace(package, program="perfeval 9.9", records={**package.records, "origin.json": json.dumps(origin).encode()})


def _states(bag: Path) -> dict[str, str]:
    return {check.name: str(check.state) for check in verify_archive(bag) if check.state is not State.SAME}


def test_verification_of_a_bag_of_another_version_tells_other_words_apart(office: Rehearsal, archived: Path) -> None:
    package = _of_another_version(replace(office.package(), title="另一种写法的题名"))
    bag = archive_bag(package, archived.parents[1] / "other")
    assert _states(bag) == {"真实性：审批凭证": "unproved", "元数据和说明": "differs", "外部凭证": "unproved"}
    (check,) = [check for check in verify_archive(bag) if check.state is State.DIFFERS]
    assert check.detail.startswith("与归档时不同：bag-info.txt、metadata.xml、归档说明.txt（归档包由 perfeval 9.9 形成")


def test_verification_of_a_bag_of_another_version_still_finds_other_points(office: Rehearsal, archived: Path) -> None:
    package = _of_another_version(office.package())
    card = json.loads(package.records["scores.json"])
    card["scores"][0]["score"], card["scores"][0]["explanation"] = "1.00", "别的说法"
    records = {**package.records, "scores.json": json.dumps(card).encode()}
    assert _states(archive_bag(replace(package, records=records), archived.parents[1] / "other"))["按规则重算的得分"] == "wrong"


@pytest.mark.parametrize("step", ["validated", "scored", "drafted"])
def test_bag_of_an_evaluation_that_another_version_began_is_not_called_this_ones(office: Rehearsal, step: str) -> None:
    office.approve()
    with sqlite3.connect(office.workspace.state / "store.db") as database:
        database.execute("update outcomes set document = json_remove(document, '$.source') where step = ?", (step,))
    assert json.loads(office.package().records["origin.json"])["source"] == ""


def test_verification_of_a_bag_of_this_version_with_other_words_is_wrong(office: Rehearsal, archived: Path) -> None:
    package = office.package()
    card = json.loads(package.records["scores.json"])
    card["scores"][0]["explanation"] += " "
    records = {**package.records, "scores.json": json.dumps(card).encode()}
    assert _states(archive_bag(replace(package, records=records), archived.parents[1] / "other"))["按规则重算的得分"] == "wrong"


@pytest.mark.parametrize("name", ["", "··", "a\x1b[31m", "样例center", "不认识的人"])
def test_preparer_who_is_no_operator_is_refused_and_told_the_commands(office: Rehearsal, name: str) -> None:
    office.decide("center", Verdict.REFUSE, office.prepare())
    steps.close_evaluation(office.store, office.evaluation)
    with pytest.raises(ApprovalError, match="没有登记为经办人") as error:
        steps.open_evaluation(office.office, office.subject, name)
    assert f"perfeval approver invite {visible(name) or '姓名'} --role operator" in error.value.hint


def test_verification_looks_into_snapshots_and_lineage(office: Rehearsal, archived: Path) -> None:
    package = office.package()
    rows = pl.read_parquet(package.records["lineage.parquet"]).head(1)
    snapshots = {**package.snapshots, "surveys": package.snapshots["meetings"]}
    records = {**package.records, "lineage.parquet": parquet(rows), "findings.json": b'[{"code": "X99"}]'}
    bag = archive_bag(replace(package, records=records, snapshots=snapshots), archived.parents[1] / "other")
    failed = [check.name for check in verify_archive(bag) if not check.ok]
    assert failed == ["台账快照", "台账快照的名称对照", "数字所据的行", "校验疑点"]


def test_verification_passes_over_an_empty_folder(archived: Path) -> None:
    (archived / "data" / "workspace" / "ledgers" / "0001").mkdir()
    assert [check for check in verify_archive(archived) if not check.ok] == []


def test_correction_after_a_return_is_archived(office: Rehearsal) -> None:
    office.decide("center", Verdict.RETURN, office.prepare())
    steps.record_correction(office.office, office.revision, "已补充会议纪要")
    code = office.prepare()
    office.decide("center", Verdict.APPROVE, code)
    office.decide("bureau", Verdict.APPROVE, code)
    assert json.loads((office.archive() / "data/records/corrections.json").read_bytes()) == {"1": "已补充会议纪要"}


@pytest.mark.parametrize("edited_after", ["validated", "scored"])
def test_settings_edited_between_steps_begin_again_from_the_ledgers(office: Rehearsal, edited_after: str) -> None:
    workspace, revision = office.workspace, office.revision
    steps.validate_ledgers(office.office, revision, steps.ingest_ledgers(office.office, revision))
    if edited_after == "scored":
        steps.score_indicators(office.office, revision)
    text = workspace.config_file.read_text(encoding="utf-8")
    workspace.config_file.write_text(text.replace("ZDXM-2022-001", "ZDXM-2022-009"), encoding="utf-8")
    for place in (office.office, open_office(workspace.root)):  # a process that runs on with the old ones, and a new one
        with pytest.raises(ConfigurationError, match=r"perfeval\.yml 在计算期间改动过"):
            steps.score_indicators(place, revision) and steps.draft_report(place, revision)
        if steps._outcome(office.store, revision, Validated) is None:
            break
    with pytest.raises(LedgerError, match="台账有"):
        steps.prepare(open_office(workspace.root), revision)


class Clock:
    """The clock of a machine that goes wrong by so much."""

    def __init__(self, ahead: timedelta) -> None:
        self.ahead = ahead

    def now(self, zone: tzinfo) -> datetime:
        return datetime.now(zone) + self.ahead


def test_clock_that_ran_ahead_at_the_draft_locks_nobody_out_and_is_told(office: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as machine:
        machine.setattr("perfeval.store.record.datetime", Clock(timedelta(days=3)))
        office.prepare()
    code = office.prepare()
    for gate in office.workspace.gates:
        office.decide(gate.key, Verdict.APPROVE, code)
    checks = {check.name: check for check in verify_archive(office.archive())}
    assert [check.name for check in checks.values() if not check.ok] == []
    told = checks["真实性：审批记录"]
    assert (told.state, "审批记录第3条的时间" in told.detail, "先后以条号为准" in told.detail) == (State.UNPROVED, True, True)
    with office.store.reading() as record:
        found = audit(record)
    assert (found.faults, any("第3条的时间" in text for text in found.unproved)) == ((), True)


def test_days_since_a_moment_that_a_clock_set_back_has_yet_to_reach_are_none() -> None:
    assert steps.days_since(datetime.now(UTC) + timedelta(days=2524)) == 0


def test_decision_that_a_clock_running_ahead_has_dated_is_not_archived_before_then(
    office: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = office.prepare()
    office.decide("center", Verdict.APPROVE, code)
    with monkeypatch.context() as machine:
        machine.setattr("perfeval.store.record.datetime", Clock(timedelta(seconds=30)))
        office.decide("bureau", Verdict.APPROVE, code)
    with monkeypatch.context() as machine:
        machine.setattr("perfeval.store.record._DISAGREEING", timedelta())
        with pytest.raises(ArchiveError, match="现在早于审批记录的最后一个决定") as told:
            office.archive()
        assert "就能归档" in told.value.hint
    with monkeypatch.context() as machine:
        machine.setattr("perfeval.store.record.datetime", Clock(timedelta(seconds=60)))
        office.archive()


@pytest.mark.parametrize("name", ["perfeval.yml", "profiles.yml", "report/2022.md"])
def test_verification_of_a_bag_with_unusable_settings_ends_in_a_failed_check(office: Rehearsal, archived: Path, name: str) -> None:
    package = office.package()
    rubbish = office.workspace.root / "rubbish"
    rubbish.write_bytes(b"\xff: [")
    bag = sealed(replace(package, configuration={**package.configuration, name: rubbish}), archived.parents[1] / "other")
    assert [check.name for check in verify_archive(bag) if not check.ok] == ["真实性：审批决定", "从台账重算"]


def answered(office: Rehearsal, name: str, code: str, check_code: str) -> None:
    steps.decide(office.office, office.revision, office.workspace.gates[0], Answer(Verdict.APPROVE, name, code, check_code, ""))


def test_code_used_before_or_of_another_person_decides_nothing(office: Rehearsal) -> None:
    draft, code = office.prepare(), office.phones["center"].code()
    with pytest.raises(ApprovalError, match="动态码不正确"):
        answered(office, "样例center", office.phones["bureau"].code(), draft)
    with pytest.raises(ApprovalError, match="核对码与本稿不符"):
        answered(office, "样例center", code, "ffffffff")
    with pytest.raises(ApprovalError, match="已使用过"):
        answered(office, "样例center", code, draft)
    assert office.status() == "waiting-center"


@pytest.mark.parametrize("kind", [ProofKind.CODE, ProofKind.EXTERNAL])
def test_proof_that_nothing_verifies_decides_nothing(office: Rehearsal, kind: ProofKind) -> None:
    check_code = office.prepare()
    with office.store.reading() as record:
        draft, previous, now = record.outcome(office.revision, Drafted), record.head(office.evaluation.id), datetime.now(UTC)
    made_up = Decision(office.evaluation.id, 1, "center", Verdict.APPROVE, "样例center", draft.draft.content_digest, "样例意见", now)
    statement = state(made_up, office.person("样例center").id, previous)
    answer = Answer(Verdict.APPROVE, "样例center", "", check_code, "样例意见", proof=Proof(kind, {"step": "1"}), statement=statement)
    with pytest.raises(ApprovalError, match=r"核验不通过|不认"):
        steps.decide(office.office, office.revision, office.workspace.gates[0], answer)
    assert office.status() == "waiting-center"


@pytest.mark.parametrize(
    ("field", "sign"), [("name", "\ud800"), ("name", "\0"), ("code", "\ud800"), ("check_code", "\ud800"), ("comment", "\u202e")]
)
def test_answer_with_signs_that_are_no_text_is_refused_and_kept(office: Rehearsal, field: str, sign: str) -> None:
    answer = Answer(Verdict.APPROVE, "样例center", office.phones["center"].code(), office.prepare(), "样例意见")
    with pytest.raises(ApprovalError):
        steps.decide(office.office, office.revision, office.workspace.gates[0], replace(answer, **{field: f"样例{sign}"}), "10.0.0.9")
    with office.store.reading() as record:
        looked_at = [entry for entry in record.entries(ACCESS) if "10.0.0.9" in entry.line]
        assert len(record.failed_attempts(office.revision, "center")) == len(looked_at) == 1
        assert not has_controls(record.failed_attempts(office.revision, "center")[0].problem.replace("\n", ""))


def test_correction_of_a_revision_that_nobody_returned_is_refused(office: Rehearsal) -> None:
    code = office.prepare()
    for _ in range(2):
        with pytest.raises(ApprovalError, match="第1稿没有被退回"):
            steps.record_correction(office.office, office.revision, "已更正")
        assert office.revision.number == 1
        if office.status() == "waiting-center":
            office.decide("center", Verdict.APPROVE, code)


def test_correction_handed_in_again_changes_nothing(office: Rehearsal) -> None:
    returned = office.revision
    office.decide("center", Verdict.RETURN, office.prepare())
    for note in ("已更正", "又更正"):
        steps.record_correction(office.office, returned, note)
    with office.store.reading() as record:
        assert (record.corrections(office.evaluation), office.revision.number) == ({1: "已更正"}, 2)


@pytest.mark.parametrize("sign", ["\ud800", "\0", "x" * 2001])
def test_reason_or_note_with_signs_that_are_no_text_is_refused(office: Rehearsal, sign: str) -> None:
    operator, approver = office.person("样例经办人").id, office.person("样例center").id
    with pytest.raises(ApprovalError, match="停用的原因"):
        persons.revoke(office.office, approver, operator, sign)
    with pytest.raises(ApprovalError, match="更正说明"):
        steps.record_correction(office.office, office.revision, sign)
    with pytest.raises(ApprovalError, match="没有登记"):
        persons.unlock(office.office, sign, operator, office.phones["operator"].code())


def test_answer_of_a_stranger_or_of_somebody_revoked_decides_nothing(office: Rehearsal) -> None:
    draft = office.prepare()
    with pytest.raises(ApprovalError, match="没有登记审批人“丙”"):
        answered(office, "丙", "123456", draft)
    person, operator = office.person(" 样例 center"), office.person("样例经办人")
    persons.revoke(office.office, person.id, operator.id, "调离", code=office.phones["operator"].code())
    with pytest.raises(ApprovalError, match="审批人“样例center”已停用"):
        answered(office, "样例center", office.phones["center"].code(), draft)


def test_enrolment_under_another_spelling_or_another_key_is_refused(office: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
    operator = office.person("样例经办人").id
    with pytest.raises(ApprovalError, match="与已登记的“样例center”相同或难以分辨"):
        persons.invite(office.office, " 样例 center ", ["bureau"], operator)
    monkeypatch.setenv("PERFEVAL_KEY", "another invented key")
    with pytest.raises(StoreError, match="PERFEVAL_KEY 与登记时不是同一个"):
        persons.invite(office.office, "丁", ["bureau"], operator)


def test_old_backup_put_in_the_place_of_the_database_is_decided_on_by_nobody(office: Rehearsal) -> None:
    check_code, database = office.prepare(), office.workspace.state / "store.db"
    office.store.close()
    backup = database.read_bytes()
    for gate in office.workspace.gates:
        office.decide(gate.key, Verdict.APPROVE, check_code)
    bag = office.archive()
    office.store.close()
    database.write_bytes(backup)
    with pytest.raises(StoreError, match=f"已归档（归档包 {bag.name}），数据库却停在审批"):
        office.decide("center", Verdict.APPROVE, check_code)


def test_archive_numbers_of_one_year_are_never_given_twice(office: Rehearsal) -> None:
    office.approve()
    office.package()  # sealed, and then the attempt broke off
    with office.store.transaction() as record:
        operator = office.person("样例经办人")
        other = record.open_evaluation(2022, "x-2", "另一项目", operator, "run-9")
        record.save_outcome(Revision(other, 1), Sealing(5, datetime(2023, 4, 3, 8, 30, tzinfo=UTC)))
    assert office.archive().name.endswith("-0001")
    with office.store.transaction() as record:
        third = record.open_evaluation(2022, "x-3", "第三项目", operator, "run-10")
        assert record.next_item_number(third) == 6


def as_version(monkeypatch: pytest.MonkeyPatch, version: Version) -> None:
    for module in ("perfeval.version", "perfeval.reperformance"):
        monkeypatch.setattr(f"{module}.version", lambda: version)


def test_bag_that_a_killed_program_made_is_recorded_by_the_next_version(office: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
    office.approve()
    before, now = (Version(f"0.2.0.dev{number}+g{number}abcdef12", f"{number}abcdef12".ljust(40, "0")) for number in (1, 2))
    as_version(monkeypatch, before)
    made = archive_bag(office.package(), office.workspace.archive_folder, derive_key(office.office.key, "record"))
    told = (made / "data/records/origin.json").read_bytes()
    as_version(monkeypatch, now)
    assert before.commit.encode() in told
    assert office.archive() == made
    assert (office.status(), (made / "data/records/origin.json").read_bytes()) == ("archived", told)
    assert all(check.ok for check in verify_archive(made))


def test_bag_changed_before_it_was_recorded_is_not_taken_for_another_versions(office: Rehearsal) -> None:
    office.approve()
    made = archive_bag(office.package(), office.workspace.archive_folder, derive_key(office.office.key, "record"))
    told = made / "bag-info.txt"
    told.chmod(0o644)
    told.write_text(told.read_text("utf-8").replace("perfeval ", "perfeval 9"), "utf-8")
    with pytest.raises(ArchiveError, match=r"已有归档包，内容不同：bag-info\.txt"):
        office.archive()


def test_maker_that_a_bag_names_in_words_of_somebodys_own_is_not_believed(office: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
    office.approve()
    monkeypatch.setattr("perfeval.reperformance.program", lambda: "perfeval 0.2.0，经核验可直接采信")
    archive_bag(office.package(), office.workspace.archive_folder, derive_key(office.office.key, "record"))
    monkeypatch.undo()
    monkeypatch.setenv("PERFEVAL_KEY", "an invented key for tests")
    with pytest.raises(ArchiveError, match=r"(?s)已有归档包，内容不同.*重新形成归档包"):
        office.archive()


def test_bag_that_is_not_the_one_recorded_is_told_and_never_made(
    office: Rehearsal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.approve()
    bag = office.archive()
    away = bag.rename(office.workspace.root / "elsewhere")
    monkeypatch.setattr("perfeval.reperformance.program", lambda: "perfeval 0.3.0")
    with pytest.raises(ArchiveError, match="不能原样重新形成"):
        office.archive()
    assert not bag.exists()
    with office.store.reading() as record:
        assert [text for text in audit(record, sealed=sealed_bags(bag.parent)).unproved if text.startswith(f"归档包 {bag.name}不在")]
        assert not [text for text in audit(record).unproved if "归档包" in text]
    told = away / "bag-info.txt"
    told.chmod(0o644)
    told.write_text(told.read_text("utf-8").replace("perfeval ", "perfeval 9"), "utf-8")
    digest = hashlib.sha256(told.read_bytes()).hexdigest()
    tags = away / "tagmanifest-sha256.txt"
    tags.chmod(0o644)
    tags.write_text(re.sub(r"\S+(?=  bag-info.txt)", digest, tags.read_text("utf-8")), "utf-8")
    away.rename(bag)
    kept = (bag / tags.name).rename(tmp_path / "kept")
    with office.store.reading() as record:
        found = audit(record, sealed=sealed_bags(bag.parent))
    assert (found.faults, any(text.startswith(f"归档包 {bag.name}不在归档文件夹里或不能读取") for text in found.unproved)) == ((), True)
    kept.rename(bag / tags.name)
    with office.store.reading() as record:
        faults = audit(record, sealed=sealed_bags(bag.parent)).faults
    assert [fault.message for fault in faults] == [f"归档文件夹里的归档包 {bag.name} 不是归档时的那一份：从备份恢复归档文件夹"]


def test_programme_named_anew_since_the_evaluation_was_opened_is_archived_under_that_name(office: Rehearsal) -> None:
    settings = office.workspace.config_file
    name = office.workspace.programmes[0].name
    settings.write_text(settings.read_text("utf-8").replace(name, f"{name}（修订）"), "utf-8")
    office.open(office.workspace.root)
    office.approve()
    bag = office.archive()
    assert f"{name}（修订）" in (bag / "metadata.xml").read_text("utf-8")
    assert all(check.ok for check in verify_archive(bag))


@pytest.mark.parametrize("ended", [False, True])
def test_year_of_a_programme_whose_key_was_written_otherwise_is_not_begun_anew(office: Rehearsal, ended: bool) -> None:
    office.approve()
    if ended:
        office.archive()
    settings = office.workspace.config_file
    settings.write_text(settings.read_text("utf-8").replace("key: zdxm", "key: projects"), "utf-8")
    office.open(office.workspace.root)
    with pytest.raises(UsageError, match=rf"已有自评（{office.evaluation.id}），立项时它的 key 是“zdxm”，现在是“projects”"):
        steps.open_evaluation(office.office, office.subject, "样例经办人", "run-2")


def _add_evidence(office: Rehearsal, name: str = "样例佐证.txt") -> None:
    office.subject.evidence.mkdir(parents=True, exist_ok=True)
    (office.subject.evidence / name).write_text("样例")


def _remove_evidence(office: Rehearsal) -> None:
    office.subject.evidence_files[0].unlink()


def _edit_profiles(office: Rehearsal) -> None:
    office.workspace.profiles.write_text(office.workspace.profiles.read_text("utf-8") + "\n", "utf-8")


@pytest.mark.parametrize("steps_done", [1, 2])
@pytest.mark.parametrize("change", [_add_evidence, _edit_profiles, _remove_evidence])
def test_file_that_an_earlier_step_rests_on_is_read_afresh_with_everything(
    office: Rehearsal, change: Callable[[Rehearsal], object], steps_done: int
) -> None:
    _add_evidence(office, "以前的佐证.txt")
    steps.validate_ledgers(office.office, office.revision, steps.ingest_ledgers(office.office, office.revision))
    if steps_done > 1:
        steps.score_indicators(office.office, office.revision)
    change(office)
    if steps_done > 1 or change is not _edit_profiles:
        with pytest.raises(ConfigurationError, match="在计算期间改动过"):
            office.prepare()
    office.approve()
    assert all(check.ok for check in verify_archive(office.archive()))


@pytest.mark.parametrize("told", ["2022-other-1", None])
def test_archive_number_that_a_bag_of_another_evaluation_has_is_not_given(office: Rehearsal, done: Rehearsal, told: str | None) -> None:
    office.approve()
    bag = next(done.workspace.archive_folder.iterdir())
    shutil.copytree(bag, office.workspace.archive_folder / bag.name)
    shown = office.workspace.archive_folder / bag.name / "data/records/decisions.json"
    shown.chmod(0o644)
    shown.write_text(shown.read_text("utf-8").replace(office.evaluation.id, told) if told else "", "utf-8")
    assert (bag.name[-4:], office.archive().name[-4:]) == ("0001", "0002")


def test_clock_set_back_after_an_archive_broke_off_accuses_nobody(office: Rehearsal) -> None:
    office.approve()
    with office.store.transaction() as record:
        record.save_outcome(office.revision, Sealing(1, datetime.now(UTC) + timedelta(minutes=5)))
    with pytest.raises(ArchiveError, match=r"(?s)现在早于归档中断时写下的归档时间.*先校准") as refused:
        office.archive()
    assert refused.value.code == "K01"


def _drop_row(office: Rehearsal, title: str) -> None:
    path = office.subject.ledgers / f"{title}.xlsx"
    book = openpyxl.load_workbook(path)
    book.worksheets[0].delete_rows(5)
    book.save(path)


def rewrite(office: Rehearsal, *statements: str) -> None:
    """Write to the database past the program, as somebody can who owns its file: triggers are taken away first."""
    with sqlite3.connect(office.workspace.state / "store.db") as database:
        for (name,) in database.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            database.execute(f"drop trigger {name}")
        for statement in statements:
            database.execute(statement)


REWRITINGS = {
    "objection turned into an approval": (
        "update decisions set verdict = '同意' where revision = 1",
        "数据库与审批记录第4条（“样例center”对第1稿退回修改）不同",
    ),
    "objection deleted": (
        "delete from decisions where revision = 1",
        "数据库与审批记录第4条（“样例center”对第1稿退回修改）不同，或缺少这一决定",
    ),
    "approver renamed": (
        "update decisions set name = '另一人' where gate = 'bureau'",
        "数据库中“另一人”对第2稿bureau的“同意”在审批记录中没有",
    ),
    "opinion rewritten": ("update decisions set comment = '另有意见' where gate = 'bureau'", "数据库与审批记录第10条"),
    "time rewritten": ("update decisions set decided_at = '2023-04-03 08:30:00.000000' where gate = 'bureau'", "数据库与审批记录第10条"),
    "draft of a decision rewritten": (
        "update decisions set content_digest = hex(zeroblob(32)) where gate = 'bureau'",
        "数据库与审批记录第10条",
    ),
    "preparer renamed": ("update evaluations set prepared_by = '另一人'", "数据库中的年度、项目或送审人与审批记录第1条不同"),
    "programme renamed": ("update evaluations set programme = '另一项目'", "数据库中的年度、项目或送审人与审批记录第1条不同"),
    "line rewritten": (
        "update record set line = replace(line, '退回修改', '同意') where chain like '2022%' and number = 4",
        "审批记录第4条被改动：内容与登记的摘要不符",
    ),
    "line deleted": ("delete from record where chain like '2022%' and number = 5", "审批记录缺少第5条：已被删去"),
    "line inserted": (
        "insert into record (unit, chain, number, line, sha256, sm3, mac) select unit, chain, 11, line, sha256, sm3, mac from record "
        "where chain like '2022%' and number = 4",
        "审批记录第4条有2条：多出的是插入的；序号被改为11",
    ),
    "record cut off": (
        "delete from record where chain like '2022%' and number > 9",
        "数据库中“样例bureau”对第2稿bureau的“同意”在审批记录中没有",
    ),
    "line put in another's place": (
        "update record set (line, sha256, sm3, mac) = (select other.line, other.sha256, other.sm3, other.mac from record other "
        "where other.chain = record.chain and other.number = 10) where chain like '2022%' and number = 9",
        "审批记录缺少第9条：已被删去；审批记录第10条有2条",
    ),
    "check code of another line": (
        "update record set mac = (select mac from record where chain like '2022%' and number = 2) where chain like '2022%' and number = 6",
        "审批记录第6条校验码不符",
    ),
    "role of a person rewritten": (
        "update record set line = replace(line, '\"bureau\"', '\"center\"') where chain = 'people' and number = 7",
        "人员记录第7条被改动",
    ),
    "person deleted": ("delete from record where chain = 'people' and number = 7", "人员记录缺少第7条：已被删去"),
    "sealed too early": (
        "insert into outcomes (evaluation, revision, step, document, done_at) select id, 2, 'sealing', "
        "json_object('number', 1, 'at', '2020-01-01T00:00:00Z', 'entries', 5, 'people', 9), opened_at from evaluations",
        "数据库中“样例center”对第2稿center的“同意”在审批记录中没有",
    ),
    "sealed in times to come": (
        "insert into outcomes (evaluation, revision, step, document, done_at) select id, 2, 'sealing', "
        "json_object('number', 1, 'at', '2099-01-01T00:00:00Z', 'entries', 10, 'people', 11), opened_at from evaluations",
        "归档时间（2099-01-01",
    ),
    "correction rewritten": (
        "update outcomes set document = json_set(document, '$.note', '没有更正') where step = 'corrected'",
        "真实性：更正说明：data/records/corrections.json 与审批记录不同",
    ),
    "gate taken out": (
        "update outcomes set document = json_remove(document, '$.gates[1]') where step = 'drafted' and revision = 2",
        "审批环节与审批记录第8条不同",
    ),
    "total rewritten": (
        "update outcomes set document = json_set(document, '$.card.total', '100.00') where step = 'scored'",
        "按规则重算的得分：与归档时不同",
    ),
    "fact rewritten": (
        "update outcomes set document = json_set(document, '$.facts[0].value', '99') where step = 'scored'",
        "从台账重算的数字：与归档时不同",
    ),
    "figure rewritten": (
        "update outcomes set document = json_set(document, '$.figures[0].text', '99') where step = 'drafted' and revision = 2",
        "报告中印出的数字：与归档时不同",
    ),
    "snapshot exchanged": (
        "update outcomes set document = json_set(document, '$.snapshots.meetings.parts', "
        "json_extract(document, '$.snapshots.goals.parts')) where step = 'validated' and revision = 2",
        "台账快照：与归档时不同：meetings",
    ),
}


@pytest.mark.parametrize("rewriting", REWRITINGS)
def test_store_rewritten_after_approval_keeps_the_archive_shut_and_is_named(office: Rehearsal, ready: Rehearsal, rewriting: str) -> None:
    office.take_over(ready)
    statement, problem = REWRITINGS[rewriting]
    rewrite(office, statement)
    with pytest.raises(ArchiveError, match="不能归档") as refused:
        office.archive()
    assert problem in refused.value.message
    assert not list(office.workspace.root.glob("archive/*"))


def test_score_rewritten_before_the_decision_is_decided_on_by_nobody(office: Rehearsal) -> None:
    check_code = office.prepare()
    rewrite(office, "update outcomes set document = json_set(document, '$.card.total', '100.00') where step = 'scored'")
    with pytest.raises(StoreError, match="与审批记录所记的不是同一份，不能审批"):
        office.decide("center", Verdict.APPROVE, check_code)


def test_archive_with_another_key_says_so(office: Rehearsal, ready: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
    office.take_over(ready)
    monkeypatch.setenv("PERFEVAL_KEY", "another invented key for tests")
    with pytest.raises(StoreError, match="PERFEVAL_KEY 与登记时不是同一个"):
        office.archive()


def test_decisions_inserted_into_the_tables_open_no_door(office: Rehearsal) -> None:
    office.prepare()
    insert = (
        "insert into decisions select id, 1, '{0}', 'p2', unit, '样例{0}', '同意', "
        "(select json_extract(document, '$.draft.content_digest') from outcomes where step = 'drafted'), '', opened_at from evaluations"
    )
    rewrite(office, insert.format("center"), insert.format("bureau"))
    with pytest.raises(ArchiveError, match="数据库中“样例center”对第1稿center的“同意”在审批记录中没有"):
        office.archive()


def test_store_as_it_was_approved_is_archived_with_sheet_and_record(office: Rehearsal, ready: Rehearsal) -> None:
    office.take_over(ready)
    bag = office.archive()
    checks = {check.name: check for check in verify_archive(bag)}
    assert {name: str(check.state) for name, check in checks.items() if check.state is not State.SAME} == {
        "真实性：审批凭证": "unproved",
        "外部凭证": "unproved",
    }
    assert checks["外部凭证"].detail.startswith("未与外部凭证对照：")
    with office.store.reading() as record:
        kept = record.entries(office.evaluation.id)[-2].sha256
    assert any(kept in line for line in read_text((bag / "data/审批表.docx").read_bytes()))
    (check,) = [item for item in verify_archive(bag, kept) if item.name == "外部凭证"]
    assert str(check.state) == "same"


def test_approval_sheet_with_another_name_on_it_is_wrong(office: Rehearsal, archived: Path) -> None:
    package = office.package()
    other = write_approval_sheet("另一单位", package.record, package.people, office.workspace.template.read_bytes())
    bag = sealed(_of_another_version(replace(package, sheet=lambda: other)), archived.parents[1] / "other")
    assert [check.name for check in verify_archive(bag) if not check.ok] == ["审批表"]


@pytest.mark.parametrize("hang", [lambda sheet: sheet + b"hidden", lambda sheet: b"hidden" + sheet], ids=["behind", "before"])
def test_approval_sheet_with_something_hung_on_it_is_wrong(office: Rehearsal, archived: Path, hang: Callable[[bytes], bytes]) -> None:
    package = office.package()
    bag = sealed(replace(package, sheet=lambda: hang(package.sheet())), archived.parents[1] / "other")
    (found,) = [check for check in verify_archive(bag) if not check.ok]
    assert (found.name, found.detail) == ("审批表", "data/审批表.docx 的各部件之外还有别的内容，不是归档时的文件")


def test_approval_sheet_with_a_part_put_into_it_is_wrong(office: Rehearsal, archived: Path) -> None:
    package = office.package()
    buffer = io.BytesIO(package.sheet())
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("word/hidden.xml", b"hidden")
    bag = sealed(replace(package, sheet=buffer.getvalue), archived.parents[1] / "other")
    assert [(check.name, check.detail) for check in verify_archive(bag) if not check.ok] == [("审批表", "data/审批表.docx 与审批记录不同")]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"files": {}}, "files"),
        ({"ledgers": {}}, "ledgers"),
        ({"programme": "zdxm"}, "programme"),
        ({"rules": {"profile": "x"}}, "rules"),
        ({"commit": "0" * 7}, "commit"),
        ({"program": "perfeval 9.8"}, "program"),
    ],
)
def test_origin_of_another_version_that_says_otherwise_is_wrong(
    office: Rehearsal, archived: Path, change: dict[str, Any], told: str
) -> None:
    package = _of_another_version(office.package())
    origin = json.loads(package.records["origin.json"])
    records = {**package.records, "origin.json": json.dumps(origin | change).encode()}
    bag = sealed(replace(package, records=records), archived.parents[1] / "other")
    found = {check.name: check.detail for check in verify_archive(bag) if not check.ok}
    if told == "programme":  # without the right key there is nothing to compute
        assert origin["programme"] == "zdxm"
    else:
        assert found == {"程序、台账目录和规则": f"与归档时不同：{told}"}


@pytest.mark.parametrize("content", [b"rubbish", b"5", b"[]", b"[" * 100_000, b"{}"])
def test_origin_that_is_broken_is_told_in_chinese(office: Rehearsal, archived: Path, content: bytes) -> None:
    package = office.package()
    bag = sealed(replace(package, records={**package.records, "origin.json": content}), archived.parents[1] / "other")
    (check,) = [check for check in verify_archive(bag) if not check.ok]
    assert check.name == "程序、台账目录和规则"
    assert check.detail.startswith(("origin.json 无法读取", "与归档时不同：缺少program"))
