import functools
import shutil
import struct

import numpy as np
import pytest
import sentencepiece
import tensorflow as tf
from exported_models import MODELS
from hypothesis import given
from hypothesis import strategies as st
from task_model_writer import write_classifier
from tensorflow_serving.apis import prediction_log_pb2

from ulmfit_tfx.trainer_modules.serving.loaded_model import load
from ulmfit_tfx.trainer_modules.serving.signature_defs import signature_defs
from ulmfit_tfx.trainer_modules.serving.signature_names import WARMUP_FILE
from ulmfit_tfx.trainer_modules.serving.warmup_requests import (
    MAX_RECORDS,
    MAX_TEXTS,
    OWN_TEXTS,
    read_warmup_requests,
    warmup_requests,
    write_warmup_requests,
)

MOST_UNLIKE = ("classifier", "tagger", "language_model")
"""Of the models, those whose signatures differ most."""
TEXTS = ["a great film", "dull", "Żółć, naïve café — 12 €? " * 30]


@pytest.fixture(
    scope="module",
    params=[kind if kind in MOST_UNLIKE else pytest.param(kind, marks=pytest.mark.thorough) for kind in MODELS],
)
def warmed_up(request, exported_model, tmp_path_factory):
    """A model with the requests in it."""
    folder = tmp_path_factory.mktemp(request.param) / "model"
    shutil.copytree(exported_model(request.param), folder)
    write_warmup_requests(str(folder), TEXTS, "moods")
    return folder


@pytest.fixture(scope="module")
def rule_based(tmp_path_factory):
    """A model that is read quickly."""
    return write_classifier(tmp_path_factory.mktemp("rule_based"))


def request_of(log):
    return getattr(log, log.WhichOneof("log_type")).request


def fed(log):
    """Input arrays by name, as TensorFlow Serving makes them of a request."""
    request = request_of(log)
    if log.HasField("predict_log"):
        return {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
    examples = request.input.example_list.examples
    return {"inputs": np.array([example.SerializeToString() for example in examples], object)}


def texts_of(log):
    """Those that a request sends, where it sends texts."""
    if log.HasField("predict_log"):
        inputs = fed(log)
        if "string_inputs" in inputs:
            return [text.decode() for text in inputs["string_inputs"]]
        examples = map(tf.train.Example.FromString, inputs.get("examples", ()))
    else:
        examples = request_of(log).input.example_list.examples
    return [example.features.feature["text"].bytes_list.value[0].decode() for example in examples]


def test_every_request_runs_alike_in_tensorflow_2_and_in_a_session_with_a_row_for_each_text(warmed_up):
    logs = list(read_warmup_requests(f"{warmed_up}/{WARMUP_FILE}"))
    functions = load(warmed_up)
    for log, found in zip(logs, run_in_a_session(warmed_up, logs), strict=True):
        name = request_of(log).model_spec.signature_name
        inputs = fed(log)
        expected = functions[name](**{key: tf.constant(array) for key, array in inputs.items()})
        assert found.keys() == expected.keys()
        assert {len(array) for array in found.values()} == {len(array) for array in inputs.values()}
        for key, values in expected.items():
            if values.dtype.is_floating:
                np.testing.assert_allclose(found[key], values, atol=1e-5, err_msg=f"{name}/{key}")
            else:
                np.testing.assert_array_equal(found[key], values, err_msg=f"{name}/{key}")


def run_in_a_session(model, logs):
    answers = []
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        graph = tf.compat.v1.saved_model.loader.load(session, ["serve"], str(model))
        for log in logs:
            signature = graph.signature_def[request_of(log).model_spec.signature_name]
            feed = {signature.inputs[key].name: array for key, array in fed(log).items()}
            answers.append(session.run({key: tensor.name for key, tensor in signature.outputs.items()}, feed))
    return answers


def test_every_signature_is_asked_for_one_text_and_for_several_by_its_own_api(warmed_up):
    logs = list(read_warmup_requests(f"{warmed_up}/{WARMUP_FILE}"))
    rows = {}
    for log in logs:
        assert request_of(log).model_spec.name == "moods"
        (array,) = fed(log).values()
        rows.setdefault(request_of(log).model_spec.signature_name, []).append(len(array))
        api = {"classify": "classify_log", "regress": "regress_log"}.get(request_of(log).model_spec.signature_name)
        assert log.WhichOneof("log_type") == (api or "predict_log")
    flat = {"string_encoder_flat"}  # a server that batches would fail to cut its answers apart
    assert rows == {name: [1, 1, 1, 3] for name in signature_defs(str(warmed_up)).keys() - flat}


def test_ids_are_those_of_the_sentencepiece_package(exported_model, spm_model):
    processor = sentencepiece.SentencePieceProcessor(model_proto=spm_model)
    requests = map(request_of, warmup_requests(str(exported_model("language_model")), TEXTS, "moods"))
    found = [request for request in requests if request.model_spec.signature_name == "next_piece_numericalized"]
    for request, text in zip(found[:3], sorted(TEXTS, key=len), strict=True):
        expected = processor.encode(text.lower(), add_bos=True, add_eos=True)[:40]
        assert tf.make_ndarray(request.inputs["numericalized"]).tolist() == [expected]


def test_file_is_an_uncompressed_tfrecord(warmed_up):
    content, records, position = (warmed_up / WARMUP_FILE).read_bytes(), [], 0
    while position < len(content):
        (length,) = struct.unpack_from("<Q", content, position)
        records.append(content[position + 12 : position + 12 + length])
        position += 12 + length + 4
    assert [*map(prediction_log_pb2.PredictionLog.FromString, records)] == [
        *read_warmup_requests(f"{warmed_up}/{WARMUP_FILE}")
    ]


def test_same_texts_give_the_same_bytes(rule_based, tmp_path):
    files = []
    for name, texts in (("one", TEXTS), ("other", [*reversed(TEXTS), TEXTS[0]])):
        shutil.copytree(rule_based, tmp_path / name)
        write_warmup_requests(str(tmp_path / name), texts, "moods")
        files.append((tmp_path / name / WARMUP_FILE).read_bytes())
    assert files[0] == files[1]


def test_without_texts_only_our_own_are_sent(rule_based):
    sent = [text for log in warmup_requests(str(rule_based), [], "moods") for text in texts_of(log)]
    assert set(sent) == set(OWN_TEXTS)
    assert len({len(text) for text in OWN_TEXTS}) > 1


def test_one_text_is_sent_with_a_longer_one(rule_based):
    batches = [texts_of(log) for log in warmup_requests(str(rule_based), ["a film"], "moods")]
    assert ["a film"] in batches
    assert ["a film", "a film a film"] in batches


@given(texts=st.lists(st.text(), min_size=2, unique=True))
def test_of_any_texts_some_of_all_lengths_are_sent(rule_based, texts):
    logs = list(warmup_requests(str(rule_based), texts, "moods"))
    batches = [texts_of(log) for log in logs]
    sent = functools.reduce(set.union, map(set, batches))
    assert len(logs) < MAX_RECORDS
    assert len(sent) == min(len(texts), MAX_TEXTS)
    assert sent <= set(texts)
    assert {min(map(len, sent)), max(map(len, sent))} == {min(map(len, texts)), max(map(len, texts))}
    assert max(map(len, batches)) == len(sent)


def test_largest_file_stays_below_the_limit(exported_model):
    texts = [str(number) for number in range(5000)]
    assert len(list(warmup_requests(str(exported_model("language_model")), texts, "moods"))) < MAX_RECORDS


def test_input_that_is_not_known_is_named(tmp_path):
    module = tf.Module()
    module.answer = tf.function(lambda image: {"area": tf.size(image)}, [tf.TensorSpec([None], name="image")])
    tf.saved_model.save(module, str(tmp_path), signatures={"areas": module.answer})
    with pytest.raises(ValueError, match=r"signature 'areas' has the input 'image', expected one of \['string_inputs'"):
        list(warmup_requests(str(tmp_path), TEXTS, "moods"))
