"""The desk behind the door (窗口): what people's requests come to in the office's store. Knows neither Prefect nor HTTP."""

import hashlib
import hmac
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import segno

from flows.conduct import crashed
from flows.forms import awaited
from perfeval import persons, proving, steps
from perfeval.approvals.keys import derive_key
from perfeval.approvals.passkey import registered_passkey, to_base64
from perfeval.approvals.people import OPERATOR
from perfeval.approvals.person import PROOF_TITLES, Person, ProofKind
from perfeval.approvals.proof import Proof
from perfeval.approvals.record import OPENINGS
from perfeval.approvals.session import LASTS, logged_in, seal_session, session_digest
from perfeval.approvals.statement import Enrolment, challenge
from perfeval.errors import ApprovalError, ServerError
from perfeval.model import Answer, Evaluation, Revision, Stage, Status, Verdict
from perfeval.model.clock import CHINA
from perfeval.model.evaluation import COMMENT_LENGTH, NAME_LENGTH
from perfeval.model.outcomes import Failure
from perfeval.office import Office
from perfeval.reminding import notify_of_failure
from perfeval.submission import find_draft
from perfeval.texts import visible

# Where several offices are served, in the folder of the first.
SERVER_LOG = " .perfeval/prefect/server.log（几个单位共用服务的，在第一个单位的工作区里）"
REPLY = "reply_"
_LENGTHS = {"decision": 10, "approver": NAME_LENGTH, "check_code": 20, "comment": COMMENT_LENGTH, "code": 20}
_TITLES = {"decision": "审批决定", "approver": "审批人", "check_code": "核对码", "comment": "审批意见", "code": "动态码"}


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the evaluation of a run stands by the store; `form` is how the key of the form begins that the run must be at."""

    status: Status
    form: str


@dataclass(frozen=True, slots=True)
class Started:
    """What a run was started for, which may have no evaluation yet; without a programme, the office's only one."""

    year: int
    programme: str


class Desk:
    """What the door asks the store of one office."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._key = derive_key(office.key, "session")

    def close(self) -> None:
        """Nothing is asked any more."""
        self._office.store.close()

    # ---- sessions ----------------------------------------------------------------------------------------------------

    def log_in(self, name: str, code: str, address: str) -> str:
        """The cookie of somebody who proves who he is.

        Raises: ApprovalError: he does not, or is locked.
        """
        return seal_session(persons.log_in(self._office, name, code, address), datetime.now(UTC), self._key)

    def person(self, cookie: str) -> Person | None:
        """Whose cookie it is."""
        now = datetime.now(UTC)
        with self._office.store.reading() as record:
            person = logged_in(cookie, record.sound_people(), now, self._key)
            ended = record.ended_sessions(now, LASTS) if person else frozenset()
        return person if session_digest(cookie, self._key) not in ended else None

    def log_out(self, cookie: str) -> None:
        """End the session of a cookie, for all copies of it and for good."""
        person, session = self.person(cookie), session_digest(cookie, self._key)
        if person and session:  # nobody else's texts are remembered
            with self._office.store.transaction() as record:
                record.end_session(session, person.id)

    # ---- what people do ----------------------------------------------------------------------------------------------

    def standing(self, run: str) -> Standing | None:
        """Where the evaluation of a run stands; None for a run that has none here."""
        with self._office.store.reading() as record:
            evaluation = record.evaluation_of(run)
            status = record.progress(evaluation).status(self._office.workspace.gates) if evaluation else None
        return Standing(status, awaited(status)) if status else None

    def fill_in(self, standing: Standing, person: Person, filled: Mapping[str, object], address: str) -> str:
        """Take the form that a run stands at, filled in by a person: what was decided or corrected, in words.

        Raises: ApprovalError: it is no decision and no correction; why, in Chinese.
        """
        status = standing.status
        if status.stage is Stage.CORRECTING:
            return self._correct(status.revision, person, filled)
        if status.gate is None:
            raise ApprovalError("A52", f"现在没有需要填写的表单：{status.title}", "用 perfeval status 查看进度。")
        answer = _answer(filled)
        with self._office.store.reading() as record:
            named = persons.find(record.people(), answer.name)
        if named is None or named.id != person.id:
            message = f"登录的是“{person.name}”，表单上的审批人是“{visible(answer.name)}”"
            refusal = ApprovalError("A51", message, "审批人填写自己的姓名；替别人填写不算数。")
            now = datetime.now(UTC)
            with self._office.store.transaction() as record:
                record.lock(status.revision.evaluation)
                proving.check_attempts(record, person, address, now)
                proving.note_attempt(record, person, address, now, is_right=False)
                record.record_wrong_answer(status.revision, status.gate.key, visible(answer.name)[:NAME_LENGTH], refusal)
            raise refusal
        decision = steps.decide(self._office, status.revision, status.gate, answer, address)
        return f"{status.gate.title}：{decision.verdict}（{person.name}）"

    def _correct(self, revision: Revision, person: Person, filled: Mapping[str, object]) -> str:
        note = _text(filled, "note")
        if not note:
            raise ApprovalError("A50", "没有填写更正说明", "写明台账或底稿更正了什么。")
        if len(note) > COMMENT_LENGTH:
            raise ApprovalError("A50", f"更正说明有{len(note)}字，超过{COMMENT_LENGTH}字", "缩短说明，详细材料另附。")
        self.check_operator(person)
        replies = sorted((name for name in filled if name.startswith(REPLY)), key=lambda name: name.removeprefix(REPLY).zfill(4))
        steps.record_correction(self._office, revision, note, person.id, [_text(filled, name) for name in replies])
        return f"更正已提交（{person.name}）"

    def check_operator(self, person: Person) -> None:
        """Whether somebody may begin evaluations and hand in corrections.

        Raises: ApprovalError: he is no operator.
        """
        if OPERATOR not in person.roles:
            raise ApprovalError("A53", f"“{person.name}”不是经办人（operator），不能送审或提交更正", "由经办人登录后操作。")

    def note(self, person: Person, action: str, target: str, run: str = "") -> None:
        """Record that a person did something that changes state, with the run's evaluation where it has one."""
        with self._office.store.reading() as record:
            evaluation = record.evaluation_of(run) if run else None
        steps.note_act(self._office, action, target, person.id, evaluation.id if evaluation else OPENINGS)

    # ---- what people see ---------------------------------------------------------------------------------------------

    def overview(self) -> list[tuple[Status, str | None]]:
        """Where every evaluation stands, the newest first, with its run."""
        with self._office.store.reading() as record:
            found, runs = [item.status(self._office.workspace.gates) for item in record.all_progress()], record.runs()
        return [(status, runs.get(status.revision.evaluation.id)) for status in reversed(found)]

    def run_of(self, evaluation_id: str) -> tuple[str, str]:
        """The run of an evaluation, empty where there is none, and how the key of the form begins that it must be at."""
        with self._office.store.reading() as record:
            evaluation = record.evaluation(evaluation_id)
            run, status = record.run_of(evaluation), record.progress(evaluation).status(self._office.workspace.gates)
        return run or "", awaited(status)

    def form_token(self, cookie: str) -> str:
        """What the forms of somebody who is logged in carry, so that nobody else's are taken for his."""
        return to_base64(hmac.digest(derive_key(self._office.key, "form"), cookie.encode(), "sha256"))

    def open_runs(self) -> dict[str, str]:
        """The runs of evaluations under way, each with how the key of the form begins that it must be at."""
        return {run: awaited(status) for status, run in self.overview() if run and status.revision.evaluation.outcome is None}

    def evaluation_of(self, run: str) -> Evaluation | None:
        """The evaluation of a run."""
        with self._office.store.reading() as record:
            return record.evaluation_of(run)

    def keep_ended(self, run: str, message: str, started: Started | None = None, lost: Collection[str] = ()) -> None:
        """Keep that a run has ended early, where it could not keep why, and tell the clerk; so for the lost run that it was begun for."""
        told = set()
        with self._office.store.transaction() as record:
            kept = record.failure(run)
            failure = kept or replace(crashed(message), step="运行")
            if started and record.evaluation_of(run) is None:
                key = started.programme or self._office.workspace.programmes[0].key
                under_way = [item for item in record.evaluations(started.year, key) if item.outcome is None]
                for other in {record.run_of(item) or "" for item in under_way} & {*lost}:
                    record.record_failure(other, replace(failure, unit="", year=0, programme=""))
                    told.add(other)
                if not failure.unit:  # else nobody could tell whose it is
                    failure = replace(failure, unit=record.unit, year=started.year, programme=key)
            if failure != kept:
                record.record_failure(run, failure)
                told.add(run)
        if not kept:
            logging.getLogger(__name__).error("the run %s has ended early: %s", run, message)
        for item in told:
            notify_of_failure(self._office, item)

    def has_kept(self, run: str) -> bool:
        """Whether it is kept why a run has ended early."""
        with self._office.store.reading() as record:
            return record.failure(run) is not None

    def replace_failure(self, run: str, failure: Failure | None) -> Failure | None:
        """Keep this for why a run ended early, nothing when it goes on; what was kept before."""
        with self._office.store.transaction() as record:
            before = record.failure(run)
            record.record_failure(run, failure)
        return before

    def keep_unbegun(self, year: int, programme: str) -> None:
        """Keep that no run could be started for a programme's year."""
        hint = f"稍等一会儿，再送审一次；仍不行的，请管理服务的人查看{SERVER_LOG}。"
        fault = ServerError("P24", "没有进程来执行这次送审", hint)
        failure = Failure("送审", fault.code, str(fault), unit=self._office.workspace.unit, year=year, programme=programme)
        with self._office.store.transaction() as record:
            record.record_failure(_unbegun(failure), failure)

    def draft(self, evaluation_id: str, number: int) -> tuple[Path, str]:
        """A draft's file and its name.

        Raises: StoreError: there is none, or it is damaged.
        """
        with self._office.store.reading() as record:
            evaluation: Evaluation = record.evaluation(evaluation_id)
        return find_draft(self._office, Revision(evaluation, number))

    # ---- enrolment ---------------------------------------------------------------------------------------------------

    def invitation(self, token: str, origin: str) -> dict[str, str]:
        """What the enrolment page shows of an invitation, and what a device is asked for; without `rp_id` no device can be enrolled."""
        address = urlsplit(origin)
        is_secure = address.scheme == "https" or address.hostname == "localhost"
        invitation = persons.find_invitation(self._office, token, None if is_secure else ProofKind.CODE)
        return {
            "name": invitation.name,
            "roles": self.roles(invitation.roles),
            "until": f"{invitation.expires_at.astimezone(CHINA):%m月%d日 %H:%M}",
            "origin": origin,
            "used": next(iter(invitation.used), ""),
            "rp_id": (address.hostname or "") if is_secure else "",
            # A device keeps one key for each user of a host, and there may be several offices at this one.
            "user": to_base64(hashlib.sha256(f"{self._office.workspace.unit}\n{invitation.person}".encode()).digest()),
            "challenge": to_base64(_creation(token)),
        }

    def offer_code(self, token: str) -> dict[str, str]:
        """A secret for one-time codes, as a picture, a link and letters."""
        offer = persons.offer_code(self._office, token)
        return {"secret": offer.secret, "uri": offer.uri, "qr": segno.make(offer.uri, error="m").svg_data_uri(border=3, dark="#000")}

    def enrol_code(self, token: str, secret: str, code: str) -> dict[str, str]:
        """Enrol a code's secret, which a code of it proves to be in the app."""
        return self._slip(persons.enrol_code(self._office, token, secret, code))

    def offer_passkey(self, token: str, made: Mapping[str, str], origin: str) -> dict[str, str]:
        """The enrolment of a key that a device has made, for it to sign."""
        try:
            passkey = registered_passkey(made, _creation(token), urlsplit(origin).hostname or "", origin)
        except ValueError as error:
            raise ApprovalError("A54", str(error), "换一个浏览器或设备再试，或用动态码登记。") from error
        line = persons.offer_passkey(self._office, token, passkey)
        return {"enrolment": line, "challenge": to_base64(challenge(line))}

    def enrol_passkey(self, token: str, enrolment: str, signed: Mapping[str, str]) -> dict[str, str]:
        """Enrol a device's key by its own signature on its enrolment."""
        return self._slip(persons.enrol_passkey(self._office, token, enrolment, Proof(ProofKind.PASSKEY, dict(signed))))

    def _slip(self, enrolment: Enrolment) -> dict[str, str]:
        """What stands on the slip that is signed by hand."""
        return {
            "name": enrolment.name,
            "roles": self.roles(enrolment.roles),
            "means": PROOF_TITLES[enrolment.means],
            "fingerprint": enrolment.fingerprint,
            "time": f"{datetime.now(CHINA):%Y-%m-%d %H:%M}",
        }

    @property
    def unit(self) -> str:
        """The unit's name."""
        return self._office.workspace.settings.unit.name

    def roles(self, roles: tuple[str, ...]) -> str:
        """Roles as people call them."""
        return "、".join(persons.role_title(self._office, role) for role in roles)


def _unbegun(failure: Failure) -> str:
    """What stands for the run of a start that came to none; another unit on this database may have a programme of that name."""
    return hashlib.sha256(f"{failure.unit}\n{failure.year}\n{failure.programme}".encode()).hexdigest()


def _creation(token: str) -> bytes:
    """What a device signs when it makes its key: by the invitation, so that nothing need be remembered meanwhile."""
    return hashlib.sha256(f"perfeval enrolment {token}".encode(errors="replace")).digest()


def _answer(filled: Mapping[str, object]) -> Answer:
    texts = {name: _text(filled, name) for name in _TITLES}
    for name, text in texts.items():
        if len(text) > _LENGTHS[name]:
            raise ApprovalError("A50", f"“{_TITLES[name]}”超过{_LENGTHS[name]}字", "缩短后再提交。")
    if missing := [title for name, title in _TITLES.items() if name != "comment" and not texts[name]]:
        raise ApprovalError("A50", f"没有填写：{'、'.join(missing)}", "填写完整后再提交。")
    try:
        verdict = Verdict(texts["decision"])
    except ValueError as error:
        raise ApprovalError("A50", "审批决定应为同意、退回修改或不同意", "从列表中选择。") from error
    return Answer(verdict, texts["approver"], texts["code"], texts["check_code"], texts["comment"])


def _text(filled: Mapping[str, object], name: str) -> str:
    value = filled.get(name)
    return value.strip() if isinstance(value, str) else ""
