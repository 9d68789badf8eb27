"""The content digest depends on the parts of a Word file and on nothing else."""

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfeval.model.digests import check_code, content_digest, holds_more


def word_file(parts: list[tuple[str, bytes]], compression: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.comment = comment
        for name, content in parts:
            archive.writestr(zipfile.ZipInfo(name, (2023, 4, 3, 0, 0, 0)), content, compression)
    return buffer.getvalue()


def test_content_digest_of_two_parts_is_what_sha256sum_prints() -> None:
    # From find, sort and sha256sum over the unpacked parts, as 归档说明.txt tells an auditor to do it.
    document = word_file([("word/document.xml", b"<w/>"), ("[Content_Types].xml", b"<Types/>")])
    assert content_digest(document) == "e1fed36a34e4679a47c005c7a549d87f28505948b3b145f67124b33d16e98b26"


def test_content_digest_packed_in_another_way_is_the_same() -> None:
    deflated = word_file([("a.xml", b"1"), ("b.xml", b"2")])
    stored = word_file([("b.xml", b"2"), ("empty/", b""), ("a.xml", b"1")], zipfile.ZIP_STORED, b"packed by another program")
    assert content_digest(deflated) == content_digest(stored)


@pytest.mark.parametrize(
    "parts",
    [[("a.xml", b"2"), ("b.xml", b"2")], [("c.xml", b"1"), ("b.xml", b"2")], [("a.xml", b"1")], [("a.xml", b"1b.xml"), ("b.xml", b"2")]],
    ids=["content", "name", "part missing", "content moved"],
)
def test_content_digest_of_other_parts_differs(parts: list[tuple[str, bytes]]) -> None:
    assert content_digest(word_file(parts)) != content_digest(word_file([("a.xml", b"1"), ("b.xml", b"2")]))


def test_content_digest_of_parts_differing_in_case_only_is_refused() -> None:
    with pytest.raises(ValueError, match="部件重名"):
        content_digest(word_file([("word/document.xml", b"1"), ("word/Document.xml", b"2")]))


def test_content_digest_of_a_zip_bomb_is_refused() -> None:
    document = bytearray(word_file([("a.xml", b"1")]))
    sizes = document.rindex(b"PK\x01\x02") + 24
    document[sizes : sizes + 4] = (1 << 30 | 1).to_bytes(4, "little")
    with pytest.raises(ValueError, match="过大"):
        content_digest(bytes(document))


def test_content_digest_of_an_encrypted_part_is_refused() -> None:
    document = bytearray(word_file([("a.xml", b"1")]))
    document[document.rindex(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(ValueError, match="加密"):
        content_digest(bytes(document))


@given(st.integers(0, 1 << 16), st.integers(1, 255))
def test_content_digest_of_a_damaged_file_is_a_digest_or_a_value_error(position: int, flip: int) -> None:
    document = bytearray(word_file([("word/document.xml", b"<w>" * 9), ("b.xml", b"2")]))
    document[position % len(document)] ^= flip
    try:
        assert len(content_digest(bytes(document))) == 64
    except ValueError as error:
        assert "Word文件" in str(error)  # noqa: PT017  # either outcome is right


def test_check_code_is_the_digests_beginning_in_capitals() -> None:
    assert check_code("0846dd2cec2b") == "0846DD2C"


PLAIN = word_file([("a.xml", b"1"), ("文/b.xml", b"2")])


def test_zip_of_its_parts_alone_holds_no_more() -> None:
    assert not holds_more(PLAIN)
    assert not holds_more(word_file([("a.xml", b"1" * 5000)], zipfile.ZIP_STORED))


def test_zip_with_a_comment_or_bytes_around_it_holds_more() -> None:
    assert [holds_more(document) for document in (b"x" + PLAIN, PLAIN + b"x", word_file([("a.xml", b"1")], comment=b"x"))] == [True] * 3


def test_zip_with_spare_fields_or_a_gap_holds_more() -> None:
    spare = zipfile.ZipInfo("a.xml")
    spare.extra = b"\xca\xfe\x04\x00abcd"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(spare, b"1")
    directory = PLAIN.index(b"PK\x01\x02")
    end = bytearray(PLAIN[directory:])
    place = end.index(b"PK\x05\x06") + 16
    end[place : place + 4] = (directory + 5).to_bytes(4, "little")
    assert [holds_more(document) for document in (buffer.getvalue(), PLAIN[:directory] + b"12345" + end)] == [True, True]


def test_bytes_that_are_no_zip_are_told() -> None:
    with pytest.raises(ValueError, match="Word文件已损坏"):
        holds_more(b"no zip")
