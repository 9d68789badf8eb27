"""How a figure was computed (计算方法), as a Chinese sentence that a reader can re-perform on the ledger."""

from perfeval.indicators.condition import Condition, plain_header
from perfeval.indicators.measure import Measure
from perfeval.model.numbers import plain

_ENDS = {"min": "最小值", "max": "最大值"}
_DAYS = {"min": "最早日期", "max": "最晚日期"}


def formula(measure: Measure) -> str:
    """The sentence for a measure."""
    if measure.is_ratio:
        above, below = (f"（{formula(part)}）" for part in measure.parts)
        factor = "" if measure.factor == 1 else "×100%" if measure.natural_unit == "%" else f"×{plain(measure.factor)}"
        return f"{above}÷{below}{factor}"
    columns = measure.columns
    if not columns:
        return f"统计{place(measure)}的行数"
    what = "至".join(f"“{plain_header(column)}”" for column in columns) + ("的天数" if measure.days else "")
    is_wan, has_blanks = any("（万元）" in column.header for column in columns), any(not column.required for column in columns)
    notes = [note for note, holds in (("万元折算为元", is_wan), ("空白不计", has_blanks)) if holds]
    remark = f"（{'，'.join(notes)}）" if notes else ""
    if measure.aggregate == "n_unique":
        return f"统计{place(measure)}的{what}有多少个不同的值{remark}"
    if measure.aggregate in _ENDS:
        return f"取{place(measure)}的{what}的{(_DAYS if measure.is_day else _ENDS)[measure.aggregate]}{remark}"
    return f"{'合计' if measure.aggregate == 'sum' else '平均'}{place(measure)}的{what}{remark}"


def place(part: Measure) -> str:
    """The ledger, and which of its rows."""
    title = part.shape.ledger_title()
    found = [f"{plain_header(related.by)}见于{_where(related.ledger.ledger_title(), related.where)}" for related in part.found_in]
    told = _where(title, part.where)
    return f"{told}{'，且' if part.where else '中'}{'，且'.join(found)}" if found else told


def _where(title: str, condition: Condition | None) -> str:
    return f"{title}中{condition.phrase}" if condition else title
