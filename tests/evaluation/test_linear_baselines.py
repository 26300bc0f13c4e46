"""What linear baselines are fitted on."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from ulmfit_tfx.evaluation import linear_baselines
from ulmfit_tfx.evaluation.linear_baselines import (
    DEFAULT_C,
    PENALTIES_C,
    TextFeatures,
    chosen_c,
    rows_to_fit,
)

TEXTS = ["a great film", "a dull film", "great fun, great joy", "dull, so dull"] * 3


def test_features_are_words_and_pairs_beside_characters():
    kinds = ({"ngram_range": (1, 2)}, {"ngram_range": (2, 5), "analyzer": "char_wb"})
    asked = ["great dull film", "nothing known 7"]
    terms = [TfidfVectorizer(sublinear_tf=True, min_df=2, **kind).fit(TEXTS) for kind in kinds]
    expected = np.hstack([term.transform(asked).toarray() for term in terms])
    np.testing.assert_allclose(TextFeatures(TEXTS).of(asked).toarray(), expected)


def test_features_of_the_train_split_are_those_of_its_texts():
    for texts, separator in ((TEXTS, None), ([f"{text} | film" for text in TEXTS], "|")):
        features = TextFeatures(texts, separator)
        assert features.are_pairs == (separator is not None)
        np.testing.assert_allclose(features.of_train().toarray(), features.of(texts).toarray())


def test_terms_of_one_row_count_where_there_are_few_rows():
    assert TextFeatures(["one", "two"]).of(["two"]).nnz > 0


def test_a_model_with_many_outputs_has_fewer_terms(monkeypatch):
    monkeypatch.setattr(linear_baselines, "_MOST_WEIGHTS", 60)
    assert TextFeatures(TEXTS, outputs=1).of_train().shape[1] <= 60
    assert TextFeatures(TEXTS, outputs=10).of_train().shape[1] == 6


@pytest.mark.filterwarnings("error")
def test_c_is_the_default_where_nothing_can_be_held_out():
    features = TextFeatures(["one", "two", "three"]).of_train()
    assert chosen_c(features, [np.array(["a", "b", "b"])], None, seed=0) == DEFAULT_C


def test_c_is_higher_where_words_tell_than_where_they_are_noise():
    rng = np.random.default_rng(0)
    noise = [" ".join(f"{letter}x" for letter in rng.choice(list("abcdefgh"), 5)) for _ in range(90)]
    labels = np.array(["good", "bad"] * 45)
    told = [f"{text} {label}" for text, label in zip(noise, labels, strict=True)]
    found = [chosen_c(TextFeatures(texts).of_train(), [labels], None, seed=0) for texts in (noise, told)]
    assert found == [PENALTIES_C[0], PENALTIES_C[-1]]


def test_rows_without_weight_are_not_fitted_on():
    assert rows_to_fit(["a", "b", "c"], [0.0, 1.0, 2.0], seed=0).tolist() == [1, 2]
    assert rows_to_fit(["a", "b"], [0.0, 0.0], seed=0).tolist() == [0, 1]


def test_a_large_train_split_is_sampled(monkeypatch):
    monkeypatch.setattr(linear_baselines, "MOST_CHARACTERS", 10)
    texts = ["abc"] * 9
    kept = rows_to_fit(texts, None, seed=1)
    assert len(kept) == 3
    assert kept.tolist() == sorted(kept.tolist()) == rows_to_fit(texts, None, seed=1).tolist()
    assert len(rows_to_fit(["a" * 99], None, seed=1)) == 1
