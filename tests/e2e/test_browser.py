"""The year by clicks, in a real Chromium, on `perfeval serve` as an office starts it."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pyotp
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright
from playwright.sync_api import TimeoutError as NotClickableError

from perfeval import persons
from perfeval.office import open_office
from perfeval.reperformance import verify_archive

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.timeout(600)]

KEY = "an invented key for tests"
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
PHONE = {"width": 375, "height": 740}


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


class Person:
    """Somebody at a browser of his own, logged in; `outside` is what his pages asked of other hosts."""

    def __init__(self, browser: Browser, url: str, name: str, code: str) -> None:
        self.url = url
        self.context: BrowserContext = browser.new_context(viewport={"width": 1280, "height": 1400})
        self.outside: list[str] = []
        self.context.on(
            "request", lambda request: None if request.url.startswith((url, "data:", "blob:")) else self.outside.append(request.url)
        )
        self.page: Page = self.context.new_page()
        self.page.goto(url)
        self.page.get_by_label("姓名").fill(name)
        self.page.get_by_label("动态码").fill(code)
        self.page.get_by_role("button", name="登录").click()
        expect(self.page.get_by_role("heading", name="自评进度")).to_be_visible(timeout=30_000)

    def open_run(self, state: str) -> None:
        """From where evaluations stand to the one run."""
        self.page.goto(f"{self.url}/perfeval/")
        self.page.locator("article .button").first.click()
        expect(self.page.get_by_text(state).first).to_be_visible(timeout=60_000)

    def choose(self, item: str) -> Locator:
        """Choose from the run's menu; the dialog that comes up."""
        self.page.get_by_role("button", name="Open menu").first.click()
        self.page.get_by_role("menuitem", name=item).click()
        dialog = self.page.get_by_role("dialog")
        expect(dialog).to_be_visible(timeout=30_000)
        # A list opened from a form that is still moving stays where the form was, outside the window on a slow machine.
        dialog.evaluate("form => Promise.allSettled(form.getAnimations().map(animation => animation.finished))")
        return dialog

    def fill(self, form: Locator, decision: str = "", /, **answers: str) -> None:
        """Fill in the form and press Resume."""
        if decision:
            form.get_by_label("Select 审批决定").click()
            option = self.page.get_by_role("option", name=decision, exact=True)
            try:
                option.click(timeout=5_000)
            except NotClickableError:  # Prefect's list has opened outside the window
                option.dispatch_event("click")
        for title, answer in answers.items():
            form.get_by_label(title).fill(answer)
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


def test_year_by_clicks_alone_from_the_form_to_the_archive(terminal: Any, url: str, browser: Browser, tmp_path: Path) -> None:
    ledger = terminal.folder / "ledgers" / "2022" / "调度会议台账.xlsx"
    sound = ledger.read_bytes()
    book = openpyxl.load_workbook(ledger)
    book.worksheets[0]["B3"].value = None
    book.save(ledger)

    clerk = Person(browser, url, "样例经办人", terminal.code("operator"))
    start(clerk)
    terminal.await_stage("preparing")
    clerk.open_run("Failed")
    ledger.write_bytes(sound)
    clerk.choose("Retry").get_by_role("button", name="Retry").click()
    terminal.await_stage("waiting-center")

    center = Person(browser, url, "center", terminal.code("center"))
    center.open_run("Suspended")
    form = center.choose("Resume")
    assert form.locator("label").all_inner_texts()[:5] == ["审批决定", "审批人", "核对码", "审批意见 (Optional)", "动态码"]
    name, report = center.download(form.get_by_role("link", name="下载报告"))
    check_code = re.findall(r"核对码(\w{8})\.docx$", name)[0]
    assert report[:2] == b"PK"
    center.fill(form, "退回修改", 审批人="center", 核对码=check_code, 审批意见="请核对支出明细", 动态码="000000")
    expect(center.page.locator("[data-sonner-toast]")).to_contain_text("动态码不正确", timeout=5_000)
    expect(form.get_by_label("审批意见")).to_have_value("请核对支出明细")
    center.page.screenshot(path=tmp_path / "wrong.png")
    center.fill(form, 动态码=terminal.code("center"))
    expect(form).to_be_hidden(timeout=20_000)
    terminal.await_stage("correcting")

    clerk.open_run("Suspended")
    form = clerk.choose("Resume")
    clerk.fill(form, 更正说明="已核对，明细无误")
    expect(form).to_be_hidden(timeout=20_000)
    terminal.await_stage("waiting-center")

    for person, role in ((center, "center"), (Person(browser, url, "bureau", terminal.code("bureau")), "bureau")):
        person.open_run("Suspended")
        form = person.choose("Resume")
        name, _ = person.download(form.get_by_role("link", name="下载报告"))
        person.fill(form, "同意", 审批人=role, 核对码=name[-13:-5], 动态码=terminal.code(role))
        expect(form).to_be_hidden(timeout=20_000)
        terminal.await_stage("waiting-bureau" if role == "center" else "archived")
        person.page.screenshot(path=tmp_path / f"{role}.png")

    clerk.page.reload()
    expect(clerk.page.get_by_text("已归档").first).to_be_visible(timeout=30_000)
    clerk.page.get_by_role("tab", name="Artifacts").click()
    clerk.page.get_by_role("link", name=re.compile("第2稿 自评报告|-r2-draft")).first.click()
    _, report = clerk.download(clerk.page.get_by_role("link", name="下载").first)
    bag = terminal.folder / "archive" / "0000-WS·2022-D30-XMXT-0001"
    assert report in [path.read_bytes() for path in bag.rglob("*.docx")]
    assert [check for check in verify_archive(bag) if not check.ok] == []
    assert (clerk.outside, center.outside) == ([], [])

    clerk.page.goto(f"{url}/perfeval/")
    clerk.page.get_by_role("button", name="退出").click()
    expect(clerk.page.get_by_role("heading", name="项目支出绩效自评")).to_be_visible()
    assert clerk.context.request.get(f"{url}/api/admin/version").status == 401


@pytest.mark.parametrize("means", ["动态码", "设备签名"])
def test_person_enrols_on_his_own_phone_and_signs_a_slip(terminal: Any, url: str, browser: Browser, tmp_path: Path, means: str) -> None:
    office = open_office(terminal.folder)
    with office.store.reading() as record:
        operator = persons.find(record.people(), "样例经办人")
    assert operator
    invitation = persons.invite(office, "样例副主任", ["center"], operator.id)
    page = browser.new_context(viewport=PHONE).new_page()
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if "Content Security" in message.text else None)
    device = page.context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    made = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True}
    device.send("WebAuthn.addVirtualAuthenticator", {"options": made | {"automaticPresenceSimulation": True}})
    page.goto(f"{url}/perfeval/enrol#{invitation.token}")
    expect(page.locator("#name")).to_have_text("样例副主任")
    if means == "动态码":
        page.get_by_role("button", name="用手机动态码登记").click()
        phone = pyotp.TOTP(page.locator("#secret").inner_text().replace(" ", ""))
        page.get_by_label("动态码").fill("000000")
        page.get_by_role("button", name="完成登记").click()
        expect(page.locator("#problem")).to_contain_text("动态码不正确")
        page.get_by_label("动态码").fill(phone.now())
        page.get_by_role("button", name="完成登记").click()
    else:
        page.get_by_role("button", name="用本机设备签名登记").click()
    expect(page.locator("#slip-means")).to_have_text(means, timeout=20_000)
    page.screenshot(path=tmp_path / "slip.png", full_page=True)
    fingerprint = page.locator("#slip-fingerprint").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert faults == []

    person = persons.confirm(office, invitation.person, fingerprint, operator.id, on_paper=True)
    assert [(item.kind.value, item.is_on_paper) for item in person.confirmed] == [({"动态码": "code"}.get(means, "passkey"), True)]
    page.goto("about:blank")
    page.goto(f"{url}/perfeval/enrol#{'x' * 32}")
    expect(page.locator("#problem")).to_contain_text("登记链接无效")
