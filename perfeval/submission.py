"""What an approver sees (送审材料), wherever he sees it: as Markdown for a form, as rows for a table, as a file to download."""

import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from perfeval.approvals.people import People
from perfeval.approvals.person import PROOF_TITLES, Means, Person
from perfeval.approvals.remarks import Remarked
from perfeval.errors import StoreError
from perfeval.model import Decision, Draft, Finding, Gate, Revision, Scorecard, Severity
from perfeval.model.numbers import percentage
from perfeval.model.outcomes import Drafted
from perfeval.office import Office

_TABLE_ROWS = 3000
_LISTED = 20
# A file's name has room for 255 bytes.
_PROGRAMME = 40


@dataclass(frozen=True)
class Submission:
    """What is laid before the approvers."""

    revision: Revision
    card: Scorecard
    findings: Sequence[Finding]
    draft: Draft

    @property
    def doubts(self) -> Sequence[Finding]:
        """Everything that was found, in the points first and then in the ledgers."""
        return (*self.card.doubts, *self.findings)

    @property
    def link(self) -> str:
        """Where the server hands out the draft."""
        return f"/perfeval/drafts/{self.draft.evaluation}/{self.draft.revision}.docx"

    @property
    def name(self) -> str:
        """What it is called in lists."""
        evaluation = self.revision.evaluation
        return f"{evaluation.year} {escaped(evaluation.programme)} 第{self.revision.number}稿"


def describe_submission(gate: Gate, submission: Submission, people: People) -> str:
    """What an approver reads above the form; who may approve here is told with whoever confirmed that he is who he says."""
    revision, card = submission.revision, submission.card
    evaluation = revision.evaluation
    doubts = [finding for finding in submission.doubts if finding.severity is not Severity.NOTE]
    lines = [
        f"### {gate.title}：{evaluation.year}年度“{escaped(evaluation.programme)}”自评报告 第{revision.number}稿",
        f"**总分 {card.total}　等级 {escaped(card.grade)}**　送审人 {escaped(evaluation.prepared_by)}",
        "",
        f"[下载报告（Word）]({submission.link})，通读后审批；核对码在下载的文件名末尾。"
        f"也可以到[审阅室](/review/{evaluation.id}/{revision.number})查看每个数字的来源，在那里审批。",
        "",
        *_markdown_table(score_rows(card)),
        "",
        f"**台账疑点 {len(doubts)} 条**",
        *(f"- {escaped(finding.place or finding.ledger or '')}　{escaped(finding.message)}" for finding in doubts[:_LISTED]),
        *(["- 其余见本次运行附件（Artifacts）中的疑点表"] if len(doubts) > _LISTED else []),
        "",
        "**本环节登记的审批人**（有您不认识的人或您没有登记过的凭证，不要审批，告诉财政部门）",
        *(f"- {escaped(person.name)}：{escaped(_means(person, people))}" for person in seated(people, gate)),
    ]
    return "\n".join(lines)


def seated(people: People, gate: Gate) -> list[Person]:
    """Who may approve at a gate, stand-ins left out."""
    return [person for person in people.persons.values() if gate.key in person.roles and people.active(person.id)]


def _means(person: Person, people: People) -> str:
    """By what a person proves himself, and who has confirmed it how."""

    def confirmed(item: Means) -> str:
        by = people.persons.get(item.confirmed_by)
        proofs = [*(["凭纸质登记单"] if item.is_on_paper else []), *(["出示动态码"] if item.is_proved else [])]
        return f"{PROOF_TITLES[item.kind]}，{by.name if by else '未知'}{'、'.join(proofs)}确认"

    return "；".join(map(confirmed, person.confirmed))


def describe_objection(objection: Decision, remarks: Sequence[Remarked] = ()) -> str:
    """What the clerk reads above the form after a return; `remarks` are those of the return."""
    told = [f"{number}. {escaped(remark_title(item))}" for number, item in enumerate(remarks, start=1)]
    return "\n".join(
        [
            f"### 第{objection.revision}稿已退回修改",
            f"{escaped(objection.approver)}：{escaped(objection.comment)}",
            "",
            *([*told, ""] if told else []),
            f"请更正台账或底稿文件，然后填写更正说明{'、逐条答复' if told else ''}并提交；程序将重新计算，形成下一稿，重新审批。",
        ]
    )


def remark_title(item: Remarked) -> str:
    """A remark on one line: where, and what is wanted."""
    return f"{item.remark.where}：{item.remark.text}"


def score_rows(card: Scorecard) -> list[dict[str, str]]:
    """The 自评表's rows, the execution rate last, by Chinese heading."""
    rows: list[tuple[object, ...]] = [
        (row.level1, row.level2, row.name, row.target, row.actual, row.weight, row.score, row.explanation) for row in card.scores
    ]
    rows += [("评分调整", "", item.rule, "", "", "", item.points, item.explanation) for item in card.adjustments]
    execution = card.execution
    rate = percentage(execution.rate)
    rows.append(("预算执行", "预算执行率", "预算执行率", "100%", rate, execution.weight, execution.score, execution.explanation))
    names = ("一级指标", "二级指标", "三级指标", "年度指标值", "实际完成值", "分值", "得分", "说明")
    return [dict(zip(names, map(str, row), strict=True)) for row in rows]


def finding_rows(findings: Iterable[Finding]) -> list[dict[str, str]]:
    """Findings by Chinese heading, as many as a page shows."""
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
    lines = [head, ["---"] * len(head), *([escaped(row[name]) for name in head] for row in rows)]
    return ["| " + " | ".join(cells) + " |" for cells in lines]


def escaped(text: str) -> str:
    """Text from ledgers and people as Markdown that shows it and obeys none of it."""
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~&])", r"\\\1", " ".join(text.split()))


def find_draft(office: Office, revision: Revision) -> tuple[Path, str]:
    """A draft's file and the name to give it, which ends with its check code (核对码).

    Raises: StoreError: when there is no such draft or its file is damaged.
    """
    evaluation = revision.evaluation
    with office.store.reading() as record:
        drafted = record.outcome(revision, Drafted)
    if drafted is None:
        raise StoreError("S09", f"{evaluation.id} 没有第{revision.number}稿", "用 perfeval status 查看稿次。")
    programme = re.sub(r'[\\/:*?"<>|\s]+', "-", evaluation.programme)[:_PROGRAMME]
    name = f"{evaluation.year}年度{programme}自评报告-第{revision.number}稿-核对码{drafted.draft.check_code}.docx"
    return office.store.artifacts.path(drafted.draft.digest), name


def save_draft(office: Office, revision: Revision) -> Path:
    """Leave a draft in the workspace's folder of drafts, where the office can open it."""
    source, name = find_draft(office, revision)
    file = office.workspace.root / "drafts" / name
    file.parent.mkdir(exist_ok=True)
    shutil.copyfile(source, file)
    return file
