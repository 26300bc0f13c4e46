import json
from pathlib import Path

import numpy as np
import pytest
import sentencepiece
import tensorflow as tf

from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.encoder import EncoderConfig
from ulmfit_tfx.schemas.config.head import HeadConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.tasks.classification.model import build_classifier
from ulmfit_tfx.tasks.classification.signatures import classifier_signatures
from ulmfit_tfx.trainer_modules.models.encoder import build_encoder
from ulmfit_tfx.trainer_modules.serving.model_info import ModelDescription
from ulmfit_tfx.trainer_modules.serving.saved_model import save
from ulmfit_tfx.trainer_modules.serving.signatures import encoder_signatures, text_outputs
from ulmfit_tfx.transforms.tokenization import Tokenizer

LABELS = ["plain", "good", "bad"]
D, MAX_SEQ_LEN = 6, 40


def export(folder: Path, spm_model: bytes, architecture: str, fixed_seq_len: int | None):
    tokenizer = Tokenizer(spm_model, TokenizerConfig(), CleaningConfig(strip_html=True, lower_case=True))
    config = EncoderConfig(architecture=architecture, embedding_size=8, hidden_sizes=(10, D))
    encoder = build_encoder(config, tokenizer.vocab_size, tokenizer.special_ids.pad)
    model = build_classifier(encoder, HeadConfig(), len(LABELS))
    signatures = encoder_signatures(encoder, tokenizer, fixed_seq_len, MAX_SEQ_LEN)
    signatures |= classifier_signatures(text_outputs(model, tokenizer, MAX_SEQ_LEN), tokenizer, LABELS)
    info = ModelDescription(
        task="classification",
        encoder=EncoderConfig(),
        max_seq_len=MAX_SEQ_LEN,
        fixed_seq_len=fixed_seq_len,
        labels=LABELS,
    )
    save(str(folder), model, tokenizer, signatures, info)
    return encoder


@pytest.fixture(scope="module", params=[("qrnn", 12), ("awd_lstm", None)], ids=["qrnn-fixed", "lstm-variable"])
def exported(request, spm_model, outputs_in_isolation, tmp_path_factory):
    architecture, fixed_seq_len = request.param
    folder = tmp_path_factory.mktemp("export")
    encoder = export(folder / "model", spm_model, architecture, fixed_seq_len)
    by_mode = {mode: outputs_in_isolation(folder / "model", mode) for mode in ("tf2", "tf1")}
    return folder / "model", encoder, fixed_seq_len, by_mode


def test_tf1_session_gives_the_same_numbers(exported):
    by_mode = exported[-1]
    assert by_mode["tf2"].keys() == by_mode["tf1"].keys()
    for name, expected in by_mode["tf2"].items():
        if expected.dtype.kind == "f":
            np.testing.assert_allclose(by_mode["tf1"][name], expected, atol=1e-6, err_msg=name)
        else:
            np.testing.assert_array_equal(by_mode["tf1"][name], expected, err_msg=name)


def test_contract_of_names_shapes_and_dtypes(exported):
    _, _, fixed_seq_len, by_mode = exported
    longest = fixed_seq_len or MAX_SEQ_LEN
    expected = {
        "string_encoder/output": ("float32", (3, longest, D)),
        "string_encoder/numericalized": ("int32", (3, longest)),
        "string_encoder/mask": ("bool", (3, longest)),
        "string_encoder/lengths": ("int32", (3,)),
        "numericalized_encoder/output": ("float32", (2, 4, D)),
        "numericalized_encoder/mask": ("bool", (2, 4)),
        "spm_processor/numericalized": ("int32", (3, longest)),
        "spm_processor/mask": ("bool", (3, longest)),
        "serving_default/label": ("bytes", (3,)),
        "serving_default/probabilities": ("float32", (3, 3)),
        "serving_default/all_classes": ("bytes", (3, 3)),
        "serving_examples/label": ("bytes", (3, 1)),
        "serving_examples/probabilities": ("float32", (3, 3)),
        "serving_examples/all_classes": ("bytes", (3, 3)),
        "classify/classes": ("bytes", (3, 3)),
        "classify/scores": ("float32", (3, 3)),
    }
    if fixed_seq_len is None:
        rows = by_mode["tf2"]["string_encoder/lengths"].sum()
        expected |= {
            "string_encoder_flat/output_flat": ("float32", (rows, D)),
            "string_encoder_flat/output_rows": ("int32", (3,)),
            "string_encoder_flat/numericalized_flat": ("int32", (rows,)),
            "string_encoder_flat/numericalized_rows": ("int32", (3,)),
        }
    found = {
        name: ("bytes" if array.dtype.kind == "S" else array.dtype.name, array.shape)
        for name, array in by_mode["tf2"].items()
    }
    assert found == expected


def test_ids_are_those_of_the_sentencepiece_package_on_cleaned_text(exported, spm_model):
    outputs, limit = exported[-1]["tf2"], exported[2] or MAX_SEQ_LEN
    reference = sentencepiece.SentencePieceProcessor(model_proto=spm_model)
    cleaned = ["a great film!", "", "tedious, naïve  and a dull story " * 30]
    for row, text in enumerate(cleaned):
        ids = reference.encode(text, add_bos=True, add_eos=True)[:limit]
        padded = ids + [1] * (limit - len(ids))
        np.testing.assert_array_equal(outputs["string_encoder/numericalized"][row], padded)
        np.testing.assert_array_equal(outputs["spm_processor/numericalized"][row], padded)
        assert outputs["string_encoder/lengths"][row] == len(ids)
        assert outputs["string_encoder/mask"][row].sum() == len(ids)


def test_vectors_are_those_of_the_encoder_that_was_saved(exported):
    _, encoder, _, by_mode = exported
    outputs = by_mode["tf2"]
    hidden, mask = encoder(np.array([[2, 9, 8, 3], [2, 3, 1, 1]], "int32"))
    np.testing.assert_allclose(outputs["numericalized_encoder/output"], hidden, atol=1e-6)
    np.testing.assert_array_equal(outputs["numericalized_encoder/mask"], mask)
    hidden, _ = encoder(outputs["string_encoder/numericalized"])
    np.testing.assert_allclose(outputs["string_encoder/output"], hidden, atol=1e-6)


def test_flat_form_holds_the_true_tokens_of_the_dense_form_where_the_length_varies(exported):
    outputs = exported[-1]["tf2"]
    if exported[2] is not None:
        assert not any(name.startswith("string_encoder_flat") for name in outputs)
        return
    mask = outputs["string_encoder/mask"]
    np.testing.assert_allclose(
        outputs["string_encoder_flat/output_flat"], outputs["string_encoder/output"][mask], atol=1e-6
    )
    np.testing.assert_array_equal(
        outputs["string_encoder_flat/numericalized_flat"], outputs["string_encoder/numericalized"][mask]
    )


def test_label_is_the_most_probable_class_and_probabilities_sum_to_one(exported):
    outputs = exported[-1]["tf2"]
    probabilities = outputs["serving_default/probabilities"]
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    expected = [LABELS[best].encode() for best in probabilities.argmax(axis=1)]
    assert outputs["serving_default/label"].tolist() == expected
    assert outputs["serving_default/all_classes"].tolist() == [[label.encode() for label in LABELS]] * 3
    np.testing.assert_allclose(outputs["serving_examples/probabilities"], probabilities, atol=1e-6)


def test_tokenizer_and_description_lie_inside(exported, spm_model):
    folder = exported[0]
    assert (folder / "assets" / "spm.model").read_bytes() == spm_model
    assert json.loads((folder / "assets.extra" / "ulmfit_tfx.json").read_text())["labels"] == LABELS


def test_gradients_reach_the_restored_weights(exported):
    loaded = tf.saved_model.load(str(exported[0]))
    with tf.GradientTape() as tape:
        encoded = loaded.signatures["string_encoder"](string_inputs=tf.constant(["a great film"]))
        loss = tf.reduce_sum(encoded["output"] ** 2)
    gradients = tape.gradient(loss, [weight for weight in loaded.variables_ if weight.trainable])
    assert sum(gradient is not None for gradient in gradients) >= 5
