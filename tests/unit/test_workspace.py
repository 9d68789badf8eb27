"""Where everything lies in a workspace, for one programme and for several."""

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perfeval.errors import ConfigurationError, UsageError
from perfeval.workspace import Subject, Workspace, secret_key

BASIS = [{"title": "绩效办法", "number": "样政发〔2013〕25号"}]
YEAR = "basis: [{title: 自评通知, number: 样财监〔2023〕63号}]\n"
Making = Callable[..., Path]


def placed(folder: Path, name: str, text: str = "") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_folder_without_settings_is_no_workspace(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"不是工作区：缺少 perfeval\.yml") as fault:
        Workspace(tmp_path)
    assert fault.value.code == "U01"


def test_unit_is_called_in_the_store_by_its_name_or_by_its_key(make_folder: Making, settings: dict[str, Any]) -> None:
    assert Workspace(make_folder()).unit == "样例单位"
    renamed = Workspace(make_folder(unit=settings["unit"] | {"name": "改名单位", "key": "样例单位"}))
    assert (renamed.unit, renamed.settings.unit.name) == ("样例单位", "改名单位")


def test_ledgers_declared_while_a_server_is_up_are_known_to_it(make_folder: Making) -> None:
    workspace = Workspace(make_folder())
    placed(workspace.root, "ledgers.yml", "keeps: [budget, expenditure]\n")
    assert "surveys" not in workspace.catalogue
    placed(workspace.root, "ledgers.yml", "keeps: [budget, expenditure, surveys]\n")
    assert "surveys" in workspace.catalogue


def test_programme_that_is_the_only_one_need_not_be_named(make_folder: Making) -> None:
    workspace = Workspace(make_folder())
    assert (workspace.programme().key, workspace.programme("roads").name) == ("roads", "公路养护")


def test_programme_not_named_among_several_is_asked_for(make_folder: Making, two_programmes: list[Any]) -> None:
    workspace = Workspace(make_folder(programmes=two_programmes))
    with pytest.raises(UsageError) as fault:
        workspace.programme()
    assert (fault.value.code, fault.value.message) == ("U11", "本单位有2个项目，没有指明是哪一个")
    assert fault.value.hint == "用 --programme 指定：roads（公路养护）、bridges（桥梁维修）"
    assert workspace.programme("bridges").name == "桥梁维修"


def test_programme_that_is_not_there_is_told_with_those_that_are(make_folder: Making) -> None:
    with pytest.raises(UsageError) as fault:
        Workspace(make_folder()).programme("bridges")
    assert str(fault.value) == "没有 key 为“bridges”的项目\n可用：roads（公路养护）"
    assert fault.value.code == "U12"


def paths(subject: Subject) -> list[str]:
    return [path.relative_to(subject.workspace.root).as_posix() for path in (*subject.paths, subject.ledgers, subject.year_file)]


def test_files_of_one_programme_are_called_by_the_year(make_folder: Making) -> None:
    subject = Workspace(make_folder()).subject(2022)
    assert paths(subject) == ["indicators/2022.yml", "report/2022.md", "ledgers/2022", "years/2022.yml"]


def test_files_of_several_programmes_are_called_by_year_and_key_and_ledgers_are_shared(
    make_folder: Making, two_programmes: list[Any]
) -> None:
    subject = Workspace(make_folder(programmes=two_programmes)).subject(2022, "bridges")
    assert paths(subject) == ["indicators/2022-bridges.yml", "report/2022-bridges.md", "ledgers/2022", "years/2022.yml"]


def test_file_of_a_year_that_is_missing_is_told_with_the_command_that_makes_it(make_folder: Making) -> None:
    folder = make_folder()
    placed(folder, "indicators/2022.yml")
    with pytest.raises(ConfigurationError) as fault:
        _ = Workspace(folder).subject(2023).indicators
    assert (fault.value.code, str(fault.value)) == ("F02", "缺少配置文件 indicators/2023.yml\n用 perfeval year 2023 生成。")


def test_file_of_the_only_year_that_is_missing_is_not_made_of_another(make_folder: Making) -> None:
    folder = make_folder()
    placed(folder, "indicators/2022.yml")
    with pytest.raises(ConfigurationError) as fault:
        _ = Workspace(folder).subject(2022).narrative
    assert fault.value.hint == "从 perfeval init 新建的工作区里复制一份，改名为 2022.md。"


def test_file_of_every_year_that_is_missing_is_told_with_where_to_copy_it_from(make_folder: Making) -> None:
    with pytest.raises(ConfigurationError) as fault:
        _ = Workspace(make_folder()).template
    assert str(fault.value) == "缺少配置文件 report/template.docx\n从 perfeval init 新建的工作区里复制。"


def test_year_brings_what_its_file_says(make_folder: Making) -> None:
    folder = make_folder(basis=BASIS)
    placed(folder, "years/2022.yml", YEAR)
    assert [document.title for document in Workspace(folder).subject(2022).brought.basis] == ["自评通知"]


def test_year_of_a_workspace_from_before_years_had_files_brings_the_basis_of_the_settings(make_folder: Making) -> None:
    subject = Workspace(make_folder(basis=BASIS)).subject(2022)
    assert [document.title for document in subject.brought.basis] == ["绩效办法"]


def test_year_without_a_file_beside_years_that_have_one_is_a_fault(make_folder: Making) -> None:
    folder = make_folder(basis=BASIS)
    placed(folder, "years/2022.yml", YEAR)
    with pytest.raises(ConfigurationError, match=r"缺少配置文件 years/2023\.yml"):
        _ = Workspace(folder).subject(2023).brought


def test_files_kept_with_a_revision_are_those_that_the_step_reads(make_folder: Making) -> None:
    folder = make_folder()
    common = [placed(folder, name) for name in ("economic_classification.csv", "profiles.yml", "report/template.docx")]
    own = [placed(folder, name) for name in ("indicators/2022.yml", "report/2022.md")]
    subject = Workspace(folder).subject(2022)
    assert subject.checking_files == (folder / "perfeval.yml", common[0])
    assert subject.scoring_files == (folder / "perfeval.yml", common[0], own[0], common[1])
    assert subject.drafting_files == (folder / "perfeval.yml", own[1], common[2])


def test_files_kept_with_a_revision_are_also_those_that_may_be_absent(make_folder: Making) -> None:
    folder = make_folder()
    kept = [placed(folder, name) for name in ("ledgers.yml", "economic_classification.csv", "years/2022.yml", "report/2022.md")]
    template = placed(folder, "report/template.docx")
    subject = Workspace(folder).subject(2022)
    limits = placed(folder, "checks.yml")
    evidence = [placed(folder, f"evidence/2022/{name}") for name in ("goals/走访记录.pdf", "照片.jpg")]
    placed(folder, "evidence/2022/~$走访记录.docx")
    assert subject.checking_files == (folder / "perfeval.yml", *kept[:2], limits, *evidence)
    assert subject.drafting_files == (folder / "perfeval.yml", *kept[2:], template)


def test_folder_of_the_store_is_made_for_its_owner_alone(make_folder: Making) -> None:
    folder = make_folder()
    state = Workspace(folder).state
    assert (state, stat.S_IMODE(state.stat().st_mode)) == (folder / ".perfeval", 0o700)


@pytest.mark.parametrize("key", ["", "fifteen letters"])
def test_key_that_is_missing_or_short_is_asked_for(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("PERFEVAL_KEY", key)
    with pytest.raises(UsageError, match="PERFEVAL_KEY 未设置或少于16个字符"):
        secret_key()
