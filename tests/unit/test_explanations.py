"""Recorded reasons: what is read of them, what is refused with its line, and what is missing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from perfeval.errors import ConfigurationError
from perfeval.explanations import Explanation, Explanations, Need, find_missing, find_needs, load_explanations, reason_of
from perfeval.model import Execution, Finding, Ledger, Ledgers, Score, Scorecard, Severity
from perfeval.register import FINDINGS
from schemas import BUILT_IN

ROWS = {"tables": False, "mechanism": True}
TITLES = ["资金支出台账", "活动方案台账"]
MET = Score("meetings", "产出指标", "数量指标", "会议次数", Decimal(60), "≥60次", "73次", Decimal(60), "达到指标值")
MISSED = Score("tables", "产出指标", "数量指标", "分色表期数", Decimal(20), "≥12期", "9期", Decimal(15), "实际9期，得15分", True, True)
JUDGED = Score("mechanism", "效益指标", "可持续影响指标", "长效机制", Decimal(10), "健全", "达成", Decimal(10), "由人评定", is_judged=True)
PAPERS = Finding("X05", Severity.WARNING, "手续不全。", "资金支出台账", "支出.xlsx", "支出", 17, "活动方案编号", "C17")

Load = Callable[[str], Explanations]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def loaded(text: str) -> Explanations:
        path = tmp_path / "explanations" / "2022.yml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return load_explanations(path, ROWS, TITLES, FINDINGS)

    return loaded


def card(*scores: Score, executed: str = "100") -> Scorecard:
    spent = Decimal(executed)
    execution = Execution(Decimal(0), Decimal(100), spent, spent, Decimal(10), spent / 10, f"执行率{executed}%", {})
    return Scorecard(scores, execution, Decimal(90), "优")


def ledger(name: str, title: str, **columns: list[object]) -> Ledger:
    height = len(next(iter(columns.values())))
    frame = pl.DataFrame({"row": list(range(3, 3 + height)), **columns}, schema_overrides={"row": pl.UInt32()})
    return Ledger(BUILT_IN[name], f"{title}.xlsx", title, "0" * 64, frame.lazy(), {})


def budget(*rows: tuple[str, str]) -> Ledgers:
    amounts: list[object] = [Decimal(amount) for _, amount in rows]
    return {"budget": ledger("budget", "预算指标台账", source=[source for source, _ in rows], amount_yuan=amounts)}


def keys(needs: list[Need]) -> list[str]:
    return [need.key for need in needs]


def test_reason_written_as_text_or_in_parts_is_printed_as_sentences(load: Load) -> None:
    given = load("tables: 人手不足。改进措施：增人。\nexecution: {reason: 项目推迟, measure: 排出计划。, evidence: [会议纪要, 请示]}\n")
    assert {key: item.text for key, item in given.items()} == {
        "tables": "人手不足。改进措施：增人。",
        "execution": "项目推迟。改进措施：排出计划。佐证材料：会议纪要、请示。",
    }


def test_judgement_is_value_grounds_and_evidence(load: Load) -> None:
    item = load("mechanism: {value: 92.5, grounds: 制度齐全, evidence: 考核办法}\n")["mechanism"]
    assert item.judgement is not None
    assert (item.judgement.value, item.judgement.grounds, item.judgement.evidence) == (Decimal("92.5"), "制度齐全", ("考核办法",))
    assert item.told == "评定为分值的92.5%：制度齐全。佐证材料：考核办法。"


def test_file_that_is_not_there_or_holds_comments_only_records_nothing(load: Load, tmp_path: Path) -> None:
    assert load_explanations(tmp_path / "none.yml", ROWS, TITLES, FINDINGS) == {}
    assert load("# 还没有要说明的\n") == {}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("tables: 原因\nnobody: 原因\n", "explanations/2022.yml:2: nobody：不认识，应为指标编号、execution、addition、carried_over、goal"),
        ("X99 资金支出台账!C17: 原因\n", "explanations/2022.yml:1: X99 资金支出台账!C17：没有代码为 X99 的疑点"),
        ("X05 支出台账!C17: 原因\n", "explanations/2022.yml:1: X05 支出台账!C17：没有“支出台账”，应为：资金支出台账、活动方案台账"),
        ("tables: ''\n", "explanations/2022.yml:1: tables.reason：不能为空"),
        ("tables:\n  measure: 增人\n", "explanations/2022.yml:1: tables：缺少 reason（原因）"),
        ("tables: {reason: 原因, cause: 甲}\n", "explanations/2022.yml:1: tables.cause：不认识的项（检查拼写）"),
        (
            "mechanism:\n  value: 90\n",
            "explanations/2022.yml:1: mechanism：由人评定的，value（得分占分值的百分比）和 grounds（依据）要一起写",
        ),
        (
            "mechanism: {value: 90, grounds: 好, evidence: 考核办法}\n",
            "explanations/2022.yml:1: mechanism：由人评定的，grounds（依据）要写明凭什么评定，不少于4个字；evidence（佐证材料）至少一项",
        ),
        (
            "mechanism: {value: 90, grounds: 制度齐全}\n",
            "explanations/2022.yml:1: mechanism：由人评定的，grounds（依据）要写明凭什么评定，不少于4个字；evidence（佐证材料）至少一项",
        ),
        ("mechanism:\n  value: 120\n  grounds: 好\n", "explanations/2022.yml:2: mechanism.value：不能大于100"),
        (
            "tables: {value: 90, grounds: 制度齐全, evidence: 考核办法}\n",
            "explanations/2022.yml:1: tables：value 和 grounds 只用于由人评定的指标（judged: true）",
        ),
        ("\ntables: 原因待补\n", "explanations/2022.yml:2: tables：有未填写的空位“待补”"),
        ("tables: 甲\ntables: 乙\n", "explanations/2022.yml:2: “tables”前面已经写过"),
        ("- 甲\n", "explanations/2022.yml:1: 文件：应为一组“键: 值”"),
    ],
)
def test_fault_is_told_with_its_line(load: Load, text: str, fault: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(text)
    assert [told[: len(fault)] for told in caught.value.faults] == [fault]


def test_rows_missed_and_judged_need_a_reason_and_rows_met_need_none() -> None:
    assert find_needs(card(MET, MISSED, JUDGED), {}, ()) == [
        Need("tables", "自评表数量指标“分色表期数”", "实际9期，得15分"),
        Need("mechanism", "自评表可持续影响指标“长效机制”", "由人评定"),
    ]


def test_execution_below_the_limit_needs_a_reason() -> None:
    assert keys(find_needs(card(executed="99.99"), {}, ())) == ["execution"]
    assert keys(find_needs(card(executed="100"), {}, ())) == []
    assert keys(find_needs(card(executed="80"), {}, (), execution_below=Decimal(80))) == []


def test_money_added_cut_or_carried_over_needs_a_reason() -> None:
    assert find_needs(card(), budget(("年初预算", "50"), ("追加", "60"), ("调减", "-10"), ("上年结转", "5")), ()) == [
        Need("addition", "预算指标台账.xlsx第4、5行", "追加、调减50元"),
        Need("carried_over", "预算指标台账.xlsx第6行", "上年结转5元"),
    ]
    assert find_needs(card(), budget(("年初预算", "100"), ("其他资金", "5")), ()) == []


def test_goals_not_reached_need_a_reason_each() -> None:
    goals = ledger(
        "goals",
        "年度目标任务台账",
        goal_no=["1", "2", "3"],
        goal=["甲", "乙", "丙"],
        status=["完成", "部分完成", "未完成"],
        completed_on=[date(2022, 12, 1), None, None],
    )
    assert find_needs(card(), {"goals": goals}, ()) == [
        Need("goal 2", "年度目标任务台账.xlsx第4行", "目标任务“乙”部分完成"),
        Need("goal 3", "年度目标任务台账.xlsx第5行", "目标任务“丙”未完成"),
    ]


def test_findings_whose_code_is_compulsory_need_a_reason_at_their_cell() -> None:
    other = replace(PAPERS, code="X06")
    whole = Finding("X05", Severity.WARNING, "没有", "活动方案台账")
    assert find_needs(card(), {}, (PAPERS, other, whole), codes=("X05",)) == [
        Need("X05 资金支出台账!C17", "支出.xlsx!支出!C17", "手续不全。"),
        Need("X05 活动方案台账", "活动方案台账", "没有"),
    ]


def test_reason_for_a_ledger_holds_for_all_its_findings_of_the_code() -> None:
    one, all_ = Explanation(reason="这一格"), Explanation(reason="都是")
    given = {"X05 资金支出台账": all_, "X05 资金支出台账!C17": one}
    assert reason_of(given, "X05 资金支出台账!C17") is one
    assert reason_of(given, "X05 资金支出台账!C18") is all_
    assert reason_of(given, "X06 资金支出台账!C18") is None


def test_missing_are_the_needs_without_a_reason_and_judged_rows_without_a_judgement() -> None:
    needs = [Need("tables", "", ""), Need("execution", "", ""), Need("mechanism", "", "")]
    given = {"tables": Explanation(reason="人手不足"), "mechanism": Explanation(reason="没有评定")}
    assert keys(find_missing(needs, given, {"mechanism"})) == ["execution", "mechanism"]
    given["mechanism"] = Explanation(value=Decimal(90), grounds="制度齐全", evidence=("考核办法",))
    assert keys(find_missing(needs, given, {"mechanism"})) == ["execution"]
