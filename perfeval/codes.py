"""Codes of what reading finds and of errors (代码), each with its one meaning. `perfeval.register` has them all.

Codes are quoted in letters and archives: a code keeps its meaning, and no number is used again for another. They are written where
they are given; only those of reading have names, because many places give the same one.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Self


class Code(StrEnum):
    """What reading can find. L: a file, sheet or header. V: a cell or row."""

    meaning: str

    def __new__(cls, code: str, meaning: str) -> Self:
        """A code with its meaning."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    WRONG_TYPE = "L01", "不是 .xlsx 或 .csv 文件，或内容与扩展名不符"
    ENCRYPTED = "L02", "文件有打开密码"
    BROKEN = "L03", "文件损坏，或内部不合规"
    TOO_LARGE = "L04", "文件或工作表超过大小、范围的上限"
    UNSAFE = "L05", "文件内部的 XML 含有实体定义或异常编码"
    NOT_TEXT = "L06", "CSV 的编码、引号或换行不对，不能读取"
    EMPTY = "L07", "文件或工作表是空的，或表头下面没有数据"
    UNKNOWN = "L08", "文件或工作表不是本单位的台账，没有读取"
    TWICE = "L09", "一本台账有两个来源"
    MISSING = "L10", "缺少一本台账"
    SWAPPED = "L11", "文件名、工作表名和表头不是同一本台账"
    NO_HEADER = "L12", "没有找到表头"
    NO_COLUMN = "L13", "缺少栏目"
    DOUBLE_COLUMN = "L14", "同一栏目出现两次"
    NO_UNIT = "L15", "金额、百分比或数量的表头没有写明单位"
    EXTRA_COLUMN = "L16", "多出的栏目，不参与计算"
    HIDDEN = "L17", "有隐藏的工作表、行、列或单元格内容，仍计入"
    MERGED = "L18", "数据里有合并单元格"
    BAD_NAME = "L19", "文件名里有不能识别的字符"
    AMBIGUOUS = "L20", "文件里有几张工作表，分不清哪张是台账"
    TWO_UNITS = "L21", "表头的单位与表外文字或名称里的单位不同"

    EMPTY_CELL = "V01", "必填的单元格是空的"
    BAD_MONEY = "V02", "不是金额"
    BAD_DAY = "V03", "不是日期"
    BAD_MONTH = "V04", "不是月份"
    BAD_PERCENT = "V05", "不是百分比"
    BAD_COUNT = "V06", "不是整数"
    NOT_A_CHOICE = "V07", "不在可填的选项之内"
    OUT_OF_RANGE = "V08", "数值超出允许的范围"
    BAD_FORM = "V09", "编号、文号或月份的写法不对"
    FORMULA_ERROR = "V10", "公式出错"
    FORMULA_EMPTY = "V11", "公式还没有算出结果"
    NOT_A_ROW = "V12", "只有个别单元格有内容，不像台账行"
    TOTAL_INSIDE = "V13", "合计、小计行夹在数据中间"
    TOTAL_DIFFERS = "V14", "表尾的合计与各行之和不符"
    CHANGED_BY_EXCEL = "V15", "编号被 Excel 改成了日期，或超过15位被截断"
    WRONG_SIGN = "V16", "金额的正负与资金来源不符"
    TOO_MANY_CELLS = "V17", "CSV 的一行比表头多出几格"
    BAD_QUANTITY = "V18", "不是数量"
    ODD_SIGN = "V19", "编号里有看不见或不常用的字符，或与所引用编号的写法不同"
    REPEATED_HEADER = "V20", "表头在数据中间重复，不当作数据"
    STRUCK = "V23", "内容划有删除线，仍计入"
    PICTURE = "V24", "单元格里是图片，读作空白"


ERRORS: Mapping[str, str] = {
    # Approving.
    "A01": "同名的审批人已登记",
    "A02": "没有这一审批角色",
    "A03": "审批人姓名为空、过长或含有不可见字符",
    "A04": "没有登记这名审批人",
    "A05": "动态码不正确、已过期或已使用过",
    "A06": "不是本环节的审批人",
    "A07": "核对码与本稿不符",
    "A08": "这一稿在本环节已有审批决定",
    "A09": "自评已经归档或终止，不能再审批",
    "A10": "送审人不能审批自己送审的报告",
    "A11": "退回修改或不同意时没有写审批意见",
    "A12": "前面的环节尚未同意",
    "A13": "审批人已停用",
    "A14": "审批意见过长",
    "A15": "本机时钟早于成文时间",
    "A16": "同一人已在另一环节审批过",
    "A17": "登记还没有经第二人确认",
    "A18": "当日不在代行审批的期限内",
    "A19": "本人改动过这项自评的台账、规则或底稿",
    "A20": "本人已在本环节对这一稿作过决定",
    "A21": "同一席位已有人作过决定",
    "A22": "本环节不接受这种凭据",
    "A23": "本环节的决定人数已满",
    "A24": "多次出错，暂时锁定",
    "A26": "姓名为空，或有不常见的字符",
    "A27": "与已登记的姓名看起来相同",
    # Configuration and files.
    "F01": "配置文件不是正确的 YAML",
    "F02": "缺少配置文件",
    "F03": "配置文件的内容有误，逐行列出",
    "F04": "文件或文件夹不能读写",
    "F05": "数据库地址不可用",
    "F06": "配置文件在计算期间改动过",
    "F07": "perfeval.yml 里写了数据库地址",
    "F08": "工作区里没有任何年度的指标体系",
    "F09": "配置文件不是 UTF-8 文本",
    "F10": "配置文件里同一个键写了两次",
    # Archiving.
    "K01": "审批没有完成或不合规定，不能归档",
    "K02": "缺少应当归档的材料",
    "K03": "新做的归档包核验未通过",
    "K04": "归档时不能读写文件",
    "K05": "档号已有内容不同的归档包",
    "K06": "报告文件不可读，不能归档",
    "K07": "档号或文件名不能长期保存",
    "K08": "台账与收到时不同，不能归档",
    "L00": "有错误一级的疑点，不能继续",
    # Processes and runs.
    "P01": "不能在所给的地址和端口上启动服务",
    "P02": "服务进程反复退出",
    "P03": "服务没有按时启动",
    "P04": "同一年度的自评正在另一次运行里进行",
    "P05": "本工作区的服务已在运行",
    "P06": "本工作区正被另一个命令占用",
    "P07": "运行长时间没有进展",
    "P08": "要运行的年度已归档",
    "P09": "没有这一审批环节",
    "P10": "还没有可审批的报告",
    "P11": "演示没有走到归档",
    "P12": "演示的归档包核验不通过",
    "P13": "报告已退回，没有说明更正了什么",
    "P14": "运行异常终止",
    "P15": "没有写监听地址",
    "R01": "报告不能成稿，逐处列出",
    "R02": "缺少应有的说明，不能成稿，逐处列出",
    # The store.
    "S01": "存档文件缺失或不能读取",
    "S02": "存档文件已被改动",
    "S03": "存档文件的摘要格式不对",
    "S04": "PERFEVAL_KEY 不是登记时的那一个，或密文已被改动",
    "S05": "没有这个编号的自评",
    "S06": "数据库不可用",
    "S07": "数据库的版本不是本程序所知道的",
    "S08": "数据库里的记录已损坏",
    "S09": "自评没有这一稿",
    "T01": "指标值无法识别",
    # The command as typed.
    "U00": "命令或参数写错",
    "U01": "不是工作区",
    "U02": "PERFEVAL_KEY 没有设置或太短",
    "U03": "没有这个样例",
    "U04": "目标文件夹已是工作区，或不是文件夹",
    "U05": "该年度已归档，不能再开始自评",
    "U06": "没有该年度的台账文件夹",
    "U07": "草稿的文件名不是 .docx",
    "U08": "标注副本不能放进台账文件夹",
    "U09": "参数里有不能识别的字符",
    "U10": "送审人姓名为空或含有不可见字符",
    "U11": "有几个项目，没有指明是哪一个",
    "U12": "没有这个项目",
    "U13": "没有这套设置",
    "U14": "这个样例的行数不能放大",
    "U15": "没有可以沿用的年度",
    "U16": "目标文件夹里已有同名文件",
    "U17": "样例不属于所选的成套设置",
}
"""Why the program does not go on (出错提示): one class of error each."""
