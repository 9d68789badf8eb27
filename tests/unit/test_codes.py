import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from perfeval.codes import ERRORS, Code
from perfeval.register import FINDINGS, print_into

ROOT = Path(__file__).parents[2]
SOURCES = [path for room in ("flows", "perfeval", "schemas") for path in sorted((ROOT / room).rglob("*.py")) if path.name != "codes.py"]
TERMS = {"D10", "D30"}
"""Terms of retention (保管期限), which look like codes."""
ROOMS = {"schemas": "checks", "catalogue.py": "checks", "spreadsheets": "ledgers"}
"""Who makes the findings whose codes stand elsewhere: constraints are checked in checks, refused files are told by ledgers."""
RENEW = (
    'python -c "from pathlib import Path; from perfeval.register import print_into; '
    "manual = Path('README.zh-CN.md'); manual.write_text(print_into(manual.read_text(encoding='utf-8')), encoding='utf-8')\""
)


def uses(node: ast.AST, maker: str = "") -> Iterator[tuple[str, str]]:
    """Every code below a node, and what is made with it: the nearest call, or for `super().__init__` and defaults the class."""
    match node:
        case ast.Constant(value=str(text)) if re.fullmatch("[A-Z][0-9]{2}", text) and text not in TERMS:
            yield text, maker
        case ast.Attribute(value=ast.Name(id="Code"), attr=name):
            yield Code[name].value, maker
        case ast.ClassDef(name=name) | ast.Call(func=ast.Name(id=name)):
            maker = name
        case ast.Call(func=ast.Attribute(attr=name)) if name != "__init__":
            maker = name
    for child in ast.iter_child_nodes(node):
        yield from uses(child, maker)


def room(path: Path) -> str:
    parts = path.relative_to(ROOT).parts
    name = parts[1] if parts[0] == "perfeval" else parts[0]
    return ROOMS.get(name, name)


USES = [(code, maker, path) for path in SOURCES for code, maker in uses(ast.parse(path.read_text(encoding="utf-8")))]
# A RefusedFileError becomes a finding.
RAISED = [use for use in USES if use[1].endswith("Error") and use[1] != "RefusedFileError"]
SEVERAL = {
    "A04": "whoever decides, and whoever is given a statement to sign",
    "A05": "a code for one decision, and one for several",
    "A07": "the check code typed, and the draft that a page was of",
    "A52": "Prefect's form, and the forms of our pages",
    "S09": "a draft to be handed out, and one to be shown",
    "P24": "a run that nobody takes, and one that could not even be begun",
    "A53": "whoever hands in, and whoever writes reasons",
    "A43": "a name, or a name that may be an address",
    "S10": "a chain, or the table of what stood before it",
    "A13": "somebody who has no codes any more, and the record's duties",
    "A17": "whoever decides, and whoever prepares",
    "A50": "whatever is wrong with a form as it is filled in",
    "A26": "a name without a letter, and one with strange ones",
    "F01": "what YAML's parser refuses, and what its constructors do",
    "F02": "a file of the workspace, and the profiles that lie by the indicators",
    "F05": "an address that is none, and one of a file that depends on the folder",
    "K01": "approvals as the store has them, and as the archive's door finds them",
    "S06": "a database that does not answer, and one that cannot keep what is told",
    "S15": "a database without anything, and one without this unit",
    "U23": "no record to move, and no files",
    "S08": "a document of the store, and a line of its record",
    "P06": "whoever waits for a server that is kept, and whoever moves an office that is in use",
    "L00": "findings of the ledgers, and of scoring",
}
"""Codes of errors raised at several places, and why they mean one thing all the same."""
NOT_RAISED = {"P04", "P08", "P14", "S06", "S13", "S05", "S09", "A29"}
"""Codes where none is raised: kept of a run that ended, and asked for: for an answer 404, a signature, another run."""


def gathered(pairs: list[tuple[str, str]]) -> dict[str, set[str]]:
    found = defaultdict(set)
    for code, by in pairs:
        found[code].add(by)
    return found


def test_codes_in_the_sources_are_those_in_the_register() -> None:
    assert {code for code, _, _ in USES} == FINDINGS.keys() | ERRORS.keys()


def test_codes_of_errors_are_those_that_errors_are_raised_with() -> None:
    assert {code for code, _, _ in RAISED} == ERRORS.keys()


def test_codes_of_findings_are_those_of_everything_else() -> None:
    assert {use[0] for use in USES if use not in RAISED} - NOT_RAISED == FINDINGS.keys()


def test_code_is_not_of_a_finding_and_of_an_error() -> None:
    assert FINDINGS.keys() & ERRORS.keys() == set()


def test_code_of_an_error_is_of_one_class() -> None:
    classes = gathered([(code, maker) for code, maker, _ in RAISED])
    assert {code: found for code, found in classes.items() if len(found) > 1} == {}


def test_code_of_an_error_is_raised_at_one_place_unless_it_is_said_why() -> None:
    assert {code for code, count in Counter(code for code, _, _ in RAISED).items() if count > 1} == SEVERAL.keys()


def test_code_of_a_finding_is_made_in_one_room() -> None:
    made = gathered([(code, room(path)) for code, _, path in USES if code in FINDINGS])
    assert {code: rooms for code, rooms in made.items() if len(rooms) > 1} == {}


def test_meaning_has_one_code() -> None:
    meanings = [*FINDINGS.values(), *ERRORS.values()]
    assert sorted(set(meanings)) == sorted(meanings)


def test_named_code_is_its_text() -> None:
    assert (Code.WRONG_TYPE, Code("L01"), FINDINGS["L01"]) == ("L01", Code.WRONG_TYPE, "不是 .xlsx 或 .csv 文件，或内容与扩展名不符")


def test_table_of_the_manual_is_the_register() -> None:
    manual = (ROOT / "README.zh-CN.md").read_text(encoding="utf-8")
    assert manual == print_into(manual), f"to renew it: {RENEW}"
