"""Sample rows of 批复绩效目标, 满意度调查, 年度目标任务 and 评价工作台账: what the year was measured by."""

from datetime import date
from decimal import Decimal

from perfeval.sample.days import WORKDAYS, mixed, position, spread
from perfeval.sample.projects import Rows

_TARGETS = (
    ("协助召开重点项目专题调度会、现场办公会次数", "≥60次", 4),
    ("重点项目帮代办政务服务事项办结数", "≥120项", 6),
    ("进度分色表按月公示率（公示期数与填报进度的月数之比）", "100%", 4),
    ("建设项目现场巡查覆盖率（竣工、在建、新开工项目）", "100%", 2),
    ("“一单三制”交办问题销号率", "≥95%", 7),
    ("专题调度会议定事项有纪要率", "100%", 4),
    ("“五个一”机制落实率（领导、专班、方案、责任单位齐备的项目占比）", "100%", 5),
    ("帮代办事项按承诺时限办结率（年内到期和未填承诺日期的事项）", "≥95%", 6),
    ("交办问题在办结时限内销号率（年内到期和未填时限的问题）", "≥95%", 6),
    ("协调会议单次会议费（每张凭证为一次会议）", "≤4,000元/次", 2),
    ("宣传视频单部成本", "≤2.5万元/部", 2),
    ("差旅费单次成本（每张凭证为一次出差）", "≤2,800元/次", 2),
    ("调度过的滞后项目年末赶上计划的比例", "100%", 10),
    ("项目生产运营问题解决率", "≥95%", 4),
    ("经帮代办落地开工的重点项目数", "≥12个", 8),
    ("现场巡查发现问题处理率", "100%", 4),
    ("重点项目调度、督办、考核制度（有文件、有执行、有考核结果）", "制度健全、执行有效", 4),
    ("企业和项目单位满意度（非常满意、满意占比）", "≥90%", 6),
    ("群众满意度（非常满意、满意占比）", "≥90%", 4),
)
_GOALS = (
    (
        "承担全国文明城市、国家卫生县创建和巩固拓展脱贫攻坚成果同乡村振兴有效衔接任务",
        "包保责任区达标，联点村每季度走访，党建、党风廉政、意识形态和安全生产责任落实",
        "责任区检查记录、走访记录、党组会议记录",
        (12, 23),
    ),
    ("推动重点项目按年度计划开工、建设和竣工", "开工、竣工个数和年度投资达到县定计划", "重点项目台账、项目进度台账", (12, 28)),
    ("组织重点项目集中开工、竣工和现场观摩活动", "集中开工、现场观摩有方案、有记录", "活动方案、签到册、影像资料", (11, 30)),
    ("管好重点项目库，每月通报项目进度", "入库信息完整，每月编发进度分色表", "重点项目台账、编发刊物台账", (12, 27)),
    ("调度和督查项目计划执行，问题列清单销号", "每月调度，问题逐项交办、督查，销号率95%以上", "调度会议台账、问题交办台账", (12, 29)),
    ("为社会投资类项目代办审批手续", "受理事项全程代办，按承诺时限办结率95%以上", "帮代办事项台账", (12, 15)),
)
_STEPS = (
    ("前期准备", (3, 6), "中心会议室", "项目协调股、办公室", 6, "成立自评小组，学习文件，制定自评方案，下发资料清单"),
    ("座谈会", (3, 13), "中心会议室", "项目单位、县财政局、企业代表和中心各股室", 18, "听取对项目资金使用和协调服务工作的意见"),
    ("资料核查", (3, 16), "中心档案室", "项目协调股、财务人员", 5, "逐笔核对支出凭证、活动方案、申请报告，核对各类台账"),
    ("现场查看", (3, 21), "样例产业园区", "自评小组、项目单位", 8, "查看产业类项目建设现场，核对进度和帮扶事项"),
    ("现场查看", (3, 22), "样例城区和乡镇", "自评小组、责任单位", 7, "查看基础设施和社会事业类项目现场"),
    ("形成报告", (4, 3), "中心会议室", "自评小组", 6, "汇总评分，形成自评报告初稿并集体讨论"),
)


def target_rows() -> Rows:
    """The targets of the pack's indicators, approved a week after the money was granted, none adjusted."""
    return [(name, target, Decimal(weight), "样例财绩〔2022〕4号", date(2022, 7, 5), None) for name, target, weight in _TARGETS]


def survey_rows() -> Rows:
    """120 answers, 115 of them satisfied or very satisfied (95.83 %)."""
    respondents = mixed({"企业": 50, "项目单位": 40, "群众": 30})
    ratings = mixed({"非常满意": 84, "满意": 31, "基本满意": 4, "不满意": 1})
    days = spread(120, position(12, 5), position(12, 16))
    return [
        (f"WJ-2022-{n:03d}", WORKDAYS[day], respondent, rating)
        for n, (day, respondent, rating) in enumerate(zip(days, respondents, ratings, strict=True), start=1)
    ]


def goal_rows() -> Rows:
    """The six yearly goals, all reached."""
    return [
        (n, goal, standard, "完成", WORKDAYS[position(*day)], evidence) for n, (goal, standard, evidence, day) in enumerate(_GOALS, start=1)
    ]


def evaluation_work_rows() -> Rows:
    """What was done in spring 2023 to evaluate the year."""
    return [(step, date(2023, *day), place, units, headcount, content) for step, day, place, units, headcount, content in _STEPS]
