"""The report as LibreOffice sets it: nothing of the text is lost on its way to the page."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from perfeval.report import Report, paged

SENTENCE = "重点项目、调度会议，问题交办；销号台账。资金支出、预算执行，绩效评价："


@pytest.mark.libreoffice
def test_pages_punctuation_at_line_ends_kept(draft: Callable[..., Report], need: Callable[..., str], tmp_path: Path) -> None:
    soffice, pdftotext = need("soffice", "libreoffice"), need("pdftotext")
    (tmp_path / "report.docx").write_bytes(draft("\n\n".join("甲" * n + SENTENCE * 4 for n in range(1, 29)) + "\n").document)
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    convert = [soffice, "--headless", profile, "--convert-to", "pdf", "--outdir", str(tmp_path), str(tmp_path / "report.docx")]
    subprocess.run(convert, check=True, capture_output=True, timeout=120)
    printed = subprocess.run([pdftotext, "-raw", str(tmp_path / "report.pdf"), "-"], check=True, capture_output=True, text=True).stdout
    text = re.sub(r"—\d+—", "", re.sub(r"\s", "", printed))
    assert text.count(SENTENCE) == 112


@pytest.mark.skipif(not shutil.which("timeout"), reason="no program `timeout` here (coreutils)")
def test_program_that_hangs_is_ended_with_what_it_has_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = tmp_path / "soffice"
    hanging.write_text(f"#!/bin/sh\nsleep 600 & echo $! > '{tmp_path}/child'\nsleep 600\n", encoding="utf-8")
    hanging.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(paged, "_SECONDS", 1)
    with pytest.raises(subprocess.SubprocessError):
        paged.draw_pages(b"", tmp_path / "pages" / "x")
    child, deadline = (tmp_path / "child").read_text().strip(), time.monotonic() + 30
    while Path(f"/proc/{child}/exe").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert list((tmp_path / "pages").iterdir()) == []


def test_pages_that_a_killed_process_left_half_drawn_are_swept_with_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "soffice").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    (tmp_path / "soffice").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    for name in (".perfeval-left/drawn", ".perfeval-begun/drawn"):
        (tmp_path / "pages" / name).mkdir(parents=True)
    os.utime(tmp_path / "pages" / ".perfeval-left", (0, 0))
    with pytest.raises(subprocess.SubprocessError):
        paged.draw_pages(b"", tmp_path / "pages" / "x")
    assert [path.name for path in (tmp_path / "pages").iterdir()] == [".perfeval-begun"]


def test_program_is_told_nothing_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "soffice").write_text(f"#!/bin/sh\nenv > '{tmp_path}/told'\nexit 1\n", encoding="utf-8")
    (tmp_path / "soffice").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("PERFEVAL_KEY", "PERFEVAL_NOTICE_URLS", "PREFECT_SERVER_DATABASE_CONNECTION_URL", "AWS_SECRET_ACCESS_KEY", "PGPASSWORD"):
        monkeypatch.setenv(name, "geheim")
    with pytest.raises(subprocess.SubprocessError):
        paged.draw_pages(b"", tmp_path / "pages" / "x")
    told = (tmp_path / "told").read_text()
    assert (f"HOME={tmp_path}\n" in told, "geheim" in told) == (True, False)
