"""What a bag says of itself: bag-info.txt, metadata.xml (DA/T 46-2009) and 归档说明.txt. Text out of data, no clock."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path, PurePosixPath

from lxml import etree

from perfeval.approvals.record import Entry, head
from perfeval.archive.approvals import Approvals, acts, china_time, time_text
from perfeval.archive.digesting import Digests
from perfeval.archive.package import SubmissionPackage, report_title
from perfeval.model import Evaluation
from perfeval.workspace import Subject

BAGIT = "BagIt-Version: 0.97\nTag-File-Character-Encoding: UTF-8\n"
METADATA = "metadata.xml"
NOTICE = "归档说明.txt"
_TEXT = Path(__file__).with_name("notice.txt")
# What a version of the program may word otherwise.
_TITLES = {"题名", "External-Description"}
_LABEL = re.compile(r"\s*(?P<label>.+?)(?:　+|  +|：)(?P<text>.*)")

_TERMS = {"Y": "永久", "D30": "30年", "D10": "10年"}
_FORMATS = {
    ".docx": ("Office Open XML 文字处理文档", "ISO/IEC 29500 Transitional"),
    ".xlsx": ("Office Open XML 电子表格", "ISO/IEC 29500 Transitional"),
    ".csv": ("CSV 文本", "RFC 4180"),
    ".parquet": ("Apache Parquet", "2"),
    ".json": ("JSON 文本", "RFC 8259"),
    ".yml": ("YAML 文本", "1.1"),
    ".md": ("Markdown 文本", "CommonMark"),
}


def describe(package: SubmissionPackage, approvals: Approvals, files: Mapping[str, Digests]) -> dict[str, bytes]:
    """What a bag says of itself, by file."""
    return {
        "bag-info.txt": bag_info(package, files).encode(),
        METADATA: metadata(package, approvals, files),
        NOTICE: notice(package, approvals).encode(),
    }


def bag_info(package: SubmissionPackage, files: Mapping[str, Digests]) -> str:
    """bag-info.txt."""
    entries = {
        "Source-Organization": package.unit,
        "External-Identifier": package.archive_no,
        "External-Description": package.title,
        "Internal-Sender-Identifier": f"{package.evaluation.id} r{package.revision}",
        "Bagging-Date": china_time(package.archived_at).date().isoformat(),
        "Payload-Oxum": f"{sum(file.size for file in files.values())}.{len(files)}",
        "Bag-Software-Agent": package.program,
    }
    return "".join(f"{label}: {one_line(value)}\n" for label, value in entries.items())


def metadata(package: SubmissionPackage, approvals: Approvals, files: Mapping[str, Digests]) -> bytes:
    """metadata.xml: the fields of DA/T 46-2009 under their Chinese names."""
    archive = package.archive
    root = etree.Element("电子文件元数据", {"依据": "DA/T 46-2009"})
    _add(root, "聚合层次", "件")
    origin = _add(root, "来源")
    _add(origin, "全宗号", archive.fonds)
    _add(origin, "全宗名称", archive.fonds_name)
    _add(origin, "立档单位名称", package.unit)
    _add(root, "电子文件号", f"{package.evaluation.id}-r{package.revision}")
    _add(root, "档号", package.archive_no)
    _add(root, "题名", package.title)
    _add(root, "文件编号")  # the report has no 发文字号 of its own
    _add(root, "责任者", package.unit)
    _add(root, "日期", package.written_on.isoformat())
    _add(root, "文种", "报告")
    _add(root, "密级", archive.security)
    _add(root, "保管期限", _TERMS[archive.term])
    _add(root, "年度", str(package.evaluation.year))
    _add(root, "预算项目", package.programme)
    _add(root, "创建程序", package.program)
    for path, digests in sorted(files.items()):
        file = _add(root, "电子文件", 文件名=path)
        name, version = _FORMATS.get(PurePosixPath(path).suffix.lower(), ("其他", ""))
        _add(file, "格式", name, 版本=version)
        _add(file, "大小", str(digests.size), 单位="字节")
        _add(file, "数字摘要", digests.sha256, 算法="SHA-256")
        _add(file, "数字摘要", digests.sm3, 算法="SM3")
    for action, person, at in acts(approvals):
        act = _add(root, "业务行为")
        _add(act, "行为", action)
        _add(act, "机构人员", person)
        _add(act, "时间", at)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def one_line(text: str) -> str:
    """Text on one line, without characters that neither XML nor a terminal can show."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def notice(package: SubmissionPackage, approvals: Approvals) -> str:
    """归档说明.txt: what lies here and how to check it in twenty years, without this program."""
    decisions = "\n".join(
        f"    第{item.revision}稿 {approvals.title(item.gate)}：{item.verdict}，{one_line(item.approver)}，"
        f"{time_text(item.decided_at)}" + (f"，意见：{one_line(item.comment)}" if item.comment else "")
        for item in approvals.decisions
    )
    return _TEXT.read_text(encoding="utf-8").format(
        title=one_line(package.title),
        archive_no=package.archive_no,
        unit=one_line(package.unit),
        programme=one_line(package.programme),
        year=package.evaluation.year,
        revision=approvals.revision,
        prepared_by=one_line(approvals.prepared_by),
        archived_at=time_text(approvals.archived_at),
        program=package.program,
        decisions=decisions,
        digest=approvals.content_digest,
        code=approvals.check_code,
        record=f"共{len(package.record)}条，链头 {head(package.record)}",
        people=f"共{len(package.people)}条，链头 {head(package.people)}",
    )


def made_by(path: Path) -> str:
    """The program and version that made a bag, as it says; empty where it does not."""
    return _told((path / "bag-info.txt").read_text(encoding="utf-8")).get("Bag-Software-Agent", "")


def misdescribed(
    path: Path,
    files: Mapping[str, Digests],
    subject: Subject,
    written_on: date | None,
    approvals: Approvals,
    chains: tuple[Sequence[Entry], Sequence[Entry]],
) -> tuple[list[str], list[str]]:
    """What bag-info.txt, metadata.xml and 归档说明.txt of an intact bag say otherwise than its records and settings.

    `written_on` is None where the report cannot be written again to tell it.

    Returns: what stands in both and is not the same, whichever version made it; and the files that differ at all.
    Raises: ValueError, OSError: one of them cannot be read.
    """
    kept = {name: (path / name).read_bytes() for name in ("bag-info.txt", METADATA, NOTICE)}
    told, settings = _told(kept["bag-info.txt"].decode()), subject.workspace.settings
    package = SubmissionPackage(
        archive_no=told.get("External-Identifier", ""),
        title=report_title(settings.unit.name, subject.year),
        evaluation=Evaluation(approvals.evaluation, subject.year, subject.programme.name, approvals.prepared_by, approvals.drafted_at),
        revision=approvals.revision,
        gates=approvals.gates,
        decisions=approvals.decisions,
        written_on=written_on or date.fromisoformat("".join(_elements(METADATA, kept[METADATA]).get("日期", []))),
        archived_at=approvals.archived_at,
        unit=settings.unit.name,
        programme=subject.programme.name,
        archive=settings.archive,
        program=told.get("Bag-Software-Agent", ""),
        record=chains[0],
        people=chains[1],
    )
    now = describe(package, approvals, files)
    wrong = [f"{name} 的{label}" for name, content in now.items() for label in _contradictions(name, kept[name], content)]
    return wrong, [name for name, content in now.items() if kept[name] != content]


def _contradictions(name: str, kept: bytes, now: bytes) -> list[str]:
    before, after = _elements(name, kept), _elements(name, now)
    return [
        label for label, texts in before.items() if label in after and texts != after[label] and label.rpartition("/")[2] not in _TITLES
    ]


def _elements(name: str, content: bytes) -> dict[str, list[str]]:
    """The texts of a description by label, those of one label in their order."""
    found: dict[str, list[str]] = defaultdict(list)
    if name == METADATA:
        root = etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
        for element in root.iter(etree.Element):
            label = "/".join([*(str(parent.tag) for parent in reversed(list(element.iterancestors())[:-1])), str(element.tag)])
            found[label].append("".join([*element.attrib.values(), (element.text or "").strip()]))
    elif name == NOTICE:
        # What is told of this bag stands in the lines on top and in 审批经过; the rest explains bags.
        on_top, _, rest = content.decode().partition("\n一、")
        for line in (on_top + rest.partition("\n二、")[2].partition("\n三、")[0]).splitlines():
            if match := _LABEL.fullmatch(line):
                found[match["label"]].append(match["text"])
    else:
        for label, text in _told(content.decode()).items():
            found[label].append(text)
    return found


def _told(info: str) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in info.splitlines() if ": " in line)


def _add(parent: etree._Element, tag: str, text: str = "", **attributes: str) -> etree._Element:
    child = etree.SubElement(parent, tag, {name: one_line(value) for name, value in attributes.items()})
    child.text = one_line(text) or None
    return child
