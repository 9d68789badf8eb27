"""What a run leaves on Prefect's pages: tables and links, in Chinese and in Markdown that no cell can break."""

from collections.abc import Callable

from prefect import get_run_logger
from prefect.artifacts import create_link_artifact, create_table_artifact

from perfeval.errors import LedgerError
from perfeval.model import Revision
from perfeval.submission import Submission, escaped, finding_rows, score_rows

_LISTED = 20
# Makes a table or a link of a run, as Prefect does.
Making = Callable[..., object]


def show_submission(submission: Submission, table: Making = create_table_artifact, link: Making = create_link_artifact) -> None:
    """Leave scores, findings and the link to the draft with the run."""
    card, name = submission.card, submission.name
    key = f"{submission.revision.evaluation.id}-r{submission.revision.number}"
    table(score_rows(card), key=f"{key}-scores", description=f"{name} 得分表：总分 {card.total}，等级 {card.grade}")
    table(finding_rows(submission.doubts), key=f"{key}-findings", description=f"{name} 台账疑点表")
    link(submission.link, link_text=f"下载 {name}（Word）", key=f"{key}-draft", description=f"{name} 自评报告")


def show_errors(revision: Revision, error: LedgerError, table: Making = create_table_artifact) -> None:
    """Leave the findings of faulty ledgers with the run, and where the marked copies are."""
    copies = error.context.get("copies")
    table(
        finding_rows(error.findings),
        key=f"{revision.evaluation.id}-r{revision.number}-errors",
        description=f"{escaped(error.message)}。请更正台账文件后点击 Retry（重试）。"
        + (f"已标注的副本：{escaped('、'.join(map(str, copies)))}" if isinstance(copies, list) else ""),
    )
    for finding in error.findings[:_LISTED]:
        get_run_logger().error("%s %s %s", finding.severity.word, finding.place or finding.ledger or "", finding.message)
