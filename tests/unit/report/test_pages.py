"""The report as LibreOffice sets it: nothing of the text is lost on its way to the page."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from perfeval.report import Report

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
