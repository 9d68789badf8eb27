"""局端总览: every unit that a bureau oversees, where each evaluation of a year stands, its worst findings, who waits, what is late.

An office is overseen by the one whose name its settings give as its bureau, where one server serves both. Of each office's store a fixed
number of questions is asked, whatever the number of evaluations.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType

from perfeval.approvals.people import OPERATOR, People
from perfeval.errors import PerfevalError
from perfeval.ledgers.lists import write_list
from perfeval.model import Evaluation, Finding, Severity, Stage, Status
from perfeval.model.clock import CHINA, china_day
from perfeval.model.documents import load_json
from perfeval.model.outcomes import Failure, Result
from perfeval.office import Office
from perfeval.packs import known_years
from perfeval.store import Artifacts
from perfeval.texts import normal

ROWS = 100
NOT_BEGUN = "not-begun"
NOTHING = Result()
_FIRST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Overseen:
    """An office, and where people open its pages."""

    office: Office
    url: str


def overseen_by(bureau: Office, served: Sequence[Overseen]) -> list[Overseen]:
    """Those of the served offices whose settings name this one as their bureau.

    None where several bear the bureau's name: who may edit an office's settings, and no others, would see the others' work.
    """
    name = normal(bureau.workspace.settings.unit.name)
    of_that_name = [item for item in served if normal(item.office.workspace.settings.unit.name) == name]
    return [item for item in served if normal(item.office.workspace.settings.bureau) == name] if len(of_that_name) == 1 else []


@dataclass(frozen=True, slots=True)
class Row:
    """A programme of a unit in a year: where it stands, and for whom it waits. `status` is None where nothing is begun."""

    unit: str
    programme: str
    status: Status | None
    today: date
    waits: str = ""
    result: Result = NOTHING
    errors: int = 0
    warnings: int = 0
    worst: str = ""
    problem: str = ""
    url: str = ""

    @property
    def key(self) -> str:
        """Its stage, as it is filtered by."""
        return str(self.status.stage) if self.status else NOT_BEGUN

    @property
    def title(self) -> str:
        """Its stage, as people call it."""
        return self.status.title if self.status else "未送审"

    @property
    def days_late(self) -> int:
        """How many working days it is late."""
        return self.status.days_late(self.today) if self.status else 0

    @property
    def since(self) -> datetime:
        """Since when it stands there; what is not begun has always."""
        return self.status.since if self.status else _FIRST


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to see: `order` is a key of ORDERS, `stage` one of STAGES or empty."""

    year: int
    words: str = ""
    stage: str = ""
    order: str = "unit"
    page: int = 1


ORDERS: dict[str, tuple[str, Callable[[Row], tuple[object, ...]]]] = {
    "unit": ("单位", lambda _: ()),
    "late": ("逾期最久", lambda row: (-row.days_late, row.since)),
    "since": ("等待最久", lambda row: (row.since,)),
    "findings": ("疑点最多", lambda row: (-row.errors, -row.warnings)),
    "total": ("得分最低", lambda row: (row.result.total is None, row.result.total or Decimal(0))),
}
STAGES = {
    NOT_BEGUN: "未送审", str(Stage.PREPARING): "编制中", str(Stage.WAITING): "待审批", str(Stage.CORRECTING): "待更正",
    str(Stage.APPROVED): "待归档", str(Stage.ARCHIVED): "已归档", str(Stage.REFUSED): "已终止", "late": "只看逾期",
}  # fmt: skip


def years_of(overseen: Iterable[Overseen]) -> list[int]:
    """The years for which any of the offices has rules, the newest first."""
    return sorted({year for item in overseen for year in known_years(item.office.workspace.root)}, reverse=True)


def year_to_show(years: Sequence[int]) -> int:
    """The one that is evaluated now, which is last year; else the newest: some begin to keep ledgers of the next early."""
    last = china_day(datetime.now(UTC)).year - 1
    return last if last in years else max(years, default=last)


def look_over_all(overseen: Iterable[Overseen], year: int, unopened: Mapping[str, str] = MappingProxyType({})) -> list[Row]:
    """All rows of a year, in the order in which the offices are served; an office that cannot be read, or opened, has one that says so."""
    today = china_day(datetime.now(UTC))
    closed = [Row(folder, "", None, today, problem=f"没有打开：{why}") for folder, why in unopened.items()]
    return [*(row for item in overseen for row in _rows_or_why(item, year)), *closed]


def _rows_or_why(item: Overseen, year: int) -> list[Row]:
    try:
        return _rows(item, year)
    except PerfevalError as fault:
        unit = item.office.workspace.settings.unit.name
        return [Row(unit, "", None, china_day(datetime.now(UTC)), problem=f"读不出：{fault.message}")]


def pick(rows: Iterable[Row], asked: Asked) -> list[Row]:
    """The rows that are asked for, in the order asked for; equal ones as they are served."""
    words = asked.words.casefold().split()
    found = [row for row in rows if _is_wanted(row, asked.stage) and all(word in _text(row) for word in words)]
    return sorted(found, key=ORDERS.get(asked.order, ORDERS["unit"])[1])


def stages_of(rows: Sequence[Row]) -> dict[str, str]:
    """By what rows are filtered, each with how many there are."""
    return {key: f"{title}（{sum(_is_wanted(row, key) for row in rows)}）" for key, title in STAGES.items()}


def _is_wanted(row: Row, stage: str) -> bool:
    return row.days_late > 0 if stage == "late" else stage in {"", row.key}


def _text(row: Row) -> str:
    return f"{row.unit} {row.programme} {row.title} {row.waits} {row.worst} {row.problem}".casefold()


def _rows(item: Overseen, year: int) -> list[Row]:
    office, today = item.office, china_day(datetime.now(UTC))
    with office.store.reading() as record:
        statuses = [progress.status(office.workspace.gates) for progress in record.all_progress()]
        results, stuck, people = record.results(), record.stuck(), record.people()
    # Of several, one after another was refused: the last.
    current = {status.revision.evaluation.programme_key: status for status in statuses if status.revision.evaluation.year == year}
    names = {programme.key: programme.name for programme in office.workspace.programmes}
    unit = office.workspace.settings.unit.name
    failures = {item.evaluation or item.programme: item.failure for item in stuck if item.year == year}
    rows = [
        Row(unit, name, None, today, office.workspace.settings.unit.drafter, problem=_problem(failures.get(key), "没有开始"))
        for key, name in names.items()
        if key not in current
    ]
    for status in current.values():
        evaluation = status.revision.evaluation
        result = results.get((evaluation.id, status.revision.number), NOTHING)
        failure = failures.get(evaluation.id)
        digest = (failure and failure.findings) or result.findings
        findings = _findings(office.store.artifacts, digest) if digest else ()
        counts = [sum(finding.severity is severity for finding in findings) for severity in (Severity.ERROR, Severity.WARNING)]
        worst = min(findings, key=lambda finding: list(Severity).index(finding.severity), default=None)
        rows.append(
            Row(
                unit, evaluation.programme, status, today, _who(status, people, evaluation), result, counts[0], counts[1],
                f"{worst.code} {worst.message}" if worst else "",
                _problem(failure) or _problem(failures.get(evaluation.programme_key), "没有开始"),  # again, after a refusal
                f"{item.url}/review/{evaluation.id}/{status.revision.number}" if item.url else "",
            )
        )  # fmt: skip
    order = list(names.values())
    return sorted(rows, key=lambda row: order.index(row.programme) if row.programme in order else len(order))


def _problem(failure: Failure | None, what: str = "没有完成") -> str:
    return f"{what}：{failure.reason}" if failure else ""


def _who(status: Status, people: People, evaluation: Evaluation) -> str:
    """For whom it waits, by name."""
    if status.stage in {Stage.ARCHIVED, Stage.REFUSED, Stage.APPROVED}:
        return ""
    role = status.gate.key if status.gate else OPERATOR
    named = [person.name for person in people.persons.values() if role in person.roles and people.active(person.id)]
    return "、".join(named) if status.gate else evaluation.prepared_by


@lru_cache(maxsize=4096)
def _findings(artifacts: Artifacts, digest: str) -> tuple[Finding, ...]:
    """Findings never change under their digest."""
    return tuple(load_json(list[Finding], artifacts.read(digest)))


_HEADERS = (
    ("单位", 28), ("项目", 24), ("进度", 14), ("稿次", 6), ("得分", 8), ("等级", 6), ("等待起", 12), ("期限", 12), ("逾期工作日", 10),
    ("等谁", 20), ("错误", 6), ("提醒", 6), ("最重的疑点", 60), ("没有完成的原因", 50),
)  # fmt: skip


def write_overview(year: int, rows: Iterable[Row]) -> bytes:
    """The rows as a workbook."""
    return write_list(f"{year}年度", _HEADERS, map(_written, rows))


def _written(row: Row) -> list[str | int | Decimal | date | None]:
    status = row.status
    return [
        row.unit, row.programme, row.title, status.revision.number if status else None, row.result.total, row.result.grade,
        status.since.astimezone(CHINA).date() if status else None, status.due_on if status else None, row.days_late or None, row.waits,
        row.errors, row.warnings, row.worst, row.problem,
    ]  # fmt: skip
