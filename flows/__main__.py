"""The program's entry: answers `--help` and `--version` before anything heavy is imported, and leaves the rest to flows.cli."""

import atexit
import gc
import sys
from contextlib import suppress

HELP = """\
perfeval：从台账到项目支出绩效自评报告

示例
  perfeval init 2022自评 --sample taojiang-2022     新建工作区，附样例台账
  perfeval check --year 2022                        校验台账，逐格列出问题
  perfeval run --year 2022                          送审：校验、评分、成文，停在审批环节
  perfeval status                                   看进度
  perfeval verify archive/档号                      核验归档包

工作区
  init DIR            新建工作区：--pack 从哪一套开始，--sample 附样例台账
  year Y              开始新的年度：沿用上年的指标和底稿，写空白台账，列出须核对之处
  template            写空白台账

台账与报告
  check --year Y      校验台账；--annotate DIR 另存标注副本
  score --year Y      计算指标和自评得分
  explain --year Y    列出须说明的事项：缺少哪些，已写了哪些
  draft --year Y -o F 不进入审批，生成一份报告草稿

审批与归档
  run --year Y        开始或继续一项自评，直到等待审批
  batch --year Y [OFFICE…]
                      各单位、各项目逐一送审，最后列表
  status              每项自评进行到哪一步、等了多久
  remind              把待办、到期、逾期通知审批人
  decide ID …         在终端审批：同意、退回修改、不同意
  approver            邀请、登记、确认、停用审批人：invite enrol confirm list revoke substitute unlock
  audit               核对审批记录，指出被改动的是哪一条
  verify ARCHIVE      核验归档包，并从台账重算得分

运行
  serve [OFFICE…]     启动服务：登录、审批表单、报告下载、年度计划、Prefect 界面
  worker [OFFICE…]    执行 serve --no-worker 收到的运行，可在几台机器上各开几个
  move                把记录和存档文件移到环境变量所写的数据库、存储
  certificate HOST    生成网站证书，供 serve --tls 使用
  demo                用样例走完一年
  doctor              检查本机环境和工作区

选项
  -w, --workspace DIR 工作区目录，默认当前目录
  --programme KEY     有几个项目时，指明是哪一个
  --json              只在标准输出打印一份 JSON
  --version           程序的版本和提交号
  -h, --help          本说明；命令之后加 --help 看该命令的全部选项

退出码  0 完成　1 有问题或被拒绝　2 用法或配置有误
"""


def main() -> None:
    """Run the program."""
    words = sys.argv[1:]
    if words in ([], ["-h"], ["--help"]):
        _write(HELP)
    elif words == ["--version"]:
        from perfeval.version import version

        _write(f"perfeval {version()}\n")
    else:
        spare_collecting()
        from flows import cli

        cli.main()


def spare_collecting() -> None:
    """Have Python look for garbage seldom, and not at its end.

    Importing makes many objects and leaves nothing to collect: looking for it takes a fifth of a short command's time, and a twentieth
    of what an evaluation costs.
    """
    gc.set_threshold(400_000)
    atexit.register(gc.freeze)


def _write(text: str) -> None:
    with suppress(OSError, AttributeError):  # nobody reads it: a closed or full stdout
        sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal's stream
        sys.stdout.write(text)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
