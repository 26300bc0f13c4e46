"""Statistics of pieces, against loops in float64."""

import itertools
import json
from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.statistics.counting import cooccurrences, pruned, unit_of
from ulmfit_tfx.transforms.statistics.layout import CorpusStatistics
from ulmfit_tfx.transforms.statistics.topics import topic_basis
from ulmfit_tfx.transforms.statistics.vectors import piece_vectors, ppmi, sif_weights

TEXT = st.lists(st.integers(0, 5), max_size=9)


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXT, max_size=5), st.integers(1, 4))
def test_neighbours_count_by_their_distance_inside_of_a_text(texts, window):
    expected = np.zeros((6, 6))
    for text in texts:
        for (i, first), (j, second) in itertools.permutations(enumerate(text), 2):
            if abs(i - j) <= window:
                expected[first, second] += Fraction(unit_of(window), abs(i - j))
    found = cooccurrences([np.array(text, np.int32) for text in texts], 6, window)
    assert np.array_equal(found.toarray(), expected)


def test_of_too_many_pairs_the_most_frequent_ones_stay():
    pairs = scipy.sparse.csr_matrix(np.array([[0, 5, 3], [5, 0, 1], [3, 1, 2]]))
    assert pruned(pairs, 7).nnz == 7
    assert sorted(pruned(pairs, 4).data.tolist()) == [3, 3, 5, 5]
    assert sorted(pruned(pairs, 3).data.tolist()) == [5, 5], "not one of two that are equal"


def test_information_is_that_of_the_shares():
    counts = np.array([[0.0, 4, 1], [4, 2, 0], [1, 0, 0]])
    context = counts.sum(axis=0) ** 0.75 / (counts.sum(axis=0) ** 0.75).sum()
    piece = counts.sum(axis=1) / counts.sum()
    with np.errstate(divide="ignore"):
        expected = np.maximum(np.log(counts / counts.sum() / np.outer(piece, context)), 0)
    np.testing.assert_allclose(ppmi(scipy.sparse.csr_matrix(counts)).toarray(), expected)


def test_pieces_with_the_same_neighbours_have_like_vectors():
    rng = np.random.default_rng(0)
    # even pieces stand beside 0 to 9, odd ones beside 10 to 19
    texts = [np.array([rng.integers(0, 10) + 10 * (p % 2), p]) for p in rng.integers(20, 40, 4000)]
    vectors = piece_vectors(cooccurrences(texts, 41, 2), 8, seed=1)
    assert vectors.dtype == np.float32
    assert not vectors[40].any(), "it has no neighbours"
    kinds = vectors[20:40] / np.linalg.norm(vectors[20:40], axis=1, keepdims=True)
    cosines = kinds @ kinds.T
    assert cosines[::2, ::2].min() > 0.3 + cosines[::2, 1::2].max()
    np.testing.assert_allclose(np.mean(vectors[:40] ** 2), 1, rtol=1e-3)
    np.testing.assert_allclose(vectors[:40].mean(axis=0), 0, atol=1e-4)


@pytest.mark.parametrize("size", [3, 50])
def test_vectors_of_small_vocabularies_are_filled_up(size):
    vectors = piece_vectors(cooccurrences([np.array([0, 1, 2, 0])], 3, 2), size, seed=1)
    assert vectors.shape == (3, size)
    assert not vectors[:, 3:].any()
    assert not piece_vectors(scipy.sparse.csr_matrix((3, 3)), size, seed=1).any()


def test_rare_pieces_count_more():
    np.testing.assert_allclose(sif_weights(np.array([999, 1, 0])), [1e-3 / 1.0, 1e-3 / 2e-3, 1], rtol=1e-3)


def test_topics_are_the_first_right_singular_vectors():
    matrix = np.random.default_rng(0).normal(size=(12, 7))
    basis = topic_basis(scipy.sparse.csr_matrix(matrix), 3, seed=1)
    _, values, right = np.linalg.svd(matrix)
    np.testing.assert_allclose(np.abs(basis.T @ right[:3].T), np.eye(3), atol=1e-2)
    assert not topic_basis(scipy.sparse.csr_matrix((0, 7)), 3, seed=1).any()


@pytest.fixture
def statistics():
    return CorpusStatistics(3, np.arange(4), np.arange(9), np.ones((4, 2), np.float32), np.ones((9, 2), np.float32))


def test_files_are_read_as_they_were_written(statistics, tmp_path):
    statistics.write(str(tmp_path))
    read = CorpusStatistics.read(str(tmp_path))
    assert (read.documents, read.vocab_size, read.buckets) == (3, 4, 5)
    for name in ("piece_counts", "document_frequencies", "vectors", "topics"):
        assert np.array_equal(getattr(read, name), getattr(statistics, name))


def test_damaged_files_and_other_formats_are_refused(statistics, tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        CorpusStatistics.read(str(tmp_path))
    statistics.write(str(tmp_path))
    (tmp_path / "vectors.npy").write_bytes(b"x")
    with pytest.raises(DataError, match="vectors.npy: is not as it was written"):
        CorpusStatistics.read(str(tmp_path))
    facts = json.loads((tmp_path / "statistics.json").read_text())
    (tmp_path / "statistics.json").write_text(json.dumps(facts | {"format": 9}))
    with pytest.raises(DataError, match="format 9, expected 1"):
        CorpusStatistics.read(str(tmp_path))
