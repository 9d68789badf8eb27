"""A ledger that refers to another is read with the other's writing of each code."""

from collections.abc import Callable
from pathlib import Path

import pytest

from perfeval.ledgers import Reading
from schemas import Catalogue
from schemas.columns import Refers, Unique, code, text
from schemas.declared import declare

Read = Callable[[Catalogue], Reading]
Works = Callable[..., Reading]

ROUTES = declare("routes", "路线台账", {"route_no": code("路线编码", "路线的编码。", Unique()), "name": text("名称", "名称。")})
WORKS = declare(
    "works",
    "工程台账",
    {"route_no": code("路线编码", "所在的路线。", Refers("routes.route_no"), required=False), "name": text("名称", "名称。")},
)
BOTH = Catalogue({"routes": ROUTES, "works": WORKS})


@pytest.fixture
def read_works(folder: Path, read: Read) -> Works:
    """Read both ledgers, the works of these routes."""

    def reading(*works: str, routes: tuple[str, ...] = ("G-1", "G-2")) -> Reading:
        for title, rows in (("路线台账", routes), ("工程台账", works)):
            lines = ["路线编码,名称", *(f"{row},甲" for row in rows), ""]
            (folder / f"{title}.csv").write_text("\n".join(lines), encoding="utf-8")
        return read(BOTH)

    return reading


def test_code_in_another_writing_is_counted_as_the_registers_and_told_once(read_works: Works) -> None:
    reading = read_works("G-1", "g-1", "g-1", "", "G 2", "G–2", "G-9")
    assert reading.ledgers["works"].frame["route_no"].to_list() == ["G-1", "G-1", "G-1", None, "G 2", "G-2", "G-9"]
    assert [(item.code, item.severity, item.cell, item.value) for item in reading.findings if item.code == "V19"] == [
        ("V19", "warning", "A3", "g-1"),
        ("V19", "warning", "A7", "G–2"),
    ]
    told = next(item for item in reading.findings if item.cell == "A3")
    assert told.message == "路线编码“g-1”与“G-1”只差第1个字：这里是“g”，那里是“G”，按路线台账的写法计入。请改成一样的写法。"


def test_parts_kept_of_a_ledger_have_its_writings_too(read_works: Works) -> None:
    assert read_works("g-1").ledgers["works"].parts == read_works("G-1").ledgers["works"].parts


def test_code_that_the_register_has_in_two_writings_is_left_as_it_is(read_works: Works) -> None:
    assert read_works("g - 1", routes=("G-1", "g-1")).ledgers["works"].frame["route_no"].to_list() == ["g - 1"]
