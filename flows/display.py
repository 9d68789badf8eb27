"""What Prefect's pages show: descriptions of forms, tables and links, in Chinese and in Markdown that no cell can break."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from prefect import get_run_logger
from prefect.artifacts import create_link_artifact, create_table_artifact

from perfeval.errors import LedgerError
from perfeval.model import Asked, Decision, Draft, Finding, Gate, Revision, Scorecard, Severity
from perfeval.model.numbers import percentage

_TABLE_ROWS = 3000
_LISTED = 20


@dataclass(frozen=True)
class Submission:
    """What is laid before the approvers (送审材料)."""

    revision: Revision
    card: Scorecard
    findings: Sequence[Finding]
    draft: Draft

    @property
    def link(self) -> str:
        """Where the server hands out the draft."""
        return f"/perfeval/drafts/{self.draft.evaluation}/{self.draft.revision}.docx"


def describe_submission(gate: Gate, submission: Submission, asks: Sequence[Asked]) -> str:
    """What an approver reads above the form."""
    revision, card = submission.revision, submission.card
    evaluation = revision.evaluation
    doubts = [finding for finding in submission.findings if finding.severity is not Severity.NOTE]
    lines = [
        *_problem(asks),
        f"### {gate.title}：{evaluation.year}年度“{_plain(evaluation.programme)}”自评报告 第{revision.number}稿",
        f"**总分 {card.total}　等级 {_plain(card.grade)}**　送审人 {_plain(evaluation.prepared_by)}",
        "",
        f"[下载报告（Word）]({submission.link})，通读后审批；核对码在下载的文件名末尾。",
        "",
        *_markdown_table(_score_rows(card)),
        "",
        f"**台账疑点 {len(doubts)} 条**",
        *(f"- {_plain(finding.place or finding.ledger or '')}　{_plain(finding.message)}" for finding in doubts[:_LISTED]),
        *(["- 其余见本次运行附件（Artifacts）中的疑点表"] if len(doubts) > _LISTED else []),
    ]
    return "\n".join(lines)


def describe_objection(objection: Decision, asks: Sequence[Asked]) -> str:
    """What the clerk reads above the form after a return."""
    return "\n".join(
        [
            *_problem(asks),
            f"### 第{objection.revision}稿已退回修改",
            f"{_plain(objection.approver)}：{_plain(objection.comment)}",
            "",
            "请更正台账或底稿文件，然后填写更正说明并提交；程序将重新计算，形成下一稿，重新审批。",
        ]
    )


def show_submission(submission: Submission) -> None:
    """Leave scores, findings and the link to the draft with the run."""
    revision, card = submission.revision, submission.card
    name = f"{revision.evaluation.year} {_plain(revision.evaluation.programme)} 第{revision.number}稿"
    key = f"{revision.evaluation.id}-r{revision.number}"
    create_table_artifact(_score_rows(card), key=f"{key}-scores", description=f"{name} 得分表：总分 {card.total}，等级 {card.grade}")
    create_table_artifact(_finding_rows(submission.findings), key=f"{key}-findings", description=f"{name} 台账疑点表")
    create_link_artifact(submission.link, link_text=f"下载 {name}（Word）", key=f"{key}-draft", description=f"{name} 自评报告")


def show_errors(revision: Revision, error: LedgerError) -> None:
    """Leave the findings of faulty ledgers with the run, and where the marked copies are."""
    copies = error.context.get("copies")
    create_table_artifact(
        _finding_rows(error.findings),
        key=f"{revision.evaluation.id}-r{revision.number}-errors",
        description=f"{_plain(error.message)}。请更正台账文件后点击 Retry（重试）。"
        + (f"已标注的副本：{_plain('、'.join(map(str, copies)))}" if isinstance(copies, list) else ""),
    )
    for finding in error.findings[:_LISTED]:
        get_run_logger().error("%s %s %s", finding.severity.word, finding.place or finding.ledger or "", finding.message)


def _score_rows(card: Scorecard) -> list[dict[str, str]]:
    rows = [(row.level1, row.level2, row.name, row.target, row.actual, row.weight, row.score, row.explanation) for row in card.scores]
    execution = card.execution
    rate = percentage(execution.rate)
    rows.append(("预算执行", "预算执行率", "预算执行率", "100%", rate, execution.weight, execution.score, execution.explanation))
    names = ("一级指标", "二级指标", "三级指标", "年度指标值", "实际完成值", "分值", "得分", "说明")
    return [dict(zip(names, map(str, row), strict=True)) for row in rows]


def _finding_rows(findings: Iterable[Finding]) -> list[dict[str, str]]:
    return [
        {
            "级别": finding.severity.word,
            "台账": finding.ledger or "",
            "位置": finding.place,
            "原值": finding.value or "",
            "问题": finding.message,
            "代码": finding.code,
        }
        for finding in list(findings)[:_TABLE_ROWS]
    ]


def _markdown_table(rows: Sequence[dict[str, str]]) -> list[str]:
    head = ["三级指标", "年度指标值", "实际完成值", "分值", "得分"]
    lines = [head, ["---"] * len(head), *([_plain(row[name]) for name in head] for row in rows)]
    return ["| " + " | ".join(cells) + " |" for cells in lines]


def _problem(asks: Sequence[Asked]) -> list[str]:
    return [f"**上次填写无效：{_plain(asks[-1].problem)}**", ""] if asks else []


def _plain(text: str) -> str:
    """Text from ledgers and people as Markdown that shows it and obeys none of it."""
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~&])", r"\\\1", " ".join(text.split()))
