"""The workspace (工作区): a folder with perfeval.yml, indicators, narrative and ledgers; every path is asked from here."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from perfeval.configuration import load_model
from perfeval.errors import ConfigurationError, UsageError
from perfeval.model import Gate
from perfeval.settings import Programme, Settings, Year

if TYPE_CHECKING:
    from schemas import Catalogue

CONFIG_FILE = "perfeval.yml"
LEDGERS_FILE = "ledgers.yml"
KEY_VARIABLE = "PERFEVAL_KEY"
KEY_LENGTH = 16


class Workspace:
    """A workspace folder and its settings; every path the program uses is asked from here."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.config_file = self.root / CONFIG_FILE
        if not self.config_file.is_file():
            raise UsageError(
                "U01", f"{self.root} 不是工作区：缺少 {CONFIG_FILE}", "用 perfeval init 目录 新建工作区，或用 -w 指定工作区目录。"
            )
        self.settings = load_model(self.config_file, Settings)

    @property
    def catalogue(self) -> Catalogue:
        """The ledgers this office keeps, as the file says now: a server outlives it.

        Raises: ConfigurationError: with every fault of ledgers.yml.
        """
        from perfeval.catalogue import load_catalogue

        return load_catalogue(self.root / LEDGERS_FILE)

    @property
    def unit(self) -> str:
        """What the unit is called in the store."""
        return self.settings.unit.key or self.settings.unit.name

    @property
    def gates(self) -> tuple[Gate, ...]:
        """The approval steps in order."""
        return self.settings.approval

    @property
    def programmes(self) -> tuple[Programme, ...]:
        """The unit's programmes."""
        return self.settings.all_programmes

    def programme(self, key: str = "") -> Programme:
        """A programme by key; without one, the only one there is.

        Raises: UsageError: there is none of that key, or there are several and none is named.
        """
        known = "、".join(f"{item.key}（{item.name}）" for item in self.programmes)
        if not key and len(self.programmes) > 1:
            raise UsageError("U11", f"本单位有{len(self.programmes)}个项目，没有指明是哪一个", f"用 --programme 指定：{known}")
        found = next((item for item in self.programmes if key in {"", item.key}), None)
        if found is None:
            raise UsageError("U12", f"没有 key 为“{key}”的项目", f"可用：{known}")
        return found

    def subject(self, year: int, key: str = "") -> Subject:
        """A programme's year.

        Raises: UsageError: as `programme` does.
        """
        return Subject(self, self.programme(key), year)

    @property
    def state(self) -> Path:
        """The folder of store, artifacts and Prefect's home; made at first use, readable by its owner only."""
        folder = self.root / self.settings.storage.folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    @property
    def artifacts(self) -> Path:
        """The folder of content-addressed files."""
        return self.state / "artifacts"

    @property
    def tls(self) -> Path:
        """The folder of the pages' certificate."""
        return self.root / self.settings.storage.folder / "tls"

    @property
    def archive_folder(self) -> Path:
        """Where bags are archived."""
        return self.root / self.settings.archive.folder

    @property
    def template(self) -> Path:
        """The Word template whose styles the report uses."""
        return self.existing(self.root / "report" / "template.docx")

    @property
    def profiles(self) -> Path:
        """The scoring profiles: weights, bands, grades, rounding."""
        return self.existing(self.root / "profiles.yml")

    @property
    def economic_classification(self) -> Path:
        """The table of economic classification codes: code,name."""
        return self.existing(self.root / self.settings.economic_classification)

    @property
    def limits(self) -> Path | None:
        """The limits of checks; a workspace from before there were any has none."""
        path = self.root / "checks.yml"
        return path if path.is_file() else None

    def existing(self, path: Path) -> Path:
        """A file of the configuration.

        Raises: ConfigurationError: it is not there.
        """
        if not path.is_file():
            raise ConfigurationError("F02", f"缺少配置文件 {path.relative_to(self.root)}", _remedy(path))
        return path


@dataclass(frozen=True, slots=True)
class Subject:
    """One programme's year in a workspace (评价对象): what is checked, scored, drafted, approved and archived."""

    workspace: Workspace
    programme: Programme
    year: int

    @property
    def ledgers(self) -> Path:
        """The folder of the year's ledgers, shared by all programmes."""
        return self.workspace.root / "ledgers" / str(self.year)

    @property
    def evidence(self) -> Path:
        """The folder of the year's evidence."""
        return self.workspace.root / "evidence" / str(self.year)

    @property
    def evidence_files(self) -> tuple[Path, ...]:
        """The year's evidence, file by file; hidden files and what a program has open are none."""
        return tuple(sorted(path for path in self.evidence.rglob("*") if path.is_file() and not path.name.startswith((".", "~$"))))

    @property
    def indicators(self) -> Path:
        """The year's indicator system."""
        return self.workspace.existing(self.paths[0])

    @property
    def narrative(self) -> Path:
        """The year's narrative."""
        return self.workspace.existing(self.paths[1])

    @property
    def stem(self) -> str:
        """How the programme's own files of the year are called: Y; where there are several programmes, Y-KEY."""
        return f"{self.year}-{self.programme.key}" if len(self.workspace.programmes) > 1 else str(self.year)

    @property
    def paths(self) -> tuple[Path, Path]:
        """Where indicators and narrative lie."""
        return self.workspace.root / "indicators" / f"{self.stem}.yml", self.workspace.root / "report" / f"{self.stem}.md"

    @property
    def year_file(self) -> Path:
        """What the year brings."""
        return self.workspace.root / "years" / f"{self.year}.yml"

    @property
    def explanations(self) -> Path:
        """The year's recorded reasons; there may be none."""
        return self.workspace.root / self.explanations_name

    @property
    def explanations_name(self) -> str:
        """What the record calls that file."""
        return f"explanations/{self.stem}.yml"

    @property
    def brought(self) -> Year:
        """What the year brings (年度设置): the documents the evaluation rests on, days of the work.

        Raises: ConfigurationError: years/Y.yml is missing or wrong.
        """
        basis = self.workspace.settings.basis
        # Before years had a file, perfeval.yml held the basis of the one year there was.
        if basis and not self.year_file.parent.is_dir():
            return Year(basis=basis)
        return load_model(self.workspace.existing(self.year_file), Year, f"years/{self.year_file.name}")

    @property
    def checking_files(self) -> tuple[Path, ...]:
        """What the findings depend on besides the ledgers; kept with each revision."""
        place = self.workspace
        limits = [place.limits] if place.limits else []
        return (place.config_file, *_present(place.root / LEDGERS_FILE), place.economic_classification, *limits, *self.evidence_files)

    @property
    def scoring_files(self) -> tuple[Path, ...]:
        """What the scores depend on besides the ledgers; kept with each revision."""
        return (*self.checking_files, self.indicators, self.workspace.profiles, *_present(self.explanations))

    @property
    def drafting_files(self) -> tuple[Path, ...]:
        """What the text depends on besides the scores; kept with each revision."""
        return (
            self.workspace.config_file,
            *_present(self.year_file),
            *_present(self.explanations),
            self.narrative,
            self.workspace.template,
        )


def _remedy(path: Path) -> str:
    """What to do about a file of the configuration that is not there."""
    year = path.stem[:4]
    if not re.match(r"[0-9]{4}(?![0-9])", path.stem):
        return "从 perfeval init 新建的工作区里复制。"
    if (shared := path.with_name(f"{year}{path.suffix}")).is_file():
        return f"有几个项目时各有各的文件：把 {shared.name} 改名为 {path.name}。"
    if path.parent.name == "years" and any((path.parents[1] / "indicators").glob(f"{year}*")):
        return "新写一份：basis 下列出评价依据的 title 和 number，写法见手册。"
    if any(not other.stem.startswith(year) for other in (path.parents[1] / "indicators").glob("[0-9]*.yml")):
        return f"用 perfeval year {year} 生成。"
    return f"从 perfeval init 新建的工作区里复制一份，改名为 {path.name}。"


def _present(path: Path) -> Sequence[Path]:
    return [path] if path.is_file() else []


def secret_key() -> str:
    """The key that encrypts secrets in the store, from the environment.

    Raises: UsageError: when PERFEVAL_KEY is missing or shorter than 16 characters.
    """
    key = os.environ.get(KEY_VARIABLE, "")
    if len(key) < KEY_LENGTH:
        raise UsageError(
            "U02",
            f"环境变量 {KEY_VARIABLE} 未设置或少于{KEY_LENGTH}个字符，不能登录、送审、审批，也不能读写审批记录",
            f'先执行：export {KEY_VARIABLE}="$(openssl rand -base64 24)"，并把它另行妥善保存：丢失后审批人须重新登记。',
        )
    return key
