"""Sample rows of 调度会议, 问题交办, 帮代办事项, 编发刊物 and 巡查督查台账: what the centre did for the projects."""

from perfeval.sample.days import WORKDAYS, mixed, position, spread
from perfeval.sample.projects import STEMS, Rows, projects_in

_START, _END = position(4, 6), position(12, 28)
_AGENDAS = ("协调解决项目推进中的具体问题", "调度项目建设进度和年度投资", "研究项目要素保障事项", "现场核实并交办存在问题")
_PROBLEMS = {
    "前期手续": (12, ("前期",), "用地预审、环评等前期手续办理进度慢于计划"),
    "用地": (11, ("新开工", "前期"), "用地报批和土地征收未按节点完成"),
    "资金": (6, ("在建", "新开工"), "工程款拨付和融资落实不及时"),
    "施工": (8, ("在建", "竣工"), "施工力量不足，形象进度滞后"),
    "生产运营": (16, ("投产",), "水电气接入、用工和物流配套需要协调解决"),
}
# Issues of 前期手续 and 用地 closed this many working days after 办结时限, or still open (None).
_LATE: dict[int, int | None] = {13: 6, 22: 11, 36: 4, 47: None, 52: None}
_SERVICES = (
    ("项目备案", "县发展和改革局", 3), ("建设用地规划许可", "县自然资源局", 10), ("建设工程规划许可", "县自然资源局", 10),
    ("建筑工程施工许可", "县住房和城乡建设局", 7), ("环境影响评价审批", "市生态环境局桃江分局", 15), ("水土保持方案审批", "县水利局", 8),
    ("企业设立登记", "县市场监督管理局", 2), ("不动产权登记", "县自然资源局", 5), ("临时用电报装", "县供电公司", 6),
)  # fmt: skip
# Services finished two working days after the promised day.
_SLOW = (48, 102)
_PUBLICATIONS = {
    "重点项目建设简报": ("样例重点项目建设简报", ((6, 29), (8, 30), (10, 28), (12, 29))),
    "进度分色表": ("样例重点项目进度分色表", tuple((month, 27) for month in range(4, 13))),
    "宣传视频": ("样例重点项目建设纪实", ((9, 8), (12, 1))),
    "宣传展板": ("样例重点项目建设成果展板", ((8, 2), (8, 31), (9, 29), (10, 31), (11, 24))),
}
_FOUND = ("施工围挡破损", "扬尘防治措施不到位", "现场资料不齐全", "施工力量不足")


def meeting_rows() -> Rows:
    """73 on single projects, a 月调度会 each month from April, a 周碰头会 in each working week from 27 June."""
    projects = projects_in("竣工", "在建", "新开工", "前期")
    meetings: list[tuple[int, str, str | None, str, str]] = [
        (day, kind, projects[n * 5 % len(projects)], f"样例县领导{STEMS[n % 10]}", _AGENDAS[n % 4])
        for n, (day, kind) in enumerate(zip(spread(73, _START, _END), mixed({"专题调度会": 41, "现场办公会": 32}), strict=True))
    ]
    meetings += [
        (position(month, 8), "月调度会", None, "样例县领导甲", f"通报{month}月份全县重点项目进度，部署下月工作") for month in range(4, 13)
    ]
    weeks = {WORKDAYS[n].isocalendar().week: n for n in reversed(range(position(6, 27), len(WORKDAYS)))}
    meetings += [(day, "周碰头会", None, "样例中心负责人甲", "汇总一周巡查情况，安排下周协调事项") for day in weeks.values()]
    return [
        (f"HY-2022-{n:03d}", WORKDAYS[day], kind, project, chair, agenda, f"样例重纪〔2022〕{n}号")
        for n, (day, kind, project, chair, agenda) in enumerate(sorted(meetings, key=lambda meeting: meeting[:2]), start=1)
    ]


def issue_rows() -> Rows:
    """53 issues; all 16 of 生产运营 closed in time, three others closed late, two still open."""
    rows: Rows = []
    numbers = {"交办单": 0, "督办函": 0}
    categories = mixed({category: count for category, (count, _, _) in _PROBLEMS.items()})
    for n, (day, category) in enumerate(zip(spread(53, _START, position(11, 25)), categories, strict=True), start=1):
        _, stages, description = _PROBLEMS[category]
        projects = projects_in(*stages)
        due = day + 10 + n % 6
        late = _LATE.get(n, -(n % 5))
        instrument = "督办函" if n in _LATE or n % 9 == 0 else "交办单"
        numbers[instrument] += 1
        rows.append((
            f"WT-2022-{n:03d}", projects[n * 3 % len(projects)], category, description, instrument,
            f"样例重{instrument[0]}〔2022〕{numbers[instrument]}号", WORKDAYS[day], f"样例责任单位{STEMS[n % 8]}", WORKDAYS[due],
            WORKDAYS[day + 4], None if late is None else WORKDAYS[due + late],
        ))  # fmt: skip
    return rows


def service_rows() -> Rows:
    """134 services, all finished in the year, 132 of them on or before the promised day."""
    projects = projects_in("新开工", "前期", "在建", "投产")
    rows: Rows = []
    for n, day in enumerate(spread(134, _START, position(11, 30)), start=1):
        name, department, allowed = _SERVICES[n % len(_SERVICES)]
        finished = day + allowed + (2 if n in _SLOW else -(n % min(allowed, 4)))
        rows.append((
            f"DB-2022-{n:03d}", projects[n * 7 % len(projects)], name, department, WORKDAYS[day], WORKDAYS[day + allowed],
            WORKDAYS[finished], f"样例代办员{STEMS[n % 4]}",
        ))  # fmt: skip
    return rows


def publication_rows() -> Rows:
    """4 bulletins, 9 monthly colour tables, 2 videos, 5 sets of boards."""
    issues = sorted(
        (position(*day), kind, n, title) for kind, (title, days) in _PUBLICATIONS.items() for n, day in enumerate(days, start=1)
    )
    return [
        (kind, f"第{n}期", WORKDAYS[day], f"{title}（{WORKDAYS[day].month}月）", "县级领导、县直有关单位、各乡镇")
        for day, kind, n, title in issues
    ]


def inspection_rows() -> Rows:
    """126 daily rounds and 24 special inspections; every sixth found something."""
    projects = projects_in("竣工", "在建", "新开工")
    rows: Rows = []
    for n, (day, kind) in enumerate(zip(spread(150, _START, _END), mixed({"日巡查": 126, "专项督查": 24}), strict=True), start=1):
        finding, handling = (_FOUND[n // 6 % 4], "当场交办，已整改到位") if n % 6 == 0 else (None, None)
        rows.append((WORKDAYS[day], projects[n * 11 % len(projects)], kind, f"样例巡查员{STEMS[n % 5]}", finding, handling))
    return rows
