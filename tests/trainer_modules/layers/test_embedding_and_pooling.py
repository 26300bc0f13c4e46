import numpy as np
import pytest

from ulmfit_tfx.trainer_modules.layers.embedding import TokenEmbedding
from ulmfit_tfx.trainer_modules.layers.pooling import ConcatPooling

RNG = np.random.default_rng(0)


def test_embedding_dropout_drops_whole_words_and_scales_the_others():
    layer = TokenEmbedding(1000, 4, dropout=0.4)
    ids = np.tile(np.arange(1000), (2, 1))
    plain, dropped = layer(ids).numpy(), layer(ids, training=True).numpy()
    is_zero = ~dropped.any(axis=-1)
    np.testing.assert_array_equal(is_zero[0], is_zero[1])
    assert is_zero[0].mean() == pytest.approx(0.4, abs=0.05)
    np.testing.assert_allclose(dropped[~is_zero], plain[~is_zero] / 0.6, rtol=1e-5)


def test_concat_pooling_is_last_max_mean_of_the_true_tokens():
    hidden = RNG.normal(size=(3, 5, 4)).astype("float32")
    lengths = [5, 2, 1]
    mask = np.arange(5)[None] < np.array(lengths)[:, None]
    pooled = ConcatPooling()(hidden, mask=mask)
    for row, length in enumerate(lengths):
        tokens = hidden[row, :length]
        expected = np.concatenate([tokens[-1], tokens.max(axis=0), tokens.mean(axis=0)])
        np.testing.assert_allclose(pooled[row], expected, atol=1e-6)


def test_concat_pooling_of_a_row_without_tokens_is_zero():
    hidden = RNG.normal(size=(1, 3, 4)).astype("float32")
    assert not ConcatPooling()(hidden, mask=np.zeros((1, 3), bool)).numpy().any()
