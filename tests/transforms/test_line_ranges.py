import dataclasses
import io
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.schemas.config.sources.texts import text_source
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records import line_ranges
from ulmfit_tfx.transforms.records.formats import parse
from ulmfit_tfx.transforms.records.line_ranges import (
    align,
    count_line_ends,
    is_splittable,
    lines_before_range,
    range_stream,
)
from ulmfit_tfx.transforms.records.record import Refusal

HEADERS = [b"text\n", b"\xef\xbb\xbftext\r\n", b"text\r", b"\n\r\n\rtext\r", b"\xef\xbb\xbf\n\ntext\tn\n"]
ENCODINGS = ["utf-8", "ascii", "latin-1", "iso8859-2", "cp1250", "cp1252", "koi8-r"]

telling = st.sampled_from(
    [b"\n", b"\r", b"\r\n", b"a", b" ", b"\t", b'{"text": "b"}', b"\xef\xbb\xbf", b"\xe9", b"x" * 30]
)
contents = st.lists(st.one_of(telling, st.binary(max_size=3)), max_size=40).map(b"".join)


def parse_range(content: bytes, config: SourceConfig, start: int, stop: int):
    """Rows and refusals of a range, these with the line in the file."""
    stream = io.BytesIO(content)
    before = lines_before_range(stream, config) if start else []
    lines = count_line_ends(stream, 0, start) - len(before)
    joined = io.BytesIO(b"".join(before) + range_stream(stream, start, stop).read())
    for record in parse(joined, "rows", config):
        yield dataclasses.replace(record, line=record.line + lines) if isinstance(record, Refusal) else record


@given(
    st.sampled_from(["text", "tsv", "jsonl"]),
    st.sampled_from(ENCODINGS),
    st.sampled_from(HEADERS),
    contents,
    st.lists(st.integers(1, 200), max_size=5),
)
@example("text", "utf-8", b"", b"a\n\xef\xbb\xbfb\n", [1])
@example("tsv", "utf-8", b"text\r", b"a\rb\n\nc\xe9\n", [1, 4])
@example("tsv", "utf-8", b"\xef\xbb\xbf\r\n\ntext\tn\n", b"a\t1\nb\t2\nc\n", [1, 5])
@example("text", "latin-1", b"", b"\xe9\r\n\n\xff", [2])
def test_ranges_give_what_the_whole_file_gives(file_format, encoding, header, body, cuts):
    content = header + body if file_format == "tsv" else body
    config = text_source(path="rows", format=file_format, encoding=encoding, max_row_bytes=25)
    try:
        expected = list(parse(io.BytesIO(content), "rows", config))
    except DataError:
        return
    stream = io.BytesIO(content)
    places = (len(content) - len(body) + cut for cut in cuts)
    bounds = [0, *sorted(align(stream, place) for place in places if place <= len(content)), len(content)]
    found = [record for start, stop in pairwise(bounds) for record in parse_range(content, config, start, stop)]
    assert found == expected


@given(st.lists(telling, max_size=20).map(b"".join), st.integers(0, 60), st.sampled_from([1, 2, 3, 1 << 20]))
def test_alignment_is_to_the_next_byte_after_a_line_feed(content, offset, chunk):
    offset = min(offset, len(content))
    starts = [0, *(place + 1 for place, byte in enumerate(content) if byte == ord("\n")), len(content)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line_ranges, "_CHUNK", chunk)
        assert align(io.BytesIO(content), offset) == min(start for start in starts if start >= offset)


@given(st.text(st.sampled_from("a\r\n"), max_size=30), st.integers(0, 30), st.integers(0, 30), st.integers(1, 4))
def test_line_ends_are_counted_with_the_range_of_their_last_byte(content, start, stop, chunk):
    ends = [
        end
        for end in range(1, len(content) + 1)
        if content[end - 1] == "\n" or (content[end - 1] == "\r" and content[end : end + 1] != "\n")
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line_ranges, "_CHUNK", chunk)
        found = count_line_ends(io.BytesIO(content.encode()), start, stop)
    assert found == sum(start < end <= stop for end in ends)


def test_line_ends_of_a_file_are_as_many_as_its_lines_have():
    content = b"a\r\nb\rc\n\n\r\rd"
    lines = list(io.TextIOWrapper(io.BytesIO(content), newline=None))
    assert count_line_ends(io.BytesIO(content), 0, len(content)) == sum(line.endswith("\n") for line in lines)


@given(st.binary(max_size=50), st.integers(0, 50), st.integers(0, 50), st.integers(1, 7))
def test_stream_of_a_range_has_its_bytes_and_leaves_the_file_open(content, start, stop, size):
    start, stop = sorted((start, stop))
    file = io.BytesIO(content)
    with range_stream(file, start, stop) as stream:
        pieces = list(iter(lambda: stream.read(size), b""))
    assert b"".join(pieces) == content[start:stop]
    assert not file.closed


@pytest.mark.parametrize(
    "config", [{"format": "csv"}, {"format": "conll"}, {"format": "text", "text_unit": "paragraph"}]
)
def test_format_whose_rows_span_lines_is_not_splittable(config):
    assert not is_splittable(text_source(path="rows", **config))


@pytest.mark.parametrize(
    "encoding", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "shift_jis", "gb18030", "cp037", "utf-7"]
)
def test_encoding_with_other_line_ends_is_not_splittable(encoding):
    assert not is_splittable(text_source(path="rows", format="text", encoding=encoding))


@pytest.mark.parametrize("encoding", [*ENCODINGS, "UTF8", "ISO-8859-15", "windows-1251", "l1"])
@pytest.mark.parametrize("file_format", ["text", "tsv", "jsonl"])
def test_line_ends_stand_for_themselves_where_a_file_is_splittable(encoding, file_format):
    assert is_splittable(text_source(path="rows", format=file_format, encoding=encoding))
    assert "\r\n".encode(encoding) == b"\r\n"
