"""A draft's pages as pictures: drawn beside the request, kept by digest, shown to who is logged in; without them there is the text."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perfeval.web import Pictures, pictures

CENTER = "样例甲"


@pytest.fixture
def drawn(house: Any, need: Callable[..., str]) -> str:
    """The pages of the draft, once they are drawn."""
    need("soffice", "libreoffice"), need("pdftoppm")
    house.pictures = Pictures(house.office)
    house.__post_init__()
    begun = time.monotonic()
    page = house.client(CENTER).get(house.page).text
    assert "正在生成" in page
    assert 'class="report"' in page
    while "正在生成" in page and time.monotonic() < begun + 200:
        time.sleep(1)
        page = house.client(CENTER).get(house.page).text
    return page


@pytest.mark.libreoffice
def test_pages_are_shown_as_pictures_beside_the_text(house: Any, drawn: str) -> None:
    found = re.findall(r'<img src="([^"]+)" width="(\d+)" height="(\d+)" loading="lazy" alt="(报告第\d+页，共\d+页)', drawn)
    assert len(found) > 10
    assert found[0][3] == f"报告第1页，共{len(found)}页"
    client = house.client(CENTER)
    for path, width, height, _ in found:
        picture = client.get(path)
        assert picture.headers["content-type"] == "image/png"
        assert int.from_bytes(picture.content[16:20], "big") == int(width)
        assert int.from_bytes(picture.content[20:24], "big") == int(height)
    assert 'class="report"' in drawn
    assert client.get(f"{house.page}/pages/{len(found) + 1}.png").status_code == 404
    assert client.get("/review/2022-zdxm-1/2/pages/1.png").status_code == 404


@pytest.mark.parametrize("programs", [[], ["pdftoppm"], ["soffice", "pdftoppm"]])
def test_machine_without_the_programs_or_with_broken_ones_shows_the_text(
    house: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, programs: list[str]
) -> None:
    for name in programs:
        (tmp_path / name).write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    house.pictures = Pictures(house.office)
    house.__post_init__()
    for _ in range(50):
        if "正在生成" not in (page := house.client(CENTER).get(house.page).text):
            break
        time.sleep(0.2)
    assert ("正在生成" in page, "印出来的样子" in page, 'class="report"' in page) == (False, False, True)


def test_pictures_that_were_cleared_away_are_drawn_again(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Path] = []
    monkeypatch.setattr(pictures, "can_draw_pages", lambda: True)
    monkeypatch.setattr(pictures, "draw_pages", lambda _, folder: drawn.append(folder))
    monkeypatch.setattr(pictures, "drawn_pages", lambda folder: drawn[-1:] if folder in drawn else [])
    monkeypatch.setattr(pictures, "_size", lambda _: (1, 1))
    with house.office.store.reading() as record:
        (progress,) = record.all_progress()
    shown = Pictures(house.office)
    for _ in range(2):
        assert shown.of(progress.draft.digest) == []
        while not (found := shown.of(progress.draft.digest)):
            time.sleep(0.01)
        assert len(found) == 1
        drawn.clear()
