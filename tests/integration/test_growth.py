"""Growth (比上年增长): held against last year's sealed archive, whoever else says what last year's figure was."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perfeval import steps
from perfeval.assessment import assess
from perfeval.errors import ArchiveError
from perfeval.ledgers import receive
from perfeval.model import Answer, Revision, Verdict
from perfeval.office import Office, open_office
from perfeval.packs import begin_year
from perfeval.reperformance import verify_archive
from perfeval.workspace import Subject, Workspace

GROWTH = """  - id: meetings_growth
    level1: 产出指标
    level2: 数量指标
    name: 调度会议比上年增长
    weight: 4
    target: 同比增长0%
    scoring: proportional
    measure: {growth: meetings}
    evidence: [调度会议台账]
    source: 样财绩〔2023〕2号
"""


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.chmod(0o644)
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


Drive = Callable[[Office, int], Path]


@pytest.fixture(scope="module")
def drive(welcome: Callable[..., Any]) -> Drive:
    """Takes a year to its bag."""
    phones: dict[str, Any] = {}

    def driven(office: Office, year: int) -> Path:
        if not phones:
            welcome(office, "样例经办人", "operator")
            phones.update({gate.key: welcome(office, f"样例{gate.key}", gate.key) for gate in office.workspace.gates})
        revision = Revision(steps.open_evaluation(office, office.workspace.subject(year), "样例经办人", str(year)), 1)
        check_code = steps.prepare(office, revision).check_code
        for gate in office.workspace.gates:
            steps.decide(
                office, revision, gate, Answer(Verdict.APPROVE, f"样例{gate.key}", phones[gate.key].code(), check_code, "样例意见")
            )
        return steps.archive_report(office, revision)

    return driven


@pytest.fixture(scope="module")
def two_years(
    pristine: Path,
    tmp_path_factory: pytest.TempPathFactory,
    drive: Drive,
    shift: Callable[[Path, Path], None],
    explain_all: Callable[[Subject], None],
) -> Path:
    """An office with 2022 archived, and 2023 ready: its meetings are held against last year's."""
    folder = Path(shutil.copytree(pristine, tmp_path_factory.mktemp("growth") / "office"))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PERFEVAL_KEY", "an invented key for tests")
        office = open_office(folder)
        drive(office, 2022)
        begin_year(office.workspace, 2023)
    for path in (folder / "ledgers" / "2022").iterdir():
        shift(path, folder / "ledgers" / "2023" / path.name)
    edit(folder / "years" / "2023.yml", "number: ''", "number: 样财监〔2024〕5号")
    rules = folder / "indicators" / "2023.yml"
    edit(
        rules,
        '重点项目帮代办政务服务事项办结数\n    target: "≥120项"\n    weight: 6',
        '重点项目帮代办政务服务事项办结数\n    target: "≥120项"\n    weight: 2',
    )
    rules.write_text(rules.read_text(encoding="utf-8").rstrip("\n") + "\n" + GROWTH, encoding="utf-8")
    explain_all(Workspace(folder).subject(2023))
    return folder


@pytest.fixture
def subject(two_years: Path, tmp_path: Path) -> Subject:
    return Workspace(Path(shutil.copytree(two_years, tmp_path / "office"))).subject(2023)


def growth(subject: Subject) -> Any:
    return assess(subject, receive(subject.ledgers)).facts["meetings_growth"]


def bag(subject: Subject) -> Path:
    return next(subject.workspace.archive_folder.glob("*2022*"))


def test_figure_is_held_against_the_sealed_one(subject: Subject) -> None:
    fact = growth(subject)
    assert (fact.value, fact.reason) == (0, None)
    assert "比上一年度归档的同一数（73次）增长的百分比" in fact.formula


def test_bag_of_the_year_keeps_the_pages_it_is_held_against_and_verifies(subject: Subject, drive: Drive) -> None:
    sealed = drive(open_office(subject.workspace.root), 2023)
    pages = sealed / "data" / "workspace" / "archive" / bag(subject).name
    assert sorted(path.relative_to(pages).as_posix() for path in pages.rglob("*") if path.is_file()) == [
        "data/records/decisions.json",
        "data/records/facts.json",
        "data/records/origin.json",
        "data/workspace/perfeval.yml",
        "manifest-sha256.txt",
        "tagmanifest-sha256.txt",
    ]
    assert [check for check in verify_archive(sealed) if not check.ok] == []


def test_page_kept_with_the_year_that_is_not_the_sealed_one_is_told(subject: Subject) -> None:
    inside = subject.workspace.root.parent / "bag" / "data" / "workspace"
    shutil.copytree(subject.workspace.root, inside)
    (inside.parents[1] / "bagit.txt").touch()
    kept = Workspace(inside).subject(2023)
    assert growth(kept).value == 0
    spoil(bag(kept))
    with pytest.raises(ArchiveError, match=r"K10|facts\.json 与 manifest-sha256\.txt 所记不符"):
        growth(kept)


def spoil(sealed: Path) -> None:
    """Last year's figure made smaller, so that this year's grows."""
    path = sealed / "data" / "records" / "facts.json"
    facts = json.loads(path.read_bytes())
    next(item for item in facts if item["id"] == "meetings")["value"] = "50"
    path.chmod(0o644)
    path.write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")


def test_bag_that_was_touched_is_no_ground(subject: Subject) -> None:
    spoil(bag(subject))
    with pytest.raises(ArchiveError, match=r"上一年度的归档包 .+ 不能作增长率的依据：.*facts\.json") as fault:
        growth(subject)
    assert fault.value.code == "K10"


def test_bag_is_missing(subject: Subject) -> None:
    shutil.rmtree(bag(subject))
    assert growth(subject).reason == "没有上一年度的归档"
    office = open_office(subject.workspace.root)
    revision = Revision(steps.open_evaluation(office, subject, "样例经办人", "again"), 1)
    steps.validate_ledgers(office, revision, steps.ingest_ledgers(office, revision))
    with pytest.raises(ArchiveError, match="归档文件夹里没有这个归档包"):
        steps.score_indicators(office, revision)


def test_bag_of_a_programme_that_has_another_key_now_is_known_by_its_code(subject: Subject) -> None:
    edit(subject.workspace.config_file, "key: zdxm", "key: projects")
    assert growth(Workspace(subject.workspace.root).subject(2023)).value == 0


def test_bag_put_in_the_place_of_the_recorded_one_is_no_ground_under_another_key_either(subject: Subject) -> None:
    tags = bag(subject) / "tagmanifest-sha256.txt"
    tags.chmod(0o644)
    tags.write_text(tags.read_text("utf-8") + "\n", "utf-8")
    edit(subject.workspace.config_file, "key: zdxm", "key: projects")
    office = open_office(subject.workspace.root)
    revision = Revision(steps.open_evaluation(office, office.workspace.subject(2023), "样例经办人", "again"), 1)
    steps.validate_ledgers(office, revision, steps.ingest_ledgers(office, revision))
    with pytest.raises(ArchiveError, match="不是审批记录所记归档的那一份"):
        steps.score_indicators(office, revision)


def test_ground_that_is_put_right_is_read_afresh_with_everything(subject: Subject, tmp_path: Path, drive: Drive) -> None:
    place = bag(subject)
    away = place.rename(tmp_path / "away")
    office = open_office(subject.workspace.root)
    revision = Revision(steps.open_evaluation(office, subject, "样例经办人", "2023"), 1)
    steps.validate_ledgers(office, revision, steps.ingest_ledgers(office, revision))
    with pytest.raises(ArchiveError, match="归档文件夹里没有这个归档包"):
        steps.score_indicators(office, revision)
    away.rename(place)
    subject.evidence.mkdir(parents=True, exist_ok=True)
    (subject.evidence / "样例佐证.txt").write_text("样例")
    assert [check for check in verify_archive(drive(office, 2023)) if not check.ok] == []


def test_bag_of_another_programme_is_not_this_ones(subject: Subject) -> None:
    edit(subject.workspace.config_file, "key: zdxm", "key: projects")
    edit(bag(subject) / "data" / "workspace" / "perfeval.yml", "codes: [ZDXM-2022-001]", "codes: [ZDXM-2022-009]")
    assert growth(Workspace(subject.workspace.root).subject(2023)).reason == "没有上一年度的归档"


def test_bag_of_another_unit_is_not_this_ones(subject: Subject) -> None:
    edit(bag(subject) / "data" / "workspace" / "perfeval.yml", "name: 桃江县重点项目建设事务中心", "name: 别的单位")
    assert growth(subject).reason == "没有上一年度的归档"


def test_bag_twice_or_of_another_year_is_no_ground(subject: Subject) -> None:
    shutil.copytree(bag(subject), bag(subject).with_name("0000-WS·2022-D30-XMXT-0002"))
    with pytest.raises(ArchiveError, match="有2个，分不清以哪个为准"):
        growth(subject)
    shutil.rmtree(bag(subject).with_name("0000-WS·2022-D30-XMXT-0002"))
    edit(bag(subject) / "data" / "records" / "decisions.json", "2022-", "2021-")
    with pytest.raises(ArchiveError, match="不是2022年度的"):
        growth(subject)


def test_figure_renamed_has_no_last_year(subject: Subject) -> None:
    edit(subject.indicators, "measure: {growth: meetings}", "measure: {growth: served}")
    edit(subject.indicators, "  services: {", "  served: {ledger: services, aggregate: count, unit: 项}\n  services: {")
    assert growth(subject).reason == "上一年度的归档没有这一数"


def test_figure_counted_otherwise_than_last_year_is_told(subject: Subject) -> None:
    def told() -> list[str]:
        return [item.message for item in assess(subject, receive(subject.ledgers)).card.doubts if item.code == "T14"]

    assert told() == []
    edit(subject.indicators, "measure: {growth: meetings}", "measure: {growth: services_finished}")
    assert told() == []
    edit(
        subject.indicators,
        'measure: {ledger: services, where: "finished_on <= year_end"',
        'measure: {ledger: services, where: "finished_on <= year_end OR finished_on IS NULL"',
    )
    assert [message.count("不是同一算法") for message in told()] == [1]
