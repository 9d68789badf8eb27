"""What perfeval.yml holds (设置): unit, programme, gates, archive, schedule."""

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, Field, StringConstraints, field_validator

from perfeval.configuration import Inside, Model, Name, Text, Words
from perfeval.model import Gate
from perfeval.model.evaluation import NAME_LENGTH

# What a return waits for is no gate, and is asked for under this name.
CORRECTION = "correction"


class Unit(Model):
    """填报单位."""

    name: Name
    short_name: Text
    county: Text
    office: Text
    supervisor: Text
    leader: Words = ""
    drafter: Annotated[Text, StringConstraints(max_length=NAME_LENGTH)]
    phone: Words = ""


class Document(Model):
    """A document the evaluation rests on: title without 《》, number such as 桃财监〔2023〕63号."""

    title: Text
    number: Annotated[str, StringConstraints(pattern=r"^.+〔[0-9]{4}〕[1-9][0-9]*号$")]


class Programme(Model):
    """预算项目; rows of budget and expenditure carry one of `codes`."""

    name: Name
    codes: Annotated[tuple[Text, ...], Field(min_length=1)]
    goal: Text


def _no_correction(key: str) -> str:
    if key == CORRECTION:
        raise ValueError(f"{CORRECTION} 是更正环节的名称，请换一个")
    return key


class GateSetting(Model):
    """审批环节."""

    key: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+$"), AfterValidator(_no_correction)]
    title: Text


class Archive(Model):
    """档号 parts and metadata, GB/T 39362-2020 and DA/T 46-2009."""

    fonds: Annotated[str, StringConstraints(pattern=r"^[0-9A-Z]+$")]
    fonds_name: Text
    category: Annotated[str, StringConstraints(pattern=r"^[A-Z]+$")]
    term: Annotated[str, StringConstraints(pattern=r"^(Y|D30|D10)$")]
    office_code: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]+$")]
    security: Text = "公开"
    folder: Inside = "archive"


class Storage(Model):
    """Where the store lives: empty `database` means SQLite in `folder`."""

    database: str = ""
    folder: Inside = ".perfeval"


def _cron(text: str) -> str:
    try:
        CronSim(text, datetime(2000, 1, 1))  # noqa: DTZ001  # any moment: only the form is looked at
    except CronSimError as error:
        raise ValueError("应为 cron 的五栏：分 时 日 月 周，如 0 9 5 1 *") from error
    return text


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError("不认识这个时区，应如 Asia/Shanghai；缺少时区数据则 apt install tzdata") from error
    return name


class Schedule(Model):
    """When the year's evaluation starts by itself."""

    cron: Annotated[Text, AfterValidator(_cron)] = "0 9 5 1 *"
    timezone: Annotated[Text, AfterValidator(_zone)] = "Asia/Shanghai"


class Settings(Model):
    """perfeval.yml as a whole."""

    unit: Unit
    bureau: Text
    programme: Programme
    basis: Annotated[tuple[Document, ...], Field(min_length=1)]
    duties: Document
    gates: Annotated[tuple[GateSetting, ...], Field(min_length=2)]
    economic_classification: Inside = "economic_classification.csv"
    archive: Archive
    storage: Storage = Storage()
    schedule: Schedule = Schedule()

    @field_validator("gates")
    @classmethod
    def _distinct(cls, gates: tuple[GateSetting, ...]) -> tuple[GateSetting, ...]:
        if len({gate.key for gate in gates}) < len(gates):
            raise ValueError("各审批环节的 key 不能相同：一个环节的同意不能当作另一个的")
        return gates

    @property
    def approval(self) -> tuple[Gate, ...]:
        """The approval steps in order."""
        return tuple(Gate(gate.key, gate.title) for gate in self.gates)
