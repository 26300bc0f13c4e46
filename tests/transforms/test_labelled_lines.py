"""Lines of a label and a text, and which lines are taken for such."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sources import labelled_texts

from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.schemas.labels import composed
from ulmfit_tfx.transforms.records.drop import Drop
from ulmfit_tfx.transforms.records.formats import check_header, parse
from ulmfit_tfx.transforms.records.labelled_lines import how_to_read, place_of_labels
from ulmfit_tfx.transforms.records.line_ranges import is_splittable
from ulmfit_tfx.transforms.records.record import Refusal, Row

WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z", "Cf"]), min_size=1, max_size=5)
SPACES = st.sampled_from([" ", "  ", "\t", " \t"])


def source(**config):
    return labelled_texts(path="rows.txt", format="labelled_lines", **config)


def rows_of(text, **config):
    return list(parse(io.BytesIO(text.encode()), "rows.txt", source(**config)))


@given(st.lists(st.tuples(WORDS, SPACES, st.lists(WORDS, min_size=1, max_size=4).map(" ".join)), max_size=5))
def test_labels_and_texts_are_those_that_were_written(lines):
    expected = [Row(text, composed(label)) for label, _, text in lines]
    assert rows_of("".join(f"{label}{space}{text}\n" for label, space, text in lines)) == expected
    assert rows_of("".join(f"{text}{space}{label}\n" for label, space, text in lines), label_at="last") == expected


def test_names_are_given_and_labels_left_out_as_of_columns():
    content = "1 Fine, really\n\n0 Awful\n2 So so\n"
    assert rows_of(content, label_names={"1": "good", "0": "bad"}, labels=["0", "1"]) == [
        Row("Fine, really", "good"),
        Row("Awful", "bad"),
        Drop("label not listed", "2"),
    ]


def test_line_of_one_word_is_refused():
    (refusal, row) = rows_of("1\n0 a\n")
    assert isinstance(refusal, Refusal)
    assert (refusal.line, refusal.reason, row.text) == (1, "empty text", "a")


def test_lines_are_cut_into_ranges_and_have_no_columns():
    assert is_splittable(source())
    for field in ("text_column", "label_column", "label_separator", "columns"):
        with pytest.raises(ValueError, match=f"{field} is set, and format labelled_lines has no use for it"):
            source(**{field: ["a"] if field == "columns" else "a"})
    with pytest.raises(ValueError, match="label_at is set, and format csv has no use for it"):
        labelled_texts(path="rows", format="csv", label_at="last")


TEXTS = [f"f{number} {'so ' * (number % 6)}is one of many" for number in range(60)]
FIRST = [f"{number % 3} {text}" for number, text in enumerate(TEXTS)]
LAST = [f"{text}  {number % 3}" for number, text in enumerate(TEXTS)]


def test_labels_at_the_other_end_are_an_error_and_the_hint_leads_to_them():
    for lines, place, other in ((FIRST, "last", "first"), (LAST, "first", "last")):
        content = "\n".join(line.replace("many", f"m{number}") for number, line in enumerate(lines)).encode()
        with pytest.raises(DataError, match=f"Set data.label_at to {other}"):
            check_header(io.BytesIO(content), "rows", source(label_at=place))
        check_header(io.BytesIO(content), "rows", source(label_at=other))


def test_lines_with_labels_are_told_and_how_to_read_them():
    assert (place_of_labels(FIRST), place_of_labels(LAST)) == ("first", "last")
    assert place_of_labels([line.replace("  ", "\t") for line in LAST]) == "last"
    assert how_to_read(FIRST) == (
        "Each line begins with one of 3 words (0, 1, 2), as with a label: set format to labelled_lines."
    )
    assert how_to_read(LAST).endswith("set format to labelled_lines and label_at to last.")
    questions = [
        f"{('DESC:manner', 'NUM:date')[number % 2]} What {'so ' * (number % 4)}is it ?" for number in range(60)
    ]
    assert place_of_labels(questions) == "first"


@pytest.mark.parametrize(
    "lines",
    [
        TEXTS,
        FIRST[:19],
        [*FIRST, "oneword"],
        [line.replace(" ", "\t", 1) for line in FIRST],
        [line.replace(" ", ",", 1) for line in FIRST],
        [f"{text} {number % 2}" for number, text in enumerate(TEXTS)],
        [f"- {text}" for text in TEXTS],
        [f"{'AB'[number % 2]}: {text}" for number, text in enumerate(TEXTS)],
        [f"{number}. {text}" for number, text in enumerate(TEXTS)],
        [f"w{number} NNP B-NP  {('O', 'B-LOC')[number % 2]}" for number in range(60)],
        [f"{number // 2} {text}" for number, text in enumerate(TEXTS)],
        [f"2024-01-0{1 + number % 3} {text}" for number, text in enumerate(TEXTS)],
        [f"1{number % 2}:30 {text}" for number, text in enumerate(TEXTS)],
        [f"{number % 2} " + " ".join(f"{n}:0.5" for n in range(3 + number % 4)) for number in range(60)],
    ],
    ids=[
        *("texts", "few", "a line of a word", "tab", "comma", "a space before the last word", "list", "speakers"),
        *("numbers", "CoNLL", "too many labels", "days", "times", "libsvm"),
    ],
)
def test_lines_of_other_kinds_are_not_taken_for_them(lines):
    assert place_of_labels(lines) is None
    assert how_to_read(lines) == ""


@pytest.mark.parametrize("format", ["csv", "tsv"])
def test_table_that_is_none_is_answered_with_the_format_that_reads_it(format):
    content = "\n".join(FIRST).encode()
    with pytest.raises(DataError, match=r"Each line begins with one of 3 words .* set format to labelled_lines"):
        check_header(io.BytesIO(content), "rows", labelled_texts(path="rows", format=format))
    assert rows_of(content.decode()) == [Row(text, str(number % 3)) for number, text in enumerate(TEXTS)]


@pytest.mark.parametrize(("format", "delimiter"), [("csv", ","), ("tsv", "\t")])
def test_table_without_the_column_that_is_asked_for_is_answered_with_those_that_it_has(format, delimiter):
    rows = [[str(number), text.replace(",", ""), f"pos{number % 3}"] for number, text in enumerate(TEXTS)]
    content = "\n".join(delimiter.join(row) for row in [["id", "sentence", "sentiment"], *rows]).encode()
    config = labelled_texts(path="rows", format=format, text_column="sentence", label_column="label")
    with pytest.raises(DataError, match=r"there is no column 'label'\. Columns: id, sentence, sentiment"):
        check_header(io.BytesIO(content), "rows", config)


def test_rows_know_their_line():
    assert [row.line for row in rows_of("1 Fine, really\n\n0 So so.\n")] == [1, 3]
