"""Which ledgers an office keeps (台账目录): built-in ones by name, and those its workspace declares."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from schemas.budget import Budget
from schemas.columns import LedgerModel
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
from schemas.targets import Targets


@dataclass(frozen=True, slots=True)
class Catalogue(Mapping[str, type[LedgerModel]]):
    """The ledgers of an office by English name, in their order; those in `optional` may be missing."""

    ledgers: Mapping[str, type[LedgerModel]]
    optional: frozenset[str] = frozenset()

    def __hash__(self) -> int:
        return hash((*self.ledgers, self.optional))

    def __getitem__(self, name: str) -> type[LedgerModel]:
        return self.ledgers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.ledgers)

    def __len__(self) -> int:
        return len(self.ledgers)


BUILT_IN: Mapping[str, type[LedgerModel]] = {
    model.ledger_name(): model
    for model in (
        Budget, Expenditure, Targets, Plans, Projects, Progress, Meetings, Issues, Services, Publications, Inspections, Surveys, Goals,
        EvaluationWork,
    )
}  # fmt: skip
DEFAULT = Catalogue({name: model for name, model in BUILT_IN.items() if model is not Targets})
"""What is kept where a workspace does not say."""
