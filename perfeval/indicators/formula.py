"""How a figure was computed (计算方法), as a Chinese sentence that a reader can re-perform on the ledger."""

from perfeval.indicators.condition import plain_header
from perfeval.indicators.system import Measure
from schemas import Kind

_ENDS = {"min": "最小值", "max": "最大值"}
_DAYS = {"min": "最早日期", "max": "最晚日期"}


def formula(measure: Measure) -> str:
    """The sentence for a measure."""
    if measure.is_ratio:
        above, below = measure.parts
        return f"（{formula(above)}）÷（{formula(below)}）×100%"
    column = measure.column
    if not column:
        return f"统计{place(measure)}的行数"
    header = plain_header(column)
    notes = [note for note, holds in (("万元折算为元", "（万元）" in column.header), ("空白不计", not column.required)) if holds]
    remark = f"（{'，'.join(notes)}）" if notes else ""
    if measure.aggregate == "n_unique":
        return f"统计{place(measure)}的“{header}”有多少个不同的值{remark}"
    if measure.aggregate in _ENDS:
        return f"取{place(measure)}的“{header}”的{(_DAYS if column.kind is Kind.DAY else _ENDS)[measure.aggregate]}{remark}"
    return f"{'合计' if measure.aggregate == 'sum' else '平均'}{place(measure)}的“{header}”{remark}"


def place(part: Measure) -> str:
    """The ledger, and which of its rows."""
    title = part.shape.ledger_title()
    return f"{title}中{part.where.phrase}" if part.where else title
