"""Archive numbers, and names that every system can hold."""

import pytest

from perfeval.archive import archive_number
from perfeval.archive.package import path_problem, path_problems
from perfeval.settings import Archive


def test_archive_number_has_the_form_of_the_standard() -> None:
    archive = Archive(fonds="0000", fonds_name="样例单位", category="WS", term="D30", office_code="XMXT")
    assert archive_number(archive, 2022, 1) == "0000-WS·2022-D30-XMXT-0001"


@pytest.mark.parametrize(
    "path", ["data/资金支出台账.xlsx", "data/进度 100%.csv", "data/台账（终稿）v2.1.xlsx", "data/联系人〇.csv", "data/控制CON.csv"]
)
def test_path_problem_of_a_clerks_name_is_none(path: str) -> None:
    assert path_problem(path) is None


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("../资金.xlsx", "越出归档包"),
        ("data//资金.xlsx", "越出归档包"),
        ("/etc/passwd", "越出归档包"),
        ("data/./a.csv", "越出归档包"),
        ("", "越出归档包"),
        ("data/a\\b.csv", "不可见字符"),
        ("data/C:a.csv", "不可见字符"),
        ("data/a\nb.csv", "不可见字符"),
        ("data/a\u202egnp.xlsx", "不可见字符"),
        ("data/a\udc80.csv", "不可见字符"),
        ("data/a%0D.csv", "%0A"),
        ("data/a%25.csv", "%25"),
        ("data/资金.", "句点结尾"),
        ("data/ 资金.csv", "空格开头"),
        ("data/nul", "保留名"),
        ("data/Com1.xlsx", "保留名"),
        ("data/" + "账" * 86, "255字节"),
    ],
)
def test_path_problem_of_an_unsafe_name_says_why(path: str, problem: str) -> None:
    assert problem in (path_problem(path) or "")


@pytest.mark.parametrize(
    ("paths", "problem"),
    [
        (["data/a.csv", "data/A.csv"], "data/A.csv：与 data/a.csv 重名（不区分大小写）"),
        (["data/e\u0301.csv", "data/\u00e9.csv"], "data/\u00e9.csv：与 data/e\u0301.csv 重名（不区分大小写）"),
        (["data/report", "data/Report/a.csv"], "data/report：与文件夹重名"),
    ],
    ids=["case", "accent", "folder"],
)
def test_path_problems_of_two_names_for_one_file_names_both(paths: list[str], problem: str) -> None:
    assert path_problems(paths) == [problem]
