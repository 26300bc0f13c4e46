import gc
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records.lines import bounded_lines, is_decoded, is_longer, open_text

ENCODINGS = "utf-8 ascii latin-1 cp1250 koi8-r shift_jis euc_jp gb18030 gbk big5 euc_kr cp949".split()
BYTES_OF_A_UNIT = dict.fromkeys(ENCODINGS, 1) | {"utf-16-le": 2, "utf-16-be": 2, "utf-32-le": 4, "utf-32-be": 4}


def lines_of(content: bytes, encoding: str = "utf-8", limit: int = 1000) -> list[str | None]:
    return list(bounded_lines(open_text(io.BytesIO(content), "rows.txt", encoding), limit))


def without_line_ends(content: bytes, encoding: str) -> bytes:
    size = BYTES_OF_A_UNIT[encoding]
    units = [content[start : start + size] for start in range(0, len(content) // size * size, size)]
    return b"".join(unit for unit in units if unit not in ("\n".encode(encoding), "\r".encode(encoding)))


@given(st.sampled_from(list(BYTES_OF_A_UNIT)), st.binary(max_size=24))
@example("shift_jis", b"\x81")
@example("gb18030", b"\x81\x30\x81")
@example("utf-16-le", "\ud83d".encode("utf-16-le", "surrogatepass"))
@example("utf-8", "😀".encode()[:3])
def test_undecodable_bytes_take_no_other_line_along(encoding, body):
    body = without_line_ends(body, encoding)
    first, middle, last = lines_of(b"".join(["one\n".encode(encoding), body, "\nthree\n".encode(encoding)]), encoding)
    assert (first, last) == ("one\n", "three\n")
    try:
        assert middle == body.decode(encoding) + "\n"
    except UnicodeDecodeError:
        assert not is_decoded(middle)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("one\n".encode("utf-16") + b"x", "utf-16"),
        ("one\n😀".encode("utf-16-le")[:-1], "utf-16-le"),
        ("one\n😀".encode("utf-16-le")[:-2], "utf-16-le"),
        ("one\nż".encode("utf-32")[:-1], "utf-32"),
        ("one\nż".encode()[:-1], "utf-8"),
        ("one\n中".encode("gb18030")[:-1], "gb18030"),
        ("one\n中".encode("shift_jis")[:-1], "shift_jis"),
    ],
)
def test_character_cut_at_the_end_of_the_file_spoils_the_last_line(content, encoding):
    first, last = lines_of(content, encoding)
    assert first == "one\n"
    assert not is_decoded(last)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-8"])
def test_byte_order_mark_is_no_part_of_the_first_line(encoding):
    mark = "\ufeff" if encoding in ("utf-16-le", "utf-8") else ""
    assert lines_of(f"{mark}one\n\ufefftwo\n".encode(encoding), encoding) == ["one\n", "\ufefftwo\n"]


@pytest.mark.parametrize("written", ["utf-16", "utf-16-be", "utf-32", "utf-32-be"])
@pytest.mark.parametrize("configured", ["utf-8", "utf-8-sig", "ascii"])
def test_byte_order_mark_of_another_encoding_says_which(written, configured):
    content = ("" if written in ("utf-16", "utf-32") else "\ufeff") + "text\n"
    with pytest.raises(DataError) as error:
        open_text(io.BytesIO(content.encode(written)), "rows.txt", configured)
    name = written[:6]
    assert str(error.value) == (
        f"rows.txt: is not {configured}: it begins with the byte order mark of {name.upper()}. Set the source's "
        f"encoding to {name}."
    )


@given(st.text(st.sampled_from("ab\n\r"), max_size=40), st.integers(1, 4))
def test_line_of_more_characters_than_the_limit_is_none(content, limit):
    lines = content.replace("\r\n", "\n").replace("\r", "\n").splitlines(keepends=True)
    expected = [line if len(line.rstrip("\n")) <= limit else None for line in lines]
    assert lines_of(content.encode(), limit=limit) == expected


@given(st.text(st.sampled_from("aż中😀"), max_size=9), st.integers(0, 30))
def test_length_is_that_in_utf8(text, limit):
    assert is_longer(text, limit) == (len(text.encode()) > limit)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize(
    ("line", "is_too_long"), [("x" * 9, False), ("x" * 10, False), ("x" * 11, True), ("x" * 30, True)]
)
def test_byte_order_mark_counts_for_no_character_of_the_first_line(mark, line, is_too_long):
    found = list(bounded_lines(io.StringIO(f"{mark}{line}\nnext\n"), 10))
    assert found == [None if is_too_long else f"{line}\n", "next\n"]


def test_stream_stays_open_where_its_text_is_left_behind():
    stream = io.BytesIO(b"one\ntwo\n")
    assert next(bounded_lines(open_text(stream, "rows.txt", "utf-8"), 1000)) == "one\n"
    gc.collect()
    assert not stream.closed
