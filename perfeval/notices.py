"""Notices (通知), sent by apprise: WeCom, DingTalk, Feishu, mail. They say what waits, and never carry the document or a check code.

The addresses stand in the environment, for most of them hold a token: PERFEVAL_NOTICE_URLS, apart by blanks or lines. `center=mailto://…`
is told of that gate alone, `operator=…` of what became of it, `escalate=…` of what is late; an address without a name is told everything.
Where several offices are served, `甲中心:center=…` is told of that unit alone.
"""

import logging
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from perfeval.errors import UsageError

URLS_VARIABLE = "PERFEVAL_NOTICE_URLS"
ESCALATE = "escalate"
_ADDRESS = re.compile(r"(?:(?:(?P<unit>[^\s:=/]+):)?(?P<name>[a-z0-9]*)=)?(?P<url>(?P<scheme>[a-z]+)://\S+)")


@dataclass(frozen=True, slots=True)
class Address:
    """Where notices go: to whom by name, the URL with its secrets, and what it is called without them."""

    name: str
    url: str
    label: str


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told: one line, and what stands below it."""

    title: str
    body: str


def addresses(unit: str) -> tuple[Address, ...]:
    """The addresses that the environment names for a unit, or for all; none where it names none.

    Raises: UsageError: some are none, each told by its place, for its text may be a secret.
    """
    told = [_ADDRESS.fullmatch(text) for text in os.environ.get(URLS_VARIABLE, "").split()]
    wrong = [place for place, found in enumerate(told, 1) if not found or not _is_known(found["url"])]
    if wrong:
        places = "、".join(map(str, wrong))
        hint = "每个写成 [单位:][环节=]协议://…，如 center=mailtos://用户:口令@邮件服务器?to=收件人；各协议写法见 apprise 的文档。"
        raise UsageError("U21", f"{URLS_VARIABLE} 的第{places}个地址不能用", hint)
    return tuple(
        Address(found["name"] or "", found["url"], f"第{place}个地址（{found['name'] or '全部'}，{found['scheme']}）")
        for place, found in enumerate(told, 1)
        if found and found["unit"] in {None, unit}
    )


@cache
def _is_known(url: str) -> bool:
    import apprise  # 0.4 s, for those who send

    return bool(apprise.Apprise().add(url))


def send(notice: Notice, to: Iterable[Address]) -> tuple[str, ...]:
    """Send a notice to each address, and return the labels of those that it did not reach."""
    import apprise

    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # its warnings may quote an address; what failed is told by its label
    failed = []
    for address in to:
        sender = apprise.Apprise()
        sender.add(address.url)
        if not sender.notify(title=notice.title, body=notice.body, body_format=apprise.NotifyFormat.TEXT):
            failed.append(address.label)
    return tuple(failed)
