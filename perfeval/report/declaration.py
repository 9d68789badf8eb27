"""How a narrative declares its annexes (附件声明). Whether a declaration fits the ledgers is told by `listing`."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from perfeval.configuration import Model, Text
from perfeval.model.numbers import plain

JUDGEMENT = "colour"
"""The column of the judgement, among a table's columns."""
NOT_JUDGED = "none"
"""What counts the rows without judgement, beside the keys of the bands."""

Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]


class Paint(NamedTuple):
    """A colour as the cell has it: RGB, and whether its text is white."""

    fill: str
    white: bool = False


PAINTS: Mapping[str, Paint] = {
    "绿色": Paint("92D050"),
    "黄色": Paint("FFFF00"),
    "橙色": Paint("FFC000"),
    "红色": Paint("C00000", white=True),
    "蓝色": Paint("0070C0", white=True),
}


def _paint(name: str) -> str:
    if name not in PAINTS:
        raise ValueError(f"没有这种颜色，可用：{'、'.join(PAINTS)}")
    return name


class Band(Model):
    """One band (档): its key in the narrative, the word in the cell, its colour, its upper limit, and the rule in words."""

    key: Key
    word: Text
    colour: Annotated[Text, AfterValidator(_paint)]
    at_most: Decimal | None = None
    below: Decimal | None = None
    when: Text

    @property
    def limit(self) -> Decimal | None:
        """The upper limit, itself within the band or not."""
        return self.below if self.at_most is None else self.at_most

    def holds(self, value: Decimal) -> bool:
        """Whether a value above the bands before lies in this one."""
        return self.limit is None or value < self.limit or value == self.at_most

    @model_validator(mode="after")
    def _one_limit(self) -> Self:
        if self.at_most is not None and self.below is not None:
            raise ValueError("at_most（含）和 below（不含）只能写一个")
        return self


class Judgement(Model):
    """A judgement in colour (分色): a column's value, or that less another's, in bands from the least value to the greatest."""

    value: Text
    minus: Text | None = None
    bands: tuple[Band, ...]
    source: Text

    @property
    def columns(self) -> tuple[str, ...]:
        """What is judged."""
        return (self.value,) if self.minus is None else (self.value, self.minus)

    def band(self, value: Decimal) -> Band:
        """The band of a value."""
        return next(band for band in self.bands if band.holds(value))

    @property
    def told(self) -> str:
        """The standard in words; the last band begins where the one before it ends."""
        limits = [plain(band.limit) for band in self.bands if band.limit is not None]
        texts = [
            f"{band.when.replace('{limit}', limit)}为“{band.word}”（{band.colour}）"
            for band, limit in zip(self.bands, (*limits, limits[-1]), strict=True)
        ]
        return f"{'；'.join(texts)}。标准来源：{self.source}。"

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if len(self.bands) < 2:  # noqa: PLR2004  # one colour tells nothing apart
            raise ValueError("至少写两档")
        *limited, last = self.bands
        limits = [(band.limit, band.at_most is not None) for band in limited if band.limit is not None]
        if last.limit is not None or len(limits) < len(limited) or limits != sorted(set(limits)):
            raise ValueError("各档按数值从小到大排列，用 at_most（含）或 below（不含）写上限；最后一档不写上限，其余的数值都归它")
        keys = [band.key for band in self.bands]
        if len({*keys, NOT_JUDGED}) <= len(keys):
            raise ValueError(f"各档的 key 不能相同，也不能是 {NOT_JUDGED}（没有评价的行数）")
        return self


class Latest(Model):
    """For each row, the last row of another ledger in the evaluated year: with the same `by`, by the month or day in `at`.

    `none` is printed where there is none.
    """

    ledger: Text
    by: Text
    at: Text
    none: Text


class ListedColumn(Model):
    """A column of the table, by its name in the ledger; the header where another is wanted, the width in twips (1/20 磅)."""

    column: Text
    header: Text | None = None
    width: Annotated[int, Field(ge=200)] | None = None


def _named(column: object) -> object:
    return {"column": column} if isinstance(column, str) else column


class AnnexSetting(Model):
    """One annex (附件): 项目支出绩效自评表, 资金支出明细, or a table of a ledger's rows."""

    kind: Literal["self_evaluation", "payments", "ledger"]
    key: Key | None = None
    title: Text = ""
    ledger: Text = ""
    latest: Latest | None = None
    columns: tuple[Annotated[ListedColumn, BeforeValidator(_named)], ...] = ()
    group_by: Text | None = None
    totals: tuple[Text, ...] = ()
    colour: Judgement | None = None
    note: Text = ""
    landscape: bool = False

    @property
    def name(self) -> str:
        """What the narrative calls it, and figures in it are named after."""
        return self.key or self.ledger

    @property
    def lists(self) -> tuple[str, ...]:
        """The ledgers that it lists row by row; of payments only those that are not too many."""
        listed = (self.ledger, self.latest.ledger) if self.latest else (self.ledger,)
        return {"self_evaluation": ("goals",), "payments": (), "ledger": listed}[self.kind]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.kind != "ledger" and (added := self.model_fields_set - {"kind"}):
            raise ValueError(f"{self.kind} 的格式是固定的，不能写 {'、'.join(sorted(added))}")
        if self.kind == "ledger" and (lacking := [name for name in ("title", "ledger", "columns") if not getattr(self, name)]):
            raise ValueError(f"缺少 {'、'.join(lacking)}")
        if (self.colour is None) == any(column.column == JUDGEMENT for column in self.columns):
            raise ValueError(f"colour（分色标准）和 columns 中的 {JUDGEMENT} 栏应同时写")
        return self


def _distinct(annexes: tuple[AnnexSetting, ...]) -> tuple[AnnexSetting, ...]:
    if not annexes:
        raise ValueError("至少写一个附件")
    names = [annex.name for annex in annexes if annex.kind == "ledger"]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"有两个附件都叫 {'、'.join(twice)}，正文分不清，请写不同的 key")
    return annexes


Annexes = Annotated[tuple[AnnexSetting, ...], AfterValidator(_distinct)]
STANDARD = (AnnexSetting(kind="self_evaluation"), AnnexSetting(kind="payments"))
"""The annexes of a narrative that declares none."""
