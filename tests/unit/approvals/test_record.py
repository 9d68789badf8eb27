"""A chain is whole, or the entry that was touched is named; lines have one spelling."""

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import get_args

import pytest

from perfeval.approvals.canonical import dump_line, load_line
from perfeval.approvals.events import (
    PROGRAM,
    Acted,
    AnsweredWrongly,
    Archived,
    Asked,
    Attempted,
    ConfigurationChanged,
    Confirmed,
    Corrected,
    Decided,
    Drafted,
    Enrolled,
    Event,
    Frozen,
    GateRule,
    Informed,
    Invited,
    Locked,
    LoggedOut,
    Migrated,
    Opened,
    Reasoned,
    RecordedFile,
    Reminded,
    Returned,
    Revoked,
    Seen,
    Substituted,
    Unlocked,
)
from perfeval.approvals.keys import derive_key
from perfeval.approvals.person import ProofKind
from perfeval.approvals.proof import Proof
from perfeval.approvals.record import Entry, append, check, digests, head, read_line

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
MOMENT = datetime(2023, 4, 3, 8, 30, tzinfo=UTC)
CHAIN = "2022-x-1"
EVENTS: tuple[Event, ...] = (
    Opened(unit="样例单位", year=2022, programme="样例项目", programme_key="x", prepared_by="p1", people="a" * 64),
    Frozen(revision=1, ledgers=(RecordedFile("ledgers/2022/资金支出.xlsx", "b" * 64),)),
    Asked(revision=1, gate="center", asked=("p2",)),
    Reminded(revision=1, gate="center", reminded=("p2",)),
    Returned(revision=1, gate="center"),
    Corrected(revision=1, note="金额已更正\n第二行"),
)

FILES = (RecordedFile("perfeval.yml", "b" * 64),)
GATES = (GateRule("center", "中心审批", "签发", 2, (ProofKind.CODE, ProofKind.EXTERNAL)),)
EVERY_KIND: tuple[Event, ...] = (
    *EVENTS,
    Frozen(revision=1, ledgers=FILES),
    Drafted(revision=1, digest="c" * 64, content_digest="d" * 64, configuration=FILES, gates=GATES),
    Asked(revision=1, gate="center", asked=("p2",), due_on=date(2023, 4, 10)),
    AnsweredWrongly(revision=1, gate="center", name="甲", code="A05", problem="动态码不正确"),
    Decided(revision=1, gate="center", statement="{}", proof=Proof(ProofKind.CODE, {"step": "1"}), people="a" * 64, absent="p3"),
    Archived(revision=1, archive_no="0000-WS·2022-D30-XMXT-0001", bag="x", manifest="e" * 64),
    Invited(person="p2", name="甲", roles=("center",), link="f" * 64, expires_at=MOMENT),
    Enrolled(person="p2", enrolment="{}", proof=None),
    Confirmed(person="p2", fingerprint="0" * 24, is_on_paper=True),
    Revoked(person="p2", reason="调离"),
    Substituted(person="p4", absent="p2", gate="center", from_on=date(2023, 4, 1), to_on=date(2023, 4, 5)),
    ConfigurationChanged(files=FILES, gates=GATES),
    Locked(address="10.0.0.1", wrong=5, until_at=MOMENT),
    Unlocked(person="p2"),
    Attempted(person="p2", address="10.0.0.1", is_right=True, fingerprint="0" * 24, step=1),
    LoggedOut(session="e" * 64),
    Informed(revision=1, gate="center", informed=("p1",), about="returned", failed=("第1个地址（全部，json）",)),
    Acted(action="retry", target="run"),
    Seen(revision=1, content_digest="d" * 64),
    Reasoned(revision=1, key="X05 资金支出台账!C17", file=FILES[0]),
    Migrated(schema_version="0002", content="{}"),
)


def chain_of(*events: Event, key: bytes = KEY, chain: str = CHAIN) -> list[Entry]:
    entries: list[Entry] = []
    for minute, event in enumerate(events):
        entries.append(append(chain, entries[-1] if entries else None, event, "p1", MOMENT + timedelta(minutes=minute), key))
    return entries


ENTRIES = chain_of(*EVENTS)


def rehashed(entry: Entry, line: str) -> Entry:
    return Entry(entry.number, line, *digests(line), entry.mac)


def faults(entries: list[Entry], key: bytes | None = KEY, witness: str = "") -> list[tuple[int, str]]:
    return [(fault.number, fault.message) for fault in check(CHAIN, entries, key, witness)]


def numbers(entries: list[Entry], key: bytes | None = KEY) -> list[int]:
    return [fault.number for fault in check(CHAIN, entries, key)]


def test_chain_as_written_has_no_faults() -> None:
    assert faults(ENTRIES) == []
    assert faults(ENTRIES, key=None, witness=head(ENTRIES)) == []
    assert faults([]) == []


def test_line_is_written_in_one_way() -> None:
    assert ENTRIES[4].line == (
        '{"at":"2023-04-03T08:34:00.000000Z","chain":"2022-x-1","number":5,'
        f'"previous":"{ENTRIES[3].sha256}","previous_sm3":"{ENTRIES[3].sm3}",'
        '"what":{"gate":"center","kind":"returned","revision":1},"who":"p1"}'
    )


def test_line_is_read_as_it_was_told() -> None:
    line = read_line(ENTRIES[1].line)
    assert (line.number, line.at, line.who, line.what) == (2, MOMENT + timedelta(minutes=1), "p1", EVENTS[1])


@pytest.mark.parametrize("event", EVERY_KIND, ids=lambda event: event.kind)
def test_event_of_every_kind_is_read_back_as_it_was_told(event: Event) -> None:
    assert read_line(append(CHAIN, None, event, PROGRAM, MOMENT, KEY).line).what == event


def test_every_kind_of_event_is_tried() -> None:
    assert {type(event) for event in EVERY_KIND} == set(get_args(Event))


def test_time_of_another_zone_is_written_in_utc() -> None:
    at = datetime(2023, 4, 3, 16, 30, tzinfo=timezone(timedelta(hours=8)))
    assert '"at":"2023-04-03T08:30:00.000000Z"' in append(CHAIN, None, EVENTS[0], "p1", at, KEY).line


def test_head_kept_earlier_is_still_in_the_chain() -> None:
    assert faults(ENTRIES, witness=ENTRIES[2].sha256[:24].upper()) == []


def test_entry_edited_is_named() -> None:
    line = ENTRIES[5].line.replace("已更正", "未更正")
    assert faults([*ENTRIES[:5], replace(ENTRIES[5], line=line)]) == [(6, "第6条被改动：内容与登记的摘要不符")]


def test_entry_edited_with_digests_remade_is_named_by_its_mac() -> None:
    line = ENTRIES[1].line.replace("资金支出", "预算指标")
    assert faults([ENTRIES[0], rehashed(ENTRIES[1], line), *ENTRIES[2:]]) == [(2, "第2条校验码不符：不是本程序写的，或被改动")]


def test_entry_edited_with_digests_remade_breaks_the_chain_without_a_key() -> None:
    line = ENTRIES[1].line.replace("资金支出", "预算指标")
    edited = [ENTRIES[0], rehashed(ENTRIES[1], line), *ENTRIES[2:]]
    assert faults(edited, key=None) == [(3, "第3条与第2条不衔接：两条之一被改动")]


def test_entries_deleted_are_named() -> None:
    assert faults([*ENTRIES[:2], *ENTRIES[4:]]) == [(3, "缺少第3条：已被删去"), (4, "缺少第4条：已被删去")]
    assert faults(ENTRIES[1:]) == [(1, "缺少第1条：已被删去")]


def test_entry_inserted_is_named() -> None:
    inserted = append(CHAIN, ENTRIES[2], Returned(revision=1, gate="center"), "p9", MOMENT, OTHER_KEY)
    assert faults([*ENTRIES[:3], inserted, *ENTRIES[3:]]) == [
        (4, "第4条有2条：多出的是插入的；校验码不符：不是本程序写的，或被改动"),
        (4, "第4条有2条：多出的是插入的"),
    ]


def test_entry_without_a_mac_is_named() -> None:
    assert faults([*ENTRIES[:5], replace(ENTRIES[5], mac="")]) == [(6, "第6条没有校验码：不是本程序写的")]


def test_entries_reordered_are_named() -> None:
    swapped = [*ENTRIES[:2], ENTRIES[3], ENTRIES[2], *ENTRIES[4:]]
    assert faults(swapped) == [(3, "第3条次序颠倒")]
    renumbered = [*ENTRIES[:2], replace(ENTRIES[3], number=3), replace(ENTRIES[2], number=4), *ENTRIES[4:]]
    assert numbers(renumbered) == [3, 4]


def test_chain_truncated_is_told_by_the_head_that_somebody_kept() -> None:
    assert faults(ENTRIES[:4]) == []
    assert faults(ENTRIES[:4], witness=head(ENTRIES)) == [
        (4, f"记录止于第4条，其中没有凭证上的链头 {head(ENTRIES)[:12]}…：末尾被截去，或整份被改写")
    ]


def test_chain_rewritten_as_a_whole_is_told_by_key_and_by_head() -> None:
    rewritten = chain_of(EVENTS[0], EVENTS[1], EVENTS[4], EVENTS[5], key=OTHER_KEY)
    assert faults(rewritten, key=None) == []
    assert numbers(rewritten) == [1, 2, 3, 4]
    assert [number for number, _ in faults(rewritten, key=None, witness=head(ENTRIES[:4]))] == [4]


def test_entry_deleted_and_the_rest_renumbered_is_named() -> None:
    renumbered = [*ENTRIES[:2], *(replace(entry, number=entry.number - 1) for entry in ENTRIES[3:])]
    assert faults(renumbered) == [
        (3, "缺少第3条：已被删去"),
        (4, "第4条序号被改为3"),
        (5, "第5条序号被改为4"),
        (6, "第6条序号被改为5"),
    ]


def test_head_too_short_to_be_compared_is_told() -> None:
    assert faults(ENTRIES, witness="abcdef") == [(0, "链头至少要24位，才能对照")]


def test_entry_of_another_chain_is_named() -> None:
    stranger = append("2022-y-1", ENTRIES[4], EVENTS[5], "p1", MOMENT, KEY)
    assert faults([*ENTRIES[:5], stranger]) == [(6, "第6条属于另一份记录（2022-y-1）")]


def test_entry_whose_digests_alone_were_edited_is_named() -> None:
    assert numbers([*ENTRIES[:2], replace(ENTRIES[2], sm3="0" * 64), *ENTRIES[3:]]) == [3]


def test_first_entry_that_follows_nothing_known_is_named() -> None:
    first = append(CHAIN, None, EVENTS[0], "p1", MOMENT, KEY)
    line = first.line.replace("0" * 64, "1" * 64)
    assert faults([rehashed(first, line)], key=None) == [(1, "第1条不是记录的开头")]


def test_any_byte_edited_names_its_entry() -> None:
    rng = random.Random(8)  # noqa: S311  # repeatable damage
    named = []
    for _ in range(2000):
        victim = rng.randrange(len(ENTRIES))
        content = bytearray(ENTRIES[victim].line.encode())
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        damaged = replace(ENTRIES[victim], line=content.decode(errors="replace"))
        named.append(numbers([*ENTRIES[:victim], damaged, *ENTRIES[victim + 1 :]]) == [victim + 1])
    assert named == [True] * 2000


@pytest.mark.parametrize(
    "line",
    [
        '{"a": 1}',
        '{"b":1,"a":1}',
        '{"a":1,"a":1}',
        '{"a":1.5}',
        '{"a":1e3}',
        '{"a":NaN}',
        '{"a":-0}',
        '{"a":90071992547409921}',
        '{"a":' + "9" * 5000 + "}",
        '{"a":"\\u4e2d"}',
        '{"a":"\\ud800"}',
        '{"a":"\ud800"}',
        "[1]",
        "",
        "[" * 100_000,
        '{"a":1}\n',
        '\ufeff{"a":1}',
    ],
)
def test_line_spelled_otherwise_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="不是规范的JSON行"):
        load_line(line)


@pytest.mark.parametrize("document", [{"a": 1.5}, {"a": [0.0]}, {1: "a"}, {"a": "\ud800"}, {"a": 2**53}, {"a": object()}])
def test_document_that_cannot_be_written_exactly_is_refused(document: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        dump_line(document)


def test_document_is_read_back_as_it_was_written() -> None:
    document = {"键": ['𠮷\u2028\x00"\\', -1, None, True, {"b": "", "a": {}}], "a": "１．５"}
    assert load_line(dump_line(document)) == document


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"kind":"returned"', '"kind":"resumed"'),
        ('"gate":"center"', '"gait":"center"'),
        ('"revision":1', '"revision":"1"'),
        (":00.000000Z", ":00Z"),
    ],
)
def test_line_of_another_shape_is_refused(old: str, new: str) -> None:
    with pytest.raises(ValueError, match="栏目缺少、多余或内容不对"):
        read_line(ENTRIES[4].line.replace(old, new))


def test_event_with_half_a_character_is_not_written() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        append(CHAIN, None, Corrected(revision=1, note="\ud800"), "p1", MOMENT, KEY)


def test_keys_of_two_purposes_and_two_secrets_differ() -> None:
    keys = [
        derive_key("a secret of the office", "record"),
        derive_key("a secret of the office", "session"),
        derive_key("another", "record"),
    ]
    assert len(set(keys)) == 3
    assert keys[0].hex() == "2f3f84c8afde463a4b28198a6c38bed3f00f1001861bef81bc1ade61e52e8c7b"
