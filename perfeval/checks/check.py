"""What a check declares of itself (核对规则的说明): its code and words, how much a finding matters, its theme, source and limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from perfeval.configuration import Model, Text
from perfeval.model import Finding, Ledger, Severity


class Theme(StrEnum):
    """What a finding is about; the value is its Chinese name."""

    MONEY = "预算与支出"
    PAPERS = "支出手续"
    REGISTER = "台账登记"
    DAYS = "日期"
    PROJECTS = "项目进度"
    RESULTS = "目标与成果"
    WORK = "评价工作"


class Limits(Model):
    """A check's limits (限额): what `checks.yml` holds under its code, with date and source."""

    since: date
    source: Text


@dataclass(frozen=True, slots=True)
class Check:
    """A check's code with its one meaning, the level of its findings, what they are about, and where the rule comes from.

    `others` are further codes that it tells, where a column's constraint says which. A check with `limits` does not apply in a
    workspace whose checks.yml has none under its code. One that `is_of_any_column` says nothing without the column's header.
    """

    code: str
    meaning: str
    level: Severity
    theme: Theme
    source: str
    others: Mapping[str, str] = field(default_factory=dict)
    limits: type[Limits] | None = None
    is_of_any_column: bool = False

    def at(self, ledger: Ledger, row: Mapping[str, Any], column: str, message: str, count: int = 1) -> Finding:
        """A finding at one cell of a row, which may stand for so many."""
        return ledger.finding(self.code, self.level, message, row, column, count)

    def on(self, ledger: Ledger, message: str, count: int = 1) -> Finding:
        """A finding on a ledger as a whole."""
        return ledger.finding(self.code, self.level, message, count=count)
