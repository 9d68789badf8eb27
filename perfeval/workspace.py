"""The workspace (工作区): a folder with perfeval.yml, indicators, narrative and ledgers; every path is asked from here."""

import os
from pathlib import Path

from perfeval.configuration import load_model
from perfeval.errors import ConfigurationError, UsageError
from perfeval.model import Gate
from perfeval.settings import Settings

CONFIG_FILE = "perfeval.yml"
KEY_VARIABLE = "PERFEVAL_KEY"
KEY_LENGTH = 16

_source = Path(__file__).resolve().parent
DEFAULT_CONFIG = _source.parent / "config" if (_source.parent / "config" / CONFIG_FILE).exists() else _source / "_config"


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
    def gates(self) -> tuple[Gate, ...]:
        """The approval steps in order."""
        return self.settings.approval

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
    def archive_folder(self) -> Path:
        """Where bags are archived."""
        return self.root / self.settings.archive.folder

    def ledgers(self, year: int) -> Path:
        """The folder of a year's ledgers."""
        return self.root / "ledgers" / str(year)

    def indicators(self, year: int) -> Path:
        """The year's indicator system."""
        return self._existing(self.root / "indicators" / f"{year}.yml")

    def narrative(self, year: int) -> Path:
        """The year's narrative."""
        return self._existing(self.root / "report" / f"{year}.md")

    @property
    def template(self) -> Path:
        """The Word template whose styles the report uses."""
        return self._existing(self.root / "report" / "template.docx")

    @property
    def profiles(self) -> Path:
        """The scoring profiles: weights, bands, grades, rounding."""
        return self._existing(self.root / "profiles.yml")

    @property
    def economic_classification(self) -> Path:
        """The table of economic classification codes: code,name."""
        return self._existing(self.root / self.settings.economic_classification)

    @property
    def checking_files(self) -> tuple[Path, ...]:
        """What the findings depend on besides the ledgers; kept with each revision."""
        return (self.config_file, self.economic_classification)

    def scoring_files(self, year: int) -> tuple[Path, ...]:
        """What the scores of a year depend on besides the ledgers; kept with each revision."""
        return (self.config_file, self.indicators(year), self.profiles, self.economic_classification)

    def drafting_files(self, year: int) -> tuple[Path, ...]:
        """What the text of a year depends on besides the scores; kept with each revision."""
        return (self.config_file, self.narrative(year), self.template)

    def _existing(self, path: Path) -> Path:
        if not path.is_file():
            raise ConfigurationError(
                "F02", f"缺少配置文件 {path.relative_to(self.root)}", "从上一年复制一份并改成本年，或用 perfeval init 重新生成。"
            )
        return path


def secret_key() -> str:
    """The key that encrypts secrets in the store, from the environment.

    Raises: UsageError: when PERFEVAL_KEY is missing or shorter than 16 characters.
    """
    key = os.environ.get(KEY_VARIABLE, "")
    if len(key) < KEY_LENGTH:
        raise UsageError(
            "U02",
            f"环境变量 {KEY_VARIABLE} 未设置或少于{KEY_LENGTH}个字符，不能读写审批人密钥",
            f'先执行：export {KEY_VARIABLE}="$(openssl rand -base64 24)"，并把它另行妥善保存：丢失后审批人须重新登记。',
        )
    return key
