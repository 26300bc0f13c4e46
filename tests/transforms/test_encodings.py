import pytest
from hypothesis import given
from hypothesis import strategies as st

from ulmfit_tfx.transforms.records.encodings import encoding_hint, has_control_characters, is_latin_1, likely_encodings

TEXTS = {
    "cp1252": ["naïve café", "the résumé \u2013 don\u2019t “go”", "für 5 € über Größe", "señor niño mañana"],
    "cp1250": ["Zażółć gęślą jaźń", "Dzień dobry, proszę o zwrot pieniędzy", "Příliš žluťoučký kůň"],
    "iso8859_2": ["Zażółć gęślą jaźń, proszę o zwrot pieniędzy"],
    "cp1251": ["Добрый день, верните деньги за заказ", "Отличный фильм"],
    "koi8_r": ["Добрый день, верните деньги за заказ"],
    "cp932": ["この映画は本当に面白かったです"],
    "gb18030": ["这部电影真的很好看"],
    "cp949": ["이 영화 정말 재미있었어요"],
    "big5": ["這部電影真的很好看,請退還我的訂單"],
    "cp1253": ["Καλημέρα, θέλω επιστροφή χρημάτων"],
    "cp1254": ["Günayd\u0131n, sipariş için para iadesi istiyorum"],
}
CASES = [(encoding, text) for encoding, texts in TEXTS.items() for text in texts]


@pytest.mark.parametrize(("encoding", "text"), CASES)
def test_encoding_is_among_those_named_and_what_it_gives_is_shown_as_it_was_written(encoding, text):
    lines = [f"text,label\n{number},{text} some words,a".encode(encoding) for number in range(20)]
    likely = likely_encodings(line for each in lines for line in each.split(b"\n"))
    assert encoding in likely
    assert all(word in text for word in likely[encoding].split(", "))
    hint = encoding_hint(lines)
    assert f"{encoding} ({likely[encoding]})" in hint
    assert "latin" not in hint


@pytest.mark.parametrize(("encoding", "text"), [case for case in CASES if case[0] not in ("cp1254", "cp1250")])
def test_encoding_of_a_line_is_the_first_that_is_named(encoding, text):
    assert next(iter(likely_encodings([text.encode(encoding)]))) == encoding


@pytest.mark.parametrize("text", TEXTS["cp1252"])
def test_western_text_is_cp1252_before_others_however_short(text):
    assert next(iter(likely_encodings([text.encode("cp1252")]))) == "cp1252"


@given(st.lists(st.text(max_size=9).map(str.encode)))
def test_lines_in_utf_8_tell_nothing(lines):
    assert encoding_hint(lines) == ""


@given(st.binary(max_size=60))
def test_any_bytes_give_a_sentence_or_nothing(line):
    hint = encoding_hint([line])
    assert hint == "" or hint.startswith(" The file looks like ")


def test_latin_1_makes_control_characters_of_the_marks_of_cp1252():
    assert [is_latin_1(name) for name in ("latin-1", "l1", "ISO-8859-1", "cp1252", "utf-8")] == [True] * 3 + [False] * 2
    assert has_control_characters("“don\u2019t” \u2013 5 €".encode("cp1252").decode("latin-1"))
    assert not has_control_characters("naïve café\n\t")
