"""Sample rows of 重点项目台账 and 项目进度台账: 68 invented projects, nine months for each of the 47 under construction."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from perfeval.sample.days import WORKDAYS, position

Rows = list[tuple[object, ...]]
STEMS = "甲乙丙丁戊己庚辛壬癸"
_STAGES = {"竣工": 23, "在建": 12, "投产": 5, "新开工": 12, "前期": 16}
_YEARLY_SHARE = {"竣工": 45, "在建": 40, "投产": 0, "新开工": 30, "前期": 0}
# Percent of the year's plan that two projects miss: yellow and red in 进度分色表.
_BEHIND = {31: 8, 50: 22}
# Projects in preparation without 实施方案: 五个一 stays below 100 %.
_WITHOUT_PLAN = (58, 66)
_NAMES = {
    "产业": ("竹木精深加工", "电子元器件制造", "新能源材料生产", "农产品冷链物流", "装备零部件制造", "绿色食品加工"),
    "基础设施": ("城区道路提质", "农村公路改造", "供水管网改造", "标准厂房配套", "输变电设施", "停车场建设"),
    "社会事业": ("中学扩建", "乡镇卫生院改造", "养老服务中心", "文化活动中心", "公共实训基地", "老旧小区改造"),
    "生态环保": ("污水处理设施", "流域综合治理", "生活垃圾处理", "矿山生态修复", "湿地保护", "秸秆综合利用"),
}


@dataclass(frozen=True)
class _Project:
    """A project by its number, 1 to 68. Months are of 2022, money is 万元."""

    number: int
    stage: str

    @property
    def code(self) -> str:
        return f"ZD2022-{self.number:03d}"

    @property
    def category(self) -> str:
        return tuple(_NAMES)[self.number % 4]

    @property
    def name(self) -> str:
        turn = self.number // 4
        return f"样例{_NAMES[self.category][turn % 6]}{'一二三'[turn // 6]}期项目"

    @property
    def months(self) -> tuple[int, int]:
        """First and last month of building in the year, as planned."""
        return 4 + self.number % 4 if self.stage == "新开工" else 4, 6 + self.number % 7 if self.stage == "竣工" else 12

    @property
    def dates(self) -> tuple[date | None, date | None]:
        """开工日期 and 竣工日期."""
        if self.stage == "前期":
            return None, None
        if self.stage == "新开工":
            return WORKDAYS[position(self.months[0], 8 + self.number % 9)], None
        started = date(2020 + self.number % 2, 3 + self.number % 7, 18)
        if self.stage == "竣工":
            return started, WORKDAYS[position(self.months[1], 10 + self.number % 16)]
        return started, date(2021, 10 + self.number % 3, 26) if self.stage == "投产" else None

    @property
    def money(self) -> tuple[Decimal, Decimal, Decimal]:
        """Total investment, the year's plan, and what was built in the year: up to 6 % more, or less where the project is behind."""
        total = Decimal(2600 + self.number * self.number * 37 % 47 * 540)
        planned = total * _YEARLY_SHARE[self.stage] / 100
        return total, planned, planned * (100 - _BEHIND.get(self.number, -(self.number % 7))) / 100

    def progress(self, month: int) -> tuple[Decimal, Decimal]:
        """Planned and reached percent of the year's plan: a little ahead, now and then behind, or ever further behind."""
        first, last = self.months
        planned = min(max(Decimal(month - first + 1) * 100 / (last - first + 1), Decimal(0)), Decimal(100))
        if self.number in _BEHIND:
            return _cents(planned), _cents(planned * (100 - _BEHIND[self.number]) / 100)
        ahead = 0 if planned in {0, 100} else -3 if (self.number + month) % 6 == 0 else (self.number + month) % 3
        return _cents(planned), _cents(min(planned + ahead, Decimal(100)))


def _cents(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.01"))


_PROJECTS = [
    _Project(number, stage) for number, stage in enumerate((stage for stage, count in _STAGES.items() for _ in range(count)), start=1)
]


def projects_in(*stages: str) -> list[str]:
    """The numbers (项目编号) of all projects at these stages."""
    return [project.code for project in _PROJECTS if project.stage in stages]


def project_rows() -> Rows:
    """23 completed, 12 being built, 5 in operation, 12 newly started, 16 in preparation."""
    return [
        (
            project.code, project.name, project.category, "续建" if project.stage in {"竣工", "在建"} else "新建",
            "社会投资" if project.category == "产业" or n % 5 == 0 else "政府投资", project.stage,
            *map(_cents, project.money), *project.dates, f"样例县领导{STEMS[n % 10]}", f"{project.name}工作专班",
            None if n in _WITHOUT_PLAN else f"{project.name}实施方案", f"样例责任单位{STEMS[n % 8]}", "是",
            "否" if project.stage == "前期" else "是",
        )
        for n, project in enumerate(_PROJECTS, start=1)
    ]  # fmt: skip


def progress_rows() -> Rows:
    """April to December; the months' investment adds to the project's 年度完成投资."""
    rows: Rows = []
    for project in _PROJECTS:
        if project.stage in {"投产", "前期"}:
            continue
        _, reached = project.progress(12)
        before = Decimal(0)
        for month in range(4, 13):
            planned, actual = project.progress(month)
            built = _cents(_cents(project.money[2]) * actual / reached)
            problem = "进度滞后，已列入调度清单" if actual < planned else None
            rows.append((project.code, f"2022-{month:02d}", planned, actual, built - before, problem))
            before = built
    return rows
