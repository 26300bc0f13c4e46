"""Terms of texts and their TF-IDF, against scikit-learn and a loop."""

import itertools
from collections import Counter

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

from ulmfit_tfx.transforms.terms import (
    character_terms,
    inverse_document_frequencies,
    piece_terms,
    tfidf,
    word_terms,
)

MANY = 2**30  # so many that hashes of a few terms do not meet
TEXTS = ["Good film, good actors.", "", "żółć A don't", "one", "日本語 film"]


def rows_of(terms):
    return [row.numpy().tolist() for row in terms]


@pytest.mark.parametrize(
    ("terms", "options"),
    [
        (word_terms, {"ngram_range": (1, 2), "token_pattern": r"\w+"}),
        (character_terms, {"ngram_range": (2, 5), "analyzer": "char_wb"}),
    ],
)
def test_terms_occur_as_often_as_those_of_scikit_learn(terms, options):
    texts = [" ".join(text.lower().replace(",", " ").replace(".", " ").replace("'", " ").split()) for text in TEXTS]
    counts = CountVectorizer(**options).fit_transform([f"{text} " for text in texts]).toarray()
    expected = [sorted(row[row > 0].tolist()) for row in counts]
    found = [sorted(Counter(row).values()) for row in rows_of(terms(tf.constant(TEXTS), MANY))]
    # scikit-learn gives a word that is shorter than a run once more for each such length
    short = {text for text in range(len(texts)) if any(len(word) < 3 for word in texts[text].split())}
    if terms is character_terms:
        for number in set(range(len(texts))) - short - {1}:
            assert found[number] == expected[number], texts[number]
    else:
        assert found == expected


def test_same_terms_have_the_same_numbers_wherever_they_stand():
    first, second = rows_of(word_terms(tf.constant(["a bad film", "film BAD film"]), MANY))
    assert len(set(first) & set(second)) == 3, "'bad', 'film' and 'bad film'"
    assert not set(first) & set(rows_of(word_terms(tf.constant(["one more"]), MANY))[0])
    start, end = rows_of(character_terms(tf.constant(["ab", "xab"]), MANY))
    assert len(set(start) & set(end)) == 3, "'ab', 'b ' and 'ab '"


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.integers(0, 9), max_size=6), min_size=1, max_size=4))
def test_pieces_keep_their_ids_and_pairs_follow_them(texts):
    ids = tf.ragged.constant(texts, dtype=tf.int32, ragged_rank=1)
    found = rows_of(piece_terms(ids, 10, 1000))
    pair = {}
    for text, terms in zip(texts, found, strict=True):
        assert terms[: len(text)] == text
        for neighbours, term in zip(itertools.pairwise(text), terms[len(text) :], strict=True):
            assert 10 <= term < 1010
            assert pair.setdefault(neighbours, term) == term


def test_tfidf_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    counts = rng.poisson(0.7, (6, 9))
    counts[3] = 0
    oracle = TfidfTransformer(sublinear_tf=True).fit(counts)
    idf = inverse_document_frequencies((counts > 0).sum(axis=0), len(counts))
    np.testing.assert_allclose(idf, oracle.idf_, rtol=1e-6)
    terms = tf.ragged.constant([np.repeat(np.arange(9), row).tolist() for row in counts], dtype=tf.int64, ragged_rank=1)
    found = tfidf(terms, tf.constant(idf))
    dense = np.zeros(counts.shape)
    dense[found.rows.numpy(), found.terms.numpy()] = found.values.numpy()
    np.testing.assert_allclose(dense, oracle.transform(counts).toarray(), atol=1e-6)


@pytest.mark.parametrize("texts", [[], [""], [" , "], [b"\xff\xfe a"]])
def test_texts_without_words_and_bytes_that_are_no_text_are_read(texts):
    given = tf.constant(texts, tf.string)
    assert len(rows_of(word_terms(given, MANY))) == len(texts)
    assert len(rows_of(character_terms(given, MANY))) == len(texts)
