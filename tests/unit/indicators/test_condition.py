import pytest

from perfeval.indicators.condition import compile_condition, empty_frame
from schemas import DEFAULT


@pytest.mark.parametrize(
    ("ledger", "where", "phrase"),
    [
        ("meetings", "kind IN ('专题调度会','现场办公会')", "会议类别属于（“专题调度会”、“现场办公会”）"),
        ("meetings", "kind not in ('月调度会')", "会议类别不属于（“月调度会”）"),
        (
            "issues",
            "closed_on > due_on OR (closed_on IS NULL AND due_on <= DATE '2022-12-31')",
            "销号日期晚于办结时限或（销号日期为空且办结时限不晚于2022年12月31日）",
        ),
        ("projects", "stage <> '前期' AND county_leader IS NOT NULL", "项目阶段不为“前期”且联系县级领导不为空"),
        ("expenditure", "amount_yuan BETWEEN 10 AND 1000.5 AND attachments = 0", "金额介于10至1000.5且附件张数为0"),
        ("progress", "actual_pct >= planned_pct - 5", "实际进度不小于计划进度－5"),
        ("meetings", "agenda LIKE '%项目%' AND NOT kind = '月调度会'", "议题形如“%项目%”且并非会议类别为“月调度会”"),
        ("meetings", "agenda = 'AND'", "议题为“AND”"),
    ],
)
def test_condition_is_told_in_chinese(ledger: str, where: str, phrase: str) -> None:
    assert compile_condition(where, DEFAULT[ledger]).phrase == phrase


@pytest.mark.parametrize(
    ("ledger", "where", "why"),
    [
        ("meetings", "", "是空的"),
        ("meetings", "knd = '月调度会'", "调度会议台账没有“knd”这一列"),
        ("meetings", "kind = '月会'", "“会议类别”没有“月会”，只有：专题调度会、现场办公会、周碰头会、月调度会"),
        ("meetings", "kind IN ('月调度会','月会')", "没有“月会”"),
        ("meetings", "kind", "逐行得出真或假"),
        ("meetings", "1 = 1", "逐行得出真或假"),
        ("meetings", "kind =", "不是可用的行条件"),
        ("meetings", "kind = '月调度会' kind", "不是可用的行条件"),
        ("meetings", "held_on > '2022-01-01'", "日期须写成 DATE"),
        ("meetings", "held_on > DATE '2022-02-30'", "没有2022-02-30这一天"),
        ("meetings", "agenda = '未完", "第9个字符起"),
        ("meetings", "kind = '月调度会' -- 注释", "第14个字符起"),
        ("meetings", "kind = '月调度会'; DROP TABLE x", "第14个字符起"),
        ("expenditure", "amount_yuan > '3'", "“金额（元）”是数，'3'不应加引号"),
        ("expenditure", "category = 5", "不是可用的行条件"),
        ("issues", "closed_on - assigned_on <= 30", "“销号日期”是日期，不能加减"),
        ("issues", "ABS(30 + due_on) < 5", "“办结时限”是日期，不能加减"),
    ],
)
def test_condition_that_cannot_be_used_says_why(ledger: str, where: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        compile_condition(where, DEFAULT[ledger])


@pytest.mark.parametrize(
    "where",
    [
        "COUNT(amount_yuan) > 1",
        "SUM(amount_yuan) > 1",
        "ROW_NUMBER() OVER () = 1",
        "amount_yuan = (SELECT 1)",
        "paid_on < CURRENT_DATE",
        "RANDOM() > 0",
        "CAST(amount_yuan AS INT) = 1",
        "row = 3",
    ],
)
def test_condition_that_looks_beyond_its_row_is_refused(where: str) -> None:
    with pytest.raises(ValueError, match="也不是可用的词"):
        compile_condition(where, DEFAULT["expenditure"])


@pytest.mark.parametrize("ledger", list(DEFAULT))
def test_condition_can_name_every_column(ledger: str) -> None:
    where = " OR ".join(f"{column.name} IS NULL" for column in DEFAULT[ledger].columns())
    assert compile_condition(where, DEFAULT[ledger]).expression is not None


def test_empty_frame_has_the_types_of_the_schema() -> None:
    types = {name: str(dtype) for name, dtype in empty_frame(DEFAULT["expenditure"]).schema.items()}
    assert (types["row"], types["amount_yuan"], types["paid_on"]) == ("UInt32", "Decimal(precision=18, scale=2)", "Date")
