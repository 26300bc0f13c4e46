"""Taggers read the same sentences from JSON Lines, a JSON list, Parquet and workbooks."""

import io
import json

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ulmfit_tfx.schemas.config.sources.tagged_words import tagged_words
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.tasks.tagging.section import TaggingConfig
from ulmfit_tfx.transforms.records.formats import check_header, parse
from ulmfit_tfx.transforms.records.record import Row

LONDON = Row("to London .", words=("to", "London", "."), tags=("O", "B-LOC", "O"))
FINE = Row("Fine", words=("Fine",), tags=("O",))


def rows_of(content, format, row_groups=None, scheme="bio", **config):
    source = tagged_words(path="rows", format=format, **config)
    check_header(io.BufferedReader(io.BytesIO(content)), "rows", source)
    stream = io.BufferedReader(io.BytesIO(content))
    return list(parse(stream, "rows", source, TaggingConfig(scheme=scheme), row_groups=row_groups))


def parquet_of(rows, names=None, **options):
    table = pyarrow.Table.from_pylist(rows)
    if names is not None:
        features = {
            column: {"feature": {"names": list(of_column), "_type": "ClassLabel"}, "_type": kind}
            for (column, of_column), kind in zip(names.items(), ["Sequence", "List"], strict=False)
        }
        described = json.dumps({"info": {"features": {"id": {"dtype": "string", "_type": "Value"}} | features}})
        table = table.replace_schema_metadata({"huggingface": described})
    stream = io.BytesIO()
    pyarrow.parquet.write_table(table, stream, **options)
    return stream.getvalue()


def xlsx_of(*rows):
    openpyxl = pytest.importorskip("openpyxl", reason="openpyxl, of the extra xlsx, is not installed")
    workbook = openpyxl.Workbook()
    for row in rows:
        workbook.active.append(row)
    stream = io.BytesIO()
    workbook.save(stream)
    return stream.getvalue()


visible = st.text(st.characters(blacklist_categories=["Cs", "Cc", "Z", "Cf"], blacklist_characters="_"), min_size=1)


@settings(deadline=None)
@given(st.lists(st.lists(st.tuples(visible, st.sampled_from(["O", "B-x"])), min_size=1), min_size=1, max_size=5))
def test_words_and_tags_of_all_containers_are_those_that_were_written(sentences):
    rows = [{"tokens": [word for word, _ in each], "ner_tags": [tag for _, tag in each]} for each in sentences]
    contents = {
        "jsonl": "".join(json.dumps(row) + "\n" for row in rows).encode(),
        "json": json.dumps(rows, indent=1).encode(),
        "parquet": parquet_of(rows, row_group_size=2),
    }
    expected = [(tuple(row["tokens"]), tuple(row["ner_tags"])) for row in rows]
    for format, content in contents.items():
        assert [(row.words, row.tags) for row in rows_of(content, format)] == expected, format


@pytest.mark.parametrize(
    "rows",
    [
        [{"tokens": ["to", "London", "."], "ner_tags": ["O", "B-LOC", "O"]}],
        [{"text": "to London.", "label": [[3, 9, "LOC"]]}],
        [{"text": "to London.", "spans": [{"start": 3, "end": 9, "label": "LOC"}]}],
        {"examples": [{"text": "to London.", "entities": [[3, 9, "LOC"]]}]},
        [[["to", "O"], ["London", "B-LOC"], [".", "O"]]],
        [["to London.", {"entities": [[3, 9, "LOC"]]}]],
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_json_lists_of_all_shapes_are_read(rows, indent):
    assert rows_of(json.dumps(rows, indent=indent).encode(), "json") == [LONDON]


def test_marks_in_parquet_are_read():
    rows = [{"text": "to London.", "spans": [{"start": 3, "end": 9, "label": "LOC"}]}, {"text": "Fine", "spans": []}]
    assert rows_of(parquet_of(rows), "parquet") == [LONDON, FINE]


@pytest.mark.parametrize("format", ["json", "parquet"])
def test_numbers_without_names_are_refused_and_the_hint_leads_to_the_tags(format):
    rows = [{"tokens": ["to", "London", "."], "ner_tags": [0, 1, 0]}]
    content = parquet_of(rows) if format == "parquet" else json.dumps(rows).encode()
    with pytest.raises(DataError, match=r"data.tag_names: \[O, B-PER, I-PER\]"):
        rows_of(content, format)
    assert rows_of(content, format, tag_names=["O", "B-LOC"]) == [LONDON]


def test_names_that_a_parquet_file_has_itself_are_taken_by_field():
    rows = [{"tokens": ["to", "London", "."], "ner_tags": [0, 1, 0], "pos_tags": [0, 1, 2]}]
    content = parquet_of(rows, {"ner_tags": ["O", "B-LOC"], "pos_tags": ["TO", "NNP", "."]})
    assert rows_of(content, "parquet", tags_field="ner_tags") == [LONDON]
    assert rows_of(content, "parquet", tags_field="pos_tags", scheme="plain")[0].tags == ("TO", "NNP", ".")
    named = rows_of(content, "parquet", tags_field="ner_tags", tag_names=["B-ORG", "O"])
    assert named[0].tags == ("B-ORG", "O", "B-ORG"), "what is set goes before what the file has"
    beyond = parquet_of([{"tokens": ["a"], "ner_tags": [-1]}], {"ner_tags": ["O", "B-LOC"]})
    (refusal,) = rows_of(beyond, "parquet")
    assert (refusal.line, refusal.reason) == (1, "tag not in the names that the file has")


def test_list_that_is_called_lines_is_answered_with_the_format_that_reads_it():
    rows = [{"tokens": ["to", "London", "."], "ner_tags": ["O", "B-LOC", "O"]}]
    for indent in (None, 1):
        content = json.dumps(rows, indent=indent).encode()
        with pytest.raises(DataError, match="Set format to json"):
            rows_of(content, "jsonl")
        assert rows_of(content, "json") == [LONDON]


WORDS = [
    ("Sentence #", "Word", "POS", "Tag"),
    ("Sentence: 1", "to", "TO", "O"),
    (None, "London", "NNP", "B-LOC"),
    (None, ".", ".", "O"),
    ("Sentence: 2", "Fine", "JJ", "O"),
]


@pytest.mark.parametrize("container", ["xlsx", "parquet"])
def test_words_a_row_and_values_to_mark_are_read_from_tables(container):
    def table(header, *rows):
        if container == "xlsx":
            return xlsx_of(header, *rows)
        return parquet_of([dict(zip(header, row, strict=True)) for row in rows])

    assert rows_of(table(*WORDS), f"words_{container}") == [LONDON, FINE]
    assert rows_of(table(*WORDS), f"words_{container}", scheme="plain", tag_column="POS")[1].tags == ("JJ",)
    marked = table(("text", "value"), ("to London.", "London"), ("Fine", "NULL"))
    assert rows_of(marked, f"spans_{container}", span_label="LOC") == [LONDON, FINE]
    with pytest.raises(DataError, match=r"which column has the word\? Columns: .* Set data.word_column to it"):
        rows_of(table(("sentence", "odd", "tag"), (1, "a", "O")), f"words_{container}")


def test_sheet_of_a_workbook_is_named_for_words_too():
    with pytest.raises(DataError, match="there is no sheet 'March'"):
        rows_of(xlsx_of(*WORDS), "words_xlsx", sheet="March")
    with pytest.raises(ValueError, match="sheet is set, and format words_csv has no use for it"):
        tagged_words(path="rows", format="words_csv", sheet="March")


def test_row_groups_give_their_rows_with_the_numbers_that_these_have_in_the_file():
    rows = [{"tokens": [str(number)], "ner_tags": ["O" if number % 3 else "wrong"]} for number in range(7)]
    content = parquet_of(rows, row_group_size=2)
    whole = rows_of(content, "parquet")
    parts = [rows_of(content, "parquet", row_groups=groups) for groups in (range(1), range(1, 3), range(3, 4))]
    assert [len(part) for part in parts] == [2, 4, 1]
    assert [record for part in parts for record in part] == whole
    assert [record.line for record in whole if not isinstance(record, Row)] == [1, 4, 7]
