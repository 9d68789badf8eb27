"""The pictures of README.md: the review page, and the same on a phone; what they show is what the pages say today.

A picture differs from machine to machine by its fonts, so its text is what is compared. To take them anew, with the texts beside them:
PERFEVAL_GOLDEN=write pytest tests/integration/web/test_pictures.py
"""

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

PICTURES = Path(__file__).parents[2] / "golden" / "pictures"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
# Other each time: when, and what is computed from when.
PASSING = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}|[0-9a-f]{64}|[0-9A-F]{8}(?![0-9A-Za-z])")
SHOWN = 500  # characters that are in the picture
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
    if os.environ.get("PERFEVAL_GOLDEN") == "write":
        PICTURES.mkdir(exist_ok=True)
        (PICTURES / f"{name}.jpg").write_bytes(picture)
        (PICTURES / f"{name}.txt").write_text(text, encoding="utf-8")
    assert (PICTURES / f"{name}.txt").read_text("utf-8") == text
    assert (PICTURES / f"{name}.jpg").stat().st_size < 120_000
    assert overflow <= 0
