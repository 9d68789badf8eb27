"""Which file and sheet is which ledger (台账来源), by their names; what does not fit is said, never guessed."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
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
_ALIKE, _FEWEST_SIGNS = 0.75, 4


@dataclass(slots=True)
class _Search:
    """Ledgers found so far: their sheets, and those already spoken of in a finding."""

    catalogue: Catalogue
    names: Mapping[str, str]
    """English names of the kept ledgers by title."""
    sheets: dict[str, list[Sheet]] = field(default_factory=lambda: defaultdict(list))
    doubtful: dict[str, list[Sheet]] = field(default_factory=lambda: defaultdict(list))
    """Sheets whose name or file's name has a ledger's title in it, but whose header is not the ledger's."""
    similar: dict[str, list[Sheet]] = field(default_factory=lambda: defaultdict(list))
    """Sheets that were not read and look like a ledger."""
    spoken: set[str] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)

    def titles(self, text: str) -> list[str]:
        """The titles of ledgers, kept or not, that stand in a name: one alone where it is the name, and none that is part of another."""
        plain = normal(text)
        if plain in _BUILT_IN_TITLES | self.names.keys():
            return [plain]
        found = [title for title in _BUILT_IN_TITLES | self.names.keys() if title in plain]
        return sorted(title for title in found if not any(title != other and title in other for other in found))

    def name(self, text: str) -> str | None:
        """The English name of the kept ledger whose title, and no other, stands in a name: 2022年预算指标台账(1)."""
        titles = self.titles(text)
        return self.names.get(titles[0]) if len(titles) == 1 else None

    def is_called(self, name: str | None, text: str) -> bool:
        """Whether a name is a kept ledger's title and nothing else."""
        return name is not None and self.names.get(normal(text)) == name

    def is_not_kept(self, text: str) -> bool:
        """Whether a built-in ledger is called so that this office does not keep."""
        titles = self.titles(text)
        return bool(titles) and not self.names.keys() & set(titles)

    def title(self, name: str | None) -> str | None:
        """The Chinese title of a ledger."""
        return self.catalogue[name].ledger_title() if name else None

    def looks_like(self, name: str, sheet: Sheet) -> bool:
        """Whether a sheet's header is a ledger's."""
        return _likely(self, sheet) == name

    def similar_name(self, text: str) -> str | None:
        """The English name of the one ledger whose title is nearly a name: 支出台账."""
        core = re.sub("[0-9]+年?度?|副本|\\W|_", "", normal(text))
        alike = get_close_matches(core, self.names, n=2, cutoff=_ALIKE)
        alike += [title for title in self.names if len(core) >= _FEWEST_SIGNS and core in title and title not in alike]
        return self.names[alike[0]] if len(alike) == 1 else None


def find_sources(files: Sequence[ReceivedFile], catalogue: Catalogue) -> tuple[dict[str, Sheet], list[Finding]]:
    """Find the one sheet of each kept ledger; a ledger with none that must be there, or with two, has a finding instead."""
    search = _Search(catalogue, {normal(model.ledger_title()): name for name, model in catalogue.items()})
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
            # A document about a ledger has its title in its name too.
            is_own = is_table(file) or search.is_called(own, stem)
            severity = Severity.ERROR if is_own else Severity.WARNING
            severity = Severity.NOTE if search.is_not_kept(stem) else severity
            ledger = own if is_own else None
            search.findings.append(Finding(refusal.code, severity, refusal.message, ledger=search.title(ledger), file=file.name))
            search.spoken.update({ledger} if ledger else ())
            continue
        _assign(search, file, own, sheets)
    for name, doubtful in search.doubtful.items():
        if not search.sheets[name] and len(doubtful) == 1:
            search.sheets[name] += doubtful
        else:
            search.findings.extend(_unknown(search, sheet, is_alone=True) for sheet in doubtful)
    search.findings.extend(_not_one(search))
    return {name: search.sheets[name][0] for name in catalogue if len(search.sheets[name]) == 1}, search.findings


def _assign(search: _Search, file: ReceivedFile, own: str | None, sheets: Sequence[Sheet]) -> None:
    """Assign a file's sheets to ledgers, by sheet name first, then by file name where one sheet is left for it."""
    named = _named(search, sheets)
    taken = [sheet for _, sheet in named]
    others = [sheet for sheet in sheets if sheet not in taken and sheet.name != INDEX and not sheet.traits.empty]
    if own and named and own not in dict(named):
        inside = "、".join(f"《{search.title(name)}》" for name, _ in named)
        message = f"文件名是《{search.title(own)}》，里面的工作表却是{inside}。请检查是否两个文件放反了，把文件名或工作表名改对。"
        search.findings.append(Finding(Code.SWAPPED, Severity.ERROR, message, ledger=search.title(own), file=file.name))
        search.spoken.update({own, *dict(named)})
        return
    if own and not named:
        fit = [sheet for sheet in others if not search.is_not_kept(sheet.name or "")] or others
        fit = [sheet for sheet in fit if search.name(sheet.name or "") == own and search.looks_like(own, sheet)] or fit
        if len(fit) != 1:
            search.findings.append(_no_single(file, search.title(own), fit))
            search.spoken.add(own)
            return
        others = [sheet for sheet in others if sheet is not fit[0]]
        if search.is_called(own, PurePath(file.name).stem) or search.looks_like(own, fit[0]):
            named = [(own, fit[0])]
        else:
            search.doubtful[own].append(fit[0])
    for name, sheet in named:
        if sheet.traits.empty:
            message = "工作表是空的。请填入台账，或删除这张工作表。"
            search.findings.append(sheet.finding(Code.EMPTY, message, ledger=search.title(name)))
            search.spoken.add(name)
        else:
            search.sheets[name].append(sheet)
    search.findings.extend(_unknown(search, sheet, is_alone=not (named or own)) for sheet in others)
    if not own and not named and not others:
        message = "文件里没有内容，也不是以台账名称命名。请核对后移走或改名。"
        search.findings.append(Finding(Code.EMPTY, Severity.WARNING, message, file=file.name))


def _named(search: _Search, sheets: Sequence[Sheet]) -> list[tuple[str, Sheet]]:
    """The sheets called by a ledger's title; with no such sheet, those with the title in their name and the ledger's header."""
    exact = [(name, sheet) for sheet in sheets if (name := search.name(sheet.name or "")) and search.is_called(name, sheet.name or "")]
    filled = [sheet for sheet in sheets if not sheet.traits.empty]
    near = [
        (name, sheet)
        for sheet in filled
        if (name := search.name(sheet.name or "")) and name not in dict(exact) and (len(filled) == 1 or search.looks_like(name, sheet))
    ]
    return exact + near


def _no_single(file: ReceivedFile, title: str | None, others: Sequence[Sheet]) -> Finding:
    if not others:
        message = f"文件是空的，没有《{title}》的表头和数据。请重新导出或从备份恢复后提交。"
        return Finding(Code.EMPTY, Severity.ERROR, message, ledger=title, file=file.name)
    names = "、".join(f"“{sheet.name}”" for sheet in others)
    message = f"文件里有多张工作表（{names}），分不清哪张是台账。请把台账所在的工作表改名为“{title}”；分在几张里的，请合到一张。"
    return Finding(Code.AMBIGUOUS, Severity.ERROR, message, ledger=title, file=file.name)


def _unknown(search: _Search, sheet: Sheet, *, is_alone: bool) -> Finding:
    """A sheet that is no ledger by name; a warning where it looks like one, or where nothing else of its file was read."""
    called = sheet.name or PurePath(sheet.file.name).stem
    if search.is_not_kept(called) or (is_alone and search.is_not_kept(PurePath(sheet.file.name).stem)):
        return sheet.finding(Code.UNKNOWN, "本单位不设这本台账，没有读取。", severity=Severity.NOTE)
    what = "工作表" if sheet.name else "文件"
    titles = search.titles(called)
    name = _likely(search, sheet)
    if len(titles) > 1:
        message = (
            f"{what}没有读取：名称里有{'、'.join(f'《{title}》' for title in titles)}，分不清是哪一本。请一本一张工作表，以台账名称命名。"
        )
    elif name:
        message = f"{what}没有读取：表头像是《{search.title(name)}》，名称却不是。是台账的请把{what}改名为“{search.title(name)}”。"
    elif name := search.name(called) or search.similar_name(called):
        message = (
            f"{what}没有读取：名称像是《{search.title(name)}》，表头却不像。是台账的请核对表头，并把{what}改名为“{search.title(name)}”。"
        )
    else:
        message = f"{what}没有读取：名称不是台账名称。"
    if name:
        search.similar[name].append(sheet)
    return sheet.finding(Code.UNKNOWN, message, severity=Severity.WARNING if name or titles or is_alone else Severity.NOTE)


def _likely(search: _Search, sheet: Sheet) -> str | None:
    """The English name of the ledger whose header a sheet has."""
    try:
        model = likely_model(sheet.head(), search.catalogue)
    except RefusedFileError:
        return None
    return model.ledger_name() if model else None


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
            if similar := search.similar[name]:
                message += f"{'、'.join(sheet.place for sheet in similar)} 像是它，是的话请改名。"
            else:
                message += "全年没有此类业务的，也应提交只有表头的空台账。"
            yield Finding(Code.MISSING, Severity.ERROR, message, ledger=title)
