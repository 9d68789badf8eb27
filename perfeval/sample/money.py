"""Sample rows of 预算指标台账, 活动方案台账 and 资金支出台账: 179 900.00 yuan added in the year and spent to the cent."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from perfeval.sample.days import WORKDAYS, position, spread

Rows = list[tuple[object, ...]]
PROGRAMME = "ZDXM-2022-001"


@dataclass(frozen=True)
class _Category:
    """A 支出类别: economic classification, what is bought from whom, how it is paid, every amount, spread from first to last payment."""

    name: str
    code: str
    code_name: str
    purpose: str
    payee: str
    method: str
    amounts: str
    first: tuple[int, int]
    last: tuple[int, int]


_CATEGORIES = (
    _Category("现场协调", "30239", "其他交通费用", "重点项目现场协调用车", "样例汽车租赁服务部", "授权支付",
              "3680.00 4125.50 3240.00 4360.00 3895.00 3760.00 4218.00 3570.00 3984.00 3780.00", (7, 12), (12, 15)),
    _Category("协调会议", "30215", "会议费", "重点项目协调会议", "样例会议服务中心", "公务卡",
              "3520.00 3860.00 4150.00 3295.00 3978.00 3640.00 3715.00 3480.00 3840.00", (7, 15), (12, 9)),
    _Category("差旅费", "30211", "差旅费", "赴省市对接重点项目", "样例出差人员甲", "公务卡",
              "2865.00 2430.50 3120.00 2598.00 2744.00 2916.00 2387.00 2675.00 2621.00", (7, 20), (12, 13)),
    _Category("宣传视频", "30227", "委托业务费", "重点项目宣传视频委托制作", "样例影视制作工作室", "直接支付",
              "27850.00 15960.00", (9, 15), (12, 8)),
    _Category("宣传展板", "30202", "印刷费", "重点项目宣传展板印制安装", "样例广告装饰部", "授权支付",
              "5480.00 6125.00 4896.00 5236.00 4756.00", (8, 5), (11, 29)),
    _Category("图文资料", "30202", "印刷费", "重点项目图文资料印制", "样例图文印刷店", "转账",
              "2460.00 2785.00 2538.00 2690.00 2677.00", (7, 27), (12, 20)),
)  # fmt: skip
# The plans of a quarter: name, from when on payments are made under it, when it was drafted; two working days later it was reviewed.
_QUARTERS = (("第三季度", position(7, 1), position(7, 1)), ("第四季度", position(10, 1), position(9, 22)))


def budget_rows() -> Rows:
    """No opening budget, one addition."""
    note = "年中追加工作经费，年初未安排预算"
    return [("样例财预〔2022〕16号", date(2022, 6, 28), PROGRAMME, "追加", Decimal("179900.00"), note)]


def plan_rows() -> Rows:
    """One plan for each category and quarter, with as much money as was spent under it."""
    spent: dict[str, Decimal] = {}
    for _, _, amount, plan in _payments():
        spent[plan] = spent.get(plan, Decimal(0)) + amount
    rows: Rows = []
    for category in _CATEGORIES:
        for name, start, drafted in _QUARTERS:
            plan = _plan_no(category, start)
            title = f"{name}{category.purpose}活动方案"
            rows.append((plan, title, category.name, WORKDAYS[drafted], spent[plan], WORKDAYS[drafted + 2], "样例财政审核员甲"))
    return rows


def expenditure_rows() -> Rows:
    """40 payments from July on, each with plan, application, approval three working days before, invoice and attachments."""
    return [
        (
            f"ZF-2022-{n:04d}", WORKDAYS[day], PROGRAMME, category.code, category.code_name, category.name,
            f"{WORKDAYS[day].month}月{category.purpose}", category.payee, amount, category.method, f"{31_000_000 + n * 37}", 2 + n % 4,
            plan, f"SQ-2022-{n:04d}", "样例中心负责人甲", WORKDAYS[day - 3],
        )
        for n, (day, category, amount, plan) in enumerate(_payments(), start=1)
    ]  # fmt: skip


def _payments() -> list[tuple[int, _Category, Decimal, str]]:
    """Day, category, amount and plan of all payments in the order they were made."""
    payments = []
    for category in _CATEGORIES:
        amounts = category.amounts.split()
        for day, amount in zip(spread(len(amounts), position(*category.first), position(*category.last)), amounts, strict=True):
            payments.append((day, category, Decimal(amount), _plan_no(category, day)))
    return sorted(payments, key=lambda payment: (payment[0], payment[3]))


def _plan_no(category: _Category, day: int) -> str:
    return f"FA-2022-{_CATEGORIES.index(category) * 2 + (2 if day >= _QUARTERS[1][1] else 1):02d}"
