import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ulmfit_tfx.transforms.word_splitting import char_offsets, split_words, substrings

MODES = ["punctuation", "whitespace"]
NO_SURROGATES = st.characters(blacklist_categories=["Cs"])
TEXTS = st.lists(st.text(NO_SURROGATES | st.sampled_from(" .'\u2019-&,1aŻ日👍\u200d\u0301\0\x85\u3000")), max_size=4)


@pytest.fixture(scope="module")
def split():
    """`split_words` in graphs, where its regular expressions are compiled once."""
    texts = tf.TensorSpec([None], tf.string)
    graphs = {mode: tf.function(lambda texts, mode=mode: split_words(texts, mode)) for mode in MODES}
    functions = {mode: graph.get_concrete_function(texts) for mode, graph in graphs.items()}
    return lambda texts, mode: functions[mode](batch(texts))


def batch(texts):
    return tf.constant([text if isinstance(text, bytes) else text.encode() for text in texts], tf.string, [len(texts)])


def is_white_space(text: str) -> bool:
    return all(character.isspace() or character in "\0\u200b\ufeff" for character in text)


def check_words_cover(texts: list[bytes], parts):
    for text, words, starts, ends in zip(texts, *(part.to_list() for part in parts), strict=True):
        assert [text[start:end] for start, end in zip(starts, ends, strict=True)] == words
        assert all(words)
        between = [text[end:start] for end, start in zip([0, *ends], [*starts, len(text)], strict=True)]
        assert all(is_white_space(gap.decode()) for gap in between)


@pytest.mark.parametrize("mode", MODES)
@settings(deadline=None)
@given(TEXTS)
@example(["Żółć\0a", "", "  x\u3000\u2028y\x85z\x1c\n", "'s \u2019s n't ''a"])
def test_words_are_slices_with_nothing_but_white_space_between_them(split, mode, texts):
    parts = split(texts, mode)
    check_words_cover([text.encode() for text in texts], parts)
    assert not any(is_white_space(letter) for row in parts[0].to_list() for word in row for letter in word.decode())


@pytest.mark.parametrize("mode", MODES)
@settings(deadline=None)
@given(st.lists(st.binary(), max_size=3))
@example([b"a\xff\xfe b\xc3 \x80c", b"\xed\xa0\x80"])
def test_bytes_that_are_not_utf8_are_in_words(split, mode, texts):
    parts = split(texts, mode)
    check_words_cover(texts, parts)
    assert char_offsets(batch(texts), parts[2]).shape == parts[2].shape


@settings(deadline=None)
@given(TEXTS)
def test_whitespace_cuts_where_python_does(split, texts):
    def spaced(text):
        return text.translate(dict.fromkeys(map(ord, "\0\u200b\ufeff"), " "))

    found = [[word.decode() for word in row] for row in split(texts, "whitespace")[0].to_list()]
    assert found == [spaced(text).split() for text in texts]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Well-known, isn't it?", "Well-known , is n't it ?"),
        ("I can't say it's John's; they'll go.", "I ca n't say it 's John 's ; they 'll go ."),
        ("I\u2019m sure WE'RE O'Brien's", "I \u2019m sure WE 'RE O'Brien 's"),
        ("John 's dog does n't", "John 's dog does n't"),
        ("'scold me' and the dogs' 'quote'", "' scold me ' and the dogs ' ' quote '"),
        ("''So`` (he said): \"no\"", "'' So `` ( he said ) : \" no \""),
        ("pay $1,234.5 or 10%, at 10:30 on 24/7.", "pay $ 1,234.5 or 10 % , at 10:30 on 24/7 ."),
        ("It was 1990. 5,000, 3.5-inch v2.0", "It was 1990 . 5,000 , 3.5-inch v2.0"),
        ("the U.S. and e.g. Mr. Smith", "the U.S. and e.g. Mr . Smith"),
        ("Wait... what?! -- yes!!! ** ===", "Wait ... what ?! -- yes !!! ** ==="),
        ("AT&T and/or a_b __init__ #tag @me", "AT&T and / or a_b __init__ # tag @ me"),
        ("„Żółć” \u2013 naïve", "„ Żółć ” \u2013 naïve"),
        ("cafe\u0301!\u0301", "cafe\u0301 !\u0301"),
        ("नमस्ते می‌خواهم", "नमस्ते می‌خواهم"),
        ("日本語テスト。", "日 本 語 テ ス ト 。"),
        ("ok👍🏽👨‍👩‍👧🇵🇱🇩🇪❤️ 1️⃣", "ok 👍🏽 👨‍👩‍👧 🇵🇱 🇩🇪 ❤️ 1️⃣"),
        ("a\x01b \x1b[0m", "a\x01b \x1b [ 0m"),
    ],
)
def test_punctuation_cuts_as_treebanks_do(split, text, expected):
    words = split([text], "punctuation")[0]
    assert [word.decode() for word in words.to_list()[0]] == expected.split(" ")


@settings(deadline=None)
@given(TEXTS)
def test_punctuation_cuts_the_words_between_white_space_further(split, texts):
    fine, _, fine_ends = (part.to_list() for part in split(texts, "punctuation"))
    coarse, _, coarse_ends = (part.to_list() for part in split(texts, "whitespace"))
    assert [b"".join(row) for row in fine] == [b"".join(row) for row in coarse]
    assert all(set(ends) <= set(finer) for ends, finer in zip(coarse_ends, fine_ends, strict=True))


@pytest.mark.parametrize("mode", MODES)
def test_texts_without_words_have_none(split, mode):
    for texts in ([], [""], ["", " \n\u00a0"]):
        parts = split(texts, mode)
        assert all(part.to_list() == [[]] * len(texts) for part in parts)
        assert char_offsets(batch(texts), parts[1]).to_list() == [[]] * len(texts)


@settings(deadline=None)
@given(TEXTS)
def test_char_offsets_are_those_of_python(texts):
    offsets = [[len(text[:end].encode()) for end in range(len(text) + 1)] for text in texts]
    ragged = tf.RaggedTensor.from_row_lengths(
        tf.constant([offset for row in offsets for offset in row], tf.int64), [len(row) for row in offsets]
    )
    assert char_offsets(batch(texts), ragged).to_list() == [list(range(len(text) + 1)) for text in texts]


def test_a_text_of_a_megabyte_is_split(split):
    sentence = "Żółć isn't naïve, it's 1,234.5 €. "
    words, starts, ends = split(["", sentence * 25_000], "punctuation")
    assert words[1].shape[0] == 25_000 * len("Żółć is n't naïve , it 's 1,234.5 € .".split())
    assert char_offsets(batch(["", sentence * 25_000]), ends)[1, -1] == 25_000 * len(sentence) - 1


@settings(deadline=None)
@given(TEXTS, st.data())
def test_substrings_are_slices(texts, data):
    def parts_of(text):
        position = st.integers(0, len(text.encode()))
        return data.draw(st.lists(st.tuples(position, position).map(sorted), max_size=4))

    parts = [parts_of(text) for text in texts]
    lengths = tf.constant([len(row) for row in parts], tf.int64, [len(parts)])
    starts, ends = (
        tf.RaggedTensor.from_row_lengths(tf.constant([part[side] for row in parts for part in row], tf.int64), lengths)
        for side in (0, 1)
    )
    expected = [[text.encode()[start:end] for start, end in row] for text, row in zip(texts, parts, strict=True)]
    assert substrings(batch(texts), starts, ends).to_list() == expected
