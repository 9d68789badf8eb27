"""Which ledgers a workspace keeps: what ledgers.yml says, and every fault of it at its line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from perfeval.catalogue import load_catalogue
from perfeval.errors import ConfigurationError
from schemas import BUILT_IN, DEFAULT, Catalogue, Column, Kind
from schemas.columns import PROGRAMME, After, NotFallingPer, Refers, RequiredWhen, Unique, Within

ROADS = """\
keeps: [expenditure, budget, surveys, targets]
optional: [surveys]
declared:
  routes:
    title: 农村公路路线台账
    required: false
    columns:
      route_no:    {header: 路线编码, kind: code, unique: true, pattern: "[XYC][0-9]{3}", example: X001}
      length_km:   {header: 里程（公里）, kind: quantity, unit: 公里, max: 100}
  works:
    title: 养护工程台账
    columns:
      work_no:     {header: 工程编号, kind: code, unique: route_no, description: 工程的编号}
      programme:   {header: 预算项目编码, kind: code, refers: programme}
      route_no:    {header: 路线编码, kind: code, refers: routes.route_no}
      month:       {header: 月份, kind: month, within: year}
      length_km:   {header: 养护里程（公里）, kind: quantity, not_falling_per: route_no}
      kind:        {header: 养护类型, kind: choice, choices: [日常养护, 小修保养, 大中修]}
      cost_yuan:   {header: 金额（万元）, kind: money, unit: 万元}
      done_pct:    {header: 进度（%）, kind: percent}
      hands:       {header: 人数, kind: count, required: false, min: 1}
      started_on:  {header: 开工日期, kind: day, within: year_or_next}
      accepted_on: {header: 验收日期, kind: day, required: false, after: started_on, required_when: "kind = '大中修'"}
      note:        {header: 备注, kind: text, required: false}
"""

NAME = "栏目的英文名应为小写字母、数字和下划线，以字母开头，不能是 row 或条件里的词（如 date、in、year）"
KINDS = "text、code、choice、money、percent、day、month、count、quantity"
TITLE = "台账名称也是文件名和工作表名，不能超过31字，不能含 \\ / : * ? \" < > | [ ] '，不能以 . ~ $ 开头或以 . 结尾，不能是 con、history 等"
EXAMPLE = "请在 example 写一个符合 pattern 的例子，填错时给填表人看"


@pytest.fixture
def load(tmp_path: Path) -> Callable[[str], Catalogue]:
    """The catalogue of a ledgers.yml of this text."""

    def loaded(text: str) -> Catalogue:
        (tmp_path / "ledgers.yml").write_text(text, encoding="utf-8")
        return load_catalogue(tmp_path / "ledgers.yml")

    return loaded


Load = Callable[[str], Catalogue]


def faults(load: Load, text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(text)
    return list(caught.value.faults)


def declared(*columns: str) -> str:
    """A file that declares a ledger of these columns, the first in line 6."""
    return "\n".join(["keeps: [budget, expenditure]", "declared:", "  works:", "    title: 养护工程台账", "    columns:", *columns, ""])


def test_workspace_without_the_file_keeps_the_default_ledgers(tmp_path: Path) -> None:
    assert load_catalogue(tmp_path / "ledgers.yml") is DEFAULT


def test_kept_and_declared_ledgers_stand_in_order_and_optional_ones_are_known(load: Load) -> None:
    catalogue = load(ROADS)
    assert list(catalogue) == ["budget", "expenditure", "targets", "surveys", "routes", "works"]
    assert catalogue.optional == {"surveys", "routes"}
    assert catalogue["budget"] is BUILT_IN["budget"]


def test_declared_columns_are_as_they_are_declared(load: Load) -> None:
    catalogue = load(ROADS)
    works = catalogue["works"]
    assert (works.ledger_name(), works.ledger_title()) == ("works", "养护工程台账")
    assert [(column.name, column.kind, column.required) for column in works.columns()][:6] == [
        ("work_no", Kind.CODE, True),
        ("programme", Kind.CODE, True),
        ("route_no", Kind.CODE, True),
        ("month", Kind.MONTH, True),
        ("length_km", Kind.QUANTITY, True),
        ("kind", Kind.CHOICE, True),
    ]
    assert works.column("length_km").unit == "公里"
    assert works.column("work_no") == Column("work_no", "工程编号", Kind.CODE, True, "工程的编号。", (), "", (Unique(("route_no",)),))
    assert works.column("kind").choices == ("日常养护", "小修保养", "大中修")
    assert works.column("accepted_on").constraints == (After("started_on"), RequiredWhen("kind = '大中修'"))
    assert works.column("programme").constraints == (Refers(PROGRAMME, "X04"),)
    assert works.column("route_no").constraints == (Refers("routes.route_no"),)
    assert works.column("month").constraints == (Within("year"),)
    assert works.column("started_on").constraints == (Within("year_or_next"),)
    assert works.column("length_km").constraints == (NotFallingPer("route_no"),)
    assert catalogue["routes"].column("route_no").example == "X001"


def test_same_file_gives_the_same_models(load: Load) -> None:
    assert load(ROADS)["works"] is load(ROADS)["works"]


def test_lists_that_name_what_there_is_not_have_faults(load: Load) -> None:
    text = "keeps:\n  - expenditure\n  - project\n  - expenditure\noptional:\n  - expenditure\n  - plans\n"
    names = "、".join(BUILT_IN)
    assert faults(load, text) == [
        "ledgers.yml:1: keeps：缺少 budget：预算执行率由这两本台账算出，不能不设",
        f"ledgers.yml:3: keeps.1：没有“project”这本台账，内置的有：{names}；自设的写在 declared 里",
        "ledgers.yml:4: keeps.2：“expenditure”前面已经写过",
        "ledgers.yml:6: optional.0：“expenditure”每年都要有，不能列在这里",
        "ledgers.yml:7: optional.1：“plans”不在 keeps 或 declared 里",
    ]


@pytest.mark.parametrize(
    ("name", "title", "fault"),
    [
        ("plans", "计划台账", "3: declared.plans：“plans”是内置台账《活动方案台账》的英文名，请换一个"),
        ("Works", "养护工程台账", "3: declared.Works：台账的英文名应为小写字母、数字和下划线，以字母开头"),
        ("programme", "养护工程台账", "3: declared.programme：台账的英文名应为小写字母、数字和下划线，以字母开头"),
        ("works", "项目 进度台账", "4: declared.works.title：与《项目进度台账》同名，或一个名称包含另一个，会分不清哪个文件是哪本台账"),
        ("works", "本年项目进度台账", "4: declared.works.title：与《项目进度台账》同名，或一个名称包含另一个，会分不清哪个文件是哪本台账"),
        *(
            ("works", title, f"4: declared.works.title：{TITLE}")
            for title in ("养护/工程台账", "con", "LPT1", "History", "..", ".甲台账", "甲台账.", "~$甲台账", "𠀀" * 31)
        ),
    ],
)
def test_name_or_title_of_a_declared_ledger_may_be_faulty(load: Load, name: str, title: str, fault: str) -> None:
    text = declared("      work_no: {header: 工程编号, kind: code}").replace("works:", f"{name}:").replace("养护工程台账", title)
    assert faults(load, text) == [f"ledgers.yml:{fault}"]


@pytest.mark.parametrize(
    ("column", "fault"),
    [
        ("x: {header: 甲, kind: [text]}", f"x.kind：没有“['text']”这种栏目，可用的：{KINDS}"),
        ("x: {header: 甲, kind: number}", f"x.kind：没有“number”这种栏目，可用的：{KINDS}"),
        ("x: {header: 甲, kind: choice}", "x.choices：选项栏应写 choices，列出可以填的词"),
        ("x: {header: 甲, kind: choice, choices: [好, 好]}", "x.choices：选项有重复的"),
        ("x: {header: 甲, kind: text, choices: [好]}", "x.choices：只有 kind: choice 的栏有 choices"),
        ("x: {header: 甲, kind: money}", "x.header：金额栏的表头应以（元）或（万元）结尾"),
        ("x: {header: 甲（千元）, kind: money}", "x.header：金额栏的表头应以（元）或（万元）结尾"),
        ("x: {header: 甲, kind: percent}", "x.header：百分比栏的表头应以（%）结尾"),
        (
            "x: {header: 甲, kind: quantity, unit: 公里}",
            "x.header：数量栏的表头应以单位结尾，如 养护里程（公里）；金额用 money，以元或万元为单位，是 % 的用 percent",
        ),
        (
            "x: {header: 甲（元）, kind: quantity}",
            "x.header：数量栏的表头应以单位结尾，如 养护里程（公里）；金额用 money，以元或万元为单位，是 % 的用 percent",
        ),
        (
            "x: {header: 甲（亿元）, kind: quantity}",
            "x.header：数量栏的表头应以单位结尾，如 养护里程（公里）；金额用 money，以元或万元为单位，是 % 的用 percent",
        ),
        ("x: {header: 甲, kind: count, min: 0.5}", "x.min：整数栏的上下限应为整数"),
        ("x: {header: 甲, kind: count, min: 1, max: 2.5}", "x.max：整数栏的上下限应为整数"),
        (
            'x: {header: 甲, kind: day, required: false, required_when: "x > 2022"}',
            "x.required_when：2022 是数，只能与金额、数量、百分比或整数栏比较，写在栏名之后",
        ),
        ("x: {header: 甲（公里）, kind: quantity, unit: 米}", "x.unit：单位应与表头一致：公里"),
        ("x: {header: 甲, kind: count, unit: 人}", "x.unit：这种栏目没有单位，请删去"),
        ("x: {header: 甲, kind: day, min: 3}", "x.min：只有金额、数量和整数栏有上下限"),
        ("x: {header: 甲（公里）, kind: quantity, min: 3, max: 2.5}", "x.min：下限大于上限"),
        ('x: {header: 甲, kind: code, pattern: "[", example: a}', "x.pattern：不是可用的正则表达式"),
        ('x: {header: 甲, kind: code, pattern: "(?x)a b", example: ab}', "x.pattern：不是可用的正则表达式"),
        ('x: {header: 甲, kind: code, pattern: "[a]|[b]", example: ab}', f"x.pattern：{EXAMPLE}"),
        ("x: {header: 甲, kind: code, after: w}", "x.after：只能用在日期栏，与另一日期栏比较"),
        ("x: {header: 甲, kind: day, after: x}", "x.after：这本台账没有另一栏叫“x”"),
        ("x: {header: 甲, kind: day, after: y}", "x.after：这本台账没有另一栏叫“y”"),
        ("x: {header: 甲, kind: code, unique: [y]}", "x.unique：这本台账没有另一栏叫“y”"),
        ("x: {header: 甲, kind: code, within: year}", "x.within：只能用在日期栏和月份栏"),
        ("x: {header: 甲, kind: day, within: month}", "x.within：只能是 year（评价年度内）或 year_or_next（评价年度或次年内）"),
        ("x: {header: 甲, kind: count, not_falling_per: w}", "x.not_falling_per：台账里没有月份栏或日期栏，分不出先后"),
        ("x: {header: 甲, kind: day, not_falling_per: w}", "x.not_falling_per：只能用在金额、数量、百分比和整数栏"),
        ('x: {header: 甲, kind: day, required_when: "w IS NULL"}', "x.required_when：有条件的必填栏，应写 required: false"),
        (
            'x: {header: 甲, kind: day, required: false, required_when: "v = 1"}',
            "x.required_when：养护工程台账没有“v”这一栏，可用的：w、x",
        ),
        ("x: {header: 甲, kind: day, refers: budget.document_no}", "x.refers：只能用在编号栏和文字栏"),
        (
            "x: {header: 甲, kind: code, refers: plans.plan_no}",
            "x.refers：本单位没有“plans”这本台账；应写成 台账.栏目，如 projects.project_no，或写 programme，指预算项目编码",
        ),
        (
            "x: {header: 甲, kind: code, refers: budget.amount_yuan}",
            "x.refers：预算指标台账没有“amount_yuan”这一编号栏或文字栏，可用的：document_no、programme_code、note",
        ),
        ("x: {header: 工程 编号, kind: text}", "x.header：表头与 w 栏相同，分不清是哪一栏"),
        ("x: {header: 甲, kind: code, uniqe: true}", "x.uniqe：不认识的项（检查拼写）"),
        ("x: {kind: code}", "x.header：缺少这一项"),
        ("date: {header: 甲, kind: day}", f"date：{NAME}"),
        ("row: {header: 甲, kind: day}", f"row：{NAME}"),
        ("select: {header: 甲, kind: day}", f"select：{NAME}"),
        ("X: {header: 甲, kind: day}", f"X：{NAME}"),
    ],
)  # fmt: skip
def test_fault_of_a_declared_column_is_told_at_its_line(load: Load, column: str, fault: str) -> None:
    text = declared("      w: {header: 工程编号, kind: code}", "      # 一行说明", f"      {column}")
    assert faults(load, text) == [f"ledgers.yml:8: declared.works.columns.{fault}"]


def test_amounts_that_differ_in_their_unit_alone_have_one_header(load: Load) -> None:
    text = declared("      a: {header: 金额（元）, kind: money}", "      b: {header: 金额（万元）, kind: money}")
    assert faults(load, text) == ["ledgers.yml:7: declared.works.columns.b.header：表头与 a 栏相同，分不清是哪一栏"]


def test_two_declared_ledgers_may_not_be_called_alike(load: Load) -> None:
    works = "    title: 养护台账\n    columns: {a: {header: 甲, kind: text}}\n"
    text = f"keeps: [budget, expenditure]\ndeclared:\n  works:\n{works}  more:\n{works.replace('养护', '日常养护')}"
    assert faults(load, text) == [
        "ledgers.yml:4: declared.works.title：与《日常养护台账》同名，或一个名称包含另一个，会分不清哪个文件是哪本台账",
        "ledgers.yml:7: declared.more.title：与《养护台账》同名，或一个名称包含另一个，会分不清哪个文件是哪本台账",
    ]


def test_ledger_whose_title_contains_several_others_is_told_once(load: Load) -> None:
    text = declared("      w: {header: 工程编号, kind: code}").replace("养护工程台账", "项目进度台账和重点项目台账")
    (fault,) = faults(load, text)
    assert fault.startswith("ledgers.yml:4: declared.works.title：与《重点项目台账》、《项目进度台账》同名")


def test_faults_of_form_and_of_meaning_are_told_together(load: Load) -> None:
    text = """\
keeps: [budget]
extra: 1
declared:
  works:
    title: 活动方案台账
    columns:
      a: {header: 甲, kind: 数}
      b: {header: 乙, kind: day, after: a}
      c: {header: 丙, kind: choice}
  other:
    columns: {}
  empty:
    title: 空台账
    columns: {}
  routes:
    title: 路线台账
    columns:
      d: {header: 丁, kind: code, refers: other.x}
      e: {header: 戊, kind: code, refers: works.x}
      f: {header: 己, kind: code, refers: empty.x}
"""
    assert [fault.partition("：")[0] for fault in faults(load, text)] == [
        "ledgers.yml:1: keeps",
        "ledgers.yml:2: extra",
        "ledgers.yml:5: declared.works.title",
        "ledgers.yml:7: declared.works.columns.a.kind",
        "ledgers.yml:9: declared.works.columns.c.choices",
        "ledgers.yml:10: declared.other.title",
        "ledgers.yml:14: declared.empty.columns",
        "ledgers.yml:20: declared.routes.columns.f.refers",
    ]


@pytest.mark.parametrize("text", ["", "[]", "台账", "keeps: budget", "keeps: [budget, expenditure]\ndeclared: [works]"])
def test_file_of_another_form_has_faults(load: Load, text: str) -> None:
    assert faults(load, text)
