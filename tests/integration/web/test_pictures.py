"""The pictures of README.md: the review page, the same on a phone, a page of the report, what `verify` says; each says what it says today.

A picture differs from machine to machine by its fonts, so its text is what is compared. To take them anew, with the texts beside them:
PERFEVAL_GOLDEN=write pytest tests/integration/web/test_pictures.py
"""

import base64
import html
import os
import re
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import sync_playwright

from perfeval import steps
from perfeval.cli import app
from perfeval.console import answer
from perfeval.model import Revision
from perfeval.report import read_text
from perfeval.report.paged import draw_pages, drawn_pages

PICTURES = Path(__file__).parents[2] / "golden" / "pictures"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
# Other each time: when, and what is computed from when.
PASSING = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}|[0-9a-f]{64}|[0-9A-F]{8}(?![0-9A-Za-z])")
SHOWN = 500  # characters that are in the picture
TERMINAL = (
    "body { margin: 0; padding: 20px; background: #1c2530; color: #e8edf2; font: 14px/1.6 'Noto Sans Mono CJK SC', monospace }"
    "pre { margin: 0; white-space: pre-wrap; font: inherit }"
)
VIEWS = {"review": (1180, 820), "phone": (390, 800)}


@pytest.mark.browser
@pytest.mark.parametrize("name", VIEWS)
def test_picture_of_the_review_page_shows_what_the_page_says(house: Any, need: Callable[..., str], name: str) -> None:
    width, height = VIEWS[name]
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(house.client("样例甲").app, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=need("chromium", "chromium-browser", "google-chrome"), args=FLAGS)
        page = browser.new_page(viewport={"width": width, "height": height})
        page.goto(f"http://127.0.0.1:{listener.getsockname()[1]}{house.page}")
        text = PASSING.sub("…", page.locator("main").inner_text())[:SHOWN]
        picture = page.screenshot(type="jpeg", quality=72)
        overflow = page.evaluate("document.documentElement.scrollWidth") - width
        browser.close()
    server.should_exit = True
    thread.join(timeout=10)
    keep(name, picture, text)
    assert overflow <= 0


@pytest.mark.browser
@pytest.mark.libreoffice
def test_picture_of_the_report_is_its_first_page(house: Any, need: Callable[..., str], tmp_path: Path) -> None:
    need("soffice", "libreoffice"), need("pdftoppm")
    with house.office.store.reading() as record:
        digest = record.progress(house.evaluation).draft.digest
    document = house.office.store.artifacts.read(digest)
    draw_pages(document, tmp_path / "pages")
    page = base64.b64encode(drawn_pages(tmp_path / "pages")[0].read_bytes()).decode()
    picture = shot(need, f'<style>*{{margin:0;width:100%}}</style><img src="data:image/png;base64,{page}">', 620, 877)
    keep("report", picture, "\n".join(read_text(document))[:SHOWN])


@pytest.mark.browser
def test_picture_of_the_verification_is_what_verify_says(house: Any, need: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("样例甲", "样例乙"):
        house.send(name)
    bag = steps.archive_report(house.office, Revision(house.evaluation, 1))
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        answer(app, ["verify", str(bag)])
    assert ended.value.code == 0
    text = PASSING.sub("…", capsys.readouterr().out)
    picture = shot(need, f"<style>{TERMINAL}</style><pre>$ perfeval verify archive/{bag.name}\n{html.escape(text)}</pre>", 900, 870)
    keep("verification", picture, text)


def shot(need: Callable[..., str], page: str, width: int, height: int) -> bytes:
    """A page's picture."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=need("chromium", "chromium-browser", "google-chrome"), args=FLAGS)
        view = browser.new_page(viewport={"width": width, "height": height})
        view.set_content(page)
        picture = view.screenshot(type="jpeg", quality=72)
        browser.close()
    return bytes(picture)


def keep(name: str, picture: bytes, text: str) -> None:
    """Keep a picture and its text, where that is asked for; else the text must be the one that is kept."""
    if os.environ.get("PERFEVAL_GOLDEN") == "write":
        PICTURES.mkdir(exist_ok=True)
        (PICTURES / f"{name}.jpg").write_bytes(picture)
        (PICTURES / f"{name}.txt").write_text(text, encoding="utf-8")
    assert (PICTURES / f"{name}.txt").read_text("utf-8") == text
    assert (PICTURES / f"{name}.jpg").stat().st_size < 120_000
