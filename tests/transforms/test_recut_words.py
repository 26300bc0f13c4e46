import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ulmfit_tfx.schemas.config.tags import TagsConfig
from ulmfit_tfx.transforms.records.record import Refusal, Row
from ulmfit_tfx.transforms.records.recut_words import alike, recut
from ulmfit_tfx.transforms.tag_schemes import spans_of_tags


def row(*words, written=None):
    return Row(" ".join(words), words=words, tags=("O",) * len(words), written=written)


def test_sentences_are_counted_whose_text_is_cut_into_the_same_words():
    rows = [row("to", "London", "."), row("Great!", ":)"), row("a", "b"), row("New York", "x")]
    assert alike(rows) == {"punctuation": 2, "whitespace": 2, "recut": 4}


def test_text_as_it_was_written_counts_where_there_is_one():
    assert alike([row("zu", "dem", "Haus", written="zum Haus")]) == {"punctuation": 0, "whitespace": 0, "recut": 0}
    assert alike([row("do", "n't", written="don't"), row("do", "n't")]) == {
        "punctuation": 2,
        "whitespace": 1,
        "recut": 2,
    }


def test_words_of_scripts_without_spaces_are_cut_otherwise_by_both():
    assert alike([row("我们", "在", "北京", "。"), row("ฉัน", "ไป")]) == {"punctuation": 0, "whitespace": 0, "recut": 2}


@pytest.mark.parametrize(
    ("scheme", "given", "expected"),
    [
        ("bio", ["B-LOC", "I-LOC", "O"], ["B-LOC", "I-LOC", "I-LOC", "O", "O"]),
        ("bioes", ["S-LOC", "S-PER", "O"], ["B-LOC", "E-LOC", "S-PER", "O", "O"]),
        ("plain", ["NOUN", "ADV", "ADJ"], ["NOUN", "NOUN", "ADV", "ADJ", "ADJ"]),
    ],
)
def test_tag_is_of_all_parts_of_its_word(scheme, given, expected):
    refusal = Refusal("rows", 1, "reason", "", "")
    row = Row("北京 很 大。", words=("北京", "很", "大。"), tags=tuple(given), line=7)
    before, found, after = recut([refusal, row, refusal], TagsConfig(scheme=scheme, recut=True))
    assert (before, after) == (refusal, refusal)
    assert (found.words, found.tags) == (("北", "京", "很", "大", "。"), tuple(expected))
    assert (found.text, found.line, found.written) == ("北 京 很 大 。", 7, "北京很大。")
    assert alike([found])["punctuation"] == 1


SPACELESS = {
    "Thai": [("นาง", "สมศรี", "ไป", "เชียงใหม่"), ("ผม", "อยู่", "ที่", "กรุงเทพฯ", "วันที่", "๑๒", "ม.ค.", "2567", "น้ำ", "ๆ")],
    "Japanese": [
        ("田中", "さん", "は", "東京", "スカイ", "ツリー", "へ"),
        ("パーティー", "は", "10", "時", "から", "Google", "で"),
    ],
    "Chinese": [("我们", "在", "北京", "大学", "。"), ("2024", "年", "。", "GDP", "增长")],
    "Burmese, Khmer, Lao": [("မြန်မာ", "နိုင်ငံ"), ("ភ្នំពេញ", "ទីក្រុង"), ("ວຽງຈັນ", "ນະຄອນ")],
}


@pytest.mark.parametrize("sentences", SPACELESS.values(), ids=SPACELESS)
def test_recut_words_are_those_that_raw_text_of_scripts_without_spaces_is_cut_into(sentences):
    given = [Row("", words=words, tags=("B-X",) * len(words)) for words in sentences]
    assert alike(given)["punctuation"] == 0
    found = list(recut(given, TagsConfig(recut=True)))
    assert alike(found)["punctuation"] == len(sentences)
    for row_given, row_found in zip(given, found, strict=True):
        spans = spans_of_tags(row_found.tags, "bio")
        assert ["".join(row_found.words[start:end]) for _, start, end in spans] == list(row_given.words)


def test_words_that_serving_does_not_cut_stay():
    rows = [row("to", "London", "."), row("Tom", "'s")]
    assert list(recut(rows, TagsConfig(recut=True))) == rows


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.tuples(st.text("a京都.-' ", min_size=1).filter(str.strip), st.booleans()), min_size=1)))
def test_spans_hold_the_same_text(sentences):
    rows = [
        Row(
            "",
            words=tuple(word.strip() for word, _ in sentence),
            tags=tuple("B-X" if is_marked else "O" for _, is_marked in sentence),
        )
        for sentence in sentences
    ]

    def marked(of_row):
        spans = spans_of_tags(of_row.tags, "bio")
        return ["".join(of_row.words[start:end]).replace(" ", "") for _, start, end in spans]

    assert list(map(marked, recut(rows, TagsConfig(recut=True)))) == list(map(marked, rows))
