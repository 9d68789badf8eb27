"""The 14 sample ledgers as frames, at any scale."""

from collections.abc import Callable, Mapping, Sequence

import polars as pl

from perfeval.sample import dispatch, evaluation, money, projects
from schemas import BUILT_IN

_ROWS: Mapping[str, Callable[[], Sequence[tuple[object, ...]]]] = {
    "budget": money.budget_rows,
    "expenditure": money.expenditure_rows,
    "targets": evaluation.target_rows,
    "plans": money.plan_rows,
    "projects": projects.project_rows,
    "progress": projects.progress_rows,
    "meetings": dispatch.meeting_rows,
    "issues": dispatch.issue_rows,
    "services": dispatch.service_rows,
    "publications": dispatch.publication_rows,
    "inspections": dispatch.inspection_rows,
    "surveys": evaluation.survey_rows,
    "goals": evaluation.goal_rows,
    "evaluation_work": evaluation.evaluation_work_rows,
}
# A second copy of these would change them: the last approval of a target holds.
_ONCE = ("targets",)
# What numbers a ledger's rows, with the distance between two copies: at least the span of the numbers in the sample.
_NUMBERED = {
    "指标文号": 1, "凭证号": 40, "发票号码": 40 * 37, "申请报告编号": 40, "方案编号": 12, "活动方案编号": 12, "项目编号": 68,
    "会议编号": 108, "纪要文号": 108, "问题编号": 53, "文书编号": 53, "事项编号": 134, "期号": 9, "问卷编号": 120, "序号": 6,
}  # fmt: skip
_NUMBER = r"([0-9]+)([^0-9]*)$"


def sample_frames(scale: int = 1) -> dict[str, pl.DataFrame]:
    """The sample ledgers by English name, with Chinese headers; at scale N every row N times under new numbers, but for the targets."""
    return {name: repeat(_frame(name), 1 if name in _ONCE else scale) for name in _ROWS}


def _frame(name: str) -> pl.DataFrame:
    headers = [column.header for column in BUILT_IN[name].columns() if not column.may_be_absent]
    frame = pl.DataFrame(_ROWS[name](), schema=headers, orient="row", infer_schema_length=None)
    return frame.with_columns(pl.selectors.decimal().cast(pl.Decimal(18, 2)))


def repeat(frame: pl.DataFrame, scale: int) -> pl.DataFrame:
    """The frame's rows `scale` times, copy by copy, each copy with new numbers."""
    copies = pl.LazyFrame({"copy": range(scale)}, schema={"copy": pl.Int64})
    numbered = [_renumbered(header, step, frame.schema[header]) for header, step in _NUMBERED.items() if header in frame.columns]
    return copies.join(frame.lazy(), how="cross", maintain_order="left_right").with_columns(numbered).drop("copy").collect()


def _renumbered(header: str, step: int, dtype: pl.DataType) -> pl.Expr:
    """The column with `copy` times `step` added to the last number in each value, as wide as it was."""
    if dtype != pl.String:
        return pl.col(header) + pl.col("copy") * step
    digits = pl.col(header).str.extract(_NUMBER, 1)
    number = (digits.cast(pl.Int64) + pl.col("copy") * step).cast(pl.String).str.pad_start(digits.str.len_chars(), "0")
    return pl.concat_str(pl.col(header).str.replace(_NUMBER, ""), number, pl.col(header).str.extract(_NUMBER, 2)).alias(header)
