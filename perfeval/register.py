"""The register of codes (代码表): every code of a finding with its one meaning, gathered from those who give them, and the manual's table.

A check or a rule of scoring declares its code where it is written; this module need not be touched for a new one.
"""

from collections.abc import Mapping

from perfeval import checks, indicators
from perfeval.codes import ERRORS, Code

_DECLARED = {**checks.MEANINGS, **indicators.MEANINGS}
FINDINGS: Mapping[str, str] = {**{code.value: code.meaning for code in Code}, **dict(sorted(_DECLARED.items()))}
"""What is wrong with ledgers or with what is computed from them (疑点)."""

_BEGIN, _END = "<!-- 代码表：开始 -->", "<!-- 代码表：结束 -->"
_CHECKS_BEGIN, _CHECKS_END = "<!-- 核对规则表：开始 -->", "<!-- 核对规则表：结束 -->"


def table() -> str:
    """All codes as the manual shows them."""
    return f"""疑点：C 开头的按绩效评价规则编号，L、V、X 开头的是本程序的读取和核对规则，T 开头的是指标体系和评分的疑点。

{_rows(FINDINGS)}

出错提示（`--json` 的 `error.code`）：

{_rows(ERRORS)}"""


def table_of_checks() -> str:
    """All checks as the manual shows them."""
    return "\n".join(["| 代码 | 核对什么 | 级别 | 主题 | 依据 |", "|---|---|---|---|---|", *map(_row, checks.CHECKS)])


def _row(check: checks.Check) -> str:
    limited = "；限额见 checks.yml" if check.limits else ""
    return f"| {check.code} | {check.meaning} | {check.level.word} | {check.theme} | {check.source}{limited} |"


def print_into(manual: str) -> str:
    """The manual with the tables between their comments renewed."""
    return _between(_between(manual, _BEGIN, _END, table()), _CHECKS_BEGIN, _CHECKS_END, table_of_checks())


def _between(manual: str, begin: str, end: str, text: str) -> str:
    before, _, rest = manual.partition(begin)
    return f"{before}{begin}\n\n{text}\n\n{end}{rest.partition(end)[2]}"


def _rows(meanings: Mapping[str, str]) -> str:
    return "\n".join(["| 代码 | 含义 |", "|---|---|", *(f"| {code} | {meaning} |" for code, meaning in meanings.items())])
