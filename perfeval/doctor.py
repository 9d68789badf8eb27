"""What this machine and this workspace have (体检): each with what it is for and how to get it. Asks nothing of the network."""

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from perfeval.certificate import find_certificate
from perfeval.errors import ConfigurationError, PerfevalError, UsageError, refusal
from perfeval.indicators import load_indicators
from perfeval.model.clock import CHINA
from perfeval.packs import known_years
from perfeval.programs import environment
from perfeval.workspace import KEY_VARIABLE, Workspace, secret_key

State = Literal["ok", "missing", "optional"]

LOCK = Path(__file__).resolve().parent.parent / "requirements.lock"
_PYTHON = (3, 11)
_DATABASE, _PREFECT, _ARTIFACTS = "PERFEVAL_DATABASE_URL", "PERFEVAL_PREFECT_DATABASE_URL", "PERFEVAL_ARTIFACTS_URL"
_PIN = re.compile(r"([A-Za-z0-9._-]+)==(\S+)")
_FREE_BYTES = 1 << 30
_FONT_SECONDS = 30
_RENEWAL_DAYS = 30
_TIMEZONE = "Asia/Shanghai"

# Names of the program's file, by preference: purpose, and Debian's and Ubuntu's command for it.
_PROGRAMS = (
    ("LibreOffice", ("soffice", "libreoffice"), "在审阅室按页看报告，在本机查看版式；版式测试", "apt install libreoffice-writer"),
    ("poppler", ("pdftotext",), "在审阅室按页看报告；版式测试", "apt install poppler-utils"),
    ("Chromium", ("chromium", "chromium-browser", "google-chrome"), "浏览器测试", "apt install chromium"),
    ("PostgreSQL服务程序", ("initdb",), "在PostgreSQL上测试；办公用SQLite即可", "apt install postgresql"),
)
# The fonts a report names, under the names they go by, and the stand-ins a machine without them can use.
_FONTS = (
    ("仿宋_GB2312", ("仿宋_GB2312", "FangSong_GB2312", "仿宋", "FangSong"), ("FandolFang",)),
    ("楷体_GB2312", ("楷体_GB2312", "KaiTi_GB2312", "楷体", "KaiTi"), ("FandolKai",)),
    ("黑体", ("黑体", "SimHei"), ("FandolHei", "Noto Sans CJK SC")),
    ("宋体", ("宋体", "SimSun"), ("FandolSong", "Noto Serif CJK SC")),
    ("方正小标宋简体", ("方正小标宋简体", "FZXiaoBiaoSong-B05S"), ("Noto Serif CJK SC",)),
    ("Times New Roman", ("Times New Roman",), ("Liberation Serif",)),
)


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing examined (体检项): `missing` stops some work, `optional` is not there and may stay away."""

    name: str
    state: State
    found: str
    purpose: str
    remedy: str = ""

    @property
    def detail(self) -> str:
        """What was found, and, where something is to be done, what for and how."""
        return self.found if self.state == "ok" else f"{self.found.rstrip('。')}。用途：{self.purpose}。办法：{self.remedy}"


def examine(opened: Workspace | ConfigurationError | None) -> list[Condition]:
    """Examine this machine, and the workspace if there is one, or why it cannot be opened."""
    workspace = opened if isinstance(opened, Workspace) else None
    folder = workspace.root if workspace else Path.cwd()
    return [
        _examine_python(),
        examine_packages(LOCK),
        *examine_folder(folder),
        _examine_space(folder),
        _examine_clock(workspace.settings.schedule.timezone if workspace else _TIMEZONE),
        _examine_key(),
        _examine_configuration(opened),
        *_examine_store(workspace),
        _examine_database(),
        *_examine_addresses(folder),
        examine_certificate(workspace, socket.gethostname()),
        *(_examine_program(*program) for program in _PROGRAMS),
        _examine_fonts(),
    ]


def _examine_python() -> Condition:
    state: State = "ok" if sys.version_info[:2] == _PYTHON else "missing"
    return Condition("Python", state, platform.python_version(), "运行本程序", "安装Python 3.11后重新执行 make")


def examine_packages(lock: Path) -> Condition:
    """Compare the installed packages with the pins of `lock`, which only a source folder has."""
    name, purpose, remedy = "程序包", "得到与开发时相同的结果", "在源码文件夹执行 make"
    try:
        pins = _PIN.findall(lock.read_text(encoding="utf-8"))
    except OSError:
        return Condition(name, "ok", "不在源码文件夹中，没有 requirements.lock，未核对版本", purpose)
    differing = [f"{package} {installed or '未安装'}（应为{pin}）" for package, pin in pins if (installed := _installed(package)) != pin]
    if differing:
        return Condition(name, "missing", "与 requirements.lock 不同：" + "、".join(differing), purpose, remedy)
    return Condition(name, "ok", f"{len(pins)}个包的版本都与 requirements.lock 一致", purpose)


def _installed(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def examine_folder(folder: Path) -> list[Condition]:
    """Whether a folder can be written to, and whether SQLite can keep its store there."""
    purpose = "保存自评状态、报告和归档包"
    try:
        # Beside what is there: an examination changes nothing of it.
        with tempfile.TemporaryDirectory(prefix=".doctor-", dir=folder) as probe, closing(sqlite3.connect(f"{probe}/probe.db")) as database:
            mode = database.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    except (OSError, sqlite3.Error) as error:
        return [Condition("文件夹", "missing", f"{folder} 不能写入：{error}", purpose, "检查文件夹的权限，或换一个文件夹")]
    written = Condition("文件夹", "ok", f"{folder} 可读可写", purpose)
    if mode != "wal":
        remedy = "把工作区放在本机磁盘上，不要放在网络共享文件夹；或用环境变量 PERFEVAL_DATABASE_URL 配置PostgreSQL"
        return [written, Condition("SQLite", "missing", f"{sqlite3.sqlite_version}，此处不支持WAL", "多人同时读写", remedy)]
    return [written, Condition("SQLite", "ok", f"{sqlite3.sqlite_version}，支持WAL", "多人同时读写")]


def _examine_space(folder: Path) -> Condition:
    free = shutil.disk_usage(folder).free
    state: State = "ok" if free >= _FREE_BYTES else "missing"
    return Condition("磁盘空间", state, f"剩余 {free / (1 << 30):.1f} GiB", "保存台账快照和归档包", "清理磁盘，至少留出1 GiB")


def _examine_clock(timezone: str) -> Condition:
    purpose, remedy = "动态码和每年的定时启动", "打开系统的网络校时；时区写成 Asia/Shanghai 这样的名称，缺少时区数据则 apt install tzdata"
    try:
        now = datetime.now(ZoneInfo(timezone))
    except (KeyError, ValueError, OSError):
        return Condition("时钟", "missing", f"不认识时区“{timezone}”", purpose, remedy)
    shown = f"{timezone} 现在是 {now:%Y-%m-%d %H:%M:%S}"
    # No network is asked, but a clock that stands before this program was installed is certainly wrong.
    if now.timestamp() < Path(__file__).stat().st_mtime:
        return Condition("时钟", "missing", f"{shown}，早于本程序的安装时间", purpose, remedy)
    return Condition("时钟", "ok", f"{shown}（应与审批人的手机相差不到30秒）", purpose)


def _examine_key() -> Condition:
    purpose = "加密保存审批人的动态码密钥；登记、审批和启动服务都要用"
    try:
        secret_key()
    except UsageError as error:
        return Condition("密钥", "missing", error.message, purpose, error.hint.rstrip("。"))
    return Condition("密钥", "ok", f"已设置环境变量 {KEY_VARIABLE}", purpose)


def _examine_configuration(workspace: Workspace | ConfigurationError | None) -> Condition:
    name, purpose = "工作区配置", "自评所需的单位、指标体系和报告文本"
    if isinstance(workspace, ConfigurationError):
        return Condition(name, "missing", str(workspace).replace("\n", " "), purpose, "按所列文件和行号修改")
    if workspace is None:
        return Condition(name, "optional", "当前不在工作区中，只检查了本机", purpose, "用 perfeval init 目录 新建，或用 -w 指定工作区")
    try:
        years = sorted(set(known_years(workspace.root)))
        for subject in [workspace.subject(year, programme.key) for year in years for programme in workspace.programmes]:
            load_indicators(subject.indicators, workspace.catalogue)
            _ = (subject.brought, subject.narrative, workspace.template, workspace.profiles)
    except ConfigurationError as error:
        return Condition(name, "missing", error.line, purpose, "按所列文件和行号修改")
    if workspace.settings.storage.database:
        remedy = f"把地址移到环境变量 {_DATABASE}，并删去这一行"
        return Condition(name, "missing", "perfeval.yml 里写了数据库地址（storage.database）", purpose, remedy)
    if not years:
        return Condition(name, "missing", "indicators 文件夹里没有任何年度的指标体系", purpose, "从 perfeval init 新建的工作区复制一份")
    return Condition(name, "ok", "、".join(f"{year}年度" for year in years) + "的配置完整", purpose)


def _examine_store(workspace: Workspace | None) -> list[Condition]:
    """Whether the database is whole that is a file, the workspace's own or another, where there is one yet."""
    from perfeval.store import MOVING, STORE, file_of, is_damage, units_of

    file: Path | None = None
    if url := os.environ.get(_DATABASE):
        with suppress(ConfigurationError):  # told where the address is examined
            file = file_of(url)
    elif workspace:
        file = workspace.root / workspace.settings.storage.folder / STORE
    name, purpose = "自评数据", "自评进度、审批记录"
    restore = "把它连同旁边的 -wal、-shm 移到别处保存，再从备份恢复；不要从头再来"
    if workspace and os.path.exists(aside := workspace.root / workspace.settings.storage.folder / MOVING):  # noqa: PTH110
        return [Condition(name, "missing", f"移库在最后一步中断了，原来的记录在 {aside}", purpose, "再执行一次 perfeval move")]
    if file is None or not os.path.exists(file):  # noqa: PTH110  # of a folder that one may not look into, Path.exists raises
        return []
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True)) as database:
            told = str(database.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.Error as error:
        if not is_damage(error):
            return [
                Condition(name, "missing", f"{file} 不能读写：{error}", purpose, "检查它和所在文件夹的权限；别的程序占用着的，稍后再试")
            ]
        told = str(error)
    if told != "ok":
        return [Condition(name, "missing", f"{file} 已损坏：{told}", purpose, restore)]
    with suppress(PerfevalError):  # of an older version: told when it is opened
        if workspace and not url and (units := units_of(file)) and workspace.unit not in units:
            names = " 或 ".join(sorted(units))
            return [Condition(name, "missing", f"{file} 里是“{names}”的记录", purpose, f"单位改了名的，在 unit 里写 key: {names}")]
    return [Condition(name, "ok", f"{file} 完好", purpose)]


def _examine_database() -> Condition:
    name, purpose, remedy = "PostgreSQL", "把数据放在PostgreSQL里", 'pip install "perfeval[postgresql]"'
    has_driver = importlib.util.find_spec("psycopg") is not None
    from perfeval.store import refuse_one_for_both, try_database

    url = os.environ.get(_DATABASE, "")
    if not url:
        found = f"已安装驱动，未设置 {_DATABASE}" if has_driver else "未安装驱动"
        return Condition(name, "ok" if has_driver else "optional", found, purpose, remedy)
    try:
        refuse_one_for_both()
        try_database(url)
    except OSError as error:
        return Condition(name, "missing", refusal(error), purpose, f"检查环境变量 {_DATABASE} 和它所指的文件夹")
    except PerfevalError as error:
        return Condition(name, "missing", error.message, purpose, error.hint.rstrip("。") if has_driver else remedy)
    return Condition(name, "ok", "能连接", purpose)


def _examine_addresses(folder: Path) -> Iterator[Condition]:
    """What lies elsewhere where the environment says so, beside the store."""
    from perfeval.store import server_address, try_artifacts, try_database

    address = os.environ.get(_PREFECT, "")
    asked: tuple[tuple[str, str, str, Callable[[], Path | None]], ...] = (
        ("Prefect的数据库", _PREFECT, "用 serve 开服务", lambda: try_database(server_address(address, "psycopg", _PREFECT))),
        ("存档文件的存储", _ARTIFACTS, "送审、审批、归档", lambda: try_artifacts(folder)),
    )
    for name, variable, purpose, ask in asked:
        if os.environ.get(variable):
            try:
                absent = ask()
            except OSError as error:
                yield Condition(name, "missing", refusal(error), purpose, f"检查环境变量 {variable} 和它所指的文件夹")
            except PerfevalError as error:
                told, remedy = (part.replace(_DATABASE, variable) for part in (error.message, error.hint.rstrip("。")))
                yield Condition(name, "missing", told, purpose, remedy)
            else:
                remedy = "还没有自评的，第一次存档时自动新建；已有自评的，先挂上共享文件夹或改正地址"
                yield Condition(name, "optional" if absent else "ok", f"文件夹 {absent} 还没有" if absent else "能使用", purpose, remedy)


def examine_certificate(workspace: Workspace | None, machine: str) -> Condition:
    """Under which name people open the pages, and whether it is still this machine's; a device signs for one name only."""
    name, purpose = "网站证书", "其他电脑用 https 打开本服务；登记设备签名"
    found = find_certificate(workspace.tls) if workspace else None
    if found is None:
        told = "没有，只能在本机用 http://localhost 打开并登记设备签名；用 IP 地址打开不能登记"
        return Condition(name, "optional", told, purpose, "perfeval certificate 主机名，再用 perfeval serve --tls")
    shown = f"{found.host}，有效期到 {found.expires_at.astimezone(CHINA):%Y-%m-%d}"
    if (found.expires_at - datetime.now(UTC)).days < _RENEWAL_DAYS:
        return Condition(name, "missing", f"{shown}，即将或已经过期", purpose, f"perfeval certificate {found.host}，并重新安装根证书")
    if machine.partition(".")[0].lower() != found.host.partition(".")[0]:
        told = f"{shown}；本机名是 {machine}，与证书的主机名不同"
        remedy = f"确认其他电脑用 {found.host} 仍能打开本机；主机名改变后，已登记的设备签名不能再用，须重新登记"
        return Condition(name, "optional", told, purpose, remedy)
    return Condition(name, "ok", shown, purpose)


def _examine_program(name: str, commands: tuple[str, ...], purpose: str, remedy: str) -> Condition:
    # Debian keeps PostgreSQL's server programs off the path, by version.
    beside = (str(path) for command in commands for path in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{command}")))
    if found := next(filter(None, map(shutil.which, commands)), None) or next(beside, None):
        return Condition(name, "ok", found, purpose)
    return Condition(name, "optional", "未安装", purpose, remedy)


def _examine_fonts() -> Condition:
    name, purpose = "公文字体", "在本机转PDF；Word文件里写的是字体名称，用Word或WPS打开不受影响"
    remedy = (
        "把办公电脑上的这些字体复制到 ~/.local/share/fonts；或用代用字体：apt install fonts-noto-cjk fonts-noto-cjk-extra "
        "fonts-liberation texlive-lang-chinese，再把最后一个包里的 Fandol*-Regular.otf 复制到 ~/.local/share/fonts"
    )
    try:
        command = ["fc-list", ":", "family"]
        listed = subprocess.run(command, env=environment(), capture_output=True, check=True, timeout=_FONT_SECONDS).stdout  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return Condition(name, "optional", "不能列出字体（没有fontconfig）", purpose, "apt install fontconfig")
    families = {family.strip() for line in listed.decode(errors="replace").splitlines() for family in line.split(",")}
    found, missing = [], []
    for font, names, stand_ins in _FONTS:
        if families.intersection(names):
            found.append(font)
        elif stand_in := next((family for family in stand_ins if family in families), None):
            found.append(f"{font}（以{stand_in}代用）")
        else:
            missing.append(font)
    if missing:
        return Condition(name, "optional", f"缺少{'、'.join(missing)}", purpose, remedy)
    return Condition(name, "ok", "、".join(found), purpose)
