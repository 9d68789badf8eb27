"""Both gates approved by clicks in the Prefect UI, in a real Chromium, on `perfeval serve` as an office starts it."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright
from playwright.sync_api import TimeoutError as NotClickableError

from perfeval.reperformance import verify_archive

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

KEY = "an invented key for tests"
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture
def browser(need: Callable[..., str]) -> Iterator[Browser]:
    path = need("chromium", "chromium-browser", "google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


def log_in(context: BrowserContext, url: str, credentials: str) -> Page:
    """Open a page of the UI and log in there."""
    page = context.new_page()
    page.goto(url)
    page.locator("input[type=password]").fill(credentials)
    page.keyboard.press("Enter")
    return page


def open_form(page: Page, url: str) -> Locator:
    """Open the run and choose Resume from its menu."""
    page.goto(url)
    expect(page.get_by_text("Suspended").first).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Open menu").first.click()
    page.get_by_role("menuitem", name="Resume").click()
    form = page.get_by_role("dialog")
    expect(form.get_by_label("审批人")).to_be_visible(timeout=60_000)
    # A list opened from a form that is still moving stays where the form was, outside the window on a slow machine.
    form.evaluate("form => Promise.allSettled(form.getAnimations().map(animation => animation.finished))")
    return form


def download(page: Page, form: Locator) -> tuple[str, bytes]:
    """Follow the form's link to the report: its file name and content."""
    with page.expect_download() as report:
        form.get_by_role("link", name="下载报告").click()
    return report.value.suggested_filename, Path(report.value.path()).read_bytes()


def approve(page: Page, form: Locator, picture: Path, **answers: str) -> None:
    """Fill in the form and press Resume."""
    form.get_by_label("Select 审批决定").click()
    approval = page.get_by_role("option", name="同意", exact=True)
    try:
        approval.click(timeout=5_000)
    except NotClickableError:  # Prefect's list has opened outside the window
        approval.dispatch_event("click")
    for title, answer in answers.items():
        form.get_by_label(title).fill(answer)
    page.screenshot(path=picture)
    form.get_by_role("button", name="Resume").click()
    expect(form).to_be_hidden(timeout=20_000)


def test_both_gates_approved_by_clicks_reach_the_archive(terminal: Any, browser: Browser, tmp_path: Path) -> None:
    server, url = terminal.serve()
    try:
        _, waiting = terminal.run(PERFEVAL_KEY=KEY)
        credentials = terminal.type("serve", "--show-password", PERFEVAL_KEY=KEY)[1].strip()
        user, password = credentials.split(":", 1)
        context = browser.new_context(viewport={"width": 1280, "height": 1400}, http_credentials={"username": user, "password": password})
        outside: list[str] = []
        context.on("request", lambda request: None if request.url.startswith((url, "data:", "blob:")) else outside.append(request.url))
        page = log_in(context, waiting["url"], credentials)

        form = open_form(page, waiting["url"])
        name, report = download(page, form)
        assert report == Path(waiting["draft"]).read_bytes()
        check_code = re.findall(r"核对码(\w{8})\.docx$", name)[0]
        approve(page, form, tmp_path / "center.png", 审批人="center", 动态码=terminal.code("center"), 核对码=check_code)
        terminal.await_stage("waiting-bureau")
        form = open_form(page, waiting["url"])
        approve(page, form, tmp_path / "bureau.png", 审批人="bureau", 动态码=terminal.code("bureau"), 核对码=check_code)
        terminal.await_stage("archived")

        page.goto(waiting["url"])
        expect(page.get_by_text("已归档").first).to_be_visible(timeout=30_000)
        page.get_by_role("tab", name="Artifacts").click()
        page.screenshot(path=tmp_path / "archived.png")
        bag = terminal.folder / "archive" / "0000-WS·2022-D30-XMXT-0001"
        assert [check for check in verify_archive(bag) if not check.ok] == []
        assert outside == []

        link = f"{url}/perfeval/drafts/{waiting['evaluation']}/1.docx"
        assert browser.new_context().request.get(link).status == 401
        assert context.request.get(f"{url}/perfeval/drafts/..%2f..%2fstore.db/1.docx").status == 404
    finally:
        server.terminate()
        server.communicate(timeout=60)
