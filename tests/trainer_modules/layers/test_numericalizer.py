import io

import keras
import numpy as np
import pytest
import sentencepiece
import tensorflow as tf

from ulmfit_tfx.layers import SentencePieceNumericalizer
from ulmfit_tfx.schemas.config.encoder import EncoderConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.trainer_modules.models.encoder import build_encoder

TEXTS = ["a great film and a great story", "Żółć — 12,345 €?", "", "dull"]
PAD = 1


@pytest.fixture(scope="module")
def spm_path(spm_model, tmp_path_factory):
    path = tmp_path_factory.mktemp("spm") / "tiny.model"
    path.write_bytes(spm_model)
    return path


@pytest.fixture(scope="module")
def reference(spm_model):
    """Ids of the `sentencepiece` package, padded to the longest."""
    processor = sentencepiece.SentencePieceProcessor(model_proto=spm_model)

    def ids(texts, length=None, **options):
        rows = [processor.encode(text, **({"add_bos": True, "add_eos": True} | options)) for text in texts]
        length = length or max(len(row) for row in rows)
        return [(row + [PAD] * length)[:length] for row in rows]

    return ids


def model_of(layer):
    texts = keras.Input((), dtype="string")
    return keras.Model(texts, layer(texts))


@pytest.mark.parametrize("options", [{}, {"add_bos": False}, {"add_eos": False}, {"add_bos": False, "add_eos": False}])
def test_ids_equal_those_of_the_sentencepiece_package(spm_path, reference, options):
    ids = SentencePieceNumericalizer(spm_path, **options)(tf.constant(TEXTS))
    assert ids.dtype == tf.int32
    assert ids.numpy().tolist() == reference(TEXTS, **options)


@pytest.mark.parametrize("length", [3, 70])
def test_fixed_length_cuts_and_pads(spm_path, reference, length):
    ids = SentencePieceNumericalizer(spm_path, fixed_seq_len=length)(tf.constant(TEXTS))
    assert ids.numpy().tolist() == reference(TEXTS, length)


def test_longest_text_of_the_batch_is_bounded(spm_path, reference):
    layer = SentencePieceNumericalizer(spm_path, max_seq_len=6)
    assert layer(tf.constant(TEXTS)).numpy().tolist() == reference(TEXTS, 6)
    assert layer(tf.constant(["dull"])).numpy().tolist() == reference(["dull"])


def test_texts_are_cleaned_first(spm_path, reference):
    layer = SentencePieceNumericalizer(spm_path, lower_case=True, strip_html=True)
    assert layer(tf.constant(["A GREAT<br />film"])).numpy().tolist() == reference(["a great film"])


@pytest.mark.parametrize(
    "texts",
    [TEXTS, tuple(TEXTS), np.array(TEXTS), np.array(TEXTS, dtype=object)],
    ids=lambda texts: type(texts).__name__,
)
def test_lists_and_arrays_are_texts_too(spm_path, reference, texts):
    assert SentencePieceNumericalizer(spm_path)(texts).numpy().tolist() == reference(TEXTS)


def test_empty_batch_has_no_rows(spm_path):
    assert SentencePieceNumericalizer(spm_path, fixed_seq_len=5)([]).shape == (0, 5)


def test_graph_gives_the_same_ids(spm_path, reference):
    layer = SentencePieceNumericalizer(spm_path)
    function = tf.function(lambda texts: layer(texts), input_signature=[tf.TensorSpec([None], tf.string)])
    assert function(TEXTS).numpy().tolist() == reference(TEXTS)
    assert function(["dull"]).numpy().tolist() == reference(["dull"])


def test_layer_created_inside_a_graph_outlives_it(spm_path, reference):
    layers = []

    @tf.function
    def function(texts):
        layers[:] = [SentencePieceNumericalizer(spm_path)]
        return layers[0](texts)

    assert function(tf.constant(TEXTS)).numpy().tolist() == reference(TEXTS)
    assert layers[0](TEXTS).numpy().tolist() == reference(TEXTS)


def test_dataset_maps_batches(spm_path, reference):
    layer = SentencePieceNumericalizer(spm_path)
    batches = tf.data.Dataset.from_tensor_slices(TEXTS).batch(3).map(layer, num_parallel_calls=2)
    assert [ids.numpy().tolist() for ids in batches] == [reference(TEXTS[:3]), reference(TEXTS[3:])]


@pytest.mark.parametrize("length", [None, 9])
def test_model_begins_with_texts(spm_path, reference, length):
    model = model_of(SentencePieceNumericalizer(spm_path, fixed_seq_len=length))
    assert model.output.shape == (None, length)
    assert model.output.dtype == "int32"
    assert model.predict(tf.constant(TEXTS), verbose=0).tolist() == reference(TEXTS, length)


def test_encoder_stands_on_the_layer(spm_path):
    layer = SentencePieceNumericalizer(spm_path)
    sizes = EncoderConfig(embedding_size=8, hidden_sizes=(6,))
    encoder = build_encoder(sizes, layer.vocab_size, layer.pad_id)
    texts = keras.Input((), dtype="string")
    hidden, mask = keras.Model(texts, encoder(layer(texts)))(tf.constant(TEXTS))
    assert hidden.shape == (*layer(TEXTS).shape, 6)
    np.testing.assert_array_equal(mask, layer.mask(layer(TEXTS)))


def test_lengths_and_mask_tell_pieces_from_padding(spm_path, reference):
    layer = SentencePieceNumericalizer(spm_path, fixed_seq_len=70)
    expected = [len(row) for text in TEXTS for row in reference([text])]
    ids = layer(TEXTS)
    assert layer.lengths(ids).numpy().tolist() == expected
    assert layer.mask(ids).numpy().sum(axis=1).tolist() == expected


def test_saved_model_needs_neither_the_path_nor_the_file(tmp_path, spm_model, reference):
    path = tmp_path / "moved.model"
    path.write_bytes(spm_model)
    model_of(SentencePieceNumericalizer(path, fixed_seq_len=9, lower_case=True)).save(tmp_path / "model.keras")
    path.unlink()
    restored = keras.models.load_model(tmp_path / "model.keras")
    assert restored(tf.constant(["A GREAT film"])).numpy().tolist() == reference(["a great film"], 9)


def test_configuration_survives_a_round_trip(spm_path):
    options = {"add_bos": False, "add_eos": False, "max_seq_len": 8, "lower_case": True, "strip_html": True}
    layer = SentencePieceNumericalizer(spm_path, **options, name="numericalizer")
    assert SentencePieceNumericalizer.from_config(layer.get_config()).get_config() == layer.get_config()
    assert layer.get_config().items() >= options.items()


def test_exported_model_takes_texts(spm_path, tmp_path, reference):
    model_of(SentencePieceNumericalizer(spm_path)).export(tmp_path / "exported", verbose=False)
    assert tf.saved_model.load(tmp_path / "exported").serve(TEXTS).numpy().tolist() == reference(TEXTS)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.model: cannot be read: .*No such file"):
        SentencePieceNumericalizer(tmp_path / "nowhere.model")


def test_file_that_is_no_model_is_named(tmp_path):
    (tmp_path / "tiny.vocab").write_text("<unk>\t0\n")
    with pytest.raises(DataError, match=r"tiny\.vocab: .* not a SentencePiece model"):
        SentencePieceNumericalizer(tmp_path / "tiny.vocab")


def test_model_without_padding_is_refused(tmp_path):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["a great film"] * 3), model_writer=model, vocab_size=20, model_type="bpe", pad_id=-1
    )
    (tmp_path / "old.model").write_bytes(model.getvalue())
    with pytest.raises(DataError, match=r"old\.model: .* has no <pad> piece"):
        SentencePieceNumericalizer(tmp_path / "old.model")


@pytest.mark.parametrize("name", ["fixed_seq_len", "max_seq_len"])
def test_length_below_one_is_refused(spm_path, name):
    with pytest.raises(ValueError, match=f"{name} is 0, expected at least 1"):
        SentencePieceNumericalizer(spm_path, **{name: 0})


def test_layer_without_a_model_is_refused():
    with pytest.raises(ValueError, match="expected one of spm_path and spm_model"):
        SentencePieceNumericalizer()


def test_text_that_is_no_batch_is_refused(spm_path):
    with pytest.raises(ValueError, match="expected ndim=1, found ndim=0"):
        SentencePieceNumericalizer(spm_path)(tf.constant("a great film"))
