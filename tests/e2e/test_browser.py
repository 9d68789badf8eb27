"""The year by clicks, in a real Chromium, on `perfeval serve` as an office starts it."""

import json
import os
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import axe_playwright_python
import openpyxl
import pyotp
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright
from playwright.sync_api import TimeoutError as NotClickableError

from perfeval import persons
from perfeval.approvals import person as approvals
from perfeval.office import open_office
from perfeval.reperformance import verify_archive

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.timeout(600)]

KEY = "an invented key for tests"
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
DESK = {"width": 1280, "height": 1400}
PHONE = {"width": 390, "height": 844}


@pytest.fixture
def browser(need: Callable[..., str]) -> Iterator[Browser]:
    path = need("chromium", "chromium-browser", "google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def url(terminal: Any) -> Iterator[str]:
    """Where the office's server is open."""
    server, url = terminal.serve()
    yield url
    server.terminate()
    server.communicate(timeout=60)


@pytest.fixture
def shoot(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Page, str], None]:
    """Keep a page as a person sees it, to be looked at: in PERFEVAL_TESTS_SHOTS where that is set."""
    folder = Path(os.environ.get("PERFEVAL_TESTS_SHOTS", tmp_path))

    def shoot(page: Page, name: str) -> None:
        page.screenshot(path=folder / f"{name}.png", full_page="/perfeval/" in page.url or "/review/" in page.url)

    return shoot


def invited(terminal: Any, name: str, role: str) -> str:
    """Invite somebody, as the operator does: the token of his link."""
    code, out, err = terminal.type("approver", "invite", name, "--role", role, "--as", "样例经办人", "--json", PERFEVAL_KEY=KEY)
    assert code == 0, err
    return str(json.loads(out)["link"].rpartition("#")[2])


def confirmed(terminal: Any, name: str, fingerprint: str) -> approvals.Person:
    """Confirm an enrolment by the slip that its person has signed: the person."""
    words = ("approver", "confirm", name, "--fingerprint", fingerprint, "--as", "样例经办人", "--paper")
    code, _, err = terminal.type(*words, "--code", terminal.code("operator"), PERFEVAL_KEY=KEY)
    assert code == 0, err
    with open_office(terminal.folder).store.reading() as record:
        found = persons.find(record.people(), name)
    assert found
    return found


class Person:
    """Somebody at a browser of his own, logged in; `outside` is what his pages asked of other hosts."""

    def __init__(self, browser: Browser, url: str, name: str, code: str) -> None:
        self.url = url
        self.context: BrowserContext = browser.new_context(viewport=DESK)
        self.outside: list[str] = []
        self.context.on(
            "request", lambda request: None if request.url.startswith((url, "data:", "blob:")) else self.outside.append(request.url)
        )
        self.page: Page = self.context.new_page()
        self.log_in(name, code)

    def log_in(self, name: str, code: str) -> None:
        """From the login to where evaluations stand."""
        self.page.goto(self.url)
        self.page.get_by_label("姓名").fill(name)
        self.page.get_by_label("动态码").fill(code)
        self.page.get_by_role("button", name="登录").click()
        expect(self.page.get_by_role("heading", name="自评进度")).to_be_visible(timeout=30_000)

    def open_run(self, state: str) -> None:
        """From where evaluations stand to the one run."""
        self.page.goto(f"{self.url}/perfeval/")
        self.page.get_by_role("link", name="查看运行").first.click()
        expect(self.page.get_by_text(state).first).to_be_visible(timeout=60_000)

    def choose(self, item: str) -> Locator:
        """Choose from the run's menu; the dialog that comes up."""
        self.page.get_by_role("button", name="Open menu").first.click()
        self.page.get_by_role("menuitem", name=item).click()
        dialog = self.page.get_by_role("dialog").or_(self.page.get_by_role("alertdialog"))
        expect(dialog).to_be_visible(timeout=30_000)
        # A list opened from a form that is still moving stays where the form was, outside the window on a slow machine.
        dialog.evaluate("form => Promise.allSettled(form.getAnimations().map(animation => animation.finished))")
        return dialog

    def fill(self, form: Locator, decision: str = "", /, **answers: str | Callable[[], str]) -> None:
        """Fill in the form, a code as it is read off the phone then, and press Resume."""
        if decision:
            form.get_by_label("Select 审批决定").click()
            option = self.page.get_by_role("option", name=decision, exact=True)
            try:
                option.click(timeout=5_000)
            except NotClickableError:  # Prefect's list has opened outside the window
                option.dispatch_event("click")
        for title, answer in answers.items():
            form.get_by_label(title).fill(answer() if callable(answer) else answer)
        form.get_by_role("button", name="Resume").click()

    def download(self, link: Locator) -> tuple[str, bytes]:
        """Follow a link to the report: its file name and content."""
        with self.page.expect_download() as report:
            link.click()
        return report.value.suggested_filename, Path(report.value.path()).read_bytes()


def start(person: Person) -> None:
    """Begin the year's evaluation from Prefect's own form."""
    page = person.page
    page.get_by_role("link", name="运行管理").click()
    page.get_by_role("link", name="Deployments").click()
    page.get_by_role("link", name="annual").first.click()
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Custom run").click()
    page.get_by_label("年度").fill("2022")
    page.get_by_role("button", name="Submit").click()


def shown_secret(page: Page) -> str:
    """The secret that the enrolment page shows to whoever cannot scan it."""
    expect(page.locator("#secret")).to_be_visible()
    return page.locator("#secret").inner_text().replace(" ", "")


def enrol(terminal: Any, url: str, page: Page, name: str) -> None:
    """Enrol on the page that an invitation leads to, and be confirmed."""
    page.goto(f"{url}/perfeval/enrol#{invited(terminal, name, 'center')}")
    page.get_by_role("button", name="用手机动态码登记").click()
    terminal.take_phone(name, shown_secret(page))
    page.get_by_label("动态码").fill(terminal.code(name))
    page.get_by_role("button", name="完成登记").click()
    expect(page.locator("#slip-means")).to_have_text("动态码", timeout=60_000)
    confirmed(terminal, name, page.locator("#slip-fingerprint").inner_text())


def return_after_a_wrong_code(person: Person, name: str, code: Callable[[], str], shoot: Callable[[Page, str], None]) -> None:
    """Return the draft with a reason, at the second try."""
    form = person.choose("Resume")
    expect(form.get_by_label("动态码")).to_be_visible(timeout=30_000)
    assert form.locator("label").all_inner_texts()[:5] == ["审批决定", "审批人", "核对码", "审批意见 (Optional)", "动态码"]
    file, report = person.download(form.get_by_role("link", name="下载报告"))
    (check_code,) = re.findall(r"核对码(\w{8})\.docx$", file)
    assert report[:2] == b"PK"
    person.fill(form, "退回修改", 审批人=name, 核对码=check_code, 审批意见="请核对支出明细", 动态码="000000")
    expect(person.page.locator("[data-sonner-toast]")).to_contain_text("动态码不正确", timeout=30_000)
    expect(form.get_by_label("审批意见")).to_have_value("请核对支出明细")
    shoot(person.page, "wrong-code")
    person.fill(form, 动态码=code)
    expect(form).to_be_hidden(timeout=60_000)


def test_year_by_clicks_alone_from_the_invitation_to_the_archive(
    terminal: Any, url: str, browser: Browser, shoot: Callable[[Page, str], None]
) -> None:
    ledger = terminal.folder / "ledgers" / "2022" / "调度会议台账.xlsx"
    sound = ledger.read_bytes()
    book = openpyxl.load_workbook(ledger)
    book.worksheets[0]["B3"].value = None
    book.save(ledger)

    clerk = Person(browser, url, "样例经办人", terminal.code("operator"))
    start(clerk)
    terminal.await_stage("preparing")
    clerk.open_run("Failed")
    shoot(clerk.page, "failed")
    ledger.write_bytes(sound)
    clerk.choose("Retry").get_by_role("button", name="Retry").click()
    terminal.await_stage("waiting-center")

    enrol(terminal, url, browser.new_context(viewport=PHONE).new_page(), "样例副主任")
    center = Person(browser, url, "样例副主任", terminal.code("样例副主任"))
    center.page.set_viewport_size(PHONE)
    shoot(center.page, "home-phone")
    center.open_run("Suspended")
    shoot(center.page, "run-phone")
    center.page.set_viewport_size(DESK)
    return_after_a_wrong_code(center, "样例副主任", partial(terminal.code, "样例副主任"), shoot)
    terminal.await_stage("correcting")

    clerk.open_run("Suspended")
    form = clerk.choose("Resume")
    clerk.fill(form, 更正说明="已核对，明细无误")
    expect(form).to_be_hidden(timeout=60_000)
    terminal.await_stage("waiting-center")

    bureau = Person(browser, url, "bureau", terminal.code("bureau"))
    for person, who, stage in ((center, "样例副主任", "waiting-bureau"), (bureau, "bureau", "archived")):
        person.open_run("Suspended")
        form = person.choose("Resume")
        name, _ = person.download(form.get_by_role("link", name="下载报告"))
        person.fill(form, "同意", 审批人=who, 核对码=name[-13:-5], 动态码=partial(terminal.code, who))
        expect(form).to_be_hidden(timeout=60_000)
        terminal.await_stage(stage)
        shoot(person.page, stage)

    clerk.page.reload()
    expect(clerk.page.get_by_text("已归档").first).to_be_visible(timeout=30_000)
    clerk.page.get_by_role("tab", name="Artifacts").click()
    shoot(clerk.page, "artifacts")
    clerk.page.get_by_role("link", name=re.compile("第2稿 自评报告|-r2-draft")).first.click()
    clerk.page.get_by_role("link", name=re.compile("^[0-9a-f]{8}$")).first.click()  # its one version
    _, report = clerk.download(clerk.page.get_by_role("link", name="下载").first)
    bag = terminal.folder / "archive" / "0000-WS·2022-D30-XMXT-0001"
    assert report in [path.read_bytes() for path in bag.rglob("*.docx")]
    assert [check for check in verify_archive(bag) if not check.ok] == []
    assert (clerk.outside, center.outside) == ([], [])


# ---- on the review pages -------------------------------------------------------------------------------------------------


def add_device(terminal: Any, person: Person, name: str, role: str) -> None:
    """Enrol the phone itself too, beside the codes on it."""
    page = person.page
    device = person.context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    made = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True}
    device.send("WebAuthn.addVirtualAuthenticator", {"options": made | {"automaticPresenceSimulation": True}})
    page.goto(f"{person.url}/perfeval/enrol#{invited(terminal, name, role)}")
    page.get_by_role("button", name="用本机设备签名登记").click()
    expect(page.locator("#slip-means")).to_have_text("设备签名", timeout=60_000)
    confirmed(terminal, name, page.locator("#slip-fingerprint").inner_text())


def faults_for_readers(page: Page) -> list[str]:
    """What axe finds serious on a page: what some people cannot read or use."""
    # Its script comes as the driver's own: the pages let none in.
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']}).then(told => told.violations)")
    return [f"{item['id']}: {item['nodes'][0]['html']}" for item in found if item["impact"] in {"serious", "critical"}]


def read_and_return_on_the_page(page: Page, code: Callable[[], str], shoot: Callable[[Page, str], None]) -> list[str]:
    """Follow a figure, and return the draft with a remark, at the second try; what the pages have that some people cannot read."""
    page.get_by_role("link", name=re.compile("待中心审批")).click()
    faults = faults_for_readers(page)
    page.get_by_role("link", name="73次").first.click()
    expect(page.locator("#formula")).to_contain_text("统计调度会议台账中会议类别属于")
    expect(page.get_by_text("调度会议台账.xlsx!调度会议台账")).to_be_visible()
    shoot(page, "review-figure")
    faults += faults_for_readers(page)
    page.go_back()
    page.get_by_title("对协助召开重点项目专题调度会、现场办公会次数提修改意见").click()
    page.get_by_label("要改什么").first.fill("次数与会议台账不符")
    page.get_by_role("radio", name="退回修改").check()
    page.get_by_label("动态码").fill("000000")
    page.get_by_role("button", name="提交决定").click()
    expect(page.get_by_role("alert")).to_contain_text("动态码不正确")
    expect(page.get_by_label("要改什么").first).to_have_value("次数与会议台账不符")
    shoot(page, "review-wrong-code")
    page.get_by_label("动态码").fill(code())
    page.get_by_role("button", name="提交决定").click()
    expect(page.get_by_role("status")).to_contain_text("已登记")
    return faults


def test_year_on_the_review_pages_on_a_phone_signed_by_its_device(
    terminal: Any, url: str, browser: Browser, shoot: Callable[[Page, str], None]
) -> None:
    clerk = Person(browser, url, "样例经办人", terminal.code("operator"))
    clerk.page.get_by_role("link", name="经办", exact=True).last.click()
    expect(clerk.page.get_by_text("可以送审")).to_be_visible(timeout=30_000)
    faults = faults_for_readers(clerk.page)
    clerk.page.get_by_role("button", name="开始自评，送审").click()
    expect(clerk.page.get_by_role("status")).to_contain_text("自评已开始")
    terminal.await_stage("waiting-center")
    center, bureau = (Person(browser, url, who, terminal.code(who)) for who in ("center", "bureau"))
    add_device(terminal, center, "center", "center")
    # Another enrolment ends the login.
    center.log_in("center", terminal.code("center"))
    page = center.page
    page.set_viewport_size(PHONE)
    policy: list[str] = []
    page.on("console", lambda message: policy.append(message.text) if "Content Security" in message.text else None)

    faults += read_and_return_on_the_page(page, partial(terminal.code, "center"), shoot)
    terminal.await_stage("correcting")

    clerk.page.goto(f"{url}/")
    clerk.page.get_by_role("link", name=re.compile("已退回，待更正")).click()
    clerk.page.get_by_label("更正说明").fill("已逐次核对")
    clerk.page.get_by_label("答复第1条").fill("次数无误，已附会议纪要")
    clerk.page.get_by_role("button", name="提交更正").click()
    expect(clerk.page.get_by_role("status")).to_contain_text("已登记")
    terminal.await_stage("waiting-center")

    page.goto(f"{url}/review/")
    page.get_by_role("link", name=re.compile("待中心审批")).click()
    expect(page.get_by_text("次数无误，已附会议纪要")).to_be_visible()
    shoot(page, "review-second")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.get_by_role("radio", name="同意", exact=True).check()
    page.get_by_role("button", name="用本机设备签名提交").click()
    expect(page.get_by_role("status")).to_contain_text("已登记", timeout=30_000)
    expect(page.get_by_text(re.compile("设备签名，已核验"))).to_be_visible()
    terminal.await_stage("waiting-bureau")

    bureau.page.goto(f"{url}/")
    faults += faults_for_readers(bureau.page)
    bureau.page.get_by_role("link", name=re.compile("待财政")).click()
    bureau.page.get_by_role("radio", name="同意", exact=True).check()
    bureau.page.get_by_label("动态码").fill(terminal.code("bureau"))
    bureau.page.get_by_role("button", name="提交决定").click()
    expect(bureau.page.get_by_role("status")).to_contain_text("已登记")
    terminal.await_stage("archived")
    bag = terminal.folder / "archive" / "0000-WS·2022-D30-XMXT-0001"
    assert [check for check in verify_archive(bag) if not check.ok] == []
    assert (faults, policy) == ([], [])
    assert (clerk.outside, center.outside, bureau.outside) == ([], [], [])


def test_person_who_logs_out_is_shown_the_login_and_nothing_more(
    terminal: Any, url: str, browser: Browser, shoot: Callable[[Page, str], None]
) -> None:
    clerk = Person(browser, url, "样例经办人", terminal.code("operator"))
    shoot(clerk.page, "home-empty")
    clerk.page.get_by_role("button", name="退出").click()
    expect(clerk.page.get_by_role("heading", name="项目支出绩效自评")).to_be_visible()
    shoot(clerk.page, "login")
    assert clerk.context.request.get(f"{url}/api/admin/version").status == 401
    clerk.page.set_viewport_size(PHONE)
    clerk.page.get_by_label("姓名").fill("样例经办人")
    clerk.page.get_by_label("动态码").fill("000000")
    clerk.page.get_by_role("button", name="登录").click()
    expect(clerk.page.get_by_role("alert")).to_contain_text("姓名或动态码不对")
    assert clerk.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    shoot(clerk.page, "login-wrong")


@pytest.mark.parametrize("means", ["动态码", "设备签名"])
def test_person_enrols_on_his_own_phone_and_signs_a_slip(
    terminal: Any, url: str, browser: Browser, shoot: Callable[[Page, str], None], means: str
) -> None:
    token = invited(terminal, "样例副主任", "center")
    page = browser.new_context(viewport=PHONE).new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if "Content Security" in message.text else None)
    device = page.context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    made = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True}
    device.send("WebAuthn.addVirtualAuthenticator", {"options": made | {"automaticPresenceSimulation": True}})
    page.goto(f"{url}/perfeval/enrol#{token}")
    expect(page.locator("#name")).to_have_text("样例副主任")
    shoot(page, "enrol-choice")
    if means == "动态码":
        page.get_by_role("button", name="用手机动态码登记").click()
        phone = pyotp.TOTP(shown_secret(page))
        shoot(page, "enrol-code")
        page.get_by_label("动态码").fill("000000")
        page.get_by_role("button", name="完成登记").click()
        expect(page.locator("#problem")).to_contain_text("动态码不是刚才的密钥的")
        shoot(page, "enrol-wrong")
        page.get_by_label("动态码").fill(phone.now())
        page.get_by_role("button", name="完成登记").click()
    else:
        page.get_by_role("button", name="用本机设备签名登记").click()
    expect(page.locator("#slip-means")).to_have_text(means, timeout=60_000)
    shoot(page, "slip")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert faults == []

    person = confirmed(terminal, "样例副主任", page.locator("#slip-fingerprint").inner_text())
    assert [(item.kind.value, item.is_on_paper) for item in person.confirmed] == [({"动态码": "code"}.get(means, "passkey"), True)]
    page.goto("about:blank")
    page.goto(f"{url}/perfeval/enrol#{'x' * 32}")
    expect(page.locator("#problem")).to_contain_text("登记链接无效")
    shoot(page, "enrol-dead")


def test_yearly_schedule_is_shown_with_its_next_run(terminal: Any, url: str, browser: Browser, shoot: Callable[[Page, str], None]) -> None:
    page = Person(browser, url, "样例经办人", terminal.code("operator")).page
    page.get_by_role("link", name="运行管理").click()
    page.get_by_role("link", name="Deployments").click()
    page.get_by_role("link", name="annual").first.click()
    expect(page.get_by_text("At 09:00 AM, on day 5 of the month, only in January").first).to_be_visible(timeout=30_000)
    shoot(page, "schedule")
    page.get_by_role("tab", name="Upcoming").click()
    expect(page.get_by_text(re.compile("Scheduled")).first).to_be_visible(timeout=60_000)
    shoot(page, "upcoming")
