"""An office opened: workspace, store and key together, and what keeps it shut."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from perfeval.approvals.person import Person
from perfeval.errors import ConfigurationError, StoreError, UsageError
from perfeval.model import Evaluation
from perfeval.office import Office, open_office, this_office

Opening = Callable[..., Office]


@pytest.fixture
def opened(make_folder: Callable[..., Path]) -> Iterator[Opening]:
    """Open a workspace of the least settings, some of them changed."""
    offices: list[Office] = []

    def opening(**changes: object) -> Office:
        offices.append(open_office(make_folder(**changes)))
        return offices[-1]

    yield opening
    for office in offices:
        office.store.close()


def begun(office: Office, key: str = "roads", name: str = "公路养护") -> Evaluation:
    with office.store.transaction() as record:
        return record.open_evaluation(2022, key, name, Person("p1", "样例填表人", ("operator",)), None)


def test_office_keeps_its_store_in_the_workspace(opened: Opening) -> None:
    office = opened()
    begun(office)
    assert {path.name for path in office.workspace.state.iterdir()} >= {"store.db"}


def test_office_with_the_address_of_a_database_in_its_settings_stays_shut(opened: Opening) -> None:
    with pytest.raises(ConfigurationError) as fault:
        opened(storage={"database": "postgresql://perfeval:geheim@db/perfeval"})
    assert fault.value.code == "F07"
    assert fault.value.message == "perfeval.yml 里写了数据库地址（storage.database），它会随设置进入归档包"
    assert fault.value.hint == "把地址移到环境变量 PERFEVAL_DATABASE_URL，并删去这一行。"


def test_office_keeps_its_store_where_the_environment_says(opened: Opening, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PERFEVAL_DATABASE_URL", f"sqlite:///{tmp_path / 'elsewhere.db'}")
    office = opened()
    begun(office)
    assert (tmp_path / "elsewhere.db").is_file()
    assert not (office.workspace.state / "store.db").exists()


def test_offices_of_two_units_on_one_database_know_nothing_of_each_other(
    opened: Opening, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PERFEVAL_DATABASE_URL", f"sqlite:///{tmp_path / 'shared.db'}")
    first = begun(opened())
    folder = tmp_path / "other"
    folder.mkdir()
    changed = settings | {"unit": settings["unit"] | {"name": "别的单位"}}
    (folder / "perfeval.yml").write_text(yaml.safe_dump(changed, allow_unicode=True), encoding="utf-8")
    other = open_office(folder)
    second = begun(other)
    with other.store.reading() as record:
        assert (first.id, [item.id for item in record.evaluations()]) == ("2022-roads-1", [second.id])
        with pytest.raises(StoreError, match="没有编号为 2022-roads-1 的自评"):
            record.evaluation(first.id)
    other.store.close()


def test_unit_renamed_is_not_begun_anew_beside_its_own_record(opened: Opening, settings: dict[str, Any]) -> None:
    begun(opened())
    renamed = settings["unit"] | {"name": "样例新单位"}
    with pytest.raises(StoreError) as fault:
        opened(unit=renamed)
    assert (fault.value.code, fault.value.message) == ("S22", "数据库里没有“样例新单位”的记录，本工作区的记录在“样例单位”名下")
    assert "key: 样例单位" in fault.value.hint
    with opened(unit=renamed | {"key": "样例单位"}).store.reading() as record:
        assert [item.id for item in record.evaluations()] == ["2022-roads-1"]


def test_unit_renamed_before_anything_was_recorded_is_begun(opened: Opening, settings: dict[str, Any]) -> None:
    with opened().store.transaction() as record:
        record.save_secret("pages", "a secret")
    assert begun(opened(unit=settings["unit"] | {"name": "样例新单位"})).id == "2022-roads-1"


def test_office_knows_what_an_evaluation_is_about(opened: Opening, two_programmes: list[Any]) -> None:
    office = opened(programmes=two_programmes)
    subject = office.subject(begun(office, "bridges", "桥梁维修"))
    assert (subject.year, subject.programme.name) == (2022, "桥梁维修")


def test_office_asked_about_an_evaluation_of_a_programme_that_is_gone_says_so(opened: Opening) -> None:
    office = opened()
    with pytest.raises(UsageError, match="没有 key 为“bridges”的项目"):
        office.subject(replace(begun(office), programme_key="bridges"))


def test_office_without_a_key_opens_and_asks_for_it_where_it_is_needed(opened: Opening, monkeypatch: pytest.MonkeyPatch) -> None:
    office = opened()
    assert office.key == "an invented key for tests"
    monkeypatch.delenv("PERFEVAL_KEY")
    with pytest.raises(UsageError, match="PERFEVAL_KEY 未设置"):
        _ = office.key


def test_office_of_a_process_is_the_one_the_environment_names_opened_once(
    make_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder()
    monkeypatch.setenv("PERFEVAL_WORKSPACE", str(folder))
    this_office.cache_clear()
    try:
        assert this_office().workspace.root == folder.resolve()
        assert this_office() is this_office()
    finally:
        this_office().store.close()
        this_office.cache_clear()
