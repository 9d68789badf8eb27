"""The next year: begun by one command, scored by its own days, and never by last year's ledgers, documents or reasons."""

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
import yaml

from perfeval.assessment import assess, check_files, write_report
from perfeval.errors import ConfigurationError, ReportError, UsageError
from perfeval.ledgers import receive
from perfeval.packs import begin_year
from perfeval.report import read_text
from perfeval.workspace import Subject, Workspace


@pytest.fixture
def office(pristine: Path, tmp_path: Path) -> Workspace:
    return Workspace(Path(shutil.copytree(pristine, tmp_path / "office")))


@pytest.fixture
def next_year(office: Workspace, shift: Callable[[Path, Path], None]) -> Subject:
    """2023, with the ledgers of 2022 a year later."""
    begin_year(office, 2023)
    for path in (office.root / "ledgers" / "2022").iterdir():
        shift(path, office.root / "ledgers" / "2023" / path.name)
    return office.subject(2023)


def told(subject: Subject) -> Iterator[str]:
    for finding in check_files(subject, receive(subject.ledgers)).findings:
        yield f"{finding.severity} {finding.code} {finding.message}"


def test_next_year_with_its_own_ledgers_scores_as_this_one(
    office: Workspace, next_year: Subject, explain_all: Callable[[Subject], None]
) -> None:
    before = office.subject(2022)
    explain_all(next_year)
    this, that = (assess(subject, receive(subject.ledgers)) for subject in (before, next_year))
    assert str(this.card.total) == "98.68"
    assert {row.id: row.score for row in that.card.scores} == {row.id: row.score for row in this.card.scores}
    assert {id_: fact.value for id_, fact in that.facts.items() if not isinstance(fact.value, date)} == {
        id_: fact.value for id_, fact in this.facts.items() if not isinstance(fact.value, date)
    }


def test_next_year_with_last_years_ledgers_says_so_in_one_sentence(office: Workspace) -> None:
    begin_year(office, 2023)
    shutil.copytree(office.root / "ledgers" / "2022", office.root / "ledgers" / "2023", dirs_exist_ok=True)
    sentences = list(told(office.subject(2023)))
    assert [sentence for sentence in sentences if "2022年度" in sentence] == [
        "error X14 台账是2022年度的，本次评价的是2023年度。请核对评价年度；年度没有错的，请换上2023年度的台账。"
    ]
    assert len(sentences) < 5


def test_next_year_waits_for_the_number_of_its_own_notice(next_year: Subject, explain_all: Callable[[Subject], None]) -> None:
    explain_all(next_year)
    assessment = assess(next_year, receive(next_year.ledgers))
    with pytest.raises(ConfigurationError) as fault:
        write_report(next_year, 0, assessment)
    assert list(fault.value.faults) == ["years/2023.yml:6: basis.1.number：还没有填写文号"]
    settle(next_year)
    text = "".join(read_text(write_report(next_year, 0, assessment).document))
    assert "桃财监〔2024〕9号" in text
    assert "桃财监〔2023〕63号" not in text.partition("附件1")[0]
    assert "年中成立" not in text


def test_next_year_carries_no_reasons_over(office: Workspace, next_year: Subject) -> None:
    assert "全年集中开工和问题协调任务重" in office.subject(2022).explanations.read_text(encoding="utf-8")
    assert yaml.safe_load(next_year.explanations.read_text(encoding="utf-8")) is None


def test_next_year_is_not_drafted_before_its_reasons_are_recorded(next_year: Subject) -> None:
    settle(next_year)
    with pytest.raises(ReportError, match="有 6 处缺少说明，不能成稿"):
        write_report(next_year, 0, assess(next_year, receive(next_year.ledgers), for_draft=True))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_next_year_of_a_narrative_with_reasons_carries_none_over(office: Workspace, encoding: str) -> None:
    path = office.subject(2022).narrative
    text = path.read_text(encoding="utf-8").replace("\n---\n", "\ndeviations:\n  meetings: 上年的原因\n---\n", 1)
    path.write_text(text, encoding=encoding)
    begin_year(office, 2023)
    assert "上年的原因" not in office.subject(2023).narrative.read_text(encoding="utf-8")


def test_next_year_of_rules_in_another_encoding_is_told(office: Workspace) -> None:
    path = office.subject(2022).indicators
    path.write_text(path.read_text(encoding="utf-8"), encoding="gb18030")
    with pytest.raises(ConfigurationError, match=r"2022\.yml 不是 UTF-8 文本"):
        begin_year(office, 2023)


def settle(subject: Subject) -> None:
    text = subject.year_file.read_text(encoding="utf-8")
    subject.year_file.write_text(text.replace("number: ''", "number: 桃财监〔2024〕9号"), encoding="utf-8")


def test_begin_year_names_what_a_person_must_confirm(office: Workspace) -> None:
    made, confirm = begin_year(office, 2023)
    assert made[:3] == ["years/2023.yml", "indicators/2023.yml", "report/2023.md"]
    assert made[3] == "explanations/2023.yml"
    assert len(made) == 18
    assert confirm[0] == "years/2023.yml:6: 填写本年通知的文号"
    assert confirm[-1].startswith("perfeval.yml:18: “经费补助缺口”2023年的预算项目编码如与 ZDXM-2022-001 不同")
    assert "indicators/2023.yml:1: 指标值和分值沿用2022年度，按本年批复的绩效目标逐项核对" in confirm


def test_begin_year_twice_overwrites_nothing(office: Workspace) -> None:
    begin_year(office, 2023)
    settle(office.subject(2023))
    before = {path: path.read_bytes() for path in office.root.rglob("*") if path.is_file()}
    made, confirm = begin_year(office, 2023)
    assert made == []
    assert "indicators/2023.yml：已有，未改动" in confirm
    [told] = [item for item in confirm if "仍写着2022" in item]
    assert told.startswith("indicators/2023.yml:120: 仍写着2022：source: 样例财绩〔2022〕4号；还有18行：第130、142、154、")
    assert {path: path.read_bytes() for path in office.root.rglob("*") if path.is_file()} == before


def test_begin_year_skips_a_year(office: Workspace) -> None:
    begin_year(office, 2025)
    assert load(office, 2025) == 2025
    with pytest.raises(UsageError, match="没有 2030 年度的指标体系可以沿用"):
        begin_year(office, 2031, 2030)
    with pytest.raises(UsageError, match="没有 2022 年度的指标体系可以沿用"):
        begin_year(office, 2022, 2022)


@pytest.mark.parametrize("from_year", [0, 2019])
def test_begin_year_without_another_tells_what_to_do(office: Workspace, from_year: int) -> None:
    with pytest.raises(UsageError) as fault:
        begin_year(office, 2022, from_year)
    assert str(fault.value).splitlines() == [
        "没有别的年度的指标体系可以沿用",
        "2022 年度的设置已有，写入空白台账：perfeval template --year 2022。",
    ]
    (office.root / "indicators" / "2022.yml").unlink()
    with pytest.raises(UsageError, match="没有别的年度") as fault:
        begin_year(office, 2022, from_year)
    assert fault.value.hint == "从 perfeval init 新建的工作区复制一份。"


def load(office: Workspace, year: int) -> int:
    from perfeval.indicators import load_indicators

    return load_indicators(office.subject(year).indicators, office.catalogue).year


def test_indicators_of_before_are_carried_over_with_their_days(office: Workspace) -> None:
    path = office.subject(2022).indicators
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("closed_on <= year_end", "closed_on <= date '2022-12-31'"), encoding="utf-8")
    begin_year(office, 2023)
    assert "2022-12-31" not in office.subject(2023).indicators.read_text(encoding="utf-8")


def test_indicators_copied_by_hand_are_refused_with_every_line(office: Workspace) -> None:
    path = office.subject(2022).indicators
    text = path.read_text(encoding="utf-8").replace("year_end", "date  '2022-12-31'")
    (path.parent / "2023.yml").write_text(text.replace("year: 2022", "year: 2023"), encoding="utf-8")
    with pytest.raises(ConfigurationError) as fault:
        load(office, 2023)
    assert len(fault.value.faults) >= 18
    assert all("2022-12-31不是2023年的，应写 year_end" in line for line in fault.value.faults)


def test_workspace_from_before_years_had_a_file_keeps_its_documents_for_its_own_year(office: Workspace, pristine: Path) -> None:
    basis = (pristine / "years" / "2022.yml").read_text(encoding="utf-8").partition("basis:")[2].partition("#")[0]
    shutil.rmtree(office.root / "years")
    office.config_file.write_text(office.config_file.read_text(encoding="utf-8") + f"basis:{basis}", encoding="utf-8")
    before = Workspace(office.root)
    assert [document.number for document in before.subject(2022).brought.basis] == ["桃政发〔2013〕25号", "桃财监〔2023〕63号"]
    made, _ = begin_year(before, 2023)
    assert made[:2] == ["years/2022.yml", "years/2023.yml"]
    assert [document.number for document in before.subject(2022).brought.basis] == ["桃政发〔2013〕25号", "桃财监〔2023〕63号"]
    with pytest.raises(ConfigurationError):
        _ = before.subject(2023).brought


def test_years_file_lost_is_told_with_what_to_write(office: Workspace) -> None:
    office.subject(2022).year_file.unlink()
    with pytest.raises(ConfigurationError) as fault:
        _ = office.subject(2022).brought
    assert (fault.value.message, fault.value.hint) == (
        "缺少配置文件 years/2022.yml",
        "新写一份：basis 下列出评价依据的 title 和 number，写法见手册。",
    )


def test_year_command_prints_one_document(office: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    from perfeval.cli import app
    from perfeval.console import answer

    with pytest.raises(SystemExit) as stop:
        answer(app, ["year", "2023", "--from", "2022", "-w", str(office.root), "--json"])
    document = json.loads(capsys.readouterr().out)
    assert (stop.value.code or 0, sorted(document)) == (0, ["confirm", "made"])
