"""The people as their chain tells them (人员): who is enrolled, confirmed, revoked, and who stands in for whom.

Tables are copies of this.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from perfeval.approvals.events import Confirmed, Enrolled, Invited, Revoked, Substituted
from perfeval.approvals.likeness import likeness, strange_letters
from perfeval.approvals.person import Means, Person, Substitution
from perfeval.approvals.proof import Refused, verify_enrolment
from perfeval.approvals.record import NOTHING, Fault, Line, digests
from perfeval.approvals.statement import read_enrolment
from perfeval.errors import ApprovalError
from perfeval.texts import visible

OPERATOR, ADMIN, OVERSEER = "operator", "admin", "overseer"


@dataclass(frozen=True, slots=True)
class People:
    """Everybody who was ever invited, by id, and the substitutions."""

    persons: Mapping[str, Person] = field(default_factory=dict)
    substitutions: tuple[Substitution, ...] = ()

    def active(self, person: str) -> Person | None:
        """The person, where he is confirmed and not revoked."""
        found = self.persons.get(person)
        return found if found and found.confirmed and not found.revoked_at else None

    def same(self, person: str) -> frozenset[str]:
        """The ids that the person has had: who was revoked and enrolled anew is who he was, under whatever form of his name."""
        revoked = [item for item in self.persons.values() if item.revoked_at]
        name = likeness(self.persons[person].name) if revoked else ""
        return frozenset({person, *(item.id for item in revoked if likeness(item.name) == name)})

    def substituted(self, person: str, gate: str) -> list[Substitution]:
        """For whom somebody stands in at a gate, on whatever days."""
        return [item for item in self.substitutions if (item.person, item.gate) == (person, gate)]


def people_of(lines: Sequence[Line], texts: Sequence[str]) -> tuple[People, list[Fault]]:
    """The people that a chain tells, and every event that must not count, in Chinese; such an event changes nothing.

    `texts` are the lines as they are stored: an enrolment names the head that it was made on.
    """
    people, faults, heads = People(), [], {NOTHING}
    for line, text in zip(lines, texts, strict=True):
        try:
            people = _after(people, line, heads)
        except ValueError as error:
            faults.append(Fault(line.number, f"第{line.number}条不算数：{error}"))
        heads.add(digests(text)[0])
    return people, faults


def may_invite(person: Person) -> bool:
    """Whether he invites others, revokes and unlocks."""
    return bool({OPERATOR, ADMIN} & set(person.roles))


def check_new_name(name: str, persons: Iterable[Person]) -> None:
    """Whether somebody of this name can be invited.

    Raises: ApprovalError: strange letters in it, or it looks like the name of somebody who is not revoked.
    """
    if strange := strange_letters(name):
        told = "、".join(f"{visible(letter)}（U+{ord(letter):04X}）" for letter in strange)
        raise ApprovalError("A26", f"姓名中有不能使用的字符：{told}", "姓名只用汉字、拉丁字母、数字、间隔号和括号。")
    if not likeness(name):
        raise ApprovalError("A26", "姓名为空", "填写真实姓名。")
    alike = next((item for item in persons if not item.revoked_at and likeness(item.name) == likeness(name)), None)
    if alike:
        hint = "同一个人不要登记两次；确系两人时，在姓名后用括号注明股室，例如 李伟（预算股）。"
        raise ApprovalError("A27", f"姓名“{name}”与已登记的“{alike.name}”相同或难以分辨", hint)


def confirmation_fault(people: People, person: str, by: str, *, is_on_paper: bool) -> str | None:
    """Why somebody must not confirm this enrolment, in Chinese, or None.

    The first of all is an operator, confirmed by himself, and again when nobody is left; what those confirm who may invite is confirmed on
    paper too.
    """
    found, second = people.persons.get(person), people.active(by)
    if found is None or found.revoked_at:
        return "没有这个人的登记，或已停用"
    if by == person:
        is_first = OPERATOR in found.roles and not any(map(people.active, people.persons))
        return None if is_first and is_on_paper else "不能确认自己的登记，由另一个已登记的人确认"
    if second is None:
        return "确认人自己还没有经确认的登记，或已停用"
    return "经办人或管理员确认登记，须有本人签名的纸质登记单" if may_invite(second) and not is_on_paper else None


def _after(people: People, line: Line, heads: set[str]) -> People:
    match line.what:
        case Invited() as invited:
            known = people.persons.get(invited.person)
            if known and (known.revoked_at or (known.name, known.roles) != (invited.name, invited.roles)):
                raise ValueError("这个编号已经邀请过")
            return people if known else _with(people, Person(invited.person, invited.name, invited.roles))
        case Enrolled() as enrolled:
            return _with(people, _enrolled(people, enrolled, line, heads))
        case Confirmed() as confirmed:
            return _with(people, _confirmed(people, confirmed, line))
        case Revoked() as revoked:
            return _with(people, replace(_known(people, revoked.person), revoked_at=line.at))
        case Substituted() as given:
            added = Substitution(given.person, given.absent, given.gate, given.from_on, given.to_on)
            return replace(people, substitutions=(*people.substitutions, added))
        case _:
            return people


def _enrolled(people: People, event: Enrolled, line: Line, heads: set[str]) -> Person:
    person, record = _known(people, event.person), read_enrolment(event.enrolment)
    if isinstance(found := verify_enrolment(event.enrolment, event.proof), Refused):
        raise ValueError(found.reason)  # noqa: TRY004  # not a wrong type: a wrong proof
    if (record.person, record.name, record.roles) != (person.id, person.name, person.roles):
        raise ValueError("登记的人、姓名或角色与邀请的不同")
    if record.previous not in heads:
        raise ValueError("登记记录不是接着这份记录作的")
    if any(item.fingerprint == record.fingerprint for other in people.persons.values() for item in other.means):
        raise ValueError("同一个公钥或密钥已经登记过")
    return replace(person, means=(*person.means, Means(record.means, record.fingerprint, line.at, record.passkey)))


def _confirmed(people: People, event: Confirmed, line: Line) -> Person:
    person = _known(people, event.person)
    if not any(item.fingerprint == event.fingerprint for item in person.means):
        raise ValueError("没有这个指纹的登记")
    if fault := confirmation_fault(people, event.person, line.who, is_on_paper=event.is_on_paper):
        raise ValueError(fault)
    means = (
        replace(item, confirmed_at=line.at, confirmed_by=line.who, is_on_paper=event.is_on_paper, is_proved=event.proof is not None)
        if item.fingerprint == event.fingerprint
        else item
        for item in person.means
    )
    return replace(person, means=tuple(means))


def _known(people: People, person: str) -> Person:
    found = people.persons.get(person)
    if found is None or found.revoked_at:
        raise ValueError("没有邀请过这个人，或已停用")
    return found


def _with(people: People, person: Person) -> People:
    return replace(people, persons={**people.persons, person.id: person})
