import io
from pathlib import Path

import conllu
import pytest

from ulmfit_tfx.schemas.config.sources.tagged_words import tagged_words
from ulmfit_tfx.schemas.config.sources.texts import text_source
from ulmfit_tfx.tasks.tagging.section import TaggingConfig
from ulmfit_tfx.transforms.records.conllu import parse, parse_texts
from ulmfit_tfx.transforms.records.record import Refusal, Row

TREEBANK = Path(__file__).parents[3] / "shared" / "data" / "ud_en_lines" / "en_lines-ud-test.conllu"
SENTENCE = """\
# sent_id = 1
1-2\tzum\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No
1\tzu\tzu\tADP\tAPPR\t_\t3\tcase\t_\t_
2\tdem\tder\tDET\t_\tCase=Dat|Number=Sing\t3\tdet\t_\t_
2.1\tleer\t_\tVERB\t_\t_\t_\t_\t_\t_
3\tHaus\tHaus\tNOUN\tNN\tCase=Dat\t0\troot\t_\tNE=B-x
"""


def rows_of(content: str | bytes, tag_separator=None, **config):
    config = tagged_words(**({"path": "rows", "format": "conllu"} | config))
    stream = io.BytesIO(content if isinstance(content, bytes) else content.encode())
    tagging = TaggingConfig(scheme="plain", tag_separator=tag_separator)
    return list(parse(stream, "rows.conllu", config, tagging))


def texts_of(content: str, **config):
    config = text_source(path="rows", format="conllu", **config)
    return list(parse_texts(io.BytesIO(content.encode()), "rows.conllu", config))


@pytest.mark.parametrize(
    ("field", "tags"),
    [
        ("upos", ("ADP", "DET", "NOUN")),
        ("xpos", ("APPR", "_", "NN")),
        ("deprel", ("case", "det", "root")),
        ("feats", ("_", "Case=Dat|Number=Sing", "Case=Dat")),
        ("Number", ("_", "Sing", "_")),
        ("NE", ("_", "_", "B-x")),
        ("Nothing", ("_", "_", "_")),
    ],
)
def test_words_are_the_syntactic_ones_with_the_tags_of_the_field(field, tags):
    (row,) = rows_of(SENTENCE, tag_field=field)
    assert (row.text, row.words, row.tags) == ("zu dem Haus", ("zu", "dem", "Haus"), tags)


def test_features_are_several_tags_of_a_word_and_a_word_without_has_none():
    (row,) = rows_of(SENTENCE, tag_separator="|", tag_field="feats")
    assert row.tags == ("", "Case=Dat|Number=Sing", "Case=Dat")


def test_sentences_are_those_that_the_library_reads():
    content = "\n\n".join([SENTENCE, SENTENCE.replace("Haus", "Hof"), "# a comment alone"])
    expected = [tokens.filter(id=lambda each: isinstance(each, int)) for tokens in conllu.parse(content) if tokens]
    assert [row.words for row in rows_of(content)] == [tuple(token["form"] for token in each) for each in expected]


def test_columns_of_conllu_plus_hold_for_all_sentences():
    content = "# global.columns = ID FORM PARSEME:NE\n1\ta\tB-x\n\n1\tb\tO\n"
    assert [row.tags for row in rows_of(content, tag_field="parseme:ne")] == [("B-x",), ("O",)]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("x\ta\t_\tNOUN\n", "malformed CoNLL-U"),
        ("one column\n", "malformed CoNLL-U"),
        ("1\ta\t_\tNOUN\t_\t_\tnot-a-number\n", "malformed CoNLL-U"),
        (f"1\ta\t_\tNOUN\t_\t_\t{'9' * 5000}\n", "malformed CoNLL-U"),
        ("0\tBen\tB-PER\n", "too few columns"),
        ("1-2\tzum\t_\t_\n", "no words"),
        (b"1\tcaf\xe9\t_\tNOUN\n", "not utf-8"),
    ],
)
def test_bad_sentence_is_refused_with_its_line_and_the_next_is_read(bad, reason):
    bad = bad if isinstance(bad, bytes) else bad.encode()
    (first, refusal, last) = rows_of(b"\n".join([SENTENCE.encode(), bad, SENTENCE.encode()]))
    assert isinstance(refusal, Refusal)
    assert (refusal.line, refusal.reason) == (8, reason)
    assert first == last


def test_text_is_that_of_the_surface():
    assert texts_of(SENTENCE) == [Row("zumHaus")]
    assert texts_of(SENTENCE.replace("SpaceAfter=No", "_")) == [Row("zum Haus")]


def test_text_is_the_comment_where_there_is_one():
    content = f"# text = Zum  Haus.\n{SENTENCE}\n# text_en = To the house.\n{SENTENCE}"
    assert texts_of(content) == [Row("Zum  Haus."), Row("zumHaus")]


def test_tokens_are_joined_as_their_last_field_says():
    tokens = [("(", "SpaceAfter=No"), ("a", "x=1|SpaceAfter=No"), (")", "_"), ("b", "SpacesAfter=\\n")]
    lines = [f"{number}\t{word}\t_\tX\t_\t_\t_\t_\t_\t{misc}" for number, (word, misc) in enumerate(tokens, start=1)]
    assert texts_of("\n".join(lines)) == [Row("(a) b")]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("one column\n", "malformed CoNLL-U"),
        ("1.1\tleer\t_\tVERB\n", "empty text"),
        (f"1\t{'ż' * 201}\n", "row too long"),
    ],
)
def test_sentence_without_a_usable_text_is_refused_and_the_next_is_read(bad, reason):
    (refusal, row) = texts_of(f"\n{bad}\n# a comment alone\n\n1\tfine\n", max_row_bytes=400)
    assert (refusal.line, refusal.reason) == (2, reason)
    assert row == Row("fine")


def test_texts_of_the_columns_that_the_file_names():
    assert texts_of("# global.columns = ID FORM\n1\ta\n\n1\tb\n2\tc\n") == [Row("a"), Row("b c")]


@pytest.mark.skipif(not TREEBANK.is_file(), reason=f"no treebank in {TREEBANK}")
def test_joined_tokens_of_a_treebank_are_its_comments():
    lines = TREEBANK.read_text(encoding="utf-8").splitlines()
    comments = [line.removeprefix("# text = ") for line in lines if line.startswith("# text = ")]
    joined = texts_of("\n".join(line for line in lines if not line.startswith("# text")))
    assert [row.text for row in joined] == comments
    assert len(comments) > 1000
