"""Both gates approved by clicks in the Prefect UI, in a real Chromium, on `perfeval serve` as an office starts it."""

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyotp
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from perfeval import steps
from perfeval.settings import Workspace

pytestmark = [pytest.mark.e2e, pytest.mark.browser]

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
PEOPLE = {"center": "样例中心负责人", "bureau": "样例财政审核人"}


@dataclass(frozen=True)
class Served:
    """An office whose server is up, and how it is used from a terminal."""

    folder: Path
    url: str
    password: str
    phones: dict[str, pyotp.TOTP]

    def perfeval(self, *words: str) -> Any:
        return json.loads(perfeval(self.folder, *words, "--json"))


def perfeval(folder: Path, *words: str) -> str:
    command = [sys.executable, "-m", "flows", *words]
    return subprocess.run(command, cwd=folder, env=_environment(), check=True, capture_output=True, text=True).stdout


def _environment() -> dict[str, str]:
    return os.environ | {"PERFEVAL_KEY": "an invented key for tests", "PERFEVAL_JSON": "", "PERFEVAL_WORKSPACE": ""}


@pytest.fixture
def served(pristine: Path, tmp_path: Path) -> Iterator[Served]:
    folder = Path(shutil.copytree(pristine, tmp_path / "office"))
    phones = {}
    for role, name in PEOPLE.items():
        uri = json.loads(perfeval(folder, "approver", "add", name, "--role", role, "--json"))["uri"]
        phones[role] = pyotp.TOTP(pyotp.parse_uri(uri).secret)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "flows", "serve", "--port", str(port)]
    process = subprocess.Popen(command, cwd=folder, env=_environment(), stderr=subprocess.PIPE, text=True)
    assert process.stderr
    said = process.stderr.readline()
    password = re.search(r"口令 (\S+?)（", said)
    assert password, said
    try:
        yield Served(folder, f"http://127.0.0.1:{port}", password[1], phones)
    finally:
        process.terminate()
        process.communicate(timeout=60)


@pytest.fixture
def page(need: Callable[..., str]) -> Iterator[Page]:
    browser_path = need("chromium", "chromium-browser", "google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=list(FLAGS))
        yield browser.new_context(viewport={"width": 1280, "height": 1400}).new_page()
        browser.close()


def fill_in(page: Page, url: str, answer: dict[str, str], picture: Path) -> None:
    """Open the run, choose Resume, fill the form and press it."""
    page.goto(url)
    page.get_by_role("button", name="Open menu").first.click()
    page.get_by_role("menuitem", name="Resume").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Select 审批决定").click()
    page.get_by_role("option", name=answer["审批决定"], exact=True).click()
    for title in ("审批人", "动态码", "核对码"):
        form.get_by_label(title).fill(answer[title])
    page.screenshot(path=picture)
    form.get_by_role("button", name="Resume").click()
    expect(form).to_be_hidden(timeout=20_000)


def test_both_gates_approved_by_clicks_reach_the_archive(served: Served, page: Page, tmp_path: Path) -> None:
    outside: list[str] = []
    page.on("request", lambda request: None if request.url.startswith((served.url, "data:", "blob:")) else outside.append(request.url))
    started = served.perfeval("run", "--year", "2022")
    assert started["url"].startswith(served.url)
    page.goto(started["url"])
    page.locator("input[type=password]").fill(f"perfeval:{served.password}")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Open menu").first).to_be_visible(timeout=30_000)
    for role, name in PEOPLE.items():
        answer = {"审批决定": "同意", "审批人": name, "动态码": served.phones[role].now(), "核对码": started["check_code"]}
        fill_in(page, started["url"], answer, tmp_path / f"{role}.png")
        next_stage = {"center": "waiting-bureau", "bureau": "archived"}[role]
        _await_stage(page, served, next_stage)
    page.goto(started["url"])
    expect(page.get_by_text("已归档").first).to_be_visible(timeout=30_000)
    page.screenshot(path=tmp_path / "archived.png")
    bag = served.folder / "archive" / "0000-WS·2022-D30-XMXT-0001"
    assert [check for check in steps.verify_archive(bag) if not check.ok] == []
    assert outside == []


def test_draft_is_handed_out_only_behind_the_login(served: Served, page: Page) -> None:
    started = served.perfeval("run", "--year", "2022")
    link = f"{served.url}/perfeval/drafts/{started['evaluation']}/1.docx"
    assert page.request.get(link).status == 401
    wrong = page.context.browser.new_context(http_credentials={"username": "perfeval", "password": secrets.token_hex()})
    assert wrong.request.get(link).status == 401
    right = page.context.browser.new_context(http_credentials={"username": "perfeval", "password": served.password})
    assert right.request.get(link).body() == Path(started["draft"]).read_bytes()
    assert right.request.get(f"{served.url}/perfeval/drafts/..%2f..%2fstore.db/1.docx").status == 404


def _await_stage(page: Page, served: Served, stage: str) -> None:
    place = Workspace(served.folder)
    store = steps.open_store(place)
    (evaluation,) = store.evaluations()
    for _ in range(120):
        if steps.standing(place, store, evaluation).key == stage:
            return
        page.wait_for_timeout(500)
    pytest.fail(f"the evaluation did not reach {stage}: {steps.standing(place, store, evaluation).key}")
