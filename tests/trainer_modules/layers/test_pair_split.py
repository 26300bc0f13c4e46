import numpy as np

from ulmfit_tfx.schemas.config.encoder import EncoderConfig
from ulmfit_tfx.schemas.config.head import HeadConfig
from ulmfit_tfx.tasks.regression.model import build_regressor
from ulmfit_tfx.trainer_modules.layers.pair_split import PairSplit
from ulmfit_tfx.trainer_modules.models.encoder import build_encoder

PAD, BOS, EOS = 1, 2, 3


def test_rows_are_cut_before_the_second_begin_mark():
    ids = np.array([[2, 7, 3, 2, 8, 9, 3, 1], [2, 7, 3, 1, 1, 1, 1, 1], [2, 7, 3, 2, 8, 3, 2, 3]], "int32")
    first, second = PairSplit(BOS, PAD)(ids)
    assert first.numpy().tolist() == [[2, 7, 3] + [1] * 5] * 3
    assert second.numpy().tolist() == [[1, 1, 1, 2, 8, 9, 3, 1], [1] * 8, [1, 1, 1, 2, 8, 3, 2, 3]]


def test_second_text_is_read_as_if_it_stood_alone():
    """Each text's features are those that the encoder gives it by itself, wherever it stands."""
    for architecture in ("qrnn", "awd_lstm"):
        encoder = build_encoder(
            EncoderConfig(architecture=architecture, embedding_size=8, hidden_sizes=(6, 8)), 20, PAD
        )
        model = build_regressor(encoder, HeadConfig(pairs=True, batch_norm=False), 1, bos_id=BOS)
        model.get_layer("logits").kernel.assign(np.ones((50, 1), "float32"))  # a regressor begins with zeros
        pair = model(np.array([[2, 7, 5, 3, 2, 8, 9, 3]], "int32")).numpy()
        padded = model(np.array([[2, 7, 5, 3, 2, 8, 9, 3, 1, 1], [2, 4, 4, 4, 4, 3, 2, 4, 4, 3]], "int32")).numpy()
        np.testing.assert_allclose(padded[:1], pair, atol=1e-5)
        twice = model(np.array([[2, 7, 5, 3, 2, 7, 5, 3]], "int32")).numpy()
        assert not np.allclose(twice, pair)


def test_texts_of_a_pair_are_compared_by_their_difference():
    encoder = build_encoder(EncoderConfig(embedding_size=8, hidden_sizes=(8,)), 20, PAD)
    model = build_regressor(encoder, HeadConfig(pairs=True, hidden_size=1, batch_norm=False), 1, bos_id=BOS)
    size = 4 * 8  # of states three times, of embeddings once
    kernel = np.zeros((4 * size, 1), "float32")
    kernel[2 * size : 3 * size] = 1  # |first - second| alone
    model.get_layer("hidden").kernel.assign(kernel)
    model.get_layer("logits").kernel.assign([[1.0]])
    same, other = model(np.array([[2, 7, 5, 3, 2, 7, 5, 3], [2, 7, 5, 3, 2, 9, 8, 3]], "int32")).numpy()[:, 0]
    assert abs(same) < 1e-6
    assert other > 1e-3
