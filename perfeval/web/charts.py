"""Charts as bars (图): spending by use, progress against plan, points by level. Drawn by the template, without a script."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from perfeval.model import Revision, Scorecard
from perfeval.model.numbers import in_wan, plain
from perfeval.office import Office
from perfeval.rows import progress_by_month, spent_by_use
from perfeval.tracing import open_tracer


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar: what it is of, how much of the whole, the amount in words, and the figure that it leads to."""

    title: str
    share: float
    told: str
    figure: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart: its title, its bars from top to bottom, and what their colours mean, by the kind of bar."""

    title: str
    bars: Sequence[Bar]
    legend: Sequence[tuple[str, str]] = ()


def draw(office: Office, revision: Revision) -> list[Chart]:
    """The charts of a drafted revision; one that would show nothing is left out."""
    tracer = open_tracer(office, revision)
    if tracer is None:
        return []
    charts = [_levels(tracer.card), _spending(spent_by_use(tracer.ledgers)), _progress(progress_by_month(tracer.ledgers))]
    return [chart for chart in charts if chart.bars]


def _levels(card: Scorecard) -> Chart:
    names = list(dict.fromkeys(row.level1 for row in card.scores))
    bars = []
    for place, name in enumerate(names, start=1):
        rows = [row for row in card.scores if row.level1 == name]
        score, weight = sum((row.score for row in rows), Decimal(0)), sum((row.weight for row in rows), Decimal(0))
        bars.append(Bar(name, _share(score, weight), f"{plain(score)}／{plain(weight)}分", f"score_level_{place}"))
    execution = card.execution
    told = f"{plain(execution.score)}／{plain(execution.weight)}分"
    return Chart("各级得分", [*bars, Bar("预算执行率", _share(execution.score, execution.weight), told, "score_execution")])


def _spending(spent: Sequence[tuple[str, Decimal]]) -> Chart:
    largest = max((amount for _, amount in spent), default=Decimal(0))
    # Exact, and all with as many decimals as the one that has most.
    written = [in_wan(amount).partition(".") for _, amount in spent]
    decimals = max((len(after) for _, _, after in written), default=0)
    bars = [
        Bar(category, _share(amount, largest), f"{whole}{'.' if decimals else ''}{after:0<{decimals}}万元", f"spent_subtotal_{place}")
        for place, ((category, amount), (whole, _, after)) in enumerate(zip(spent, written, strict=True), start=1)
    ]
    return Chart("资金用途", bars)


def _progress(months: Sequence[tuple[str, float, float]]) -> Chart:
    bars = []
    for month, planned, actual in months[-12:]:
        bars += [
            Bar(month, planned / 100, f"计划 {planned:.1f}%", kind="plan"),
            Bar("", actual / 100, f"实际 {actual:.1f}%", kind="late" if actual < planned else ""),
        ]
    return Chart("实际进度与计划（全部项目平均）", bars, (("plan", "计划"), ("", "实际"), ("late", "实际，落后于计划")))


def _share(part: Decimal, whole: Decimal) -> float:
    return float(part / whole) if whole else 0.0
