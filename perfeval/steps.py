"""One function per step of the year: load → pure core → save. Whoever calls them in order has run the year.

Each step asks the store first and leaves its outcome there for (evaluation, revision): doing it again changes nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from perfeval import persons, proving
from perfeval.approvals import events
from perfeval.approvals.answering import Matter, check_answer, check_remarks, checked, prove
from perfeval.approvals.duties import conduct_of
from perfeval.approvals.keys import derive_key
from perfeval.approvals.people import OPERATOR
from perfeval.approvals.person import Person, ProofKind
from perfeval.approvals.record import OPENINGS, PEOPLE, Line, head, read_line
from perfeval.approvals.remarks import Remarked, check_replies, remarks_of
from perfeval.approvals.statement import state
from perfeval.configuration import load_model
from perfeval.errors import (
    ApprovalError,
    ArchiveError,
    ConfigurationError,
    LedgerError,
    PerfevalError,
    ReportError,
    StoreError,
    UsageError,
    refusal,
)
from perfeval.model import (
    Answer,
    Decision,
    Draft,
    Evaluation,
    Facts,
    Figure,
    Finding,
    Gate,
    ReceivedFile,
    Revision,
    Scorecard,
    Stage,
    Status,
    Verdict,
)
from perfeval.model.clock import CHINA, china_day
from perfeval.model.digests import check_code
from perfeval.model.documents import document_digest, dump, dump_json, load_json, record_facts, recorded_facts
from perfeval.model.evaluation import NAME_LENGTH
from perfeval.model.outcomes import Archived, Configuration, Corrected, Drafted, Failure, Scored, Sealing, Snapshot, Validated
from perfeval.model.scores import FactRecord
from perfeval.settings import Settings
from perfeval.store.record import told_people
from perfeval.texts import visible
from perfeval.version import source_digest
from perfeval.workspace import CONFIG_FILE, Workspace

if TYPE_CHECKING:  # rooms that a step does without are loaded by the steps that enter them
    from perfeval.archive import Check, SubmissionPackage
    from perfeval.ledgers import Reading
    from perfeval.model import Ledger
    from perfeval.office import Office
    from perfeval.store import Store, Transaction
    from perfeval.store.transaction import Outcome
    from perfeval.workspace import Subject

    O = TypeVar("O", bound=Outcome)  # noqa: E741  # an outcome


_CLOCK = "电脑的时钟先前走快了，或现在走慢了：先校准；过了这一时间再执行 perfeval run，就能归档。"


def open_evaluation(
    office: Office, subject: Subject, prepared_by: str, run: str | None = None, instead_of: str | None = None
) -> Evaluation:
    """Open the evaluation of a programme's year, or find the one that `run` or another run opened; with `instead_of`, that run alone.

    Raises: BlockingIOError: a third run has it by now. UsageError: when the year is archived already, unless `run` is the one that archived
        it. ApprovalError: who prepares a new one is not enrolled as an operator.
    """
    year, programme = subject.year, subject.programme
    with office.store.transaction() as record:
        same = record.evaluations(year, programme.key)
        archived = next((item for item in same if item.outcome == Stage.ARCHIVED), None)
        if archived and (run is None or record.run_of(archived) != run):
            message = f"{year}年度“{programme.name}”已归档（{archived.id}），不能再次自评"
            raise UsageError("U05", message, "用 perfeval verify 核验归档包。")
        if not same:  # a mistyped year is not opened; one in work goes on with what it has frozen
            from perfeval.assessment import expect_ledgers

            _refuse_other_key(record, subject)
            _refuse_lost_record(subject)
            expect_ledgers(subject)
            _ = subject.indicators
        going_on = next((item for item in same if item.outcome is None or (run and record.run_of(item) == run)), None)
        preparer = None if going_on and record.preparer_of(going_on) else persons.require(record.people(), prepared_by, OPERATOR, office)
        _tell_configuration(office, record)
        reasoned = _worked_before(record, subject, same) if preparer else set()
        return record.open_evaluation(year, programme.key, programme.name, preparer, run, sorted(reasoned), instead_of)


def _worked_before(record: Transaction, subject: Subject, earlier: Sequence[Evaluation]) -> set[str]:
    """Who has had a hand in what a new evaluation rests on: wrote a reason, or prepared or corrected one of the year that was refused."""
    record.lock_chain(PEOPLE)  # else a reason that is written at this moment is told by neither chain
    # While the unit had one programme, its file was called by the year alone.
    files, told = {subject.explanations_name, f"explanations/{subject.year}.yml"}, _lines(record, PEOPLE)
    wrote = {line.who for line in told if isinstance(line.what, events.Reasoned) and line.what.file.path in files}
    done = [conduct_of(_lines(record, item.id)) for item in earlier]
    return wrote.union(*(item.prepared_by for item in done), *({person for _, person in item.edited} for item in done))


def _refuse_other_key(record: Transaction, subject: Subject) -> None:
    """See to it that a programme's year is not begun anew because its key was written otherwise since."""
    known, name = {item.key for item in subject.workspace.programmes}, subject.programme.name
    for item in record.evaluations(subject.year):
        if item.programme == name and item.programme_key not in known and item.outcome != Stage.REFUSED:
            before, now = item.programme_key, subject.programme.key
            message = f"{subject.year}年度“{name}”已有自评（{item.id}），立项时它的 key 是“{before}”，现在是“{now}”"
            raise UsageError("U18", message, f"在 perfeval.yml 里给这个项目写上 key: {before}；自评期间名称可以改，key 不改。")


def _refuse_lost_record(subject: Subject) -> None:
    """See to it that a year that was archived is not begun anew because the database that knew of it is gone."""
    known = f"{subject.year}-{subject.programme.key}-"
    for bag, evaluation in _bags(subject.workspace, subject.year):
        if evaluation.startswith(known):
            message = f"数据库里没有{subject.year}年度“{subject.programme.name}”的自评，归档文件夹里却有它的归档包 {bag}"
            raise StoreError("S14", message, "数据库可能已丢失或换了一个：从备份恢复。确实要重新自评的，先把这个归档包移到别处。")


def _refuse_old_record(office: Office, evaluation: Evaluation) -> None:
    """See to it that what was archived is not decided on anew because the database is an old backup."""
    for bag, sealed in _bags(office.workspace, evaluation.year):
        if sealed == evaluation.id:
            message = f"{evaluation.id} 已归档（归档包 {bag}），数据库却停在审批"
            raise StoreError("S17", message, "数据库是从旧备份恢复的：换成归档以后的备份。先执行 perfeval audit 查明。")


def _bags(workspace: Workspace, year: int) -> Iterator[tuple[str, str]]:
    """The bags of a year in the archive's folder, by name, each with the evaluation that it says it is of."""
    from perfeval.archive import evaluation_of

    for bag in sorted(workspace.archive_folder.glob(f"*·{year}-*")):
        yield bag.name, evaluation_of(bag) or ""


def _tell_configuration(office: Office, record: Transaction) -> None:
    """Tell the people's chain of settings that are others than it knows."""
    file = office.workspace.config_file
    known = next((line for line in reversed(_lines(record, PEOPLE)) if isinstance(line.what, events.ConfigurationChanged)), None)
    now = events.ConfigurationChanged(
        files=_recorded({file.name: office.store.artifacts.put(file.read_bytes())}), gates=_rules(office.workspace.gates)
    )
    if known is None or known.what != now:
        record.append(PEOPLE, now)


def ingest_ledgers(office: Office, revision: Revision) -> list[ReceivedFile]:
    """Take the ledger files in: the frozen ones once they passed validation, else those in the folder now."""
    from perfeval.ledgers import list_files

    if (validated := _outcome(office.store, revision, Validated)) is not None:
        return _received(office.store, validated)
    files = list_files(office.subject(revision.evaluation).ledgers)
    # What is validated are the artifact's bytes, not the clerk's file, which may change meanwhile.
    kept_files = [(file.name, *office.store.artifacts.put_file(file)) for file in files]
    return [ReceivedFile(name, path, digest) for name, digest, path in kept_files]


def validate_ledgers(office: Office, revision: Revision, files: Sequence[ReceivedFile]) -> list[Finding]:
    """Validate the ledgers and freeze them with their findings.

    Raises: LedgerError: with every finding; marked copies lie in the workspace then, and nothing is frozen.
    """
    from perfeval.assessment import check_files

    if (validated := _outcome(office.store, revision, Validated)) is not None:
        return findings_of(office.store, validated)
    subject, artifacts = office.subject(revision.evaluation), office.store.artifacts
    with _frozen_configuration(office, lambda: subject.checking_files) as configuration:
        reading = check_files(subject, files)
    _refuse_marked(subject, revision.number, files, reading)
    validated = Validated(
        configuration,
        {file.name: file.digest for file in files},
        _snapshots(office.store, reading),
        # Thousands of findings are a file: every later step would read them with the outcome.
        artifacts.put(dump_json(list[Finding], list(reading.findings))),
        source_digest(),
    )
    folder = subject.ledgers.relative_to(subject.workspace.root).as_posix()
    frozen = _recorded({f"{folder}/{file.name}": file.digest for file in files})
    return findings_of(office.store, _save(office.store, revision, validated, events.Frozen(revision=revision.number, ledgers=frozen)))


def refuse_faulty_ledgers(office: Office, subject: Subject, evaluation: Evaluation | None) -> None:
    """Tell at once what validating would refuse, before a run is started for it; nothing is opened, taken in or frozen.

    Raises: LedgerError: as `validate_ledgers` does. UsageError: there are no ledgers of that year.
    """
    from perfeval.assessment import check_files, receive_ledgers

    number = 1
    if evaluation:
        with office.store.reading() as record:
            revision = record.current_revision(evaluation)
        if _outcome(office.store, revision, Validated) is not None:
            return
        number = revision.number
    files = receive_ledgers(subject)
    _refuse_marked(subject, number, files, check_files(subject, files))


def _refuse_marked(subject: Subject, number: int, files: Sequence[ReceivedFile], reading: Reading) -> None:
    from perfeval.assessment import refuse_errors
    from perfeval.ledgers import annotate

    try:
        refuse_errors(reading.findings)
    except LedgerError as error:
        try:
            error.context["copies"] = annotate(files, reading.findings, marked_folder(subject, number))
        except OSError as refused:  # the findings are told without copies too
            error.context["unwritten"] = refusal(refused)
        raise


def failure_of(store: Store, step: str, error: PerfevalError) -> Failure:
    """A fault of a step as it is kept for whoever started the run, its findings as an artifact."""
    findings = store.artifacts.put(dump_json(list[Finding], list(error.findings))) if isinstance(error, LedgerError) else None
    begins = error.context.get("begins")
    unit, year, programme = begins if isinstance(begins, tuple) else ("", 0, "")
    return Failure(step, error.code, str(error), findings, unit, year, programme)


def score_indicators(office: Office, revision: Revision) -> Scorecard:
    """Compute facts and scores from the frozen ledgers.

    Raises: ReportError: a reason is missing: every place is told, before anything is drafted.
    """
    from perfeval.assessment import Assessment, explain, lineage_table, refuse_unexplained, score, scoring_files

    if (scored := _outcome(office.store, revision, Scored)) is None:
        subject, earlier = office.subject(revision.evaluation), _done(office.store, revision, Validated)
        checked = (lambda: subject.checking_files, earlier.configuration)
        with (
            _frozen_only_when_done(office.store, revision),
            _frozen_configuration(office, lambda: scoring_files(subject), checked) as configuration,
        ):
            _refuse_other_archive(office, subject)
            ledgers = load_ledgers(office, revision)
            facts, card = score(subject, ledgers, for_draft=True)
            assessment = Assessment(ledgers, tuple(findings_of(office.store, earlier)), facts, card)
            refuse_unexplained(subject, explain(subject, assessment))
        lineage = office.store.artifacts.put(lineage_table(facts))
        scored = _save(office.store, revision, Scored(configuration, record_facts(facts), card, lineage, source_digest()))
    return scored.card


def _refuse_other_archive(office: Office, subject: Subject) -> None:
    """Figures are held against the bag of last year that was archived here, and no other."""
    from perfeval.archive import evaluation_of
    from perfeval.assessment import is_held_against_last_year
    from perfeval.last_year import bag_of_last_year, refuse_other_bag

    if not is_held_against_last_year(subject):
        return
    bag = bag_of_last_year(subject)
    here = evaluation_of(bag) if bag else None  # the programme may have got another key since
    with office.store.reading() as record:
        before = [item for item in record.evaluations(subject.year - 1) if item.programme_key == subject.programme.key or item.id == here]
        told = [line.what for item in before for line in _lines(record, item.id) if isinstance(line.what, events.Archived)]
    for archived in told:
        refuse_other_bag(bag, archived.bag, archived.manifest)


def draft_report(office: Office, revision: Revision) -> Draft:
    """Write the report of this revision.

    Raises: ReportError: a left-over slot, an undefined figure or an empty section, with its place.
    """
    from perfeval.assessment import Assessment, scoring_files, write_report

    if (drafted := _outcome(office.store, revision, Drafted)) is None:
        subject, scored = office.subject(revision.evaluation), _done(office.store, revision, Scored)
        used = (lambda: scoring_files(subject), scored.configuration)
        with (
            _frozen_only_when_done(office.store, revision),
            _frozen_configuration(office, lambda: subject.drafting_files, used) as configuration,
        ):
            findings = tuple(findings_of(office.store, _done(office.store, revision, Validated)))
            assessment = Assessment(load_ledgers(office, revision), findings, recorded_facts(scored.facts), scored.card)
            report = write_report(subject, revision.number, assessment)
        draft = Draft(
            revision.evaluation.id,
            revision.number,
            office.store.artifacts.put(report.document),
            report.content_digest,
            check_code(report.content_digest),
            report.written_on,
        )
        gates = office.workspace.gates
        drafted = Drafted(configuration, draft, report.figures, source_digest(), gates, report.places)
        with office.store.transaction() as record:
            _tell_configuration(office, record)
            done = record.recorded_steps(revision)
            done[Drafted.step] = events.RecordedStep(Drafted.step, document_digest(dump(Drafted, drafted)))
            told = events.Drafted(
                revision=revision.number,
                digest=draft.digest,
                content_digest=draft.content_digest,
                configuration=_recorded({**scored.configuration, **configuration}),
                gates=_rules(gates),
                steps=tuple(item for _, item in sorted(done.items())),
            )
            drafted = record.save_outcome(revision, drafted, told)
    return drafted.draft


@contextmanager
def _frozen_only_when_done(store: Store, revision: Revision) -> Iterator[None]:
    """What ledgers or rules stand in the way of is corrected in them: until there is a draft, they are read afresh."""
    try:
        yield
    except (LedgerError, ReportError, ConfigurationError, ArchiveError):  # the last where last year's bag is not as it should be
        with store.transaction() as record:
            record.forget_undrafted(revision, (Validated, Scored))
        raise


@contextmanager
def _frozen_configuration(
    office: Office,
    files: Callable[[], Sequence[Path]],
    earlier: tuple[Callable[[], Sequence[Path]], Configuration] = (tuple, {}),
) -> Iterator[Configuration]:
    """Keep the files that a step computes with, and see to it that they, and what the step before kept of its own, stay as they are.

    A file that was added or taken away is a change like another. `earlier`: the files of the step before, and what they were.

    Raises: ConfigurationError: somebody edits them meanwhile, or has since the step before.
    """
    workspace, frozen = office.workspace, _dump_files(office, files())

    def edited() -> list[str]:
        return sorted(
            {name for listed, known in (earlier, (files, frozen)) for name, _ in _digest_files(workspace, listed()).items() ^ known.items()}
        )

    is_as_loaded = Workspace(workspace.root).settings == workspace.settings
    changed = edited()
    if is_as_loaded and not changed:
        yield frozen
        changed = edited()
    if changed or not is_as_loaded:
        names = "、".join(changed or [CONFIG_FILE])
        raise ConfigurationError("F06", f"{names} 在计算期间改动过", "保存好全部修改后再运行一次，从校验台账开始。")


def prepare(office: Office, revision: Revision) -> Draft:
    """Everything from ledgers to draft, in a plain sequence."""
    validate_ledgers(office, revision, ingest_ledgers(office, revision))
    score_indicators(office, revision)
    return draft_report(office, revision)


def gates_of(office: Office, revision: Revision) -> tuple[Gate, ...]:
    """The gates that a revision's draft is laid before: those of the settings it was drafted under."""
    drafted = _outcome(office.store, revision, Drafted)
    return (drafted and drafted.gates) or office.workspace.gates


def ask(office: Office, revision: Revision, gate: Gate) -> None:
    """Note, once, that a gate was asked: whom, and until when."""
    with office.store.transaction() as record:
        record.lock(revision.evaluation)
        asked = (line.what for line in _lines(record, revision.evaluation.id) if isinstance(line.what, events.Asked))
        if any((item.revision, item.gate) == (revision.number, gate.key) for item in asked):
            return
        people, today = record.people(), china_day(datetime.now(UTC))
        seats = {person for person, item in people.persons.items() if people.active(person) and gate.key in item.roles}
        seats |= {item.person for item in people.substitutions if item.gate == gate.key and item.holds_on(today) and item.absent in seats}
        due_on = gate.due_on(datetime.now(UTC))
        record.append(
            revision.evaluation.id,
            events.Asked(revision=revision.number, gate=gate.key, asked=tuple(sorted(seats)), due_on=due_on),
        )


def decide(
    office: Office, revision: Revision, gate: Gate, answer: Answer, address: str = "", accepted: proving.Spent | None = None
) -> Decision:
    """Turn an answer at a gate into a decision on this revision's draft, in one transaction with its line in the record.

    An answer that is no decision is kept too, and what it shows of the person's code is worthless afterwards. `accepted` is the code that
    several answers were given with, spent before the first of them; what several are given with is looked at by who takes them.

    Raises: ApprovalError: when the answer is no decision. StoreError: the record or the draft is not as it was written.
    """
    _refuse_old_record(office, revision.evaluation)
    with office.store.transaction() as record:
        record.lock(revision.evaluation)
        record.lock_chain(PEOPLE)
        now = datetime.now(UTC)  # what codes are judged by; a decision is not earlier than what it is on
        matter = _matter(record, revision, gate.key)
        person = persons.find(matter.people, answer.name)
        if answer.together is None:
            proving.check_attempts(record, person, address, now)
        spent = None if answer.proof or accepted else proving.spend_code(record, person, answer.code, now)
        try:
            step = next((item.step for item in (accepted, spent) if item), None)
            decision = _decide(office, record, matter, person, answer, step, record.now())
        except ApprovalError as error:
            refusal: ApprovalError | None = error
            record.record_wrong_answer(revision, gate.key, answer.name[:NAME_LENGTH], error)
        else:
            refusal = None
        # Whether a device has signed is not looked at where the answer is refused for something else: it has proved nothing.
        if answer.together is None:
            proving.note_attempt(record, person, address, now, spent, is_right=refusal is None or spent is not None)
    if refusal:
        raise refusal
    return decision


def offer_statement(office: Office, revision: Revision, gate: Gate, answer: Answer) -> str:
    """The statement of a decision for its approver's own device to sign; nothing is decided or recorded yet.

    Raises: ApprovalError: why it would be no decision whoever signs it. StoreError: the record is not as it was written.
    """
    with office.store.reading() as record:
        matter, now = _matter(record, revision, gate.key), answer.together.at if answer.together else record.now()
    person = persons.find(matter.people, answer.name)
    if person is None:
        raise ApprovalError("A04", f"没有登记审批人“{visible(answer.name[:NAME_LENGTH])}”", "核对姓名。")
    decision, _ = check_answer(matter, person, answer, now)
    return state(decision, person.id, matter.head, check_remarks(answer, lambda: places(office, matter.revision)))


def note_seen(office: Office, revision: Revision, digest: str, by: str) -> None:
    """Note, once, that the person of that id has opened the page of the draft of that content digest, which lies before a gate of his."""
    seen = events.Seen(revision=revision.number, content_digest=digest)
    with office.store.transaction() as record:
        record.lock(revision.evaluation)
        if not any(line.who == by and line.what == seen for line in _lines(record, revision.evaluation.id)):
            record.append(revision.evaluation.id, seen, by)


def _decide(
    office: Office, record: Transaction, matter: Matter, person: Person | None, answer: Answer, step: int | None, now: datetime
) -> Decision:
    if person is None:
        raise ApprovalError(
            "A04",
            f"没有登记审批人“{visible(answer.name[:NAME_LENGTH])}”",
            "核对姓名；新审批人由经办人邀请登记（perfeval approver invite）。",
        )
    if person.revoked_at:
        raise ApprovalError("A13", f"审批人“{person.name}”已停用", "由在用的审批人审批，或重新登记。")
    if step is None and answer.proof is None:
        raise ApprovalError("A05", "动态码不正确、已过期或已使用过", "等手机上出现新的6位数字后重新填写；总是不对的，核对手机和本机时间。")
    draft, rule = matter.drafted()
    office.store.artifacts.path(draft.digest)
    told, done = record.outcome(matter.revision, Drafted), record.recorded_steps(matter.revision)
    is_same = told is not None and (told.draft.digest, told.draft.content_digest) == (draft.digest, draft.content_digest)
    # Scores and findings too: the approver was shown them beside the draft.
    if not is_same or any(item.step not in done or done[item.step].sha256 != item.sha256 for item in draft.steps):
        message = f"{matter.revision.evaluation.id} 第{draft.revision}稿与审批记录所记的不是同一份，不能审批"
        raise StoreError("S11", message, "执行 perfeval audit 查明，从备份恢复。")
    decision, absent = check_answer(matter, person, answer, now)
    wanted = check_remarks(answer, lambda: places(office, matter.revision))
    decision, statement, proof = prove(matter, decision, person, answer, step or 0, wanted)
    people, evaluation = record.head(PEOPLE), decision.evaluation
    decided = events.Decided(
        revision=decision.revision, gate=rule.key, statement=statement, proof=proof, people=people, absent=absent or None
    )
    record.record_decision(decision, person.id, decided)
    if decision.verdict is Verdict.RETURN:
        record.append(evaluation, events.Returned(revision=decision.revision, gate=rule.key))
    return decision


def _matter(record: Transaction, revision: Revision, gate: str) -> Matter:
    """What is decided on, from chains that were checked."""
    entries = record.sound_entries(revision.evaluation.id)
    now = Revision(record.evaluation(revision.evaluation.id), revision.number)
    return Matter(now, gate, [read_line(entry.line) for entry in entries], head(entries), told_people(record.sound_entries(PEOPLE)))


def places(office: Office, revision: Revision) -> dict[str, str]:
    """What a remark on a revision's draft may speak of, and what stands there: its rows, its figures, its paragraphs (第12段)."""
    from perfeval.report import name_paragraphs, read_layout

    scored, drafted = _done(office.store, revision, Scored), _done(office.store, revision, Drafted)
    parts = read_layout(office.store.artifacts.read(drafted.draft.digest))
    paragraphs = {name: passage.text for name, passage in name_paragraphs(parts).items()}
    figures = {figure.id: figure.text for figure in drafted.figures}
    return paragraphs | figures | {"execution": "预算执行率"} | {row.id: row.name for row in scored.card.scores}


def remarks(office: Office, evaluation: Evaluation) -> list[Remarked]:
    """What returns of an evaluation asked for, and what was replied, oldest first."""
    with office.store.reading() as record:
        return remarks_of(_lines(record, evaluation.id))


def record_correction(office: Office, revision: Revision, note: str, by: str = "", replies: Sequence[str] = ()) -> None:
    """Note that the clerk's correction of a returned revision is in: the next revision begins. `by` is a person's id, else the preparer.

    Raises: ApprovalError: nobody has returned the revision, or a remark has no reply. StoreError: the record was touched.
    """
    note = checked("更正说明", note)
    with office.store.transaction() as record:
        record.lock(revision.evaluation)
        lines = [read_line(entry.line) for entry in record.sound_entries(revision.evaluation.id)]
        if not conduct_of(lines).is_returned(revision.number):
            message = f"第{revision.number}稿没有被退回，不能提交更正"
            raise ApprovalError("A56", message, "用 perfeval status 查看进度；审批人退回修改之后再更正。")
        asked = [item for item in remarks_of(lines) if item.revision == revision.number]
        told = record.preparer_of(revision.evaluation)
        corrected = events.Corrected(revision=revision.number, note=note, replies=check_replies(asked, replies))
        record.save_outcome(revision, Corrected(note), corrected, by or told or events.PROGRAM)


def note_act(office: Office, action: str, target: str, by: str, evaluation: str = OPENINGS) -> None:
    """Note that a person did something else that changes state, in an evaluation's chain or that of what was begun."""
    with office.store.transaction() as record:
        record.append(evaluation, events.Acted(action=action, target=target), by)


def archive_report(office: Office, revision: Revision) -> Path:
    """Archive the approved report with all it rests on, and end the evaluation.

    Raises: ArchiveError: when a gate has not approved exactly this draft, when the record was touched, or when the evaluation computed
        again gives something else.
    """
    from perfeval.archive import archive_bag, sealed_bag, touched
    from perfeval.projections import differences
    from perfeval.reperformance import verify_archive

    def verify(bag: Path) -> list[Check]:
        checks = verify_archive(bag)
        with office.store.reading() as record:
            kept = record.evaluation(revision.evaluation.id)
            lines = _lines(record, kept.id)
            manifests = {line.what.manifest for line in lines if isinstance(line.what, events.Archived)}
            if manifests and sealed_bag(bag).manifest not in manifests:
                message = f"{kept.id} 归档时的归档包不在归档文件夹里，现在的程序不能原样重新形成"
                raise ArchiveError("K11", message, "从备份恢复归档文件夹。")
            # Where the bag is sound, the rows that go into none.
            if all(check.ok for check in checks) and (changed := [told for _, told in differences(record, kept, lines)]):
                raise touched(changed)
        return checks

    if (archived := archive_of(office, revision)) and archived.exists():
        return archived
    bag = archive_bag(_package(office, revision), office.workspace.archive_folder, derive_key(office.key, "record"), verify)
    with office.store.transaction() as record:
        manifest = sealed_bag(bag).manifest
        steps = tuple(step for name, step in record.recorded_steps(revision).items() if name == Sealing.step)
        told = events.Archived(revision=revision.number, archive_no=bag.name, bag=bag.name, manifest=manifest, steps=steps)
        record.save_outcome(revision, Archived(bag.name), told)
        record.end_evaluation(revision.evaluation, Stage.ARCHIVED, record.outcome_time(revision, Archived))
    return bag


def archive_of(office: Office, revision: Revision) -> Path | None:
    """The bag of an archived revision."""
    archived = _outcome(office.store, revision, Archived)
    return office.workspace.archive_folder / archived.bag if archived else None


def close_evaluation(store: Store, evaluation: Evaluation) -> None:
    """End a refused evaluation; what it holds is kept."""
    with store.transaction() as record:
        refused = (item.decided_at for item in record.decisions(evaluation) if item.verdict is Verdict.REFUSE)
        record.end_evaluation(evaluation, Stage.REFUSED, next(refused, None))


def _package(office: Office, revision: Revision) -> SubmissionPackage:
    from perfeval.archive import SubmissionPackage, archive_number, evaluation_of, hear_all, is_bag, report_title, touched
    from perfeval.reperformance import maker_of
    from perfeval.report import write_approval_sheet

    evaluation, artifacts, folder = revision.evaluation, office.store.artifacts, office.workspace.archive_folder
    if (place := status(office, evaluation)).stage not in {Stage.APPROVED, Stage.ARCHIVED}:
        raise ArchiveError("K01", f"不能归档：{evaluation.id} 第{revision.number}稿{place.title}", "各审批环节都同意后才能归档。")
    validated, scored = _done(office.store, revision, Validated), _done(office.store, revision, Scored)
    drafted = _done(office.store, revision, Drafted)
    # As they were when this revision was drafted: whoever edits the settings since then opens no door.
    settings = load_model(artifacts.path(drafted.configuration[CONFIG_FILE]), Settings)
    with office.store.transaction() as record:
        # Number, time and how far the record goes are written down before the bag is made: a second attempt makes the same bag.
        evaluation = record.evaluation(evaluation.id)
        entries, people = record.entries(evaluation.id), record.entries(PEOPLE)
        record.refuse_other_key(entries)
        decisions, corrections = record.decisions(evaluation), record.corrections(evaluation)
        hear_all(evaluation.id, entries, people, decisions, record.record_key)
        if cut := [fault for chain, told in ((evaluation.id, entries), (PEOPLE, people)) for fault in record.end_faults(chain, told)]:
            raise touched([fault.message for fault in cut])
        number = record.next_item_number(evaluation)
        # The archive's folder may know of numbers that a database before this one gave.
        while is_bag(bag := folder / archive_number(settings.archive, evaluation.year, number)) and evaluation_of(bag) != evaluation.id:
            number += 1
        now, last = record.now(), max(item.decided_at for item in decisions)
        if now < last:  # once it is written down, it would shut the door for good
            message = f"不能归档：现在早于审批记录的最后一个决定（{last.astimezone(CHINA):%Y-%m-%d %H:%M:%S}）"
            raise ArchiveError("K01", message, _CLOCK)
        sealing = record.save_outcome(revision, Sealing(number, now, len(entries), len(people)))
        if now < sealing.at:
            message = f"不能归档：现在早于归档中断时写下的归档时间（{sealing.at.astimezone(CHINA):%Y-%m-%d %H:%M:%S}）"
            raise ArchiveError("K01", message, f"{_CLOCK}时钟一直准的，说明数据库被改动过：执行 perfeval audit，从备份恢复。")
    told, told_people = entries[: sealing.entries or None], people[: sealing.people or None]
    archive_no = archive_number(settings.archive, evaluation.year, sealing.number)
    # Who made a bag and was killed before it was recorded may have been another version: in its name the same bag is made again.
    program, commit = maker_of(folder / archive_no)
    files = {**scored.configuration, **drafted.configuration}
    configuration = {name: artifacts.path(digest) for name, digest in files.items()}
    origin = {"program": program, "commit": commit, **_origin(evaluation, validated, scored, drafted, configuration)}
    return SubmissionPackage(
        archive_no=archive_no,
        title=report_title(settings.unit.name, evaluation.year),
        evaluation=evaluation,
        revision=revision.number,
        gates=drafted.gates or settings.approval,
        decisions=tuple(decisions),
        record=told,
        people=told_people,
        sheet=lambda: write_approval_sheet(settings.unit.name, told, told_people, configuration["report/template.docx"].read_bytes()),
        written_on=drafted.draft.written_on,
        archived_at=sealing.at,
        unit=settings.unit.name,
        programme=next((item.name for item in settings.all_programmes if item.key == evaluation.programme_key), evaluation.programme),
        archive=settings.archive,
        report=artifacts.read(drafted.draft.digest),
        ledgers=_received(office.store, validated),
        snapshots={
            name if len(snapshot.parts) == 1 else f"{name}-{number:03}": artifacts.path(part)
            for name, snapshot in validated.snapshots.items()
            for number, part in enumerate(snapshot.parts, start=1)
        },
        records={
            "facts.json": _json(dump(tuple[FactRecord, ...], scored.facts)),
            "scores.json": _json(dump(Scorecard, scored.card)),
            "figures.json": _json(dump(tuple[Figure, ...], drafted.figures)),
            "snapshots.json": _json(dump(dict[str, Snapshot], validated.snapshots)),
            "corrections.json": _json({str(number): note for number, note in corrections.items() if number < revision.number}),
            "findings.json": artifacts.read(validated.findings),
            "lineage.parquet": artifacts.read(scored.lineage),
            "origin.json": _json(origin),
        },
        configuration=configuration,
        program=program,
    )


def _origin(
    evaluation: Evaluation, validated: Validated, scored: Scored, drafted: Drafted, configuration: Mapping[str, Path]
) -> dict[str, object]:
    """What a bag was made with: code that computed and wrote, ledgers, rules."""
    from perfeval.assessment import scoring_rules

    files = {name: configuration[name] for name in scored.configuration}
    indicators = next(path for name, path in files.items() if name.startswith("indicators/"))
    sources = {outcome.source for outcome in (validated, scored, drafted)}
    return {
        "source": sources.pop() if len(sources) == 1 else "",
        "programme": evaluation.programme_key,
        "ledgers": {name: snapshot.title for name, snapshot in validated.snapshots.items()},
        "rules": scoring_rules(indicators, files["profiles.yml"]),
        "files": {name: path.name for name, path in files.items()},  # artifacts are named by their digests
    }


# ---- what the store holds, as nouns ----------------------------------------------------------------------------------


def status(office: Office, evaluation: Evaluation) -> Status:
    """Where an evaluation stands, from the store alone."""
    with office.store.reading() as record:
        return record.progress(evaluation).status(office.workspace.gates)


def statuses(office: Office) -> list[Status]:
    """Where every evaluation of the unit stands, oldest first."""
    with office.store.reading() as record:
        return [progress.status(office.workspace.gates) for progress in record.all_progress()]


def load_ledgers(office: Office, revision: Revision) -> dict[str, Ledger]:
    """The frozen ledgers of a validated revision, with the rows of its programme."""
    import polars as pl

    from perfeval.assessment import own_rows
    from perfeval.model import Ledger

    catalogue, place = office.workspace.catalogue, office.store.artifacts.path
    ledgers = {
        name: Ledger(catalogue[name], s.file, s.sheet, s.digest, pl.scan_parquet([place(part) for part in s.parts]), s.letters)
        for name, s in _done(office.store, revision, Validated).snapshots.items()
    }
    return own_rows(office.subject(revision.evaluation), ledgers)


def load_facts(store: Store, revision: Revision) -> Facts:
    """The facts of a scored revision, without their rows."""
    return recorded_facts(_done(store, revision, Scored).facts)


def findings_of(store: Store, validated: Validated) -> list[Finding]:
    """The findings that a revision's ledgers were frozen with."""
    return load_json(list[Finding], store.artifacts.read(validated.findings))


def marked_folder(subject: Subject, number: int) -> Path:
    """Where marked copies of a revision's faulty ledgers are put for the clerk."""
    return subject.workspace.root / "marked" / f"{subject.stem}-r{number}"


def days_since(moment: datetime) -> int:
    """Whole days from a moment until now; none where the clock was set back behind it."""
    return max((datetime.now(UTC) - moment).days, 0)


def _outcome(store: Store, revision: Revision, kind: type[O]) -> O | None:
    with store.reading() as record:
        return record.outcome(revision, kind)


def _done(store: Store, revision: Revision, kind: type[O]) -> O:
    outcome = _outcome(store, revision, kind)
    if outcome is None:
        message = f"{kind.step} is asked for before it is done for {revision}"
        raise RuntimeError(message)
    return outcome


def _done_at(moment: datetime | None) -> datetime:
    if moment is None:
        message = "a time is asked for of what is not done"
        raise RuntimeError(message)
    return moment


def _save(store: Store, revision: Revision, outcome: O, event: events.Event | None = None) -> O:
    with store.transaction() as record:
        return record.save_outcome(revision, outcome, event)


def _lines(record: Transaction, chain: str) -> list[Line]:
    return [read_line(entry.line) for entry in record.entries(chain)]


def _recorded(files: Mapping[str, str]) -> tuple[events.RecordedFile, ...]:
    return tuple(events.RecordedFile(path, digest) for path, digest in sorted(files.items()))


def _rules(gates: Sequence[Gate]) -> tuple[events.GateRule, ...]:
    """The gates as the record tells them."""
    return tuple(
        events.GateRule(gate.key, gate.title, gate.act, gate.needs, tuple(ProofKind(kind) for kind in gate.proofs)) for gate in gates
    )


def _json(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def _received(store: Store, validated: Validated) -> list[ReceivedFile]:
    return [ReceivedFile(name, store.artifacts.path(digest), digest) for name, digest in validated.files.items()]


def _snapshots(store: Store, reading: Reading) -> dict[str, Snapshot]:
    return {
        name: Snapshot(
            ledger.title,
            ledger.file,
            ledger.sheet,
            ledger.digest,
            tuple(store.artifacts.put(part) for part in ledger.parts),
            dict(ledger.letters),
        )
        for name, ledger in reading.ledgers.items()
    }


def _dump_files(office: Office, files: Sequence[Path]) -> Configuration:
    return {_name(office.workspace, path): office.store.artifacts.put(path.read_bytes()) for path in files}


def _digest_files(workspace: Workspace, files: Sequence[Path]) -> Configuration:
    return {_name(workspace, path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _name(workspace: Workspace, path: Path) -> str:
    return path.relative_to(workspace.root).as_posix()
