"""The year in a plain loop, without a conductor: what each step leaves, and what cannot be got past it."""

import csv
import json
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import openpyxl
import polars as pl
import pyotp
import pytest

from perfeval import steps
from perfeval.approvals import enrol
from perfeval.archive import archive_bag
from perfeval.assessment import assess, write_report
from perfeval.cli import create_workspace
from perfeval.errors import ApprovalError, ArchiveError, ConfigurationError, LedgerError, ReportError, UsageError
from perfeval.ledgers import receive
from perfeval.model import Answer, Figure, Revision, Scorecard, Verdict
from perfeval.model.documents import keep, keep_facts
from perfeval.model.ledgers import parquet
from perfeval.reperformance import verify_archive
from perfeval.store import Store, open_store
from perfeval.workspace import Workspace, secret_key


class Office:
    """A sample workspace with its store and two approvers."""

    def __init__(self, folder: Path) -> None:
        create_workspace(folder, "taojiang-2022")
        self.workspace = Workspace(folder)
        self.store: Store = open_store(self.workspace)
        self.phones: dict[str, pyotp.TOTP] = {}
        for gate in self.workspace.gates:
            phone = pyotp.parse_uri(enrol(self.store, f"样例{gate.key}", gate.key, self.workspace.gates, secret_key())[1])
            assert isinstance(phone, pyotp.TOTP)
            self.phones[gate.key] = phone
        self.evaluation = steps.open_evaluation(self.workspace, self.store, 2022, "样例经办人", "run-1")

    @property
    def revision(self) -> Revision:
        return self.store.current_revision(self.evaluation)

    def prepare(self) -> str:
        return steps.prepare(self.workspace, self.store, self.revision).check_code

    def decide(self, key: str, verdict: Verdict, check_code: str) -> None:
        gate = next(gate for gate in self.workspace.gates if gate.key == key)
        code = self.phones[key].now()
        steps.decide(self.workspace, self.store, self.revision, gate, Answer(verdict, f"样例{key}", code, check_code, "样例意见"))

    def archive(self) -> Path:
        return steps.archive_report(self.workspace, self.store, self.revision)

    def standing(self) -> str:
        return steps.standing(self.workspace, self.store, self.evaluation).key


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path / "office")


@pytest.fixture
def archived(office: Office) -> Path:
    code = office.prepare()
    office.decide("center", Verdict.APPROVE, code)
    office.decide("bureau", Verdict.APPROVE, code)
    return office.archive()


def test_year_approved_at_both_gates_is_archived_and_verifies(office: Office, archived: Path) -> None:
    assert archived.name == "0000-WS·2022-D30-XMXT-0001"
    assert [check for check in verify_archive(archived) if not check.ok] == []
    assert office.standing() == "archived"


def test_stages_are_named_in_order(office: Office) -> None:
    seen = [office.standing()]
    code = office.prepare()
    seen.append(office.standing())
    office.decide("center", Verdict.APPROVE, code)
    seen.append(office.standing())
    office.decide("bureau", Verdict.APPROVE, code)
    seen.append(office.standing())
    office.archive()
    assert [*seen, office.standing()] == ["preparing", "waiting-center", "waiting-bureau", "approved", "archived"]


def test_year_run_twice_leaves_the_same_draft_and_bag(office: Office, archived: Path) -> None:
    before = {path: path.read_bytes() for path in archived.rglob("*") if path.is_file()}
    office.prepare()
    assert office.archive() == archived
    assert {path: path.read_bytes() for path in archived.rglob("*") if path.is_file()} == before


def test_bag_lost_after_archiving_is_made_again_the_same(office: Office, archived: Path) -> None:
    manifest = (archived / "tagmanifest-sha256.txt").read_bytes()
    shutil.rmtree(archived)
    assert (office.archive() / "tagmanifest-sha256.txt").read_bytes() == manifest


@pytest.mark.parametrize("approved", [[], ["center"]])
def test_archive_without_both_approvals_is_refused(office: Office, approved: list[str]) -> None:
    code = office.prepare()
    [office.decide(gate, Verdict.APPROVE, code) for gate in approved]
    with pytest.raises(ArchiveError, match="不能归档"):
        office.archive()
    assert not list(office.workspace.root.glob("archive/*"))


def test_gate_taken_out_of_the_settings_after_drafting_keeps_the_archive_shut(office: Office) -> None:
    office.decide("center", Verdict.APPROVE, office.prepare())
    settings = office.workspace.config_file
    settings.write_text(settings.read_text(encoding="utf-8").replace("key: bureau", "key: office"), encoding="utf-8")
    changed = Workspace(office.workspace.root)
    assert [gate.key for gate in changed.gates] == ["center", "office"]
    phone = pyotp.parse_uri(enrol(office.store, "样例office", "office", changed.gates, secret_key())[1])
    assert isinstance(phone, pyotp.TOTP)
    draft = steps.standing(changed, office.store, office.evaluation).draft
    assert draft is not None
    answer = Answer(Verdict.APPROVE, "样例office", phone.now(), draft.check_code)
    steps.decide(changed, office.store, office.revision, changed.gates[1], answer)
    with pytest.raises(ArchiveError, match=r"缺少“.*”对第1稿的审批决定"):
        steps.archive_report(changed, office.store, office.revision)


@pytest.mark.parametrize("gates", [("center",), ("center", "bureau")])
def test_refusal_at_any_gate_is_the_end_before_the_evaluation_is_closed(office: Office, gates: tuple[str, ...]) -> None:
    draft = office.prepare()
    for gate in gates[:-1]:
        office.decide(gate, Verdict.APPROVE, draft)
    office.decide(gates[-1], Verdict.REFUSE, draft)
    assert office.standing() == "refused"


def test_archive_after_a_refusal_is_refused(office: Office) -> None:
    office.decide("center", Verdict.REFUSE, office.prepare())
    steps.close_evaluation(office.store, office.evaluation)
    assert office.standing() == "refused"
    with pytest.raises(ArchiveError, match="不能归档"):
        office.archive()


def test_year_archived_is_not_opened_again_by_another_run(office: Office, archived: Path) -> None:
    with pytest.raises(UsageError, match="已归档"):
        steps.open_evaluation(office.workspace, office.store, 2022, "样例经办人", "run-2")
    assert steps.open_evaluation(office.workspace, office.store, 2022, "样例经办人", "run-1").outcome == "archived"


def test_ledgers_edited_after_validation_do_not_reach_the_revision(office: Office) -> None:
    before = office.prepare()
    _drop_row(office, "调度会议台账")
    assert office.prepare() == before
    assert steps.load_ledgers(office.store, office.revision)["meetings"].frame.height == 108


def test_csv_of_several_blocks_makes_the_same_year_and_is_archived_in_parts(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = office.workspace.ledgers(2022)
    expected = assess(office.workspace, 2022, receive(folder))
    path = folder / "资金支出台账.xlsx"
    with path.with_suffix(".csv").open("w", encoding="utf-8", newline="") as text:
        csv.writer(text).writerows(openpyxl.load_workbook(path).worksheets[0].iter_rows(values_only=True))
    path.unlink()
    monkeypatch.setattr("perfeval.ledgers.delimited._BLOCK", 2048)
    code = office.prepare()
    assert steps.load_scores(office.store, office.revision)[1] == expected.card
    office.decide("center", Verdict.APPROVE, code)
    office.decide("bureau", Verdict.APPROVE, code)
    bag = office.archive()
    assert all(check.ok for check in verify_archive(bag))
    parts = sorted((bag / "data" / "snapshots").glob("expenditure-*.parquet"))
    assert len(parts) > 1
    assert pl.read_parquet(parts).equals(expected.ledgers["expenditure"].frame)


def test_correction_makes_a_new_revision_from_the_ledgers_as_they_are(office: Office) -> None:
    code = office.prepare()
    office.decide("center", Verdict.RETURN, code)
    assert office.standing() == "correcting"
    _drop_row(office, "调度会议台账")
    steps.record_correction(office.store, office.revision, "已删除重复登记的会议")
    assert office.revision.number == 2
    assert office.prepare() != code
    assert office.standing() == "waiting-center"


def test_ledger_corrected_after_a_fault_in_scoring_is_read_afresh(office: Office) -> None:
    path = office.workspace.ledgers(2022) / "资金支出台账.xlsx"
    whole = path.read_bytes()
    book = openpyxl.load_workbook(path)
    book.worksheets[0].delete_rows(3, 100)
    book.save(path)
    with pytest.raises(LedgerError, match="不能评分"):
        office.prepare()
    path.write_bytes(whole)
    office.prepare()
    assert office.standing() == "waiting-center"


def test_indicators_corrected_after_a_fault_in_the_narrative_are_read_afresh(office: Office) -> None:
    narrative, indicators = office.workspace.narrative(2022), office.workspace.indicators(2022)
    text = narrative.read_text(encoding="utf-8")
    narrative.write_text(text.replace("facts.videos | number", "facts.films | number"), encoding="utf-8")
    with pytest.raises(ReportError, match="films"):
        office.prepare()
    rules = indicators.read_text(encoding="utf-8")
    indicators.write_text(rules.replace("  videos: {", "  films: {ledger: publications, aggregate: count}\n  videos: {"), encoding="utf-8")
    office.prepare()
    assert office.standing() == "waiting-center"


def test_draft_that_is_made_is_never_forgotten(office: Office) -> None:
    code = office.prepare()
    office.store.forget_undrafted(office.revision, ("validated", "scored"))
    _drop_row(office, "调度会议台账")
    assert office.prepare() == code
    assert steps.load_ledgers(office.store, office.revision)["meetings"].frame.height == 108


def test_year_without_ledgers_is_not_opened(office: Office) -> None:
    with pytest.raises(UsageError, match="没有 2023 年度的台账文件夹"):
        steps.open_evaluation(office.workspace, office.store, 2023, "样例经办人", "run-2")
    assert [evaluation.year for evaluation in office.store.evaluations()] == [2022]


def test_faulty_ledgers_are_marked_and_not_frozen_and_then_read_afresh(office: Office) -> None:
    path = office.workspace.ledgers(2022) / "调度会议台账.xlsx"
    whole = path.read_bytes()
    book = openpyxl.load_workbook(path)
    book.worksheets[0]["B3"].value = "没有日期"
    book.save(path)
    with pytest.raises(LedgerError) as error:
        office.prepare()
    assert "B3" in {finding.cell for finding in error.value.findings}
    assert [copy.name for copy in steps.marked_folder(office.workspace, office.revision).iterdir()]
    path.write_bytes(whole)
    office.prepare()
    assert office.standing() == "waiting-center"


def _tamper_snapshot(office: Office) -> None:
    outcome = office.store.outcome(office.revision, "validated")
    assert outcome is not None
    path = office.store.artifacts.path(outcome["snapshots"]["meetings"]["parts"][0])
    path.write_bytes(path.read_bytes()[:-1])


def _tamper_draft(office: Office) -> None:
    outcome = office.store.outcome(office.revision, "drafted")
    assert outcome is not None
    path = office.store.artifacts.path(outcome["draft"]["digest"])
    path.write_bytes(path.read_bytes() + b" ")


@pytest.mark.parametrize("tamper", [_tamper_snapshot, _tamper_draft])
def test_artifact_changed_after_approval_keeps_the_archive_shut(office: Office, tamper: Callable[[Office], None]) -> None:
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


def test_verification_of_a_bag_made_anew_from_other_ledgers_misses_the_approved_report(office: Office, archived: Path) -> None:
    holdings = steps._holdings(office.workspace, office.store, office.revision)
    _drop_row(office, "调度会议台账")
    ledgers = receive(office.workspace.ledgers(2022))
    forged = assess(office.workspace, 2022, ledgers)
    figures = write_report(office.workspace, 2022, 0, forged).figures
    records = {
        "facts.json": steps._json(keep_facts(forged.facts)),
        "scores.json": steps._json(keep(Scorecard, forged.card)),
        "figures.json": steps._json(keep(list[Figure], list(figures))),
    }
    bag = archive_bag(replace(holdings, ledgers=ledgers, records={**holdings.records, **records}), archived.parents[1] / "forged")
    failed = [check.name for check in verify_archive(bag) if not check.ok]
    assert failed == ["台账快照", "数字所据的行", "按台账重写的报告"]


@pytest.mark.parametrize("content", [b"rubbish", b"5", b"{}", b"[]", b"[" * 100_000])
@pytest.mark.parametrize("record", ["scores.json", "figures.json"])
def test_verification_of_a_bag_with_a_record_of_another_form_ends_in_a_failed_check(
    office: Office, archived: Path, record: str, content: bytes
) -> None:
    holdings = steps._holdings(office.workspace, office.store, office.revision)
    bag = archive_bag(replace(holdings, records={**holdings.records, record: content}), archived.parents[1] / "other")
    assert len([check for check in verify_archive(bag) if not check.ok]) == 1


def test_verification_of_a_bag_described_otherwise_names_what_differs(office: Office, archived: Path) -> None:
    holdings = steps._holdings(office.workspace, office.store, office.revision)
    secret = replace(holdings, archive=holdings.archive.model_copy(update={"security": "秘密"}), written_on=date(2020, 1, 1))
    bag = archive_bag(secret, archived.parents[1] / "other")
    (check,) = [check for check in verify_archive(bag) if not check.ok]
    assert (check.name, check.detail) == ("元数据和说明", "metadata.xml与归档配置和审批记录不符")


def test_verification_of_a_bag_of_another_version_says_so(office: Office, archived: Path) -> None:
    holdings = steps._holdings(office.workspace, office.store, office.revision)
    bag = archive_bag(replace(holdings, program="perfeval 9.9", written_on=date(2020, 1, 1)), archived.parents[1] / "other")
    (check,) = [check for check in verify_archive(bag) if not check.ok]
    assert check.detail.startswith("metadata.xml与归档配置和审批记录不符（由 perfeval 9.9 形成")


@pytest.mark.parametrize("name", ["", "··", "a\x1b[31m"])
def test_preparer_without_a_name_is_refused(office: Office, name: str) -> None:
    with pytest.raises(UsageError, match="送审人姓名"):
        steps.open_evaluation(office.workspace, office.store, 2022, name)


def test_verification_looks_into_snapshots_and_lineage(office: Office, archived: Path) -> None:
    holdings = steps._holdings(office.workspace, office.store, office.revision)
    rows = pl.read_parquet(holdings.records["lineage.parquet"]).head(1)
    snapshots = {**holdings.snapshots, "surveys": holdings.snapshots["meetings"]}
    records = {**holdings.records, "lineage.parquet": parquet(rows), "findings.json": b'[{"code": "X99"}]'}
    bag = archive_bag(replace(holdings, records=records, snapshots=snapshots), archived.parents[1] / "other")
    assert [check.name for check in verify_archive(bag) if not check.ok] == ["台账快照", "数字所据的行", "校验疑点"]


def test_verification_passes_over_an_empty_folder(archived: Path) -> None:
    (archived / "data" / "workspace" / "ledgers" / "0001").mkdir()
    assert [check for check in verify_archive(archived) if not check.ok] == []


def test_correction_after_a_return_is_archived(office: Office) -> None:
    office.decide("center", Verdict.RETURN, office.prepare())
    steps.record_correction(office.store, office.revision, "已补充会议纪要")
    with sqlite3.connect(office.workspace.state / "store.db") as database:
        database.execute("update people set last_step = null")  # as if half a minute had passed
    code = office.prepare()
    office.decide("center", Verdict.APPROVE, code)
    office.decide("bureau", Verdict.APPROVE, code)
    assert json.loads((office.archive() / "data/records/corrections.json").read_bytes()) == {"1": "已补充会议纪要"}


@pytest.mark.parametrize("edited_after", ["validated", "scored"])
def test_settings_edited_between_steps_begin_again_from_the_ledgers(office: Office, edited_after: str) -> None:
    workspace, store, revision = office.workspace, office.store, office.revision
    steps.validate_ledgers(workspace, store, revision, steps.ingest_ledgers(workspace, store, revision))
    if edited_after == "scored":
        steps.score_indicators(workspace, store, revision)
    text = workspace.config_file.read_text(encoding="utf-8")
    workspace.config_file.write_text(text.replace("ZDXM-2022-001", "ZDXM-2022-009"), encoding="utf-8")
    for place in (workspace, Workspace(workspace.root)):  # a process that runs on with the old ones, and a new one
        with pytest.raises(ConfigurationError, match=r"perfeval\.yml 在计算期间改动过"):
            steps.score_indicators(place, store, revision) and steps.draft_report(place, store, revision)
        if store.outcome(revision, "validated") is None:
            break
    with pytest.raises(LedgerError, match="台账有"):
        steps.prepare(Workspace(workspace.root), store, revision)


def test_clock_set_back_behind_the_draft_lets_nobody_decide(office: Office) -> None:
    code = office.prepare()
    with sqlite3.connect(office.workspace.state / "store.db") as database:
        database.execute("update outcomes set done_at = '2099-01-01 00:00:00.000000' where step = 'drafted'")
    with pytest.raises(ApprovalError, match="本机时钟早于成文时间"):
        office.decide("center", Verdict.APPROVE, code)
    assert office.standing() == "waiting-center"


@pytest.mark.parametrize("name", ["perfeval.yml", "profiles.yml", "report/2022.md"])
def test_verification_of_a_bag_with_unusable_settings_ends_in_a_failed_check(office: Office, archived: Path, name: str) -> None:
    holdings = steps._holdings(office.workspace, office.store, office.revision)
    rubbish = office.workspace.root / "rubbish"
    rubbish.write_bytes(b"\xff: [")
    bag = archive_bag(replace(holdings, configuration={**holdings.configuration, name: rubbish}), archived.parents[1] / "other")
    assert [check.name for check in verify_archive(bag) if not check.ok] == ["从台账重算"]


def test_archive_numbers_of_one_year_are_never_given_twice(office: Office, tmp_path: Path) -> None:
    code = office.prepare()
    office.decide("center", Verdict.APPROVE, code)
    office.decide("bureau", Verdict.APPROVE, code)
    steps._holdings(office.workspace, office.store, office.revision)  # sealed, and then the attempt broke off
    other = office.store.open_evaluation(2022, "另一项目", "x-2", "样例经办人", "run-9")
    office.store.save_outcome(Revision(other, 1), "sealing", {"number": 5, "at": "2023-04-03T08:30:00+00:00"})
    assert office.archive().name.endswith("-0001")
    third = office.store.open_evaluation(2022, "第三项目", "x-3", "样例经办人", "run-10")
    assert steps._next_number(office.store, third) == 6


def _drop_row(office: Office, title: str) -> None:
    path = office.workspace.ledgers(2022) / f"{title}.xlsx"
    book = openpyxl.load_workbook(path)
    book.worksheets[0].delete_rows(5)
    book.save(path)
