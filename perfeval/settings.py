"""What a workspace's YAML files hold (设置): unit, programmes, gates, archive, schedule; and what a year brings."""

import re
import unicodedata
from datetime import date, datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, field_validator, model_validator

from perfeval.configuration import Inside, Model, Name, Text, Words
from perfeval.model import Gate
from perfeval.model.evaluation import NAME_LENGTH
from perfeval.texts import normal

# What a return waits for is no gate, and is asked for under this name.
CORRECTION = "correction"
SIGNING = "签发"


class Unit(Model):
    """填报单位. `key` is the unit's name in the store; where it is not written, its name, so that who renames it keeps the old one."""

    key: Text | None = None
    name: Name
    short_name: Text
    county: Text
    office: Text
    supervisor: Text
    leader: Words = ""
    drafter: Annotated[Text, StringConstraints(max_length=NAME_LENGTH)]
    phone: Words = ""
    founded_on: date | None = None


def _told(number: object) -> object:
    if number == "":
        raise ValueError("还没有填写文号")
    return number


class Document(Model):
    """A document the evaluation rests on: title without 《》, number such as 桃财监〔2023〕63号."""

    title: Text
    number: Annotated[str, BeforeValidator(_told), StringConstraints(pattern=r"^.+〔[0-9]{4}〕[1-9][0-9]*号$")]


class Duties(Document):
    """单位职责依据: the document, and the duties it gives, as they are printed."""

    tasks: tuple[Text, ...] = ()


class Programme(Model):
    """预算项目; rows of budget and expenditure carry one of `codes`. `key` stands in evaluations' numbers and in file names."""

    key: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=40)] = ""
    name: Name
    codes: Annotated[tuple[Text, ...], Field(min_length=1)]
    goal: Text

    @model_validator(mode="after")
    def _keyed(self) -> "Programme":
        if not self.key:  # as it was before programmes had keys
            code = re.sub(r"[^a-z0-9]+", "-", self.codes[0].lower()).strip("-")[:40].strip("-")
            object.__setattr__(self, "key", code or "programme")
        return self


def _no_correction(key: str) -> str:
    if key == CORRECTION:
        raise ValueError(f"{CORRECTION} 是更正环节的名称，请换一个")
    return key


class GateSetting(Model):
    """审批环节; `act` is what its 同意 is: 审核, or 签发 by the unit's leaders.

    `needs` different people must approve, within `due_days` working days (工作日) where that is set, by proofs of these kinds. So many
    working days later others are told (`escalate_days`), and it is put by (`hold_days`).
    """

    key: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+$", max_length=20), AfterValidator(_no_correction)]
    title: Text
    act: Literal["审核", "签发"] | None = None
    needs: Annotated[int, Field(ge=1, le=20)] = 1
    due_days: Annotated[int, Field(ge=1, le=365)] | None = None
    escalate_days: Annotated[int, Field(ge=1, le=365)] = 1
    hold_days: Annotated[int, Field(ge=2, le=365)] | None = None
    proof: Annotated[tuple[Literal["code", "passkey"], ...], Field(min_length=1)] = ("code", "passkey")

    @model_validator(mode="after")
    def _late_before_held(self) -> "GateSetting":
        if self.hold_days and (not self.due_days or self.hold_days <= self.escalate_days):
            raise ValueError("hold_days 是逾期第几个工作日挂起，要先有 due_days，并且大于 escalate_days")
        return self


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
    """Where the store lives. `database` stands in files from before its address moved to the environment."""

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


class Year(Model):
    """years/Y.yml: what a year brings (年度): the documents the evaluation rests on, and the days of the work.

    `report_on` is the report's date (成文日期) where no ledger of the evaluation's work tells it. `recorded` are facts for the
    narrative that no ledger holds, in the office's own words.
    """

    basis: Annotated[tuple[Document, ...], Field(min_length=1)]
    report_on: date | None = None
    recorded: dict[str, Text] = Field(default_factory=dict)


class Settings(Model):
    """perfeval.yml as a whole. `programme` and `basis` stand in files from before there were several, and before years had a file."""

    unit: Unit
    bureau: Text
    programmes: tuple[Programme, ...] = ()
    programme: Programme | None = None
    basis: tuple[Document, ...] = ()
    duties: Duties
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
        if len({normal(gate.title) for gate in gates}) < len(gates):
            raise ValueError("各审批环节的 title 不能相同：看的人分不清是哪一个环节")
        acts = [gate.act for gate in gates]
        # Two gates of which neither says: the unit signs, the bureau reviews.
        if SIGNING not in acts and (any(acts) or len(gates) != 2):  # noqa: PLR2004
            raise ValueError("要有一个环节写 act: 签发（单位领导签发报告），其余写 act: 审核")
        return gates

    @field_validator("programmes")
    @classmethod
    def _told_apart(cls, programmes: tuple[Programme, ...]) -> tuple[Programme, ...]:
        keys = [programme.key for programme in programmes]
        names = [normal(programme.name) for programme in programmes]
        # Full-width letters make no other code.
        codes = [unicodedata.normalize("NFKC", code) for programme in programmes for code in programme.codes]
        if repeated := [text for texts in (keys, names, codes) for text in dict.fromkeys(texts) if texts.count(text) > 1]:
            raise ValueError(f"两个项目的 key、name 或 codes 相同：{'、'.join(repeated)}")
        return programmes

    @model_validator(mode="after")
    def _has_programmes(self) -> "Settings":
        if not self.programmes and not self.programme:
            raise ValueError("缺少 programmes：至少写一个预算项目")
        if self.programmes and self.programme:
            raise ValueError("programme 是旧写法，已有 programmes 时请删去")
        return self

    @property
    def all_programmes(self) -> tuple[Programme, ...]:
        """The programmes, however they are written."""
        return self.programmes or ((self.programme,) if self.programme else ())

    @property
    def approval(self) -> tuple[Gate, ...]:
        """The approval steps in order."""
        says = any(gate.act for gate in self.gates)
        acts = [gate.act or ("审核" if says or place else SIGNING) for place, gate in enumerate(self.gates)]
        return tuple(
            Gate(gate.key, gate.title, act, gate.needs, gate.proof, gate.due_days, gate.escalate_days, gate.hold_days)
            for gate, act in zip(self.gates, acts, strict=True)
        )
