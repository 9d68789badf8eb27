"""One function per step of the year: load → pure core → save. Whoever calls them in order has run the year.

Each step asks the store first and leaves its outcome there for (evaluation, revision): doing it again changes nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from perfeval import approvals
from perfeval.configuration import load_model, load_yaml
from perfeval.errors import ApprovalError, ArchiveError, ConfigurationError, LedgerError, ReportError, UsageError
from perfeval.model import (
    Answer,
    Decision,
    Draft,
    Evaluation,
    Facts,
    Figure,
    Finding,
    Gate,
    Person,
    ReceivedFile,
    Revision,
    Scorecard,
    Stage,
    Status,
)
from perfeval.model.digests import check_code
from perfeval.model.documents import dump, dump_json, load_json, record_facts, recorded_facts
from perfeval.model.evaluation import spelling
from perfeval.model.outcomes import Archived, Configuration, Corrected, Drafted, Scored, Sealing, Snapshot, Validated
from perfeval.model.scores import FactRecord
from perfeval.settings import Settings
from perfeval.texts import has_controls
from perfeval.version import program, source_digest, version
from perfeval.workspace import CONFIG_FILE, Workspace

if TYPE_CHECKING:  # rooms that a step does without are loaded by the steps that enter them
    from perfeval.archive import SubmissionPackage
    from perfeval.ledgers import Reading
    from perfeval.model import Ledger
    from perfeval.office import Office
    from perfeval.store import Store
    from perfeval.store.transaction import Outcome
    from perfeval.workspace import Subject

    O = TypeVar("O", bound=Outcome)  # noqa: E741  # an outcome


def open_evaluation(office: Office, subject: Subject, prepared_by: str, run: str | None = None) -> Evaluation:
    """Open the evaluation of a programme's year, or find the one that `run` or another run opened.

    Raises: UsageError: when the year is archived already, unless `run` is the one that archived it.
    """
    if not spelling(prepared_by) or has_controls(prepared_by):
        raise UsageError("U10", "送审人姓名为空或含有不可见字符", "填写送审人的真实姓名。")
    year, programme = subject.year, subject.programme
    with office.store.transaction() as record:
        same = record.evaluations(year, programme.key)
        archived = next((item for item in same if item.outcome == Stage.ARCHIVED), None)
        if archived and (run is None or record.run_of(archived) != run):
            message = f"{year}年度“{programme.name}”已归档（{archived.id}），不能再次自评"
            raise UsageError("U05", message, "用 perfeval verify 核验归档包。")
        if not same:  # a mistyped year is not opened; one in work goes on with what it has frozen
            from perfeval.assessment import expect_ledgers

            expect_ledgers(subject)
            _ = subject.indicators
        return record.open_evaluation(year, programme.key, programme.name, prepared_by, run)


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
    from perfeval.assessment import check_files, refuse_errors
    from perfeval.ledgers import annotate

    if (validated := _outcome(office.store, revision, Validated)) is not None:
        return findings_of(office.store, validated)
    subject, artifacts = office.subject(revision.evaluation), office.store.artifacts
    with _frozen_configuration(office, subject.checking_files) as configuration:
        reading = check_files(subject, files)
    try:
        refuse_errors(reading.findings)
    except LedgerError as error:
        error.context["copies"] = annotate(files, reading.findings, marked_folder(office, revision))
        raise
    validated = Validated(
        configuration,
        {file.name: file.digest for file in files},
        _snapshots(office.store, reading),
        # Thousands of findings are a file: every later step would read them with the outcome.
        artifacts.put(dump_json(list[Finding], list(reading.findings))),
        source_digest(),
    )
    return findings_of(office.store, _save(office.store, revision, validated))


def score_indicators(office: Office, revision: Revision) -> Scorecard:
    """Compute facts and scores from the frozen ledgers.

    Raises: ReportError: a reason is missing: every place is told, before anything is drafted.
    """
    from perfeval.assessment import Assessment, explain, lineage_table, refuse_unexplained, score

    if (scored := _outcome(office.store, revision, Scored)) is None:
        subject, earlier = office.subject(revision.evaluation), _done(office.store, revision, Validated)
        with (
            _frozen_only_when_done(office.store, revision),
            _frozen_configuration(office, subject.scoring_files, earlier.configuration) as configuration,
        ):
            ledgers = load_ledgers(office, revision)
            facts, card = score(subject, ledgers, for_draft=True)
            assessment = Assessment(ledgers, tuple(findings_of(office.store, earlier)), facts, card)
            refuse_unexplained(subject, explain(subject, assessment))
        lineage = office.store.artifacts.put(lineage_table(facts))
        scored = _save(office.store, revision, Scored(configuration, record_facts(facts), card, lineage, source_digest()))
    return scored.card


def draft_report(office: Office, revision: Revision) -> Draft:
    """Write the report of this revision.

    Raises: ReportError: a left-over slot, an undefined figure or an empty section, with its place.
    """
    from perfeval.assessment import Assessment, write_report

    if (drafted := _outcome(office.store, revision, Drafted)) is None:
        subject, scored = office.subject(revision.evaluation), _done(office.store, revision, Scored)
        with (
            _frozen_only_when_done(office.store, revision),
            _frozen_configuration(office, subject.drafting_files, scored.configuration) as configuration,
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
        drafted = _save(office.store, revision, Drafted(configuration, draft, report.figures, source_digest()))
    return drafted.draft


@contextmanager
def _frozen_only_when_done(store: Store, revision: Revision) -> Iterator[None]:
    """What ledgers or rules stand in the way of is corrected in them: until there is a draft, they are read afresh."""
    try:
        yield
    except (LedgerError, ReportError, ConfigurationError):
        with store.transaction() as record:
            record.forget_undrafted(revision, (Validated, Scored))
        raise


@contextmanager
def _frozen_configuration(office: Office, files: Sequence[Path], earlier: Mapping[str, str] | None = None) -> Iterator[Configuration]:
    """Keep the files that a step computes with, and see to it that it is these and those of the step before: `earlier`.

    Raises: ConfigurationError: somebody edits them meanwhile.
    """
    workspace = office.workspace
    frozen = _dump_files(office, files)
    is_as_loaded = Workspace(workspace.root).settings == workspace.settings
    edited = [name for name, digest in frozen.items() if (earlier or {}).get(name, digest) != digest]
    if is_as_loaded and not edited:
        yield frozen
        edited = [name for name, digest in _dump_files(office, files).items() if frozen[name] != digest]
    if edited or not is_as_loaded:
        names = "、".join(edited or [CONFIG_FILE])
        raise ConfigurationError("F06", f"{names} 在计算期间改动过", "保存好全部修改后再运行一次，从校验台账开始。")


def prepare(office: Office, revision: Revision) -> Draft:
    """Everything from ledgers to draft, in a plain sequence."""
    validate_ledgers(office, revision, ingest_ledgers(office, revision))
    score_indicators(office, revision)
    return draft_report(office, revision)


def enrol(office: Office, name: str, role: str) -> tuple[Person, str]:
    """Enrol an approver for a gate and return the otpauth link to scan, shown this once.

    Raises: ApprovalError: unknown role, empty or odd name, or somebody of that name is enrolled.
    """
    name = name.strip()
    gate = approvals.check_enrolment(name, role, office.workspace.gates)
    secret, link = approvals.new_secret(name, gate)
    with office.store.transaction() as record:
        people = record.people()
        if anybody := next((item for item in people if item.revoked_at is None), None):
            record.enrolled(anybody.name, office.key)  # with another key than theirs, the code would be of no use at the gate
        # Under the spelling that is known, so that the store refuses a second one.
        known = approvals.find_approver(people, name)
        return record.enrol(known.name if known else name, role, secret, office.key), link


def revoke(office: Office, name: str) -> bool:
    """End an approver's enrolment, however the name is spelled; False when nobody of that name is active."""
    with office.store.transaction() as record:
        person = approvals.find_approver(record.people(), name)
        return person is not None and record.revoke(person.name)


def decide(office: Office, revision: Revision, gate: Gate, answer: Answer) -> Decision:
    """Turn an answer at a gate into a decision on this revision's draft.

    The code is spent before anything else is looked at: it has been seen by the form's server and must be worthless after.

    Raises: ApprovalError: when the answer is no decision.
    """
    draft = draft_report(office, revision)
    office.store.artifacts.path(draft.digest)
    with office.store.transaction() as record:
        people = record.people()
        person = approvals.find_approver(people, answer.name)
        approver = record.enrolled(person.name, office.key) if person else None
        if approver is None and any(item.revoked_at and spelling(item.name) == spelling(answer.name) for item in people):
            raise ApprovalError("A13", f"审批人“{answer.name}”已停用", "由在用的审批人审批，或重新登记。")
        if approver is None:
            raise ApprovalError("A04", f"没有登记审批人“{answer.name}”", "核对姓名；新审批人用 perfeval approver add 登记。")
        step = approvals.code_step(approver.secret, answer.code, datetime.now(UTC))
        is_spent = step is not None and record.spend_code(approver, step)
    if not is_spent:
        raise ApprovalError("A05", "动态码不正确、已过期或已使用过", "等手机上出现新的6位数字后重新填写。")
    with office.store.transaction() as record:
        record.lock(revision.evaluation)
        matter = approvals.Matter(
            Revision(record.evaluation(revision.evaluation.id), revision.number),
            draft,
            _done_at(record.outcome_time(revision, Drafted)),
            office.workspace.gates,
            gate,
            record.decisions(revision.evaluation),
        )
        decision = approvals.check_answer(matter, approver.person, answer, datetime.now(UTC))
        record.record_decision(decision, approver)
    return decision


def record_correction(store: Store, revision: Revision, note: str) -> None:
    """Note that the clerk's correction of a returned revision is in: the next revision begins."""
    _save(store, revision, Corrected(note.strip()))


def archive_report(office: Office, revision: Revision) -> Path:
    """Archive the approved report with all it rests on, and end the evaluation.

    Raises: ArchiveError: when a gate has not approved exactly this draft.
    """
    from perfeval.archive import archive_bag

    folder = office.workspace.archive_folder
    archived = _outcome(office.store, revision, Archived)
    bag = folder / archived.bag if archived else None
    if bag is None or not bag.exists():
        bag = archive_bag(_package(office, revision), folder)
    with office.store.transaction() as record:
        record.save_outcome(revision, Archived(bag.name))
        record.end_evaluation(revision.evaluation, Stage.ARCHIVED)
    return bag


def close_evaluation(store: Store, evaluation: Evaluation) -> None:
    """End a refused evaluation; what it holds is kept."""
    with store.transaction() as record:
        record.end_evaluation(evaluation, Stage.REFUSED)


def _package(office: Office, revision: Revision) -> SubmissionPackage:
    from perfeval.archive import SubmissionPackage, archive_number, report_title

    evaluation, artifacts = revision.evaluation, office.store.artifacts
    if (place := status(office, evaluation)).stage not in {Stage.APPROVED, Stage.ARCHIVED}:
        raise ArchiveError("K01", f"不能归档：{evaluation.id} 第{revision.number}稿{place.title}", "各审批环节都同意后才能归档。")
    validated, scored = _done(office.store, revision, Validated), _done(office.store, revision, Scored)
    drafted = _done(office.store, revision, Drafted)
    # As they were when this revision was drafted: whoever edits the settings since then opens no door.
    settings = load_model(artifacts.path(drafted.configuration[CONFIG_FILE]), Settings)
    with office.store.transaction() as record:
        # Number and time are written down before the bag is made, so that a second attempt makes the same bag.
        sealing = record.save_outcome(revision, Sealing(record.next_item_number(evaluation), datetime.now(UTC)))
        decisions, corrections = record.decisions(evaluation), record.corrections(evaluation)
        drafted_at = _done_at(record.outcome_time(revision, Drafted))
    return SubmissionPackage(
        archive_no=archive_number(settings.archive, evaluation.year, sealing.number),
        title=report_title(settings.unit.name, evaluation.year),
        evaluation=evaluation,
        revision=revision.number,
        gates=settings.approval,
        decisions=tuple(decisions),
        written_on=drafted.draft.written_on,
        drafted_at=drafted_at,
        archived_at=sealing.at,
        unit=settings.unit.name,
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
            "origin.json": _json(_origin(office, evaluation, validated, scored, drafted)),
        },
        configuration=_without_address(office.store, settings, {**scored.configuration, **drafted.configuration}),
        program=program(),
    )


def _without_address(store: Store, settings: Settings, configuration: Configuration) -> dict[str, Path]:
    """The files a bag's workspace is made of; settings that were frozen with a database's address give it to nobody."""
    files = {name: store.artifacts.path(digest) for name, digest in configuration.items()}
    if settings.storage.database:
        text = re.sub(r"(?m)^(\s*database:).*$", r'\1 ""', files[CONFIG_FILE].read_text(encoding="utf-8"))
        files[CONFIG_FILE] = store.artifacts.path(store.artifacts.put(text.encode()))
    return files


def _origin(office: Office, evaluation: Evaluation, validated: Validated, scored: Scored, drafted: Drafted) -> dict[str, object]:
    """What a bag was made by and with: program, ledgers, rules."""
    files = {name: office.store.artifacts.path(digest) for name, digest in scored.configuration.items()}
    rules = next(load_yaml(path)[0] for name, path in files.items() if name.startswith("indicators/"))
    profile = load_yaml(files["profiles.yml"])[0][rules["profile"]]
    sources = {outcome.source for outcome in (validated, scored, drafted)}
    return {
        "program": program(),
        "commit": version().commit,
        "source": sources.pop() if len(sources) == 1 else "",
        "programme": evaluation.programme_key,
        "ledgers": {name: snapshot.title for name, snapshot in validated.snapshots.items()},
        "rules": {"profile": rules["profile"], **{name: str(profile[name]) for name in ("title", "since", "source")}},
        "files": scored.configuration,
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


def marked_folder(office: Office, revision: Revision) -> Path:
    """Where marked copies of faulty ledgers are put for the clerk."""
    return office.workspace.root / "marked" / f"{office.subject(revision.evaluation).stem}-r{revision.number}"


def days_since(moment: datetime) -> int:
    """Whole days from a moment until now."""
    return (datetime.now(UTC) - moment).days


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


def _save(store: Store, revision: Revision, outcome: O) -> O:
    with store.transaction() as record:
        return record.save_outcome(revision, outcome)


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
    root, artifacts = office.workspace.root, office.store.artifacts
    return {path.relative_to(root).as_posix(): artifacts.put(path.read_bytes()) for path in files}
