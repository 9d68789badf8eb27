"""The addresses of the review pages, and what each of them answers."""

import hmac
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.background import BackgroundTask, BackgroundTasks
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response

from perfeval import persons, steps
from perfeval.approvals.passkey import Passkey, to_base64
from perfeval.approvals.people import OPERATOR, OVERSEER
from perfeval.approvals.person import Person, ProofKind
from perfeval.approvals.statement import challenge
from perfeval.errors import ApprovalError, ConfigurationError, FileError, PerfevalError, StoreError
from perfeval.model import Gate, Revision, Severity, Stage, Verdict
from perfeval.model.clock import CHINA
from perfeval.model.numbers import grouped, in_wan, percentage, plain, written_day
from perfeval.model.outcomes import Drafted
from perfeval.office import Office
from perfeval.reasons import write_reason
from perfeval.report.reading import Grid, Passage
from perfeval.together import MOST, Outcome
from perfeval.tracing import open_tracer
from perfeval.web.bureau import ORDERS, Asked, Overseen, look_over_all, pick, stages_of, write_overview, year_to_show, years_of
from perfeval.web.bureau import ROWS as BUREAU_ROWS
from perfeval.web.changes import compare
from perfeval.web.charts import draw
from perfeval.web.clerk import look_after, read_reason, subjects, told_on_page
from perfeval.web.filled import Filled, read_answer, read_form
from perfeval.web.overview import ROWS, is_coming, look_over, waits_for
from perfeval.web.picked import approve_picked, list_picked
from perfeval.web.pictures import Pictures
from perfeval.web.submitted import Submitted, look_at, read_report

CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; form-action 'self'; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
OK = 200
_WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# Of each part of a ratio, so that the second is not far below the first.
_RATIO_ROWS = 20
_STATIC = {"review.css": "text/css", "review.js": "text/javascript", "again.js": "text/javascript", "seal.svg": "image/svg+xml"}
# Until a retry has begun: a run that is lost waits a minute for a deployment.
_RETRY_SECONDS = 120
_WORK = r"/review/clerk/(?P<year>20[0-9]{2})/(?P<programme>[^/]{1,64})"
_PLACE = r"/review/(?P<evaluation>[a-z0-9-]{1,64})/(?P<number>[1-9][0-9]{0,3})"


@dataclass(frozen=True, slots=True)
class Conducting:
    """What the conductor is told, once the answer is out.

    `go_on`: an evaluation can go on, by its id, and why in words. `start`: a year, a programme's key, and the name of who prepares it.
    `retry`: a run that has failed, and the name of who wants it tried again. `has_pages`: people may open its own.
    """

    go_on: Callable[[str, str], Awaitable[None]]
    start: Callable[[int, str, str], Awaitable[object]]
    retry: Callable[[str, str], Awaitable[None]]
    has_pages: bool = True


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is logged in, by which text his forms are known to be his, and from where he comes."""

    person: Person
    token: str
    address: str = ""


class Review:
    """The review pages of one office; `overseen` are those of which it is the bureau.

    With `pictures`, a draft's pages are shown as they are printed too. `unopened` may be the bureau's as well: whose they are cannot be
    read.
    """

    def __init__(
        self,
        office: Office,
        conducting: Conducting,
        overseen: Sequence[Overseen] = (),
        pictures: Pictures | None = None,
        unopened: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._office, self._conducting, self._overseen, self._pictures = office, conducting, overseen, pictures
        self._unopened = unopened
        self._templates = _environment()
        self._answers: list[tuple[str, re.Pattern[str], Callable[..., Response]]] = [
            ("GET", re.compile("/|/perfeval/|/review/?"), self._overview),
            ("GET", re.compile(r"/review/bureau(?P<suffix>|\.xlsx)"), self._bureau),
            ("GET", re.compile(r"/review/clerk"), self._clerk),
            ("GET", re.compile(_WORK), self._clerk),
            ("POST", re.compile(_WORK), self._start),
            ("POST", re.compile(_WORK + "/reason"), self._reason),
            ("GET", re.compile("/review/batch"), lambda *_: RedirectResponse("/review/", 303)),
            ("GET", re.compile(r"/review/(?P<evaluation>[a-z0-9-]{1,64})/?"), self._latest),
            ("GET", re.compile(_PLACE), self._revision),
            ("POST", re.compile("/review/batch"), self._approve),
            ("POST", re.compile("/review/batch/statement"), self._list),
            ("POST", re.compile(_PLACE), self._decide),
            ("POST", re.compile(_PLACE + "/seen"), self._note_seen),
            ("POST", re.compile(_PLACE + "/statement"), self._statement),
            ("POST", re.compile(_PLACE + "/correction"), self._correct),
            ("POST", re.compile(_PLACE + "/retry"), self._retry),
            ("GET", re.compile(_PLACE + "/figure/(?P<figure>[A-Za-z0-9_]{1,100})"), self._figure),
            ("GET", re.compile(_PLACE + "/pages/(?P<page>[1-9][0-9]{0,3}).png"), self._picture),
            ("GET", re.compile(_PLACE + "/ledgers/(?P<place>[0-9]{1,3})"), self._ledger),
        ]

    @staticmethod
    def owns(path: str) -> bool:
        """Whether a path is one of these pages."""
        return path in {"/", "/perfeval/"} or path == "/review" or path.startswith("/review/")

    async def answer(self, request: Request, body: bytes, visitor: Visitor) -> Response:
        """The answer to a request of somebody who is logged in, of which the body is read."""
        return await run_in_threadpool(self._answer, request, body, visitor)

    def static(self, path: str) -> Response | None:
        """A file that pages are made with, shown to anybody."""
        name = path.removeprefix("/review/static/")
        if name not in _STATIC or name == path:
            return None
        content = files("perfeval.web").joinpath("static", name).read_bytes()
        return Response(content, media_type=f"{_STATIC[name]}; charset=utf-8")

    def _answer(self, request: Request, body: bytes, visitor: Visitor) -> Response:
        method, path = ("GET" if request.method == "HEAD" else request.method), request.url.path
        found = ((act, match) for wanted, pattern, act in self._answers if wanted == method and (match := pattern.fullmatch(path)))
        act, match = next(found, (None, None))
        if act is None or match is None:
            return self._message(visitor, "没有这个页面", "核对网址，或从待办打开。", 404)
        filled = read_form(body) if method == "POST" else Filled(dict(request.query_params))
        if method == "POST" and not hmac.compare_digest(filled["token"].encode(), visitor.token.encode()):
            return self._message(visitor, "这个表单不是从本页面发出的", "重新打开页面，再填写一次。", 403)
        try:
            return act(visitor, filled, **match.groupdict())
        except StoreError as error:
            return self._message(visitor, error.message, error.hint, 404 if error.code in {"S05", "S09"} else 503)
        except PerfevalError as error:
            return self._message(visitor, error.message, error.hint, 409)
        except OSError as error:
            fault = FileError(error)
            return self._message(visitor, fault.message, fault.hint, 503)

    # ---- what is seen ------------------------------------------------------------------------------------------------

    def _overview(self, visitor: Visitor, asked: Filled, outcomes: Sequence[Outcome] = (), status: int = 200) -> Response:
        page = int(asked["page"]) if re.fullmatch("[0-9]{1,6}", asked["page"]) else 1
        seen = look_over(self._office, visitor.person, asked["q"], page)
        proofs = {kind for item in seen.together if item.status.gate for kind in item.status.gate.proofs}
        shown = {"passkeys": _passkeys(visitor), "proofs": proofs, "most": MOST, "outcomes": outcomes, "filled": asked}
        shown["programmes"] = {item.key: item.name for item in self._office.workspace.programmes}
        shown["works"] = asked["told"] == "started" and is_coming(seen, asked["about"])
        return self._page("overview", visitor, status, seen=seen, search=asked["q"], told=asked["told"], **shown)

    def _bureau(self, visitor: Visitor, asked: Filled, suffix: str) -> Response:
        """All units that this one oversees, for those who have that role here."""
        if not self._may_oversee(visitor):
            return self._message(visitor, "这是局端总览", "由财政局的人在财政局的网址登录后打开，角色为 overseer。", 403)
        years = years_of(self._overseen)
        year = int(asked["year"]) if re.fullmatch("20[0-9]{2}", asked["year"]) else year_to_show(years)
        page = int(asked["page"]) if re.fullmatch("[1-9][0-9]{0,5}", asked["page"]) else 1
        wanted = Asked(year, asked["q"], asked["stage"], asked["order"] if asked["order"] in ORDERS else "unit", page)
        all_ = look_over_all(self._overseen, year, self._unopened)
        rows = pick(all_, wanted)
        if suffix:
            headers = {"content-disposition": f"attachment; filename*=UTF-8''{quote(f'{year}年度总览.xlsx')}"}
            return Response(write_overview(year, rows), media_type=_WORKBOOK, headers=headers)
        pages = max(1, -(-len(rows) // BUREAU_ROWS))
        wanted = replace(wanted, page=min(page, pages))
        shown = rows[(wanted.page - 1) * BUREAU_ROWS : wanted.page * BUREAU_ROWS]
        query = {"year": year, "q": wanted.words, "stage": wanted.stage, "order": wanted.order}
        units = len({row.unit for row in rows})
        told: dict[str, Any] = {
            "years": years,
            "pages": pages,
            "units": units,
            "every": len(all_),
            "stages": stages_of(all_),
            "orders": ORDERS,
        }
        return self._page("bureau", visitor, asked=wanted, rows=rows, shown=shown, query=query, **told)

    def _may_oversee(self, visitor: Visitor) -> bool:
        return bool(self._overseen) and OVERSEER in visitor.person.roles

    def _latest(self, _: Visitor, __: Filled, evaluation: str) -> Response:
        with self._office.store.reading() as record:
            revision = record.current_revision(record.evaluation(evaluation))
        return RedirectResponse(f"/review/{evaluation}/{revision.number}", 303)

    def _revision(self, visitor: Visitor, asked: Filled, evaluation: str, number: str) -> Response:
        seen = self._seen(visitor, evaluation, number)
        told = "" if asked["told"] == "retried" and not _is_retried(seen, asked["at"]) else asked["told"]
        return self._shown(visitor, seen, Filled({"told": told, "place_1": asked["place"][:60]}))

    def _shown(self, visitor: Visitor, seen: Submitted, filled: Filled, status: int = 200) -> Response:
        report = read_report(self._office, seen.drafted) if seen.drafted else None
        tracer, told = open_tracer(self._office, seen.revision), steps.remarks(self._office, seen.evaluation)
        named = {item.remark.place: tracer.name(item.remark.place) for item in told} if tracer else {}
        titles = named | {"execution": "预算执行率"} | {row.id: row.name for _, rows in seen.levels for row in rows}
        shown = {
            "report": report,
            "anchors": {"execution", *(row.id for _, rows in seen.levels for row in rows), *(report.names.values() if report else ())},
            "passkeys": _passkeys(visitor),
            "pictures": self._pictures.of(seen.draft.digest) if self._pictures and seen.draft else None,
            "charts": draw(self._office, seen.revision) if seen.drafted else [],
            "changes": compare(self._office, seen.revision) if seen.revision.number > 1 and seen.drafted else None,
            "asked": [item for item in told if item.revision == seen.revision.number],
        }
        return self._page("revision", visitor, status, seen=seen, filled=filled, titles=titles, **shown)

    def _figure(self, visitor: Visitor, asked: Filled, evaluation: str, number: str, figure: str) -> Response:
        seen_revision = self._existing(evaluation, number)
        tracer = open_tracer(self._office, seen_revision)
        trace = tracer.trace(figure) if tracer else None
        if trace is None:
            return self._message(visitor, f"第{number}稿没有这个数字", "从报告或评分表里点开。", 404)
        page = int(asked["page"]) if re.fullmatch("[0-9]{1,6}", asked["page"]) else 1
        longest = max((len(part) for part in trace.parts), default=0)
        per_page = _RATIO_ROWS if any(part.role for part in trace.parts) else ROWS
        pages = max(1, -(-longest // per_page))
        page = min(max(1, page), pages)
        parts = [(part, part.rows((page - 1) * per_page, per_page)) for part in trace.parts]
        shown: dict[str, Any] = {"trace": trace, "parts": parts, "page": page, "pages": pages, "per_page": per_page}
        return self._page("figure", visitor, revision=seen_revision, **shown)

    def _picture(self, visitor: Visitor, _: Filled, evaluation: str, number: str, page: str) -> Response:
        with self._office.store.reading() as record:
            drafted = record.outcome(Revision(record.evaluation(evaluation), int(number)), Drafted)
        path = self._pictures.path(drafted.draft.digest, int(page)) if self._pictures and drafted else None
        return FileResponse(path, media_type="image/png") if path else self._message(visitor, "没有这一页", "从报告的页面打开。", 404)

    def _ledger(self, visitor: Visitor, _: Filled, evaluation: str, number: str, place: str) -> Response:
        received = sorted(self._seen(visitor, evaluation, number).files.items())
        if int(place) >= len(received):
            return self._message(visitor, "没有这本台账", "从送审材料页面下载。", 404)
        name, digest = received[int(place)]
        return FileResponse(self._office.store.artifacts.path(digest), filename=name, media_type="application/octet-stream")

    def _clerk(self, visitor: Visitor, filled: Filled, year: str = "", programme: str = "", status: int = 200) -> Response:
        if OPERATOR not in visitor.person.roles:
            return self._message(visitor, "这是经办人的页面", "由经办人登录后打开。", 403)
        known = subjects(self._office)
        if not year and len(known) == 1:
            return RedirectResponse(f"/review/clerk/{known[0].year}/{known[0].programme.key}", 303)
        work = look_after(self._office, int(year), programme) if year else None
        return self._page("clerk", visitor, status, subjects=known, work=work, filled=filled)

    # ---- what is done ------------------------------------------------------------------------------------------------

    def _decide(self, visitor: Visitor, filled: Filled, evaluation: str, number: str) -> Response:
        seen = self._seen(visitor, evaluation, number)
        try:
            gate, digest = _asked(seen)
            decision = steps.decide(self._office, seen.revision, gate, read_answer(filled, visitor.person, digest), visitor.address)
        except ApprovalError as error:
            typed = {name: text for name, text in filled.fields.items() if name not in {"code", "statement", "signed"}}
            return self._shown(visitor, self._seen(visitor, evaluation, number), Filled(typed, str(error)), 409)
        return self._done(seen, f"{gate.title}：{decision.verdict}（{visitor.person.name}）")

    def _statement(self, visitor: Visitor, filled: Filled, evaluation: str, number: str) -> Response:
        """What the approver's own device is to sign; nothing is decided yet."""
        seen = self._seen(visitor, evaluation, number)
        try:
            gate, digest = _asked(seen)
            unsigned = replace(filled, fields={**filled.fields, "statement": "to be signed"})
            line = steps.offer_statement(self._office, seen.revision, gate, read_answer(unsigned, visitor.person, digest))
        except ApprovalError as error:
            return JSONResponse({"detail": str(error)}, 409)
        return _to_sign(visitor, line, {"statement": line})

    def _note_seen(self, visitor: Visitor, filled: Filled, evaluation: str, number: str) -> Response:
        """Whoever may decide here has the page before his eyes, as its script tells."""
        revision = self._existing(evaluation, number)
        with self._office.store.reading() as record:
            status, people = record.progress(revision.evaluation).status(self._office.workspace.gates), record.people()
        is_shown = status.draft is not None and (status.revision.number, status.draft.content_digest) == (revision.number, filled["digest"])
        if is_shown and status.gate and waits_for(status, visitor.person, people):
            steps.note_seen(self._office, revision, filled["digest"], visitor.person.id)
        return Response(status_code=204)

    def _list(self, visitor: Visitor, filled: Filled) -> Response:
        """What the approver's own device is to sign for all that is ticked; nothing is decided yet."""
        try:
            batch = list_picked(self._office, filled, visitor.person, ProofKind.PASSKEY)
        except ApprovalError as error:
            return JSONResponse({"detail": str(error)}, 409)
        if not batch.items:
            return JSONResponse({"detail": "\n".join(item.problem for item in batch.refused)}, 409)
        told = batch.together
        return _to_sign(visitor, told.batch, {"batch": told.batch, "at": told.at.isoformat()})

    def _approve(self, visitor: Visitor, filled: Filled) -> Response:
        """All that is ticked is approved, each by itself; what is not is told."""
        try:
            outcomes = approve_picked(self._office, filled, visitor.person, visitor.address)
        except ApprovalError as error:
            typed = {name: text for name, text in filled.fields.items() if name == "comment" or name.startswith("pick_")}
            return self._overview(visitor, Filled(typed, str(error)), status=409)
        tasks = BackgroundTasks()
        for item in (item for item in outcomes if not item.problem):
            tasks.add_task(self._conducting.go_on, item.revision.evaluation.id, f"{item.gate}：同意（{visitor.person.name}）")
        response = self._overview(visitor, Filled(), outcomes)
        response.background = tasks
        return response

    def _correct(self, visitor: Visitor, filled: Filled, evaluation: str, number: str) -> Response:
        seen = self._seen(visitor, evaluation, number)
        try:
            steps.record_correction(self._office, seen.revision, _noted(seen, filled), visitor.person.id, filled.numbered("reply"))
        except ApprovalError as error:
            return self._shown(visitor, self._seen(visitor, evaluation, number), replace(filled, problem=str(error)), 409)
        return self._done(seen, f"更正已提交（{visitor.person.name}）")

    def _retry(self, visitor: Visitor, _: Filled, evaluation: str, number: str) -> Response:
        """The run that has failed goes on, once the clerk has corrected what was in its way."""
        seen = self._seen(visitor, evaluation, number)
        if OPERATOR not in visitor.person.roles or not seen.failure or not seen.run:
            return self._message(visitor, "现在不能重试", "只有没有完成的一稿可以由经办人重试；刷新这一稿的页面，查看进度。", 409)
        steps.note_act(self._office, "重试", seen.run, visitor.person.id, evaluation)
        task = BackgroundTask(self._conducting.retry, seen.run, visitor.person.name)
        told = {"told": "retried", "at": int(time.time() * 1000)}
        return RedirectResponse(f"/review/{evaluation}/{number}?{urlencode(told)}", 303, background=task)

    def _start(self, visitor: Visitor, _: Filled, year: str, programme: str) -> Response:
        """A run that begins now, where nothing is in its way."""
        shown = self._clerk(visitor, _, year, programme)
        if shown.status_code != OK or not look_after(self._office, int(year), programme).may_start:
            return shown
        steps.note_act(self._office, "送审", f"{year}年度 {programme}", visitor.person.id)
        task = BackgroundTask(self._conducting.start, int(year), programme, visitor.person.name)
        return RedirectResponse(f"/review/?{urlencode({'told': 'started', 'about': f'{year}/{programme}'})}", 303, background=task)

    def _reason(self, visitor: Visitor, filled: Filled, year: str, programme: str) -> Response:
        """A reason goes into the file, and the page tells what is still missing."""
        subject, (key, parts) = self._office.workspace.subject(int(year), programme), read_reason(filled)
        try:
            write_reason(self._office, subject, key, parts, filled["digest"], visitor.person)
        except (ApprovalError, ConfigurationError) as error:
            return self._clerk(visitor, replace(filled, problem=told_on_page(error, key)), year, programme, 409)
        return RedirectResponse(f"/review/clerk/{year}/{programme}?{urlencode({'told': key})}", 303)

    def _done(self, seen: Submitted, told: str) -> Response:
        """Answered at once; the conductor is told afterwards."""
        path = f"/review/{seen.evaluation.id}/{seen.revision.number}?{urlencode({'told': 'recorded'})}"
        return RedirectResponse(path, 303, background=BackgroundTask(self._conducting.go_on, seen.evaluation.id, told))

    # ---- in common ---------------------------------------------------------------------------------------------------

    def _existing(self, evaluation: str, number: str) -> Revision:
        with self._office.store.reading() as record:
            found = record.evaluation(evaluation)
            newest = record.current_revision(found).number
        if int(number) > newest:
            raise StoreError("S09", f"{evaluation} 没有第{number}稿", "从待办打开。")
        return Revision(found, int(number))

    def _seen(self, visitor: Visitor, evaluation: str, number: str) -> Submitted:
        self._existing(evaluation, number)
        return look_at(self._office, evaluation, int(number), visitor.person)

    def _message(self, visitor: Visitor, title: str, hint: str, status: int) -> Response:
        return self._page("message", visitor, status, title=title, hint=hint)

    def _page(self, name: str, visitor: Visitor, status: int = 200, **shown: Any) -> Response:  # noqa: ANN401  # what a template shows
        template = self._templates.get_template(f"{name}.html")
        roles = "、".join(persons.role_title(self._office, role) for role in visitor.person.roles)
        unit = self._office.workspace.settings.unit.name
        told = {"unit": unit, "visitor": visitor, "roles": roles, "is_operator": OPERATOR in visitor.person.roles}
        told["is_overseer"] = self._may_oversee(visitor)
        text = template.render(told, has_pages=self._conducting.has_pages, **shown)
        return HTMLResponse(text, status)


def _passkeys(visitor: Visitor) -> list[Passkey]:
    return [item.passkey for item in visitor.person.confirmed if item.passkey]


def _to_sign(visitor: Visitor, line: str, fields: Mapping[str, str]) -> Response:
    """What a device is asked to sign, and the fields of the form that it is sent back in."""
    keys = _passkeys(visitor)
    offered = {"rp_id": keys[0].rp_id if keys else "", "credentials": [key.credential for key in keys]}
    return JSONResponse({"fields": dict(fields), "challenge": to_base64(challenge(line)), **offered})


def _is_retried(seen: Submitted, at: str) -> bool:
    """Whether the run was retried at that millisecond, a moment ago, and has not failed since; what came to nothing is not waited for."""
    moment = int(at) / 1000 if re.fullmatch("[0-9]{1,14}", at) else 0
    has_failed_since = seen.failure and seen.failed_at and seen.failed_at.timestamp() >= moment
    return 0 <= time.time() - moment < _RETRY_SECONDS and not has_failed_since


def _asked(seen: Submitted) -> tuple[Gate, str]:
    """The gate that is waited for, and the digest of the draft before it."""
    gate = seen.status.gate
    if not seen.is_current or gate is None or seen.draft is None:
        raise ApprovalError("A52", f"现在没有需要填写的表单：{seen.status.title}", "刷新本页，查看进度。")
    return gate, seen.draft.content_digest


def _noted(seen: Submitted, filled: Filled) -> str:
    """What the clerk says he has corrected."""
    if not seen.may_act or seen.status.stage is not Stage.CORRECTING:
        raise ApprovalError("A52", f"现在没有需要填写的表单：{seen.status.title}", "刷新本页，查看进度。")
    if not filled["note"]:
        raise ApprovalError("A50", "没有填写更正说明", "写明台账或底稿更正了什么。")
    return filled["note"]


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("perfeval.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "plain": plain, "grouped": grouped, "wan": in_wan, "percentage": percentage, "day": written_day,
        "moment": lambda at: f"{at.astimezone(CHINA):%Y-%m-%d %H:%M}",
    }  # fmt: skip
    environment.tests |= {
        "grid": lambda part: isinstance(part, Grid), "passage": lambda part: isinstance(part, Passage),
        "error": lambda item: item.severity is Severity.ERROR, "note": lambda item: item.severity is Severity.NOTE,
    }  # fmt: skip
    environment.globals |= {"verdicts": [str(verdict) for verdict in Verdict], "Stage": Stage, "ProofKind": ProofKind}
    return environment
