"""A store from before the record (接管): its rows become the unit's own, and the record says what they held and that nothing proves it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from perfeval.approvals.canonical import dump_line
from perfeval.approvals.events import Migrated
from perfeval.approvals.record import PEOPLE
from perfeval.errors import StoreError
from perfeval.model import Stage, Verdict
from perfeval.model.outcomes import Corrected
from perfeval.store.tables import BeforeRow, DecisionRow, EvaluationRow, OutcomeRow, SecretRow
from perfeval.store.transaction import Transaction

_SCHEMA = "0002"


def has_before(session: Session, unit: str) -> bool:
    """Whether anything from before the record waits for this unit."""
    return session.scalar(select(BeforeRow.unit).where(BeforeRow.unit.in_(("", unit))).limit(1)) is not None


def take_over(transaction: Transaction, programmes: Mapping[str, str]) -> None:
    """Take over what stood in the store before the record; `programmes` gives keys by name for what knows no unit yet.

    Decisions from before stand beside ended evaluations, and count nowhere. An evaluation that is still open begins its revision anew:
    its draft was approved, if at all, by secrets that others have seen.

    Raises: UsageError: the office's key is not in the environment. StoreError: the unit has a record already: nothing stood before it.
    """
    session, unit = transaction.session, transaction.unit
    transaction.lock_chain(PEOPLE)  # another process may be taking it over
    waiting = session.scalars(select(BeforeRow).where(BeforeRow.unit.in_(("", unit))).order_by(BeforeRow.unit)).all()
    # Else whoever writes a row here has the program itself record what he says.
    if waiting and transaction.chains():
        message = "数据库里有待接管的旧数据，而审批记录早已开始：是后来插入的"
        raise StoreError("S10", message, "从备份恢复，或删去表 before 中的行后执行 perfeval audit。")
    before = update(EvaluationRow).where(EvaluationRow.unit == "")
    for name, key in programmes.items():
        session.execute(before.where(EvaluationRow.programme == name).values(unit=unit, programme_key=key))
    for table in (EvaluationRow, SecretRow):
        session.execute(update(table).where(table.unit == "").values(unit=unit))
    for row in waiting:
        content: dict[str, list[dict[str, Any]]] = row.content
        transaction.append(PEOPLE, Migrated(schema_version=_SCHEMA, content=dump_line({"people": content["people"]})))
        for evaluation in content["evaluations"]:
            decisions = [item for item in content["decisions"] if item["evaluation"] == evaluation["id"]]
            told = dump_line({"evaluation": evaluation, "decisions": decisions})
            transaction.append(evaluation["id"], Migrated(schema_version=_SCHEMA, content=told))
            _settle(session, unit, evaluation, decisions)
        session.execute(delete(BeforeRow).where(BeforeRow.unit == row.unit))


def _settle(session: Session, unit: str, evaluation: dict[str, Any], decisions: list[dict[str, Any]]) -> None:
    steps = (OutcomeRow.evaluation == evaluation["id"], OutcomeRow.step == Corrected.step)
    corrected = session.scalars(select(OutcomeRow.revision).where(*steps)).all()
    current = max(corrected, default=0) + 1
    is_refused = any(item["verdict"] == Verdict.REFUSE for item in decisions if item["revision"] == current)
    if evaluation["outcome"] is None and is_refused:
        ended = {"outcome": str(Stage.REFUSED), "ended_at": datetime.now(UTC)}
        session.execute(update(EvaluationRow).where(EvaluationRow.id == evaluation["id"]).values(**ended))
    is_open = evaluation["outcome"] is None and not is_refused
    if is_open:
        session.execute(delete(OutcomeRow).where(OutcomeRow.evaluation == evaluation["id"], OutcomeRow.revision == current))
    for item in decisions:
        if not is_open or item["revision"] < current:
            places = {name: item[name] for name in ("evaluation", "revision", "gate", "name", "verdict", "content_digest", "comment")}
            decided_at = datetime.fromisoformat(item["decided_at"]).replace(tzinfo=UTC)
            session.add(DecisionRow(**places, unit=unit, approver=f"before-{item['approver']}", decided_at=decided_at))
    session.flush()
