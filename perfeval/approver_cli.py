"""The commands that invite people, and enrol, confirm and revoke them: `approver …`."""

import sys
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from perfeval.cli import JsonOption, WorkspaceOption, open_office
from perfeval.console import Group, emit, grouped, say, tell

if TYPE_CHECKING:
    from perfeval.approvals.person import Person
    from perfeval.office import Office

approver_app = typer.Typer(cls=Group, help="邀请、登记、确认、停用审批人和经办人。", no_args_is_help=True, rich_markup_mode=None)

AsOption = Annotated[str, typer.Option("--as", help="由谁办理：已登记的经办人或管理员", metavar="NAME")]
CodeOption = Annotated[str, typer.Option("--code", help="办理人手机上此刻的6位数字", metavar="N", show_default="在终端上会问")]
PersonArgument = Annotated[str, typer.Argument(metavar="NAME", help="姓名")]


@approver_app.command("invite")
def approver_invite(
    name: PersonArgument,
    role: Annotated[
        list[str], typer.Option(help="角色，可写几个：审批环节的 key，或 operator 经办人、archivist 档案员、overseer 总览", metavar="ROLE")
    ],
    by: AsOption = "",
    workspace: WorkspaceOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """邀请一个人登记，给出登记链接：只能用一次，24小时内有效。"""
    from perfeval import persons
    from perfeval.model.clock import CHINA

    office = open_office(workspace)
    invitation = persons.invite(office, name, role, persons.known(office, by).id if by else None)
    link = f"{office.url or '（服务地址）'}/perfeval/enrol#{invitation.token}"
    if as_json:
        emit(asdict(invitation) | {"link": link})
        return
    tell(link)
    say(
        f"已邀请“{invitation.name}”。请把链接交给本人，在他自己的电脑或手机上打开；"
        f"{invitation.expires_at.astimezone(CHINA):%m-%d %H:%M} 前有效。"
    )
    say(f"没有开着 perfeval serve 的，请本人在这台机器上执行：perfeval approver enrol {invitation.token}")


@approver_app.command("enrol")
def approver_enrol(
    token: Annotated[str, typer.Argument(metavar="LINK", help="登记链接，或其中 # 之后的部分")],
    workspace: WorkspaceOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """由本人登记动态码：扫描二维码，输入手机上的6位数字。"""
    import segno

    from perfeval import persons

    office, token = open_office(workspace), token.rpartition("#")[2]
    offer = persons.offer_code(office, token)
    segno.make(offer.uri, error="m").terminal(out=sys.stderr, compact=True)
    say(f"“{offer.name}”请用手机上的动态码应用扫描二维码（只显示这一次），或手工输入密钥：{offer.secret}")
    made = persons.enrol_code(office, token, offer.secret, typer.prompt("手机上的6位数字", err=True))
    if as_json:
        emit(
            {"person": made.person, "name": made.name, "roles": list(made.roles), "kind": str(made.means), "fingerprint": made.fingerprint}
        )
        return
    tell(f"已登记：{made.name}（{_titles(office, made.roles)}）　指纹 {grouped(made.fingerprint)}")
    say("请把姓名、角色和指纹抄在人员登记单上，签名，交给确认人；经确认后才算数：")
    say(f"perfeval approver confirm {made.name} --fingerprint {made.fingerprint} --as 确认人 --code 确认人的动态码")
    say("经办人凭这张签名的登记单确认的，再加 --paper；第一位经办人由自己确认，只写 --paper。")


@approver_app.command("confirm")
def approver_confirm(
    name: PersonArgument,
    fingerprint: Annotated[str, typer.Option(help="本人屏幕上或登记单上的指纹，24位", metavar="F")],
    by: Annotated[str, typer.Option("--as", help="确认人：已登记的另一个人；第一位经办人由本人确认", metavar="NAME")],
    code: CodeOption = "",
    on_paper: Annotated[bool, typer.Option("--paper", help="有本人签名的纸质登记单；经办人确认时必须有")] = False,
    workspace: WorkspaceOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """确认一个人的登记：与本人或与签名的登记单核对过指纹。"""
    from perfeval import persons

    office = open_office(workspace)
    enrolled, second = persons.known(office, name).id, persons.known(office, by)
    shown = code if on_paper and second.id == enrolled else _asked(code, second)
    person = persons.confirm(office, enrolled, fingerprint, second.id, on_paper=on_paper, code=shown)
    if as_json:
        emit({"person": person.id, "name": person.name, "confirmed": True})
    else:
        say(f"“{person.name}”的登记已确认。")


@approver_app.command("list")
def approver_list(workspace: WorkspaceOption = Path(), as_json: JsonOption = False) -> None:
    """列出人员：角色、凭证、是否已确认。"""
    office = open_office(workspace)
    with office.store.reading() as record:
        people = record.people()
    if as_json:
        emit([asdict(person) for person in people.persons.values()])
        return
    for person in people.persons.values():
        tell(f"{person.id}  {person.name}  {_titles(office, person.roles)}  {_standing(person)}")
    names = {key: person.name for key, person in people.persons.items()}
    for item in people.substitutions:
        tell(f"{names[item.person]} 代 {names[item.absent]}  {_titles(office, [item.gate])}  {item.from_on} 至 {item.to_on}")
    if not people.persons:
        say("还没有人登记。先邀请经办人：perfeval approver invite 姓名 --role operator")


@approver_app.command("revoke")
def approver_revoke(
    name: PersonArgument,
    by: AsOption,
    reason: Annotated[str, typer.Option(help="停用的原因", metavar="TEXT")] = "",
    code: CodeOption = "",
    on_paper: Annotated[bool, typer.Option("--paper", help="没有人能出示动态码了：--as 写被停用的本人，凭单位的书面决定")] = False,
    workspace: WorkspaceOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """停用一个人；已作的决定不受影响。"""
    from perfeval import persons

    office = open_office(workspace)
    person, actor = persons.known(office, name), persons.known(office, by)
    shown = code if on_paper else _asked(code, actor)
    persons.revoke(office, person.id, actor.id, reason, code=shown, on_paper=on_paper)
    if as_json:
        emit({"name": name, "revoked": True})
    else:
        say(f"“{name}”已停用")


@approver_app.command("substitute")
def approver_substitute(
    name: Annotated[str, typer.Argument(metavar="NAME", help="代理人")],
    absent: Annotated[str, typer.Option("--for", help="被代理的审批人", metavar="NAME")],
    gate: Annotated[str, typer.Option(help="审批环节的 key", metavar="GATE")],
    from_on: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="第一天", metavar="D")],
    to_on: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="最后一天", metavar="D")],
    by: AsOption,
    code: CodeOption = "",
    workspace: WorkspaceOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """登记代理：在起止日期内，由代理人在一个环节代为审批。"""
    from perfeval import persons

    office = open_office(workspace)
    who, away, actor = (persons.known(office, item) for item in (name, absent, by))
    given = persons.substitute(office, who.id, away.id, gate, from_on.date(), to_on.date(), actor.id, _asked(code, actor))
    if as_json:
        emit(asdict(given))
    else:
        say(f"已登记：{given.from_on} 至 {given.to_on}，“{name}”代“{absent}”进行{_titles(office, [gate])}。")


@approver_app.command("unlock")
def approver_unlock(
    whom: Annotated[str, typer.Argument(metavar="NAME", help="姓名，或被锁定的网络地址")],
    by: AsOption,
    code: CodeOption = "",
    workspace: WorkspaceOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """解除锁定：凭证多次不对的人，或多次不对的地址。"""
    from perfeval import persons

    office = open_office(workspace)
    with office.store.reading() as record:
        found = persons.find(record.people(), whom)
    actor = persons.known(office, by)
    persons.unlock(office, found.id if found else whom, actor.id, _asked(code, actor))
    if as_json:
        emit({"unlocked": whom})
    else:
        say(f"“{whom}”已解除锁定")


def _asked(code: str, actor: "Person") -> str:
    """The code of whoever acts, asked for where somebody sits at the terminal and has not written it."""
    if code or not sys.stdin.isatty():
        return code
    return str(typer.prompt(f"“{actor.name}”手机上的6位数字", default="", show_default=False, err=True))


def _titles(office: "Office", roles: Iterable[str]) -> str:
    from perfeval.persons import role_title

    return "、".join(role_title(office, role) for role in roles)


def _standing(person: "Person") -> str:
    from perfeval.approvals.person import PROOF_TITLES
    from perfeval.model.clock import CHINA

    if person.revoked_at:
        return f"{person.revoked_at.astimezone(CHINA):%Y-%m-%d} 停用"
    means = [f"{PROOF_TITLES[item.kind]} {grouped(item.fingerprint)}{'' if item.confirmed_at else '（未确认）'}" for item in person.means]
    return "；".join(means) or "已邀请，未登记"
