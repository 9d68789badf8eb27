"""Beginnings: a workspace out of a pack (成套设置), a new year out of the last one, blank ledgers."""

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from perfeval.configuration import read_text
from perfeval.errors import ConfigurationError, UsageError
from perfeval.explanations import blank
from perfeval.workspace import CONFIG_FILE, Subject, Workspace
from schemas import Catalogue

_SOURCE = Path(__file__).resolve().parent
CONFIG = _SOURCE.parent / "config" if (_SOURCE.parent / "config" / "packs").is_dir() else _SOURCE / "_config"
COMMON = CONFIG / "common"
PACKS = CONFIG / "packs"
DEFAULT_PACK = "key-projects"
_SAMPLE = "sample"
# What of last year's front matter is of last year: the reasons, from before they had a file.
_OF_A_YEAR = ("deviations", "exceeded")
_YEAR_ENDS = (("-01-01", "year_start"), ("-12-31", "year_end"))


@dataclass(frozen=True, slots=True)
class _Beginning:
    """A pack, the year whose rules it holds, and the sample rows to write, if any."""

    pack: Path
    year: int
    sample: str


def create_workspace(folder: Path, pack: str = "", sample: str = "", scale: int = 1) -> list[Path]:
    """Write a pack's configuration into a new folder, with the sample's ledgers or blank ones; returns the files.

    Raises: UsageError: an unknown pack or sample, or a folder in use.
    """
    beginning = _beginning(pack, sample)
    if (folder / CONFIG_FILE).exists() or (folder.exists() and not folder.is_dir()):
        raise UsageError("U04", f"{folder} 已是工作区或不是目录，未作任何改动", "换一个新目录。")
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Made beside and moved: a full disk leaves no half workspace.
    with tempfile.TemporaryDirectory(prefix=".perfeval-", dir=folder.parent) as beside:
        made = Path(shutil.copytree(COMMON, Path(beside) / "made"))
        shutil.copytree(beginning.pack, made, dirs_exist_ok=True, ignore=shutil.ignore_patterns(_SAMPLE))
        _write_rows(made, beginning, scale)
        files = [path.relative_to(made) for path in sorted(made.rglob("*")) if path.is_file()]
        if taken := [str(file) for file in files if (folder / file).exists()]:
            raise UsageError("U16", f"{folder} 里已有 {'、'.join(taken)}，未作任何改动", "换一个新目录，或先移走这些文件。")
        for file in sorted(files, key=lambda file: file.name == CONFIG_FILE):  # which makes it a workspace, last
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.move(made / file, folder / file)
    return [folder / file for file in files]


def _beginning(pack: str, sample: str) -> _Beginning:
    from perfeval import sample as generated

    packs = {path.name: path for path in sorted(PACKS.iterdir()) if (path / CONFIG_FILE).is_file()}
    samples = {generated.NAME: generated.PACK} | {
        f"{name}-{year.name}": name for name, path in packs.items() for year in sorted((path / _SAMPLE).glob("[0-9]*"))
    }
    if sample and sample not in samples:
        raise UsageError("U03", f"没有名为“{sample}”的样例", f"可用样例：{'、'.join(samples)}")
    if pack and pack not in packs:
        raise UsageError("U13", f"没有名为“{pack}”的成套设置", f"可用：{'、'.join(packs)}")
    if sample and pack and samples[sample] != pack:
        raise UsageError("U17", f"样例“{sample}”属于 {samples[sample]}，不属于 {pack}", "去掉 --pack，或换一个样例。")
    chosen = packs[samples[sample] if sample else pack or DEFAULT_PACK]
    return _Beginning(chosen, max(known_years(chosen)), sample)


def _write_rows(made: Path, beginning: _Beginning, scale: int) -> None:
    from perfeval import sample as generated

    folder, catalogue = made / "ledgers" / str(beginning.year), Workspace(made).catalogue
    folder.mkdir(parents=True)
    reasons = made / "explanations" / f"{beginning.year}.yml"
    reasons.parent.mkdir()
    if beginning.sample:
        shutil.copyfile(beginning.pack / _SAMPLE / reasons.parent.name / reasons.name, reasons)
    else:
        reasons.write_text(blank(beginning.year, str(beginning.year)), encoding="utf-8")
    if beginning.sample == generated.NAME:
        generated.write_sample(folder, scale)
    elif beginning.sample:
        if scale > 1:
            raise UsageError("U14", f"样例“{beginning.sample}”的行数不能放大", "去掉 --scale。")
        for path in (beginning.pack / _SAMPLE / str(beginning.year)).iterdir():  # under the ledgers' English names
            shutil.copyfile(path, folder / f"{catalogue[path.stem].ledger_title()}{path.suffix}")
    else:
        write_blank_ledgers(catalogue, beginning.year, folder)


def write_blank_ledgers(catalogue: Catalogue, year: int, folder: Path) -> list[Path]:
    """Write blank ledgers for those that a folder does not have; returns the files written."""
    from perfeval.ledgers.blanks import write_blanks

    return write_blanks(catalogue, folder, year)


def latest_year(workspace: Workspace) -> int:
    """The last year that the workspace has rules for.

    Raises: ConfigurationError: it has none.
    """
    if not (years := known_years(workspace.root)):
        raise ConfigurationError("F08", "indicators 文件夹里没有任何年度的指标体系", "从 perfeval init 新建的工作区复制一份。")
    return max(years)


def known_years(root: Path) -> list[int]:
    """The years that a workspace or pack has rules for."""
    return [int(path.name[:4]) for path in (root / "indicators").glob("*.yml") if re.match(r"[0-9]{4}[.-]", path.name)]


def begin_year(workspace: Workspace, year: int, from_year: int = 0) -> tuple[list[str], list[str]]:
    """Carry rules, narrative and documents of one year over to another, with blank ledgers; nothing is overwritten.

    Returns: the files made, and what a person must confirm, as `file:line: what`.
    Raises: UsageError: there is no year to begin from. ConfigurationError: its files are missing.
    """
    known = set(known_years(workspace.root))
    years = sorted(known - {year})
    from_year = from_year or max(years, default=0)
    if from_year not in years:
        how = "从 perfeval init 新建的工作区复制一份。"
        if years:
            how = f"用 --from 指定已有的年度：{'、'.join(map(str, years))}。"
        elif known:
            how = f"{year} 年度的设置已有，写入空白台账：perfeval template --year {year}。"
        raise UsageError("U15", f"没有{f' {from_year} ' if years else '别的'}年度的指标体系可以沿用", how)
    made: list[str] = []
    confirm: list[str] = []
    texts = dict(_carried(workspace, from_year, year))
    for path, text in texts.items():
        name = path.relative_to(workspace.root).as_posix()
        if path.exists():
            confirm.append(f"{name}：已有，未改动")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            made.append(name)
        confirm += _to_confirm(name, path.read_text(encoding="utf-8"), from_year)
    for programme in workspace.programmes:
        line = _line_of(workspace.config_file.read_text(encoding="utf-8"), programme.codes[0])
        confirm.append(f"{CONFIG_FILE}:{line}: “{programme.name}”{year}年的预算项目编码如与 {'、'.join(programme.codes)} 不同，加进 codes")
    written = write_blank_ledgers(workspace.catalogue, year, workspace.root / "ledgers" / str(year))
    return [*made, *(path.relative_to(workspace.root).as_posix() for path in written)], confirm


def _carried(workspace: Workspace, from_year: int, year: int) -> Iterator[tuple[Path, str]]:
    """The new year's files and their texts."""
    before, after = (Subject(workspace, workspace.programmes[0], each) for each in (from_year, year))
    basis = [document.model_dump() for document in before.brought.basis]
    if not before.year_file.is_file():  # the year's documents stood in perfeval.yml, and would be read for every year
        yield before.year_file, _year_text(from_year, basis)
    yield after.year_file, _year_text(year, [_renewed(document, from_year, year) for document in basis])
    for programme in workspace.programmes:
        before, after = (Subject(workspace, programme, each) for each in (from_year, year))
        yield after.paths[0], _renewed_indicators(_read(before, 0), from_year, year)
        yield after.paths[1], _renewed_narrative(_read(before, 1))
        yield after.explanations, blank(year, after.stem)


def _read(subject: Subject, place: int) -> str:
    """A programme's own file, or the one that it had before there were several programmes."""
    path = subject.paths[place]
    before = path.with_name(f"{subject.year}{path.suffix}")
    return read_text(subject.workspace.existing(path if path.is_file() or not before.is_file() else before))


def _year_text(year: int, basis: Sequence[Mapping[str, str]]) -> str:
    dumped = yaml.safe_dump({"basis": list(basis)}, allow_unicode=True, sort_keys=False, width=1000)
    return f"# {year}年度自评的依据，按发文先后；最后一个是部署本年度自评的通知。\n{dumped}"


def _renewed(document: Mapping[str, str], from_year: int, year: int) -> dict[str, str]:
    """A document that goes on, or the same one of the new year, whose number nobody knows yet."""
    if str(from_year) not in document["title"]:
        return dict(document)
    return {"title": document["title"].replace(str(from_year), str(year)), "number": ""}


def _renewed_indicators(text: str, from_year: int, year: int) -> str:
    text = re.sub(rf"(?m)^year: *{from_year}\b", f"year: {year}", text)
    for end, word in _YEAR_ENDS:  # as they were written before conditions knew the year
        text = re.sub(rf"\bDATE *'{from_year}{end}'", word, text, flags=re.IGNORECASE)
    return re.sub(rf"(?m)^(\s*#.*?){from_year}年度", rf"\g<1>{year}年度", text)


def _renewed_narrative(text: str) -> str:
    """The narrative without the reasons of last year."""
    head, front, body = text.partition("\n---\n") if text.startswith("---\n") else ("", "", text)
    keys = "|".join(_OF_A_YEAR)
    return re.sub(rf"(?m)^(?:{keys}):.*\n?(?:[ \t]+.*\n?|\n)*", "", head + "\n").rstrip("\n") + front + body if front else text


def _to_confirm(name: str, text: str, from_year: int) -> Iterator[str]:
    """Lines of a new year's file that still speak of the old one, or wait for what nobody knows yet."""
    if name.startswith("indicators/"):
        yield f"{name}:1: 指标值和分值沿用{from_year}年度，按本年批复的绩效目标逐项核对"
    if name.startswith("explanations/"):
        yield f"{name}:1: 上年的说明没有沿用，按本年情况填写"
    lines = dict(enumerate(text.split("\n"), start=1))
    yield from (f"{name}:{number}: 填写本年通知的文号" for number, line in lines.items() if 'number: ""' in line or "number: ''" in line)
    if str(from_year) in name:
        return
    year = re.compile(rf"(?<![0-9]){from_year}(?![0-9])")
    old = [number for number, line in lines.items() if year.search(line) and not line.lstrip().startswith("#")]
    if old:  # once a file: the source of every indicator names last year's document
        first, *others = old
        more = f"；还有{len(others)}行：第{'、'.join(map(str, others))}行" if others else ""
        yield f"{name}:{first}: 仍写着{from_year}：{lines[first].strip()[:60]}{more}"


def _line_of(text: str, part: str) -> int:
    return text.count("\n", 0, max(text.find(part), 0)) + 1
