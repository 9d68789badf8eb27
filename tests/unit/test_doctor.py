"""The doctor, on machines made up of a PATH with fake programs. No network, nothing patched."""

import json
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from perfeval import doctor
from perfeval.certificate import make_certificate
from perfeval.doctor import Condition, examine, examine_folder, examine_packages
from perfeval.errors import ConfigurationError
from perfeval.office import open_office
from perfeval.store import MOVING, STORE
from perfeval.workspace import Workspace


@pytest.fixture
def workspace(pristine: Path, tmp_path: Path) -> Workspace:
    return Workspace(Path(shutil.copytree(pristine, tmp_path / "office")))


def program(folder: Path, name: str, output: str = "") -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\ncat <<'END'\n{output}\nEND\n", encoding="utf-8")
    path.chmod(0o755)


def found(workspace: Workspace | None, name: str) -> Condition:
    return next(condition for condition in examine(workspace) if condition.name == name)


def test_examine_names_everything_a_year_needs(workspace: Workspace) -> None:
    assert [condition.name for condition in examine(workspace)] == [
        "Python",
        "程序包",
        "文件夹",
        "SQLite",
        "磁盘空间",
        "时钟",
        "密钥",
        "工作区配置",
        "PostgreSQL",
        "网站证书",
        "LibreOffice",
        "poppler",
        "Chromium",
        "PostgreSQL服务程序",
        "公文字体",
    ]


def test_examine_tells_purpose_and_remedy_of_everything_that_is_not_there(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("PERFEVAL_KEY", raising=False)
    assert [item.name for item in examine(workspace) if item.state != "ok" and not (item.purpose and item.remedy)] == []


def test_examine_changes_nothing_in_the_workspace(workspace: Workspace) -> None:
    before = sorted(workspace.root.rglob("*"))
    examine(workspace)
    assert sorted(workspace.root.rglob("*")) == before


def test_conditions_are_plain_data(workspace: Workspace) -> None:
    document = json.loads(json.dumps([asdict(condition) for condition in examine(workspace)]))
    assert list(document[0]) == ["name", "state", "found", "purpose", "remedy"]


def test_detail_of_something_missing_says_what_for_and_how() -> None:
    condition = Condition("poppler", "optional", "未安装", "把PDF转成页面图片", "apt install poppler-utils")
    assert condition.detail == "未安装。用途：把PDF转成页面图片。办法：apt install poppler-utils"


def test_packages_as_locked_are_ok(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("# pins\nbagit==1.9.0\n", encoding="utf-8")
    assert examine_packages(tmp_path / "lock") == Condition(
        "程序包", "ok", "1个包的版本都与 requirements.lock 一致", "得到与开发时相同的结果"
    )


def test_packages_that_differ_from_the_lock_are_named(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("bagit==0.1\nno-such-package==2.0\n", encoding="utf-8")
    assert examine_packages(tmp_path / "lock").found == (
        "与 requirements.lock 不同：bagit 1.9.0（应为0.1）、no-such-package 未安装（应为2.0）"
    )


def test_packages_without_a_lock_are_not_compared(tmp_path: Path) -> None:
    assert examine_packages(tmp_path / "lock").state == "ok"


def test_key_that_is_set_is_ok(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERFEVAL_KEY", "invented-for-this-test")
    assert found(workspace, "密钥").detail == "已设置环境变量 PERFEVAL_KEY"


@pytest.mark.parametrize("key", ["", "short"])
def test_key_that_is_absent_or_short_is_missing(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("PERFEVAL_KEY", key)
    condition = found(workspace, "密钥")
    assert condition.state == "missing"
    assert 'export PERFEVAL_KEY="$(openssl rand -base64 24)"' in condition.remedy


def test_programs_on_the_path_are_found(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program(tmp_path, "libreoffice")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert found(workspace, "LibreOffice") == Condition(
        "LibreOffice", "ok", f"{tmp_path}/libreoffice", "在审阅室按页看报告，在本机查看版式；版式测试"
    )


@pytest.mark.parametrize("name", ["LibreOffice", "poppler", "Chromium"])
def test_programs_not_on_the_path_are_optional(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert found(workspace, name).state == "optional"


def test_database_that_does_not_answer_is_missing(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PERFEVAL_DATABASE_URL", f"postgresql+psycopg://perfeval@/postgres?host={tmp_path}")
    condition = found(workspace, "PostgreSQL")
    assert condition.state == "missing"
    assert condition.found.startswith("数据库不可用：")


@pytest.mark.parametrize(
    ("variable", "address", "name"),
    [
        ("PERFEVAL_PREFECT_DATABASE_URL", "postgresql://perfeval@/postgres?host={0}", "Prefect的数据库"),
        ("PERFEVAL_PREFECT_DATABASE_URL", "mysql://secret", "Prefect的数据库"),
        ("PERFEVAL_PREFECT_DATABASE_URL", "sqlite:///{0}/secret.db", "Prefect的数据库"),
        ("PERFEVAL_ARTIFACTS_URL", "artifacts", "存档文件的存储"),
        ("PERFEVAL_ARTIFACTS_URL", "/proc/artifacts", "存档文件的存储"),
    ],
)
def test_address_that_nothing_can_be_kept_at_is_missing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, address: str, name: str
) -> None:
    assert name not in {condition.name for condition in examine(workspace)}
    monkeypatch.setenv(variable, address.format(tmp_path))
    condition = found(workspace, name)
    assert (condition.state, "secret" in condition.detail, variable in condition.detail) == ("missing", False, True)
    assert not (tmp_path / "secret.db").exists()


def test_database_in_a_file_is_not_made_and_one_that_is_there_is_left_alone(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PERFEVAL_DATABASE_URL", f"sqlite:///{tmp_path}/elsewhere.db")
    assert found(workspace, "PostgreSQL").state == "ok"
    assert not (tmp_path / "elsewhere.db").exists()
    with closing(sqlite3.connect(tmp_path / "elsewhere.db")) as database:
        database.execute("CREATE TABLE kept (id INTEGER)")
    (tmp_path / "elsewhere.db").chmod(0o640)
    before = (tmp_path / "elsewhere.db").read_bytes()
    assert found(workspace, "自评数据").found == f"{tmp_path}/elsewhere.db 完好"
    assert (tmp_path / "elsewhere.db").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "elsewhere.db").read_bytes() == before


@pytest.mark.parametrize(
    "address", ["sqlite:////no/such/folder/store.db", "sqlite:////proc/store.db", "sqlite:///store.db", "sqlite:////tmp"]
)
def test_database_in_a_file_that_cannot_be_made_is_missing(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("PERFEVAL_DATABASE_URL", address)
    assert found(workspace, "PostgreSQL").state == "missing"


@pytest.mark.parametrize(
    ("changed", "reason", "remedy"),
    [
        (("PERFEVAL_ARTIFACTS_URL", "s3://no-such-bucket/office"), "没有这个桶", "PERFEVAL_ARTIFACTS_URL 里的桶名"),
        (("AWS_ALLOW_HTTP", "false"), "存储服务的地址是 http://，没有允许使用", "AWS_ALLOW_HTTP=true"),
        (("AWS_ENDPOINT_URL", "http://127.0.0.1:1"), "连不上存储服务", "AWS_ENDPOINT_URL"),
    ],
)
def test_bucket_that_cannot_be_used_is_told_in_the_words_of_the_store(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, s3_url: str, changed: tuple[str, str], reason: str, remedy: str
) -> None:
    monkeypatch.setenv("PERFEVAL_ARTIFACTS_URL", s3_url)
    assert found(workspace, "存档文件的存储").state == "ok"
    monkeypatch.setenv(*changed)
    condition = found(workspace, "存档文件的存储")
    assert (condition.state, condition.found, remedy in condition.remedy) == ("missing", f"共用存储不可用：{reason}", True)


@pytest.mark.parametrize("status", [401, 403])
def test_bucket_that_refuses_the_keys_is_told_as_such(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, s3_url: str, status: int
) -> None:
    class Refusing(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_error(status)

    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("PERFEVAL_ARTIFACTS_URL", s3_url)
        condition = found(workspace, "存档文件的存储")
        server.shutdown()
    assert condition.found == "共用存储不可用：口令不对，或无权读写这个桶"
    assert "AWS_SECRET_ACCESS_KEY" in condition.remedy


def test_bucket_without_its_package_is_missing(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERFEVAL_ARTIFACTS_URL", "s3://bucket/office")
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    assert found(workspace, "存档文件的存储").state == "missing"


def test_folder_that_is_not_there_yet_is_told_as_one_to_be_made_and_is_not_made(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "share" / "artifacts"
    monkeypatch.setenv("PERFEVAL_ARTIFACTS_URL", str(folder))
    condition = found(workspace, "存档文件的存储")
    assert (condition.state, condition.found, "挂上" in condition.remedy) == ("optional", f"文件夹 {folder} 还没有", True)
    assert not folder.parent.exists()
    folder.mkdir(parents=True)
    assert found(workspace, "存档文件的存储").state == "ok"


@pytest.mark.postgresql
def test_databases_may_be_written_as_prefect_writes_its_own(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, postgresql_url: str
) -> None:
    for variable, name in (("PERFEVAL_DATABASE_URL", "PostgreSQL"), ("PERFEVAL_PREFECT_DATABASE_URL", "Prefect的数据库")):
        for written in ("postgresql://", "postgres://", "postgresql+psycopg://", "postgresql+asyncpg://"):
            monkeypatch.setenv(variable, postgresql_url.replace("postgresql+psycopg://", written))
            assert found(workspace, name).state == "ok", written


@pytest.mark.postgresql
def test_database_that_answers_is_ok(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, postgresql_url: str) -> None:
    monkeypatch.setenv("PERFEVAL_DATABASE_URL", postgresql_url)
    assert found(workspace, "PostgreSQL").found == "能连接"


@pytest.mark.parametrize(
    ("families", "state", "text"),
    [
        (
            "FangSong_GB2312\nKaiTi_GB2312,楷体_GB2312\nSimHei\nSimSun\nFZXiaoBiaoSong-B05S\nTimes New Roman",
            "ok",
            "仿宋_GB2312、楷体_GB2312、",
        ),
        ("FandolFang\nFandolKai\nFandolHei\nFandolSong\nNoto Serif CJK SC\nLiberation Serif", "ok", "仿宋_GB2312（以FandolFang代用）、"),
        ("Noto Sans CJK SC\nNoto Serif CJK SC\nLiberation Serif", "optional", "缺少仿宋_GB2312、楷体_GB2312"),
        ("", "optional", "缺少仿宋_GB2312、楷体_GB2312、黑体、宋体、方正小标宋简体、Times New Roman"),
    ],
    ids=["official", "stand-ins", "some", "none"],
)
def test_fonts_are_told_apart(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, families: str, state: str, text: str
) -> None:
    program(tmp_path, "fc-list", families)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    condition = found(workspace, "公文字体")
    assert condition.state == state
    assert condition.found.startswith(text)


@pytest.mark.parametrize("place", [0, 4096])
def test_store_that_is_damaged_is_told_with_what_to_restore(workspace: Workspace, place: int) -> None:
    open_office(workspace.root).store.close()
    file = workspace.state / STORE
    assert found(workspace, "自评数据").state == "ok"
    content = bytearray(file.read_bytes())
    content[place : place + 2000] = b"x" * 2000
    file.write_bytes(content)
    told = found(workspace, "自评数据")
    assert told.state == "missing"
    assert str(file) in told.found
    assert "从备份恢复" in told.remedy


def test_store_that_no_command_opens_is_told(workspace: Workspace, welcome: Callable[..., Any]) -> None:
    office = open_office(workspace.root)
    welcome(office, "样例甲", "operator")
    office.store.close()
    settings, name = workspace.config_file, workspace.unit
    text = settings.read_text("utf-8")
    settings.write_text(text.replace(f"name: {name}", "name: 样例新单位", 1), "utf-8")
    told = found(Workspace(workspace.root), "自评数据")
    assert (told.state, f"key: {name}" in told.remedy) == ("missing", True)
    settings.write_text(text, "utf-8")
    (workspace.state / STORE).rename(workspace.state / MOVING)
    told = found(workspace, "自评数据")
    assert (told.state, "perfeval move" in told.remedy) == ("missing", True)


def test_store_that_is_locked_is_not_to_be_restored_and_one_that_is_looked_at_is_left_alone(workspace: Workspace) -> None:
    open_office(workspace.root).store.close()
    assert found(workspace, "自评数据").state == "ok"
    assert [path.name for path in workspace.state.glob("store.db*")] == [STORE]
    with closing(sqlite3.connect(workspace.state / STORE)) as database:
        database.execute("PRAGMA journal_mode = DELETE")
        database.execute("BEGIN EXCLUSIVE")
        told = found(workspace, "自评数据")
    assert (told.state, "locked" in told.found, "稍后再试" in told.remedy, "备份" in told.remedy) == ("missing", True, True, False)


def test_store_of_another_user_is_passed_over_and_the_rest_is_told(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    open_office(workspace.root).store.close()
    look = os.stat

    def refused(path: Any, *arguments: Any, **options: Any) -> os.stat_result:
        if Path(path).name == STORE:
            raise PermissionError(13, "Permission denied", str(path))
        return look(path, *arguments, **options)

    monkeypatch.setattr(os, "stat", refused)
    assert "自评数据" not in {condition.name for condition in examine(workspace)}


def test_fonts_that_cannot_be_listed_are_optional(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert found(workspace, "公文字体").found == "不能列出字体（没有fontconfig）"


def test_configuration_of_the_default_workspace_is_complete(workspace: Workspace) -> None:
    assert found(workspace, "工作区配置").found == "2022年度的配置完整"


def test_configuration_with_a_fault_names_file_and_line(workspace: Workspace) -> None:
    (workspace.root / "indicators" / "2022.yml").write_text("year: [\n", encoding="utf-8")
    condition = found(workspace, "工作区配置")
    assert condition.state == "missing"
    assert "2022.yml:2" in condition.found


def test_configuration_without_a_narrative_names_it(workspace: Workspace) -> None:
    (workspace.root / "report" / "2022.md").unlink()
    assert "缺少配置文件 report/2022.md。从 perfeval init 新建的工作区里复制一份，改名为 2022.md。" in found(workspace, "工作区配置").found


def test_configuration_without_any_year_is_missing(workspace: Workspace) -> None:
    shutil.rmtree(workspace.root / "indicators")
    assert found(workspace, "工作区配置").found == "indicators 文件夹里没有任何年度的指标体系"


def test_configuration_outside_a_workspace_is_optional(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert found(None, "工作区配置").state == "optional"
    assert found(None, "文件夹").found == f"{tmp_path} 可读可写"


def test_folder_that_cannot_be_written_is_missing(tmp_path: Path) -> None:
    assert [(item.name, item.state) for item in examine_folder(tmp_path / "vanished")] == [("文件夹", "missing")]


def test_settings_that_cannot_be_read_are_told_once() -> None:
    told = [item for item in examine(ConfigurationError("F03", "perfeval.yml 有 1 处配置错误：")) if item.name == "工作区配置"]
    assert [(item.state, item.found) for item in told] == [("missing", "perfeval.yml 有 1 处配置错误：")]


def test_workspace_without_a_certificate_is_for_its_own_machine(workspace: Workspace) -> None:
    condition = doctor.examine_certificate(workspace, "pingjia")
    assert (condition.state, "http://localhost" in condition.found) == ("optional", True)


@pytest.mark.parametrize(("machine", "state"), [("pingjia", "ok"), ("PINGJIA.example", "ok"), ("newname", "optional")])
def test_certificate_of_another_name_than_the_machines_is_told(workspace: Workspace, machine: str, state: str) -> None:
    make_certificate(workspace.tls, "pingjia.example")
    condition = doctor.examine_certificate(workspace, machine)
    assert (condition.state, condition.found.startswith("pingjia.example，有效期到 ")) == (state, True)


def test_certificate_that_expires_soon_is_told(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perfeval.certificate.DAYS", 20)
    make_certificate(workspace.tls, "pingjia.example")
    assert doctor.examine_certificate(workspace, "pingjia").state == "missing"
