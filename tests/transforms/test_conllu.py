import io

import conllu
import pytest

from ulmfit_tfx.schemas.config import TaggingConfig
from ulmfit_tfx.schemas.source_config import LabelledSourceConfig
from ulmfit_tfx.transforms.records.conllu import parse
from ulmfit_tfx.transforms.records.record import Refusal

SENTENCE = """\
# sent_id = 1
1-2\tzum\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No
1\tzu\tzu\tADP\tAPPR\t_\t3\tcase\t_\t_
2\tdem\tder\tDET\t_\tCase=Dat|Number=Sing\t3\tdet\t_\t_
2.1\tleer\t_\tVERB\t_\t_\t_\t_\t_\t_
3\tHaus\tHaus\tNOUN\tNN\tCase=Dat\t0\troot\t_\tNE=B-x
"""


def rows_of(content: str | bytes, tag_separator=None, **config):
    config = LabelledSourceConfig(**({"path": "rows", "format": "conllu"} | config))
    stream = io.BytesIO(content if isinstance(content, bytes) else content.encode())
    tagging = TaggingConfig(scheme="plain", tag_separator=tag_separator)
    return list(parse(stream, "rows.conllu", config, tagging))


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
