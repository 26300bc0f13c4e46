import numpy as np
import pytest
import sentencepiece
import tensorflow as tf

from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.encoder import EncoderConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.trainer_modules.models.encoder import build_encoder
from ulmfit_tfx.trainer_modules.models.language_model import build_language_model
from ulmfit_tfx.trainer_modules.serving.language_model_signatures import language_model_signatures
from ulmfit_tfx.trainer_modules.serving.model_info import ModelDescription
from ulmfit_tfx.trainer_modules.serving.saved_model import BACKWARD, save
from ulmfit_tfx.transforms.tokenization import Tokenizer

V, MAX_SEQ_LEN = 200, 30
TEXTS = ["a great film!", "", "a dull story and a boring plot. " * 12, "x", "Wooden\u00a0camera,  paper"]
BOTH = ("forward", "backward")


def language_model(direction, architecture, hidden_sizes=(10, 8)):
    config = EncoderConfig(
        architecture=architecture, embedding_size=8, hidden_sizes=hidden_sizes, qrnn_windows=(3, 1), direction=direction
    )
    model = build_language_model(build_encoder(config, V, pad_id=1))
    rng = np.random.default_rng(len(direction))
    for weight in model.weights:
        if weight.dtype == "float32":  # fresh ones are so small that every piece is as probable as the other
            weight.assign(rng.normal(0, 0.7, weight.shape))
    return model


def signatures_of(spm_model, models, add_bos=True, add_eos=True, cleaning=None, **options):
    tokenizer = Tokenizer(spm_model, TokenizerConfig(add_bos=add_bos, add_eos=add_eos), cleaning or CleaningConfig())
    return language_model_signatures(models, tokenizer, MAX_SEQ_LEN, **options)


def log_probabilities(model, ids):
    """Of all pieces at each position of one text, from the logits of the whole model: float64 [time, V]."""
    logits = model(np.array([ids], "int32"), training=False)[0].numpy().astype("float64")
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def expected_negative_log_likelihood(model, direction, ids):
    if len(ids) < 2:
        return 0.0
    found = log_probabilities(model, ids)
    if direction == "forward":
        return -sum(found[position, ids[position + 1]] for position in range(len(ids) - 1))
    return -sum(found[position, ids[position - 1]] for position in range(1, len(ids)))


@pytest.fixture(scope="module")
def pieces_of(spm_model):
    processor = sentencepiece.SentencePieceProcessor(model_proto=spm_model)
    return processor.encode


@pytest.fixture(scope="module", params=[("qrnn", (10, 8)), ("awd_lstm", (10, 9))], ids=["qrnn-tied", "lstm-untied"])
def models(request):
    return {direction: language_model(direction, *request.param) for direction in BOTH}


@pytest.fixture(scope="module")
def signatures(models, spm_model):
    # So few positions and logits that the longest text is read in many chunks, and its softmax computed in several.
    return signatures_of(spm_model, models, max_positions=64, max_logits=7 * V)


@pytest.mark.parametrize("texts", [TEXTS, TEXTS[2:3], TEXTS[1:2]], ids=["five", "a long one", "an empty one"])
def test_likelihood_is_that_of_each_text_read_alone_and_at_once(models, signatures, pieces_of, texts):
    outputs = signatures["serving_default"](tf.constant(texts))
    ids = [pieces_of(text, add_bos=True, add_eos=True) for text in texts]
    for direction, name in (("forward", ""), ("backward", "_backward")):
        expected = [expected_negative_log_likelihood(models[direction], direction, row) for row in ids]
        np.testing.assert_allclose(outputs[f"negative_log_likelihood{name}"], expected, rtol=1e-5)
    np.testing.assert_array_equal(outputs["predicted_pieces"], [len(row) - 1 for row in ids])
    np.testing.assert_array_equal(outputs["words"], [len(text.split()) + 1 for text in texts])


@pytest.mark.parametrize(
    ("direction", "add_bos", "add_eos"),
    [("forward", False, False), ("forward", False, True), ("backward", True, False), ("backward", False, True)],
)
def test_without_marks_the_first_piece_read_is_not_predicted(spm_model, pieces_of, direction, add_bos, add_eos):
    model = language_model(direction, "qrnn")
    signatures = signatures_of(spm_model, {direction: model}, add_bos, add_eos)
    outputs = signatures["serving_default"](tf.constant(TEXTS))
    assert set(outputs) == {"negative_log_likelihood", "predicted_pieces", "words"}
    ids = [pieces_of(text, add_bos=add_bos, add_eos=add_eos) for text in TEXTS]
    expected = [expected_negative_log_likelihood(model, direction, row) for row in ids]
    np.testing.assert_allclose(outputs["negative_log_likelihood"], expected, rtol=1e-5)
    np.testing.assert_array_equal(outputs["predicted_pieces"], [max(len(row) - 1, 0) for row in ids])
    has_last_mark = add_eos if direction == "forward" else add_bos
    words = [len(text.split()) + (has_last_mark and len(row) > 1) for text, row in zip(TEXTS, ids, strict=True)]
    np.testing.assert_array_equal(outputs["words"], words)


def test_words_are_those_of_the_cleaned_text(spm_model):
    cleaning = CleaningConfig(strip_html=True)
    signatures = signatures_of(spm_model, {"forward": language_model("forward", "qrnn")}, cleaning=cleaning)
    spaced = "thin\u2009space \u3000 ideographic\x85next\x1cfile\ttab\nline"
    outputs = signatures["serving_default"](tf.constant(["fine<br />film", spaced, " "]))
    np.testing.assert_array_equal(outputs["words"], [2 + 1, len(spaced.split()) + 1, 0 + 1])


def test_next_piece_follows_the_last_pieces_of_the_text(models, signatures, pieces_of):
    outputs = signatures["next_piece"](tf.constant(TEXTS))
    for row, text in enumerate(TEXTS):
        ids = pieces_of(text, add_bos=True)[-MAX_SEQ_LEN:]
        assert outputs["lengths"][row] == len(ids)
        np.testing.assert_array_equal(outputs["numericalized"][row], ids + [1] * (MAX_SEQ_LEN - len(ids)))
        expected = log_probabilities(models["forward"], ids)[-1]
        np.testing.assert_allclose(outputs["log_probabilities"][row], expected, atol=2e-5)


def test_previous_piece_precedes_the_first_pieces_of_the_text(models, signatures, pieces_of):
    outputs = signatures["previous_piece"](tf.constant(TEXTS))
    for row, text in enumerate(TEXTS):
        ids = pieces_of(text, add_eos=True)[:MAX_SEQ_LEN]
        assert outputs["lengths"][row] == len(ids)
        np.testing.assert_array_equal(outputs["numericalized"][row], ids + [1] * (MAX_SEQ_LEN - len(ids)))
        expected = log_probabilities(models["backward"], ids)[0]
        np.testing.assert_allclose(outputs["log_probabilities"][row], expected, atol=2e-5)


@pytest.mark.parametrize(("direction", "name", "asked"), [("forward", "next", -1), ("backward", "previous", 0)])
def test_pieces_of_different_lengths_are_read_to_their_own_ends(models, signatures, direction, name, asked):
    rng = np.random.default_rng(0)
    rows = [rng.integers(4, V, length).tolist() for length in (1, 90, 17)]
    padded = np.array([row + [1] * (95 - len(row)) for row in rows], "int32")
    found = signatures[f"{name}_piece_numericalized"](tf.constant(padded))["log_probabilities"]
    expected = [log_probabilities(models[direction], row)[asked] for row in rows]
    np.testing.assert_allclose(found, expected, atol=2e-5)


@pytest.mark.parametrize("ids", [np.ones((2, 3), "int32"), np.ones((2, 0), "int32")], ids=["padding", "no columns"])
def test_after_nothing_the_bias_alone_says_what_comes(models, signatures, ids):
    bias = models["forward"].get_layer("lm_head").bias.numpy().astype("float64")
    found = signatures["next_piece_numericalized"](tf.constant(ids))["log_probabilities"]
    np.testing.assert_allclose(found, [bias - np.log(np.exp(bias).sum())] * 2, atol=1e-5)


@pytest.mark.parametrize("direction", BOTH)
def test_signatures_of_one_direction(spm_model, direction):
    found = set(signatures_of(spm_model, {direction: language_model(direction, "qrnn")}))
    neighbour = {"forward": "next_piece", "backward": "previous_piece"}[direction]
    assert found == {"serving_default", "serving_examples", neighbour, f"{neighbour}_numericalized"}


def test_no_texts_give_no_rows(signatures):
    outputs = signatures["serving_default"](tf.constant([], tf.string))
    assert {tuple(output.shape) for output in outputs.values()} == {(0,)}


def test_no_model_is_refused(spm_model):
    with pytest.raises(ValueError, match="models is empty"):
        signatures_of(spm_model, {})


@pytest.fixture(scope="module")
def mixed_models():
    """A QRNN that reads forward and an AWD-LSTM that reads backward."""
    return {
        "forward": language_model("forward", "qrnn"),
        "backward": language_model("backward", "awd_lstm", hidden_sizes=(10, 9)),
    }


@pytest.fixture(scope="module")
def exported(mixed_models, spm_model, outputs_in_isolation, tmp_path_factory):
    folder = tmp_path_factory.mktemp("language_model") / "model"
    tokenizer = Tokenizer(spm_model, TokenizerConfig(), CleaningConfig())
    info = ModelDescription(task="language_model", encoder=EncoderConfig(), max_seq_len=MAX_SEQ_LEN, fixed_seq_len=None)
    by_prefix = {"": mixed_models["forward"], BACKWARD: mixed_models["backward"]}
    save(str(folder), by_prefix, tokenizer, language_model_signatures(mixed_models, tokenizer, MAX_SEQ_LEN), info)
    return {mode: outputs_in_isolation(folder, mode) for mode in ("tf2", "tf1")}


def test_tf1_session_gives_the_same_numbers(exported):
    assert exported["tf2"].keys() == exported["tf1"].keys()
    for name, expected in exported["tf2"].items():
        np.testing.assert_allclose(exported["tf1"][name], expected, rtol=1e-5, atol=1e-5, err_msg=name)


def test_saved_model_gives_the_numbers_of_the_models(exported, mixed_models, pieces_of):
    outputs = exported["tf2"]
    rows = [[2, 9, 8, 3], [2, 3]]
    for direction, name, asked in (("forward", "next", -1), ("backward", "previous", 0)):
        expected = [log_probabilities(mixed_models[direction], row)[asked] for row in rows]
        np.testing.assert_allclose(outputs[f"{name}_piece_numericalized/log_probabilities"], expected, atol=2e-5)
    ids = pieces_of("A great film!", add_bos=True, add_eos=True)
    for direction, name in (("forward", ""), ("backward", "_backward")):
        expected = expected_negative_log_likelihood(mixed_models[direction], direction, ids)
        for signature in ("serving_default", "serving_examples"):
            np.testing.assert_allclose(
                outputs[f"{signature}/negative_log_likelihood{name}"].flat[0], expected, rtol=1e-5
            )


def test_contract_of_names_shapes_and_dtypes(exported):
    neighbour = {
        "log_probabilities": ("float32", (3, V)),
        "numericalized": ("int32", (3, 30)),
        "lengths": ("int32", (3,)),
    }
    serving = {
        "negative_log_likelihood": "float32",
        "negative_log_likelihood_backward": "float32",
        "predicted_pieces": "int32",
        "words": "int32",
    }
    expected = {
        **{f"{name}_piece/{key}": value for name in ("next", "previous") for key, value in neighbour.items()},
        **{f"{name}_piece_numericalized/log_probabilities": ("float32", (2, V)) for name in ("next", "previous")},
        **{f"serving_default/{key}": (dtype, (3,)) for key, dtype in serving.items()},
        **{f"serving_examples/{key}": (dtype, (3, 1)) for key, dtype in serving.items()},
    }
    assert {name: (array.dtype.name, array.shape) for name, array in exported["tf2"].items()} == expected
