import itertools
import sys
import unicodedata

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.feature_names import WORD_FEATURES
from ulmfit_tfx.transforms.word_features import HASHES, word_feature_ids, word_features

# Of Unicode 3.2: what Python, the ops and RE2 all know, however old or new they are.
CHARACTERS = [c for c in map(chr, range(sys.maxunicode + 1)) if unicodedata.ucd_3_2_0.category(c) not in ("Cn", "Cs")]
WORD = st.text(st.one_of(st.sampled_from(CHARACTERS), st.sampled_from("aaŻżÀ1-.é\u0301İΣß")), max_size=12)


def shape_of(word: str) -> str:
    """A character at a time."""
    shape = ""
    for character in word:
        category = unicodedata.category(character)
        if category.startswith("M"):
            continue
        kind = "X" if category == "Lu" else "x" if category.startswith("L") else "d" if category == "Nd" else character
        shape += kind if not shape.endswith(4 * kind) else ""
    return shape


def features_of(word: str) -> dict[str, str]:
    word = unicodedata.normalize("NFKC", word)
    form = word.replace("\0", "\N{REPLACEMENT CHARACTER}").lower()
    return {"form": form, "prefix": word[:3], "suffix": word[-3:], "shape": shape_of(word)}


def found(words):
    features = word_features(tf.constant(words, tf.string, [len(words)]))
    columns = [[value.decode() for value in features[name].numpy()] for name in WORD_FEATURES]
    return [dict(zip(WORD_FEATURES, row, strict=True)) for row in zip(*columns, strict=True)]


def hashed(words, **cleaning):
    return word_feature_ids(tf.constant(words, tf.string, [len(words)]), CleaningConfig(**cleaning))


@settings(deadline=None, max_examples=200)
@given(st.lists(WORD, max_size=6))
def test_features_are_those_of_a_character_by_character_reading(words):
    assert found(words) == list(map(features_of, words))


@pytest.mark.parametrize(
    ("word", "form", "prefix", "suffix", "shape"),
    [
        ("Kraków-2", "kraków-2", "Kra", "w-2", "Xxxxx-d"),
        ("UK", "uk", "UK", "UK", "XX"),
        ("", "", "", "", ""),
        ("McDonald's", "mcdonald's", "McD", "d's", "XxXxxxx'x"),
        ("1,234,567.8", "1,234,567.8", "1,2", "7.8", "d,ddd,ddd.d"),
        ("........", "........", "...", "...", "...."),
        ("e\u0301\u0323t", "ẹ\u0301t", "ẹ\u0301t", "ẹ\u0301t", "xx"),
        ("Ａｂ①", "ab1", "Ab1", "Ab1", "Xxd"),
    ],
)
def test_features_of_a_word(word, form, prefix, suffix, shape):
    assert found([word]) == [{"form": form, "prefix": prefix, "suffix": suffix, "shape": shape}]


def test_ids_are_equal_where_the_feature_is():
    words = ["Kraków", "KRAKÓW", "Tarnów", "Kraśnik", "kraków"]
    ids = hashed(words).numpy()
    features = found(words)
    for (one, first), (other, second) in itertools.combinations(zip(ids, features, strict=True), 2):
        assert (one == other).tolist() == [first[name] == second[name] for name in WORD_FEATURES]


def test_case_is_no_feature_of_a_model_that_knows_no_case():
    assert (hashed(["Kraków", "UK"], lower_case=True) == hashed(["kraków", "uk"])).numpy().all()
    assert (hashed(["Kraków", "UK"]) != hashed(["kraków", "uk"])).numpy().any(axis=1).all()


def test_ids_are_farmhash_fingerprints():
    """Of its reference implementation, so that served models of any version agree."""
    fingerprint = 0x9AE16A3B2F90404F  # of the empty string
    assert hashed([""]).numpy().tolist() == [[fingerprint % HASHES] * 4]


def test_any_bytes_have_features():
    words = [b"a\xff\xfe", b"\x80", b"a\0b\0\0\0\0\0", b"\0", b"ab\xc5", b"\xed\xa0\x80", b"x" * 100_000]
    ids = hashed(words)
    assert ids.dtype == tf.int32
    assert ids.shape == (7, 4)
    assert tf.reduce_min(ids) >= 0
    alone = [hashed([word])[0].numpy().tolist() for word in words]
    assert ids.numpy().tolist() == alone
    assert hashed([]).shape == (0, 4)
