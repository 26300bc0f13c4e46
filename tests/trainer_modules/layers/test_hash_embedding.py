import numpy as np
import pytest

from ulmfit_tfx.trainer_modules.layers.hash_embedding import MAX_ROWS, HashEmbedding

RNG = np.random.default_rng(0)


def test_vector_is_the_sum_of_the_rows_of_remainder_and_quotient():
    layer = HashEmbedding(7, 3)
    ids = np.array([[0, 6, 7, 48], [49, 100, 2**31 - 2, 13]], "int32")
    found = layer(ids).numpy()
    table = layer.embeddings.numpy().astype("float64")
    for place in np.ndindex(ids.shape):
        number = int(ids[place])
        np.testing.assert_allclose(found[place], table[number % 7] + table[number // 7 % 7], atol=1e-6)


def test_vector_of_no_id_is_zero():
    found = HashEmbedding(7, 3)(np.array([[-1, 3]], "int32")).numpy()
    assert not found[0, 0].any()
    assert found[0, 1].any()


def test_hardly_any_ids_share_both_rows():
    """By chance, of n ids n^2 / 2 / rows^2 pairs."""
    ids, rows = RNG.integers(0, 2**31 - 1, 20_000), 2500
    both = {(number % rows, number // rows % rows) for number in ids.tolist()}
    assert 20_000 - len(both) < 1.5 * 20_000**2 / 2 / rows**2


def test_table_with_more_rows_than_hashes_tell_apart_is_refused():
    with pytest.raises(ValueError, match="rows is 46341, expected at most 46340"):
        HashEmbedding(MAX_ROWS + 1, 3)
