"""Linear branches: what is served is the product of features and weights, and features are those of the literature."""

import numpy as np
import pytest
import scipy.sparse
import tensorflow as tf
from scipy.spatial.distance import cosine
from statistics_of_texts import write_statistics

from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.trainer_modules.branches.blend import Blend
from ulmfit_tfx.trainer_modules.branches.comparison import compared_matrices, compared_terms, compared_vectors
from ulmfit_tfx.trainer_modules.branches.features import CHARACTERS, PIECES, WORDS, TextReader
from ulmfit_tfx.trainer_modules.branches.linear_branches import TrainTexts, linear_branches
from ulmfit_tfx.transforms.statistics.layout import CorpusStatistics
from ulmfit_tfx.transforms.terms import tfidf
from ulmfit_tfx.transforms.tokenization import Tokenizer

NAMES = ("topics", "pieces", "vectors", "words")
TEXTS = {
    False: ["a great film", "", "one plot and a plot", "\N{SNOWMAN} dull"],
    True: ["a great film[SEP]a dull film", "one plot", "[SEP]a plot", "dull plot [SEP] dull plot[SEP]dull", ""],
}


@pytest.fixture(scope="module")
def statistics(tmp_path_factory, spm_model, reviews):
    tokenizer = Tokenizer(spm_model, TokenizerConfig(), CleaningConfig())
    folder = tmp_path_factory.mktemp("statistics")
    return CorpusStatistics.read(write_statistics(folder, tokenizer, [text for text, _ in reviews]))


def reader_of(spm_model, statistics, reads_pairs=False):
    tokenizer = Tokenizer(spm_model, TokenizerConfig(separator="[SEP]" if reads_pairs else None), CleaningConfig())
    return TextReader(tokenizer, 50, {PIECES: statistics.buckets, WORDS: 32, CHARACTERS: 128}, reads_pairs)


def dense(features):
    return features.toarray() if scipy.sparse.issparse(features) else features


@pytest.mark.parametrize("reads_pairs", [False, True])
def test_graph_answers_with_the_features_that_weights_were_fitted_on(spm_model, statistics, reads_pairs):
    reader, rng = reader_of(spm_model, statistics, reads_pairs), np.random.default_rng(0)
    texts = TEXTS[reads_pairs]
    branches = linear_branches(NAMES, TrainTexts(reader, np.array(texts, object), statistics), statistics)
    assert tuple(branches) == NAMES
    bias, total, parts = rng.normal(size=2), 0.0, {}
    for branch in branches.values():
        features = dense(branch.features())
        weights = rng.normal(size=(features.shape[1], 2))
        total = total + features @ weights
        for key, part in branch.parts(weights).items():
            parts[key] = parts[key] + part if key in parts else part
    found = Blend(reader, bias, parts, [], 50)(tf.constant(texts))
    np.testing.assert_allclose(found, bias + total, rtol=1e-3, atol=1e-4)


def test_terms_of_a_pair_are_compared(spm_model, statistics):
    space = reader_of(spm_model, statistics).spaces[WORDS]
    idf = np.random.default_rng(0).uniform(1, 3, space.size).astype(np.float32)
    sides = [tfidf(space.terms(tf.constant(texts)), idf) for texts in (["a film", "", "a plot"], ["a plot", "", ""])]
    first, second = (np.zeros((3, space.size)) for _ in range(2))
    for side, matrix in zip(sides, (first, second), strict=True):
        np.add.at(matrix, (side.rows.numpy(), side.terms.numpy()), side.values.numpy())
    found = compared_terms(*sides, space.size)
    served = np.zeros((3, 2 * space.size + 1))
    np.add.at(served, (found.rows.numpy(), found.terms.numpy()), found.values.numpy())
    cosines = (first * second).sum(axis=1, keepdims=True)
    expected = np.concatenate([abs(first - second), 0.3 * (first + second), cosines], axis=1)
    np.testing.assert_allclose(served, expected, atol=1e-6)
    assert 0 < cosines[0] < 1
    fitted = compared_matrices(scipy.sparse.csr_matrix(first), scipy.sparse.csr_matrix(second))
    np.testing.assert_allclose(fitted.toarray(), expected, atol=1e-6)


def test_vectors_of_a_pair_are_compared_at_length_one():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 5, 7)).astype(np.float32)
    second[4] = 0
    found = compared_vectors(tf.constant(first), tf.constant(second)).numpy()
    assert found.shape == (5, 15)
    for row in range(4):
        assert found[row, -1] == pytest.approx(1 - cosine(first[row], second[row]), abs=1e-5)
        units = first[row] / np.linalg.norm(first[row]), second[row] / np.linalg.norm(second[row])
        np.testing.assert_allclose(found[row, :7], abs(units[0] - units[1]), atol=1e-5)
        np.testing.assert_allclose(found[row, 7:14], units[0] * units[1], atol=1e-5)
    assert found[4, -1] == 0


def test_pairs_are_cut_at_the_first_separator(spm_model, statistics):
    sides = reader_of(spm_model, statistics, reads_pairs=True).sides(tf.constant(TEXTS[True]))
    assert [side.numpy().tolist() for side in sides] == [
        [b"a great film", b"one plot", b"", b"dull plot ", b""],
        [b"a dull film", b"", b"a plot", b" dull plot[SEP]dull", b""],
    ]


def test_of_the_branches_those_that_are_named(spm_model, statistics):
    texts = TrainTexts(reader_of(spm_model, statistics), np.array(["a"], object), statistics)
    assert tuple(linear_branches(["words", "recurrent", "topics"], texts, statistics)) == ("topics", "words")
    assert tuple(linear_branches(["words"], texts, None)) == ("words",)
