"""A JSON text of any layout is cut into the objects that its rows are, with their lines."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records import json_values
from ulmfit_tfx.transforms.records.json_values import read_values

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('ab"\\[]{},: \n\u2028é', max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('a"\\]', max_size=3), inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.sampled_from(["text", "label", '"', "a\\"]), VALUES, max_size=3)


class Dripping(io.StringIO):
    """Gives a few characters at a time, so that values are cut in any place."""

    def __init__(self, text: str, size: int):
        super().__init__(text, newline="\n")
        self.size = size

    def read(self, size: int = -1) -> str:
        return super().read(min(size, self.size) if size >= 0 else self.size)


def values_of(text: str, limit: int = 10_000, size: int = 1 << 16) -> list[tuple[int, str | None]]:
    return list(read_values(Dripping(text, size), "rows.json", limit))


@given(st.lists(OBJECTS), st.sampled_from([None, 0, 2]), st.booleans(), st.integers(1, 9))
def test_items_of_a_list_are_those_that_were_written(rows, indent, ensure_ascii, size):
    written = json.dumps(rows, indent=indent, ensure_ascii=ensure_ascii)
    assert [json.loads(value) for _, value in values_of(f"\ufeff {written}\n", size=size)] == rows


@given(st.lists(OBJECTS, min_size=1), OBJECTS, st.booleans(), st.integers(1, 9))
def test_list_of_objects_in_an_object_is_found(rows, others, is_last, size):
    others = {f"other {name}": "[{" for name in others}
    holder = (others | {"data": rows}) if is_last else ({"data": rows} | others)
    assert [json.loads(value) for _, value in values_of(json.dumps(holder, indent=1), size=size)] == rows


@given(st.lists(OBJECTS.map(lambda row: row | {"spans": [{"start": 0}]}), min_size=2), st.sampled_from([None, 2]))
def test_objects_one_after_the_other_are_rows_though_they_hold_lists_of_objects(rows, indent):
    text = "\n".join(json.dumps(row, indent=indent) for row in rows)
    assert [json.loads(value) for _, value in values_of(text)] == rows


def test_line_is_the_one_that_an_item_begins_on():
    assert values_of('[\n\n{"a":\n1},{"a": "\\n"},\n5 ]') == [(3, '{"a":\n1}'), (4, '{"a": "\\n"}'), (5, "5")]


@pytest.mark.parametrize("size", [1, 7, 100])
def test_item_that_is_too_long_stands_aside_and_the_next_is_read(size):
    long = json.dumps({"a": "[" * 99})
    assert values_of(f'[{long},\n{{"a": 1}}, {"9" * 99}, 2]', limit=20, size=size) == [
        (1, None),
        (2, '{"a": 1}'),
        (2, None),
        (2, "2"),
    ]


def test_object_of_rows_that_is_longer_than_a_row_may_be_is_read():
    rows = [{"a": number} for number in range(100)]
    assert len(values_of(json.dumps({"version": "1", "data": rows}), limit=30, size=5)) == 100


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[{"a": 1}', r"rows\.json:1: malformed JSON: the file ends, expected ',' or '\]'"),
        ('[\n{"a": 1', r"rows\.json:2: malformed JSON: the file ends"),
        ('[{"a": "\\', "the file ends"),
        ('[\n{"a": 1}\n{"a": 2}]', r"rows\.json:3: malformed JSON: got '\{\"a\": 2\}\]', expected ',' or '\]'"),
        ("[1] x", "got 'x', expected the end of the file"),
        ('"text"', "expected a list of objects"),
        ("text,label\n", "got 'text,label', expected a list of objects"),
        (
            '{"a": [{"b": 1}], "c": [{"d": 1}]}',
            r'rows\.json:1: "a" and "c" are lists of objects. Which one has the rows',
        ),
        ('{"a": [{"b": 1}] "c": 1}', "expected ',' or '}'"),
        ("[,]", "expected a value"),
    ],
)
def test_text_that_is_no_list_or_ends_too_early_is_an_error(text, expected):
    with pytest.raises(DataError, match=expected):
        values_of(text)


def test_large_object_without_rows_is_an_error():
    with pytest.raises(DataError, match="is one JSON object in which no field is a list of objects"):
        values_of(json.dumps({"a": "b" * 99, "c": [1, 2]}), limit=20)


def test_memory_does_not_depend_on_the_number_of_rows():
    class Endless(io.TextIOBase):
        left = 40

        def read(self, size=-1):
            self.left -= 1
            return (
                "[" if self.left == 39 else '{"text": "a"},' * 2000 if self.left > 0 else "1]" if not self.left else ""
            )

    cursor = json_values._Cursor(Endless(), "rows.json", 1000)
    longest = count = 0
    for _ in cursor.items():
        longest = max(longest, len(cursor._buffer))
        count += 1
    assert count == 38 * 2000 + 1
    assert longest < 60_000


@given(st.text('[]{}",:\\ \n1a', max_size=30), st.integers(1, 20), st.integers(1, 5))
def test_any_text_gives_values_or_an_error_for_people(text, limit, size):
    try:
        values = values_of(text, limit, size)
    except DataError:
        return
    assert all(value is None or len(value) <= limit for _, value in values)
