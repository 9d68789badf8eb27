"""The shapes of ledgers (台账): one Pandera model per ledger, true whatever the year. No I/O, no rules over several ledgers."""

from schemas.budget import Budget
from schemas.columns import Column, Kind, LedgerModel
from schemas.evaluation_work import EvaluationWork
from schemas.expenditure import Expenditure
from schemas.goals import Goals
from schemas.inspections import Inspections
from schemas.issues import Issues
from schemas.meetings import Meetings
from schemas.plans import Plans
from schemas.progress import Progress
from schemas.projects import Projects
from schemas.publications import Publications
from schemas.services import Services
from schemas.surveys import Surveys

LEDGERS: dict[str, type[LedgerModel]] = {
    model.ledger_name(): model
    for model in (
        Budget, Expenditure, Plans, Projects, Progress, Meetings, Issues, Services, Publications, Inspections, Surveys, Goals,
        EvaluationWork,
    )
}  # fmt: skip

__all__ = ["LEDGERS", "Column", "Kind", "LedgerModel"]
