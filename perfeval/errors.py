"""Everything that perfeval raises on purpose, by who repairs it.

PerfevalError
├── ConfigurationError   configurator: perfeval.yml, indicators, narrative (exit 2)
├── UsageError           whoever typed the command (exit 2)
├── LedgerError          clerk: ledgers with errors; carries every finding (exit 1)
├── ReportError          configurator or clerk: the draft cannot be printed as it stands (exit 1)
├── ApprovalError        approver: this answer is no decision (exit 1)
├── ArchiveError         operator: the door of the archive stays shut, or a bag is damaged (exit 1)
├── StoreError           operator: the store or an artifact is not as it was written (exit 1)
├── FileError            operator: a file or folder cannot be read or written (exit 1)
└── ServerError          operator: the server cannot be started or reached, a run does not move (exit 1)

A bad cell is a Finding, not an exception; a return or a refusal is a Decision. Messages are for people, in Chinese:
what is wrong and where; the hint says what to do.
"""

import errno
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perfeval.model import Finding

_REFUSALS = {
    errno.EACCES: "没有权限",
    errno.EPERM: "没有权限",
    errno.EROFS: "磁盘或文件夹只读",
    errno.ENOSPC: "磁盘已满",
    errno.ENOENT: "文件或文件夹不存在",
    errno.EEXIST: "同名文件已存在",
    errno.ENOTDIR: "路径中有一段不是文件夹",
    errno.EISDIR: "这是文件夹，不是文件",
    errno.ENAMETOOLONG: "文件名过长",
    errno.EBUSY: "文件正被占用",
    errno.EIO: "磁盘读写出错",
    errno.EADDRINUSE: "端口已被占用",
    errno.EADDRNOTAVAIL: "本机没有这个地址",
}


class PerfevalError(Exception):
    """A fault that a person can repair: a code, what is wrong (Chinese), every place of it, and what to do (Chinese)."""

    exit_code = 1

    def __init__(self, code: str, message: str, hint: str = "", *, faults: Sequence[str] = (), **context: object) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.faults = tuple(faults)
        self.context = context

    def __str__(self) -> str:
        """Message, faults and hint on one line each, as people read them."""
        return "\n".join(part for part in (self.message, *self.faults, self.hint) if part)

    @property
    def line(self) -> str:
        """The same where there is one line: each part a sentence."""
        return "".join(part if part.endswith(("。", "：")) else f"{part}。" for part in (self.message, *self.faults, self.hint) if part)


class ConfigurationError(PerfevalError):
    """The workspace's configuration is wrong; `faults` lists every one as `file:line: message`."""

    exit_code = 2


class UsageError(PerfevalError):
    """The command cannot be carried out as typed."""

    exit_code = 2


class LedgerError(PerfevalError):
    """Ledgers hold errors; `findings` are all of them, warnings included."""

    def __init__(self, code: str, message: str, hint: str = "", *, findings: "Sequence[Finding]" = ()) -> None:
        super().__init__(code, message, hint)
        self.findings = tuple(findings)


class ReportError(PerfevalError):
    """The report cannot be drafted: a left-over slot, an undefined figure, an empty section; `faults` with places."""


class ApprovalError(PerfevalError):
    """An answer that is no decision: wrong person, code, check code or role. Nothing passes."""


class ArchiveError(PerfevalError):
    """The archive refuses, or an archived bag differs from what it says of itself."""


class StoreError(PerfevalError):
    """The store cannot be reached, or holds something else than was written."""


class FileError(PerfevalError):
    """The system refuses a file or folder."""

    def __init__(self, error: OSError) -> None:
        super().__init__("F04", f"读写文件失败：{refusal(error)}", "检查文件是否被别的程序占用，以及文件夹的权限和磁盘空间。")


def fault_of(error: PerfevalError | OSError) -> PerfevalError:
    """What is told of an error that may be the system's."""
    return FileError(error) if isinstance(error, OSError) else error


def refusal(error: OSError) -> str:
    """Why the system refused, in Chinese where it is a usual reason, and which file or folder."""
    reason = _REFUSALS.get(error.errno or 0, error.strerror or str(error))
    return f"{reason}（{error.filename}）" if error.filename else reason


class ServerError(PerfevalError):
    """The server cannot be started or reached, or a run does not move."""
