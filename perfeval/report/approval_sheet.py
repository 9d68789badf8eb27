"""The approval sheet (审批表): every decision of an evaluation's record on a page of its own, to be printed and signed by hand.

Kept on paper it is the witness of the record. Bags are compared with it word by word: a change of its words needs the old ones kept too.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from lxml import etree

from perfeval.approvals.events import Drafted, Opened
from perfeval.approvals.judging import Judged, judge
from perfeval.approvals.people import People, people_of
from perfeval.approvals.person import PROOF_TITLES
from perfeval.approvals.proof import Proved, Unproved
from perfeval.approvals.record import SHORTEST_HEAD, Entry, head, read_line
from perfeval.approvals.remarks import Remarked, remarks_of
from perfeval.model.clock import CHINA
from perfeval.model.digests import check_code
from perfeval.report.document import open_template, pack
from perfeval.report.figures import MARKS
from perfeval.report.package import report_error
from perfeval.report.wordml import Body, Cell, Row, Table

_WIDTHS = (1300, 3100, 1300, 3145)
_NOTES = (
    "动态码由程序当时核验，事后不能独立验证；设备签名可以用归档包里的 check.sh 核验，设备属于谁以纸质登记单为准。",
    "链头代表它以前的全部记录。本表打印后由审批人核对、签字，各自另存；日后用 perfeval verify 归档包 --head 链头 对照。",
)


def write_approval_sheet(unit: str, entries: Sequence[Entry], people: Sequence[Entry], template: bytes) -> bytes:
    """See `perfeval.report.write_approval_sheet`."""
    word, missing = open_template(template)
    if missing:
        raise report_error(missing)
    lines = [read_line(entry.line) for entry in entries]
    known, _ = people_of([read_line(entry.line) for entry in people], [entry.line for entry in people])
    opened = next(line.what for line in lines if isinstance(line.what, Opened))
    drafts = [line.what for line in lines if isinstance(line.what, Drafted)]
    body = Body()
    body.paragraph("Title", "项目支出绩效自评报告审批表")
    body.table(Table(_WIDTHS, "clcl", list(_subject(unit, opened, drafts[-1], known))))
    remarks = remarks_of(lines)
    for decision in judge(entries, people).decisions:
        wanted = [item for item in remarks if (item.revision, item.approver) == (decision.statement.revision, decision.statement.approver)]
        body.paragraph("TableText")
        body.table(Table(_WIDTHS, "clcl", list(_decision(decision, entries[decision.number - 1], drafts, known, wanted))))
    body.paragraph("TableText")
    for title, chain in (("审批记录", entries), ("人员记录", people)):
        body.paragraph("TableNote", f"{title}共{len(chain)}条，链头 {head(chain)}")
    for note in _NOTES:
        body.paragraph("TableNote", note)
    body.parts.append(etree.tostring(word.element.body.sectPr, encoding="unicode"))
    word.core_properties.title = "项目支出绩效自评报告审批表"
    word.core_properties.created = word.core_properties.modified = lines[-1].at
    return pack(word, body)


def _subject(unit: str, opened: Opened, draft: Drafted, people: People) -> Iterator[Row]:
    yield [_head("单位"), _text(unit), _head("年度"), f"{opened.year}年度"]
    yield [_head("预算项目"), _text(opened.programme), _head("稿次"), f"第{draft.revision}稿"]
    preparer = people.persons.get(opened.prepared_by)
    yield [_head("送审人"), _text(preparer.name if preparer else opened.prepared_by), _head("核对码"), check_code(draft.content_digest)]
    yield [_head("内容摘要"), Cell(draft.content_digest, 3)]


def _decision(decision: Judged, entry: Entry, drafts: Sequence[Drafted], people: People, remarks: Sequence[Remarked]) -> Iterator[Row]:
    stated = decision.statement
    gate = next(gate for draft in drafts if draft.revision == stated.revision for gate in draft.gates if gate.key == stated.gate)
    absent = people.persons.get(decision.absent)
    yield [_head("环节"), _text(f"{gate.title}（{gate.act}）"), _head("稿次"), f"第{stated.revision}稿"]
    yield [_head("审批人"), _text(decision.name + (f"（代{absent.name}）" if absent else "")), _head("时间"), _time(stated.decided_at)]
    yield [_head("决定"), str(stated.verdict), _head("凭证"), _proof(decision)]
    yield [_head("意见"), Cell(_text(stated.comment), 3)]
    for item in remarks:
        yield [_head("修改意见"), Cell(_text(f"{item.remark.where}：{item.remark.text}"), 3)]
        yield [_head("答复"), Cell(_text(item.reply), 3)]
    yield [_head("链头"), f"第{decision.number}条 {entry.sha256[:SHORTEST_HEAD]}", _head("签字"), ""]


def _proof(decision: Judged) -> str:
    found, title = decision.verification, PROOF_TITLES[decision.kind]
    if isinstance(found, Proved):
        return f"{title}，公钥指纹 {found.fingerprint}"
    return f"{title}（{found.reason}）" if isinstance(found, Unproved) else title


def _head(text: str) -> Cell:
    return Cell(text, head=True)


def _text(text: str) -> str:
    return MARKS.sub("", text)


def _time(at: datetime) -> str:
    return f"{at.astimezone(CHINA):%Y-%m-%d %H:%M:%S}"
