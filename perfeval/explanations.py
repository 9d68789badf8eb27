"""Recorded reasons (说明): explanations/Y.yml, one mapping from what must be explained to its reason, and what is missing in it.

The keys: an indicator's id, `execution` 预算执行率, `addition` 追加和调减, `carried_over` 上年结转, `goal 3` 年度目标任务 3, and the
code of a finding with its cell, `X05 资金支出台账!C17`; without the cell it holds for all such findings of the ledger.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, RootModel, ValidationError, model_validator

from perfeval.configuration import Model, Text, explain, faulty, parse_yaml, read_text
from perfeval.model import Finding, Judgement, Ledgers, Scorecard
from perfeval.model.numbers import grouped, plain
from perfeval.texts import left_over, quoted

EXECUTION, ADDITION, CARRIED_OVER = "execution", "addition", "carried_over"
_MONEY = (EXECUTION, ADDITION, CARRIED_OVER)
# The sources of the budget (资金来源) whose rows are explained together.
_SOURCES = {ADDITION: ("追加", "调减"), CARRIED_OVER: ("上年结转",)}
_GOAL = "goal "
_FINDING = re.compile("([A-Z][0-9]{2})(?: .+)?")
_DONE = "完成"
# A verdict such as 好 is no ground for itself.
_LEAST_GROUNDS = 4

_BLANK = """# {year}年度须说明的事项，每项写成“键: 说明”。缺少的，程序逐处列出，不能成稿；全部列出来看：perfeval explain --year {year}
# 键：
#   指标编号      未达到、大幅超过指标值或者不适用的指标，编号见 indicators/{stem}.yml
#   execution     预算执行率未达到100%
#   addition      年度中追加、调减预算
#   carried_over  上年结转资金
#   goal 3        年度目标任务台账中序号为3的目标，没有完成或部分完成
#   X05 资金支出台账!C17   疑点：代码、台账、单元格；只写到台账的，对这本台账的同类疑点都有效
# 说明写成一段话（原因分析、改进措施），印在自评表和报告里；也可以分开写：
#   execution: {{reason: 原因, measure: 改进措施, evidence: [佐证材料]}}
# 由人评定的指标（judged: true）写评定意见，value 是得分占分值的百分比：
#   指标编号: {{value: 90, grounds: 依据, evidence: [佐证材料]}}
"""


def blank(year: int, stem: str) -> str:
    """The file for a year of which nothing is recorded yet."""
    return _BLANK.format(year=year, stem=stem)


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


class Explanation(Model):
    """One recorded reason: why, what is done about it, what proves it; of a judged row also the share of its points, and on what grounds.

    Written as mere text, it is the reason.
    """

    reason: Text | None = None
    measure: Text | None = None
    evidence: Annotated[tuple[Text, ...], BeforeValidator(_listed)] = ()
    value: Annotated[Decimal, Field(ge=0, le=100)] | None = None
    grounds: Text | None = None

    @property
    def text(self) -> str:
        """The reason as it is printed, each part a sentence."""
        parts = (("", self.reason or self.grounds), ("改进措施：", self.measure), ("佐证材料：", "、".join(self.evidence)))
        return "".join(f"{head}{text.rstrip('。')}。" for head, text in parts if text)

    @property
    def judgement(self) -> Judgement | None:
        """What a person gave a judged row."""
        return Judgement(self.value, self.grounds, self.evidence) if self.value is not None and self.grounds else None

    @property
    def told(self) -> str:
        """All of it, for a list."""
        return (f"评定为分值的{plain(self.value)}%：" if self.value is not None else "") + self.text

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.value is None) != (self.grounds is None):
            raise ValueError("由人评定的，value（得分占分值的百分比）和 grounds（依据）要一起写")
        if self.grounds is not None and (len(self.grounds) < _LEAST_GROUNDS or not self.evidence):
            raise ValueError(f"由人评定的，grounds（依据）要写明凭什么评定，不少于{_LEAST_GROUNDS}个字；evidence（佐证材料）至少一项")
        if self.reason is None and self.value is None:
            raise ValueError("缺少 reason（原因）")
        return self


def _reasoned(value: object) -> object:
    return {"reason": value} if isinstance(value, str) else value


Explanations = Mapping[str, Explanation]
_File = RootModel[dict[str, Annotated[Explanation, BeforeValidator(_reasoned)]]]


def load_explanations(path: Path, rows: Mapping[str, bool], titles: Collection[str], codes: Collection[str]) -> dict[str, Explanation]:
    """Load a year's recorded reasons, explanations/Y.yml; without the file there are none. The rest as `read_explanations` has it."""
    return read_explanations(read_text(path), f"{path.parent.name}/{path.name}", rows, titles, codes) if path.is_file() else {}


def read_explanations(
    text: str, file: str, rows: Mapping[str, bool], titles: Collection[str], codes: Collection[str]
) -> dict[str, Explanation]:
    """Read recorded reasons.

    Args:
        text: the YAML.
        file: what faults call it.
        rows: every indicator's id, and whether a person judges it.
        titles: the ledgers (台账) that findings may be of.
        codes: the codes that findings may have.

    Raises: ConfigurationError: with every fault as `explanations/2022.yml:line: key: message`.
    """
    data, positions = parse_yaml(text, file)
    faults: list[str] = []
    given: dict[str, Explanation] = {}
    try:
        given = _File.model_validate(data if data is not None else {}).root
    except ValidationError as error:
        faults = explain(error, file, positions)
    found = [
        (str(key), message) for key in (data if isinstance(data, dict) else ()) for message in _key_faults(str(key), rows, titles, codes)
    ]
    found += [(key, message) for key, item in given.items() for message in _item_faults(item, is_judged=rows.get(key, False))]
    faults += [f"{file}:{positions.line((key,))}: {key}：{message}" for key, message in found]
    if faults:
        raise faulty(file, faults)
    return given


def _key_faults(key: str, rows: Mapping[str, bool], titles: Collection[str], codes: Collection[str]) -> Iterator[str]:
    if key in rows or key in _MONEY or key.startswith(_GOAL):
        return
    finding = _FINDING.fullmatch(key)
    if finding is None:
        yield f"不认识，应为指标编号、{'、'.join(_MONEY)}、goal 加目标任务的序号，或疑点的代码加单元格，如 X05 资金支出台账!C17"
    elif finding[1] not in codes:
        yield f"没有代码为 {finding[1]} 的疑点"
    elif (title := key.partition(" ")[2].partition("!")[0]) and title not in titles:
        yield f"没有“{title}”，应为：{'、'.join(titles)}"


def _item_faults(item: Explanation, *, is_judged: bool) -> Iterator[str]:
    if item.value is not None and not is_judged:
        yield "value 和 grounds 只用于由人评定的指标（judged: true）"
    texts = (item.reason, item.measure, item.grounds, *item.evidence)
    yield from (f"有未填写的空位“{slot}”" for text in texts if text for slot in left_over(text))


@dataclass(frozen=True, slots=True)
class Need:
    """What must be explained: under which key, where it stands, and why (Chinese)."""

    key: str
    where: str
    why: str


def find_needs(
    card: Scorecard, ledgers: Ledgers, findings: Iterable[Finding], *, codes: Collection[str] = (), execution_below: Decimal = Decimal(100)
) -> list[Need]:
    """All that must be explained in a year, in the order of the report; judged rows too, which a person must give their points.

    Args:
        card: the scores.
        ledgers: the programme's own rows.
        findings: what the checks found in them.
        codes: the codes of findings that must be explained.
        execution_below: the execution rate below which it must be explained, in percent.
    """
    needs = [
        Need(row.id, f"自评表{row.level2}{quoted(row.name)}", row.explanation) for row in card.scores if row.needs_reason or row.is_judged
    ]
    if card.execution.rate < execution_below:
        needs.append(Need(EXECUTION, "自评表预算执行率", card.execution.explanation))
    needs += _money_needs(ledgers)
    needs += _goal_needs(ledgers)
    needs += [
        Need(key_of(finding), finding.place or finding.ledger or "", finding.message) for finding in findings if finding.code in codes
    ]
    return list({need.key: need for need in needs}.values())


def _money_needs(ledgers: Ledgers) -> Iterator[Need]:
    budget = ledgers.get("budget")
    rows = budget.frame.to_dicts() if budget else []
    for key, sources in _SOURCES.items():
        if (found := [row for row in rows if row["source"] in sources]) and budget:
            total = sum((row["amount_yuan"] for row in found), Decimal(0))
            places = "、".join(str(row["row"]) for row in found)
            yield Need(key, f"{budget.file}第{places}行", f"{'、'.join(dict.fromkeys(row['source'] for row in found))}{grouped(total)}元")


def _goal_needs(ledgers: Ledgers) -> Iterator[Need]:
    goals = ledgers.get("goals")
    for row in goals.frame.to_dicts() if goals else ():
        if goals and row["status"] != _DONE:
            yield Need(goal_key(row["goal_no"]), f"{goals.file}第{row['row']}行", f"目标任务{quoted(row['goal'])}{row['status']}")


def key_of(finding: Finding) -> str:
    """The key under which a finding is explained."""
    place = "!".join(part for part in (finding.ledger, finding.cell) if part)
    return f"{finding.code} {place}".strip()


def goal_key(number: str) -> str:
    """The key under which a goal (年度目标任务) that was not reached is explained."""
    return f"{_GOAL}{number}"


def reason_of(given: Explanations, key: str) -> Explanation | None:
    """What is recorded under a key; of a finding also what is recorded for all such findings of its ledger."""
    return given.get(key) or given.get(key.partition("!")[0])


def find_missing(needs: Iterable[Need], given: Explanations, judged: Collection[str]) -> list[Need]:
    """The needs for which nothing is recorded; `judged` are the rows that need a judgement."""
    return [need for need in needs if not _is_met(reason_of(given, need.key), is_judged=need.key in judged)]


def _is_met(item: Explanation | None, *, is_judged: bool) -> bool:
    return item is not None and (bool(item.judgement) if is_judged else item.reason is not None)
