"""The acts around people (人员): invited, enrolled on their own device, confirmed by a second person, revoked, standing in, logged in.

Each act is a line in the people's chain, written in one transaction with what it changes. Nobody is enrolled by another's hands: a
secret is shown to whoever opens the invitation, and what is kept of it counts only when somebody has compared its fingerprint.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from perfeval.approvals.answering import checked
from perfeval.approvals.codes import code_step, is_secret, new_secret, secret_fingerprint, secret_link
from perfeval.approvals.events import Confirmed, Enrolled, Invited, Revoked, Substituted, Unlocked
from perfeval.approvals.likeness import likeness
from perfeval.approvals.passkey import assertion_of
from perfeval.approvals.people import ADMIN, OPERATOR, OVERSEER, People, check_new_name, confirmation_fault, may_invite, people_of
from perfeval.approvals.person import Person, ProofKind, Substitution
from perfeval.approvals.proof import Proof
from perfeval.approvals.record import ACCESS, PEOPLE, Line, read_line
from perfeval.approvals.statement import Enrolment, read_enrolment, write_enrolment
from perfeval.errors import ApprovalError
from perfeval.model.evaluation import NAME_LENGTH, gate_title
from perfeval.proving import ADDRESS_LENGTH, check_attempts, note_attempt, show_code, spend_code
from perfeval.store.record import told_people
from perfeval.texts import visible

if TYPE_CHECKING:
    from perfeval.approvals.passkey import Passkey
    from perfeval.office import Office
    from perfeval.store import Transaction

T = TypeVar("T")

ROLES = {OPERATOR: "经办人", "archivist": "档案员", ADMIN: "管理员", OVERSEER: "总览"}
LINK_HOURS = 24
_TOKEN_BYTES = 24


@dataclass(frozen=True, slots=True)
class Invitation:
    """邀请: whoever has the token makes his proof with it, until it expires; of a kind that was made already, no other."""

    person: str
    name: str
    roles: tuple[str, ...]
    token: str
    expires_at: datetime
    used: frozenset[ProofKind] = frozenset()


@dataclass(frozen=True, slots=True)
class Offer:
    """A secret for codes, shown this once: as an otpauth link to scan, and as text to type."""

    name: str
    uri: str
    secret: str
    fingerprint: str


def find(people: People, name: str) -> Person | None:
    """The person of that name, however it is spelled; somebody who was revoked only where nobody else is meant."""
    if exact := next((item for item in people.persons.values() if item.name == name and not item.revoked_at), None):
        return exact  # as mostly: the tables of likeness take longer to load than all else
    alike = [item for item in people.persons.values() if likeness(name) and likeness(item.name) == likeness(name)]
    return next((item for item in alike if not item.revoked_at), alike[-1] if alike else None)


def known(office: Office, name: str) -> Person:
    """The person of that name.

    Raises: ApprovalError: there is none.
    """
    with office.store.reading() as record:
        found = find(record.people(), name)
    if found is None:
        raise ApprovalError("A43", f"没有登记“{visible(name)}”", "核对姓名：perfeval approver list。")
    return found


def invite(office: Office, name: str, roles: Iterable[str], by: str | None = None) -> Invitation:
    """Invite somebody to enrol, or a person who is enrolled to add a proof; `by` is a person's id, None while there is no operator.

    No code is asked for: an invitation gives nothing until a second person has confirmed, by a code, what came of it, and the first of all
    have no code yet. So the record proves of nobody that he invited.

    Raises: ApprovalError: unknown roles, a name that is strange or looks like another's, or nobody who may invite.
    """
    name, asked = name.strip(), tuple(dict.fromkeys(roles))
    _check_roles(office, asked)
    with office.store.transaction() as record:
        people = _people_now(record)
        _check_actor(people, by)
        known = find(people, name)
        if known and not known.revoked_at and (known.name, set(known.roles)) == (name, set(asked)):
            person, asked = known.id, known.roles
        else:
            check_new_name(name, people.persons.values())
            person = f"p{len(people.persons) + 1}"
        if len(name) > NAME_LENGTH:
            raise ApprovalError("A03", f"姓名超过{NAME_LENGTH}字", "填写真实姓名。")
        # It is typed as a word of a command, and must not begin as an option does.
        token, expires_at = f"t{secrets.token_urlsafe(_TOKEN_BYTES)}", datetime.now(UTC) + timedelta(hours=LINK_HOURS)
        record.append(PEOPLE, Invited(person=person, name=name, roles=asked, link=_digest(token), expires_at=expires_at), by or person)
    return Invitation(person, name, asked, token, expires_at)


def find_invitation(office: Office, token: str, kind: ProofKind | None = None) -> Invitation:
    """The invitation that a token opens; one for a proof of that kind, where no other can be made.

    Raises: ApprovalError: there is none, or it was used, replaced by a newer one, or has expired.
    """
    with office.store.reading() as record:
        return _invitation(_lines(record), token, kind)


def offer_code(office: Office, token: str) -> Offer:
    """A new secret for the codes of whoever opens an invitation; nothing is kept of it until he shows a code."""
    with office.store.reading() as record:
        invitation, secret = _invitation(_lines(record), token, ProofKind.CODE), new_secret()
    uri = secret_link(secret, invitation.name, office.workspace.settings.unit.short_name)
    return Offer(invitation.name, uri, secret, secret_fingerprint(secret))


def enrol_code(office: Office, token: str, secret: str, code: str) -> Enrolment:
    """Enrol the secret that was offered; the code shows that the phone has it.

    Raises: ApprovalError: the invitation is none, or the code is not the secret's.
    """
    now = datetime.now(UTC)
    step = code_step(secret, code, now) if is_secret(secret) else None
    if step is None:
        raise ApprovalError("A40", "动态码不是刚才的密钥的，或已过期", "核对手机时间，等手机上出现新的6位数字后再填。")
    with office.store.transaction() as record:
        invitation = _open(record, token, ProofKind.CODE)
        made = Enrolment(
            person=invitation.person, name=invitation.name, roles=invitation.roles, means=ProofKind.CODE,
            fingerprint=secret_fingerprint(secret), previous=record.head(PEOPLE),
        )  # fmt: skip
        _enrol(record, made, write_enrolment(made), None)
        record.save_seed(record.people().persons[made.person], made.fingerprint, secret, step)
    return made


def offer_passkey(office: Office, token: str, passkey: Passkey) -> str:
    """The enrolment record that the new key has to sign, as a line."""
    with office.store.reading() as record:
        invitation, previous = _invitation(_lines(record), token), record.head(PEOPLE)
    made = Enrolment(
        person=invitation.person, name=invitation.name, roles=invitation.roles, means=ProofKind.PASSKEY, fingerprint=passkey.fingerprint,
        credential=passkey.credential, public_key=passkey.public_key, rp_id=passkey.rp_id, origin=passkey.origin, previous=previous,
    )  # fmt: skip
    return write_enrolment(made)


def enrol_passkey(office: Office, token: str, enrolment: str, proof: Proof) -> Enrolment:
    """Enrol a device by its record, which it has signed.

    Raises: ApprovalError: the invitation is none, or the record is another's or not signed by its key.
    """
    try:
        made = read_enrolment(enrolment)
    except ValueError as error:
        raise _refused_enrolment(error) from error
    with office.store.transaction() as record:
        invitation = _open(record, token, ProofKind.PASSKEY)
        if (made.person, made.means) != (invitation.person, ProofKind.PASSKEY):
            raise _refused_enrolment(ValueError("登记的不是被邀请的人"))
        _enrol(record, made, enrolment, Proof(proof.kind, assertion_of(proof.evidence)))
    return made


def confirm(office: Office, person: str, fingerprint: str, by: str, *, on_paper: bool, code: str = "") -> Person:
    """Confirm an enrolment whose fingerprint was compared: by a second person, who proves himself by a code.

    Those who may invite hold the signed slip too; the first operator confirms his own enrolment by the slip alone.

    Raises: ApprovalError: there is no such enrolment, it is not for this person to confirm, or he has not proved that he is who he says.
    """

    def act(record: Transaction, people: People, proof: Proof | None) -> Person:
        if proof is None and not (on_paper and by == person):
            raise _unproved(people, by)
        _check_confirmation(people, person, fingerprint, by, on_paper=on_paper)
        told = Confirmed(person=person, fingerprint=_fingerprint(fingerprint), is_on_paper=on_paper, proof=proof)
        record.append(PEOPLE, told, by)
        return record.people().persons[person]

    return _act(office, by, code, act)


def _check_confirmation(people: People, person: str, fingerprint: str, by: str, *, on_paper: bool) -> None:
    if fault := confirmation_fault(people, person, by, is_on_paper=on_paper):
        hint = "由另一个已登记的人当面核对指纹后确认；经办人确认的，加 --paper 并留存签名的登记单。"
        raise ApprovalError("A32", f"不能确认登记：{fault}", hint)
    if _fingerprint(fingerprint) not in {item.fingerprint for item in people.persons[person].means}:
        raise ApprovalError("A33", "没有这个指纹的登记", "与本人屏幕上或登记单上的24位指纹逐字核对；不同的，不要确认。")


def _fingerprint(typed: str) -> str:
    return "".join(typed.split()).lower()


def revoke(office: Office, person: str, by: str, reason: str, *, code: str = "", on_paper: bool = False) -> None:
    """End a person's enrolment; what he decided stands. His secrets are taken away.

    Where nobody is left who could show a code for it, because the last operator has lost his phone, paper stands for it and the record says
    so: each is revoked under his own name.

    Raises: ApprovalError: he is not there, it is not for this person to revoke, or he has not proved that he is who he says.
    """
    reason = checked("停用的原因", reason)

    def act(record: Transaction, people: People, proof: Proof | None) -> None:
        others = [item for item in _able(people) if item.id != person]
        if proof is None and not (on_paper and by == person and not others):
            raise _unproved(people, by)
        if by != person:
            _check_actor(people, by)
        found = people.persons.get(person)
        if found is None or found.revoked_at:
            raise ApprovalError("A42", f"“{found.name if found else person}”没有登记，或已停用", "用 perfeval approver list 查看。")
        record.append(PEOPLE, Revoked(person=person, reason=reason, is_on_paper=proof is None, proof=proof), by)
        record.forget_seeds(person)

    _act(office, by, code, act)


def substitute(office: Office, person: str, absent: str, gate: str, from_on: date, to_on: date, by: str, code: str = "") -> Substitution:
    """Let a person stand in for an absent one at a gate, both days included.

    Raises: ApprovalError: one of them is not active, the absent one has no seat at the gate, or the days are in no order; or it is not for
    this person to say so, or he has not proved that he is who he says.
    """

    def act(record: Transaction, people: People, proof: Proof | None) -> None:
        if proof is None:
            raise _unproved(people, by)
        _check_actor(people, by)
        given, away = people.active(person), people.active(absent)
        if given is None or away is None or given == away or gate not in away.roles or to_on < from_on:
            message = "代理没有登记：两人都须在用且不是同一人，被代理人须是本环节的审批人，起止日期须有先后"
            raise ApprovalError("A36", message, "用 perfeval approver list 核对。")
        told = Substituted(person=person, absent=absent, gate=gate, from_on=from_on, to_on=to_on, proof=proof)
        record.append(PEOPLE, told, by)

    _act(office, by, code, act)
    return Substitution(person, absent, gate, from_on, to_on)


def unlock(office: Office, whom: str, by: str, code: str = "") -> None:
    """End the lock of a person (by id) or of an address.

    Raises: ApprovalError: it is not for this person to unlock, he has not proved that he is who he says, or nobody of that name and nothing
    from that address is known.
    """

    def act(record: Transaction, people: People, proof: Proof | None) -> None:
        if proof is None:
            raise _unproved(people, by)
        _check_actor(people, by)
        person = whom if whom in people.persons else ""
        address = "" if person else visible(whom)[:ADDRESS_LENGTH]
        if not person and not record.attempts(datetime.now(UTC), "", address):
            raise ApprovalError("A43", f"没有登记“{visible(whom)}”，这一地址也没有被锁定", "核对姓名（perfeval approver list）或网络地址。")
        record.append(ACCESS, Unlocked(person=person or None, address=address, proof=proof), by)

    _act(office, by, code, act)


def log_in(office: Office, name: str, code: str, address: str) -> Person:
    """Whoever gives this name and a code of it now; a name unknown and a code wrong are answered alike.

    Raises: ApprovalError: he is not, or too many were not.
    """
    now = datetime.now(UTC)
    with office.store.reading() as record:  # first without the one right to write: masses of guesses keep nobody from deciding
        check_attempts(record, find(record.people(), name), address, now)
    with office.store.transaction() as record:
        person = find(_people_now(record), name)
        check_attempts(record, person, address, now)
        spent = spend_code(record, person if person and not person.revoked_at else None, code, now)
        is_right = spent is not None and person is not None and bool(person.confirmed)
        note_attempt(record, person, address, now, spent, is_right=is_right)
    if person is None or not is_right:
        raise ApprovalError(
            "A25",
            "姓名或动态码不对，或登记还没有确认",
            "等手机上出现新的6位数字后再试；新登记的，请另一个人先确认；总是不对的，核对手机和本机的时间。",
        )
    return person


def require(people: People, name: str, role: str, office: Office) -> Person:
    """The active person of that name who has a role, such as who prepares an evaluation.

    Raises: ApprovalError: there is none; the hint says by which commands he becomes one.
    """
    person = find(people, name)
    if person and people.active(person.id) and role in person.roles:
        return person
    title, called = role_title(office, role), visible(name.strip()) or "姓名"
    if person and not person.revoked_at and role in person.roles and person.means:
        command = f"perfeval approver confirm {called} --fingerprint 指纹 --as 确认人 --code 确认人的动态码"
        raise ApprovalError("A17", f"“{person.name}”的登记还没有经第二人确认", f"请另一个已登记的人核对指纹后执行：{command}")
    steps = f"perfeval approver invite {called} --role {role}，本人用收到的链接登记，再由另一人 perfeval approver confirm 确认"
    raise ApprovalError("A37", f"“{called}”没有登记为{title}", f"先登记：{steps}。")


def role_title(office: Office, role: str) -> str:
    """What people call a role."""
    return ROLES.get(role) or gate_title(office.workspace.gates, role)


def _people_now(record: Transaction) -> People:
    """The people, from a chain that was checked, to which nobody else appends meanwhile."""
    record.lock_chain(PEOPLE)
    return told_people(record.sound_entries(PEOPLE))


def _check_roles(office: Office, roles: Sequence[str]) -> None:
    known = {**{gate.key: gate.title for gate in office.workspace.gates}, **ROLES}
    unknown = [role for role in roles if role not in known]
    if unknown or not roles:
        told = "、".join(f"{key}（{title}）" for key, title in known.items())
        raise ApprovalError("A02", f"没有“{visible('、'.join(unknown))}”这一角色" if unknown else "没有写角色", f"可用角色：{told}")


def _act(office: Office, by: str, code: str, act: Callable[[Transaction, People, Proof | None], T]) -> T:
    """Let somebody act at a terminal, where whoever has the shell could say any name: `act` is told what he proves himself by, if anything.

    A code that was looked at is worthless afterwards and stands in the record, whatever comes of the act.
    """
    now = datetime.now(UTC)
    with office.store.transaction() as record:
        people = _people_now(record)
        proof = show_code(record, people.persons.get(by), code, now) if code else None
        try:
            return act(record, people, proof)
        except ApprovalError as error:
            refusal = error
    raise refusal


def _unproved(people: People, by: str) -> ApprovalError:
    name = people.persons[by].name if by in people.persons else "办理人"
    hint = f"用 --code 填“{name}”手机上此刻的6位数字。手机丢失的，由另一位经办人或管理员停用后重新登记；没有别人可以办理的，见手册“登记”。"
    return ApprovalError("A55", f"“{name}”没有用动态码证明是本人：没有填写，或不正确、已过期、已使用过", hint)


def _able(people: People) -> list[Person]:
    return [item for item in people.persons.values() if people.active(item.id) and may_invite(item)]


def _check_actor(people: People, by: str | None) -> None:
    able = _able(people)
    if not able and by is None:
        return
    if by is None or by not in {item.id for item in able}:
        names = "、".join(item.name for item in able) or "还没有登记并经确认的经办人，先请他登记、确认"
        raise ApprovalError("A35", "只有经办人或管理员可以办理", f"用 --as 写明由谁办理：{names}。")


def _lines(record: Transaction) -> list[Line]:
    return [read_line(entry.line) for entry in record.entries(PEOPLE)]


def _invitation(lines: Sequence[Line], token: str, kind: ProofKind | None = None) -> Invitation:
    """The open invitation of a token; of a kind that was enrolled by it already, it is open no more."""
    link, found = _digest(token), None
    used: set[ProofKind] = set()
    for line in lines:
        match line.what:
            case Invited() as invited if invited.link == link:
                found, used = invited, set()
            case Invited() | Revoked() as other if found and other.person == found.person:
                found = None
            case Enrolled() as enrolled if found and enrolled.person == found.person:
                used.add(read_enrolment(enrolled.enrolment).means)
            case _:
                pass
    if found is None or found.expires_at < datetime.now(UTC) or used >= ({kind} if kind else {ProofKind.CODE, ProofKind.PASSKEY}):
        raise ApprovalError("A34", "登记链接无效、已用过或已过期", "请经办人重新邀请；不是您本人用过的，请立即告诉经办人。")
    return Invitation(found.person, found.name, found.roles, token, found.expires_at, frozenset(used))


def _open(record: Transaction, token: str, kind: ProofKind) -> Invitation:
    _people_now(record)
    return _invitation(_lines(record), token, kind)


def _enrol(record: Transaction, made: Enrolment, line: str, proof: Proof | None) -> None:
    record.append(PEOPLE, Enrolled(person=made.person, enrolment=line, proof=proof), made.person)
    lines, texts = _lines(record), [entry.line for entry in record.entries(PEOPLE)]
    if faults := [fault for fault in people_of(lines, texts)[1] if fault.number == len(lines)]:
        raise _refused_enrolment(ValueError(faults[0].message))


def _refused_enrolment(error: ValueError) -> ApprovalError:
    return ApprovalError("A38", f"登记没有成功：{error}", "回到登记页面重新开始；仍不成功的，请经办人重新邀请。")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
