"""Which file and sheet is which ledger (台账来源), by their names; what does not fit is said, never guessed."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from perfeval.codes import Code
from perfeval.ledgers.headers import likely_model
from perfeval.model import Finding, ReceivedFile, Severity
from perfeval.spreadsheets import RefusedFileError, Sheet, is_table, open_file
from perfeval.texts import has_controls, normal, visible
from schemas import BUILT_IN, Catalogue

INDEX = "疑点清单"
"""The list of findings in a marked copy; a clerk may correct the copy and hand it in."""
_BUILT_IN_TITLES = {model.ledger_title() for model in BUILT_IN.values()}


@dataclass(slots=True)
class _Search:
    """Ledgers found so far: their sheets, and those already spoken of in a finding."""

    catalogue: Catalogue
    names: Mapping[str, str]
    """English names of the kept ledgers by title."""
    sheets: dict[str, list[Sheet]] = field(default_factory=lambda: defaultdict(list))
    spoken: set[str] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)

    def name(self, title: str) -> str | None:
        """The English name of the kept ledger that is called so."""
        return self.names.get(_plain(title))

    def is_not_kept(self, title: str) -> bool:
        """Whether a built-in ledger is called so that this office does not keep."""
        return _plain(title) in _BUILT_IN_TITLES - self.names.keys()

    def title(self, name: str | None) -> str | None:
        """The Chinese title of a ledger."""
        return self.catalogue[name].ledger_title() if name else None


def find_sources(files: Sequence[ReceivedFile], catalogue: Catalogue) -> tuple[dict[str, Sheet], list[Finding]]:
    """Find the one sheet of each kept ledger; a ledger with none that must be there, or with two, has a finding instead."""
    search = _Search(catalogue, {_plain(model.ledger_title()): name for name, model in catalogue.items()})
    for file in files:
        if has_controls(file.name):
            message = "文件名里有不能识别的字符（多半是解压时编码不对）。请改名后重新提交。"
            search.findings.append(Finding(Code.BAD_NAME, Severity.ERROR, message, file=visible(file.name)))
            continue
        stem = PurePath(file.name).stem
        own = search.name(stem)
        try:
            sheets = open_file(file)
        except RefusedFileError as refusal:
            severity = Severity.ERROR if own or is_table(file) else Severity.WARNING
            severity = Severity.NOTE if search.is_not_kept(stem) else severity
            search.findings.append(Finding(refusal.code, severity, refusal.message, ledger=search.title(own), file=file.name))
            search.spoken.update({own} if own else ())
            continue
        _assign(search, file, own, sheets)
    search.findings.extend(_not_one(search))
    return {name: search.sheets[name][0] for name in catalogue if len(search.sheets[name]) == 1}, search.findings


def _assign(search: _Search, file: ReceivedFile, own: str | None, sheets: Sequence[Sheet]) -> None:
    """Assign a file's sheets to ledgers, by sheet name first, then by file name where one sheet is left for it."""
    named = [(name, sheet) for sheet in sheets if (name := search.name(sheet.name or ""))]
    others = [sheet for sheet in sheets if not search.name(sheet.name or "") and sheet.name != INDEX and not sheet.marks.empty]
    if own and named and own not in dict(named):
        inside = "、".join(f"《{search.title(name)}》" for name, _ in named)
        message = f"文件名是《{search.title(own)}》，里面的工作表却是{inside}。请检查是否两个文件放反了，把文件名或工作表名改对。"
        search.findings.append(Finding(Code.SWAPPED, Severity.ERROR, message, ledger=search.title(own), file=file.name))
        search.spoken.update({own, *dict(named)})
        return
    if own and not named:
        fit = [sheet for sheet in others if not search.is_not_kept(sheet.name or "")] or others
        if len(fit) != 1:
            search.findings.append(_no_single(file, search.title(own), fit))
            search.spoken.add(own)
            return
        named, others = [(own, fit[0])], [sheet for sheet in others if sheet is not fit[0]]
    for name, sheet in named:
        if sheet.marks.empty:
            message = "工作表是空的。请填入台账，或删除这张工作表。"
            search.findings.append(sheet.finding(Code.EMPTY, message, ledger=search.title(name)))
            search.spoken.add(name)
        else:
            search.sheets[name].append(sheet)
    search.findings.extend(_unknown(search, sheet, is_alone=not named) for sheet in others)
    if not own and not named and not others:
        message = "文件里没有内容，也不是以台账名称命名。请核对后移走或改名。"
        search.findings.append(Finding(Code.EMPTY, Severity.WARNING, message, file=file.name))


def _no_single(file: ReceivedFile, title: str | None, others: Sequence[Sheet]) -> Finding:
    if not others:
        message = f"文件是空的，没有《{title}》的表头和数据。请重新导出或从备份恢复后提交。"
        return Finding(Code.EMPTY, Severity.ERROR, message, ledger=title, file=file.name)
    names = "、".join(f"“{sheet.name}”" for sheet in others)
    message = f"文件里有多张工作表（{names}），分不清哪张是台账。请把台账所在的工作表改名为“{title}”。"
    return Finding(Code.AMBIGUOUS, Severity.ERROR, message, ledger=title, file=file.name)


def _unknown(search: _Search, sheet: Sheet, *, is_alone: bool) -> Finding:
    """A sheet that is no ledger by name; a warning where it looks like one, or where nothing else of its file was read."""
    if search.is_not_kept(sheet.name or "") or (is_alone and search.is_not_kept(PurePath(sheet.file.name).stem)):
        return sheet.finding(Code.UNKNOWN, "本单位不设这本台账，没有读取。", severity=Severity.NOTE)
    try:
        likely = likely_model(sheet.head(), search.catalogue)
    except RefusedFileError:
        likely = None
    what = "工作表" if sheet.name else "文件"
    if likely:
        message = f"{what}没有读取：表头像是《{likely.ledger_title()}》，名称却不是。是台账的请把{what}改名为“{likely.ledger_title()}”。"
    else:
        message = f"{what}没有读取：名称不是台账名称。"
    severity = Severity.WARNING if likely or is_alone else Severity.NOTE
    return sheet.finding(Code.UNKNOWN, message, severity=severity)


def _not_one(search: _Search) -> Iterator[Finding]:
    """Findings on ledgers with no source, and with more than one."""
    for name, model in search.catalogue.items():
        title, sheets = model.ledger_title(), search.sheets[name]
        if len(sheets) > 1:
            places = "、".join(sheet.place for sheet in sheets)
            message = f"《{title}》有{len(sheets)}个来源：{places}。请只保留一个，其余移走或改名。"
            yield Finding(Code.TWICE, Severity.ERROR, message, ledger=title, file=sheets[1].file.name, sheet=sheets[1].name)
        elif not sheets and name not in search.spoken and name not in search.catalogue.optional:
            message = f"缺少《{title}》。应有名为 {title}.xlsx（或 .csv）的文件，或名为“{title}”的工作表；"
            message += "全年没有此类业务的，也应提交只有表头的空台账。"
            yield Finding(Code.MISSING, Severity.ERROR, message, ledger=title)


def _plain(name: str) -> str:
    return normal(unicodedata.normalize("NFC", name))
