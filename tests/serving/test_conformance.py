"""Exported models behind TensorFlow Serving's APIs, through the real protos and JSON."""

import base64

import grpc
import numpy as np
import pytest
import tensorflow as tf
from exported_models import LABELS, MODELS
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    predict_pb2,
    regression_pb2,
)

NAME = "moods"
TEXTS = ["a great film!", "", "Żółć, naïve café — 12 €?", "電影很好看", "😀 مرحبا", "tedious and a dull story " * 30]
LARGE = "a brilliant film and a tender story. " * 27_028
NOT_UTF8 = b"\xff\xfe a great film \xc3\x28 and \xf0\x9f"
CODES = grpc.StatusCode


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        if values.dtype.kind == "f":
            np.testing.assert_allclose(found[name], values, atol=1e-5, err_msg=name)
        elif values.dtype.kind == "O" and found[name].dtype.kind == "U":
            decoded = np.array([value.decode() for value in values.ravel()], object).reshape(values.shape)
            np.testing.assert_array_equal(found[name], decoded, err_msg=name)
        else:
            np.testing.assert_array_equal(found[name], values, err_msg=name)


def example_of(text):
    value = tf.train.Feature(bytes_list=tf.train.BytesList(value=[text.encode()]))
    return tf.train.Example(features=tf.train.Features(feature={"text": value}))


def of_examples(request_class, signature, texts):
    request = request_class()
    request.model_spec.name, request.model_spec.signature_name = NAME, signature
    request.input.example_list.examples.extend(map(example_of, texts))
    return request


@pytest.mark.parametrize("kind", MODELS)
def test_text_as_json_string_and_as_base_64_gives_what_the_loaded_model_gives(client, kind):
    client = client(kind)
    expected = client.loaded("serving_default", string_inputs=TEXTS)
    assert_same(client.rows(instances=TEXTS), expected)
    encoded = [{"b64": base64.b64encode(text.encode()).decode()} for text in TEXTS]
    assert_same(client.rows(instances=encoded), expected)
    assert_same(client.rows(instances=[{"string_inputs": text} for text in encoded]), expected)
    status, answer = client.post("predict", {"inputs": {"string_inputs": TEXTS}})
    assert status == 200
    assert_same({name: np.array(values) for name, values in answer["outputs"].items()}, expected)


@pytest.mark.parametrize("rows", [1, 64])
@pytest.mark.parametrize("kind", MODELS)
def test_batch_through_grpc_gives_what_the_loaded_model_gives(client, kind, rows):
    client = client(kind)
    texts = (TEXTS * 11)[:rows]
    for signature in ("serving_default", "string_encoder", "spm_processor"):
        assert_same(client.predict(signature, string_inputs=texts), client.loaded(signature, string_inputs=texts))
    examples = [example_of(text).SerializeToString() for text in texts]
    assert_same(
        client.predict("serving_examples", examples=examples), client.loaded("serving_examples", examples=examples)
    )


def test_batch_of_64_through_rest_gives_what_the_loaded_model_gives(client):
    client = client("classifier")
    texts = (TEXTS * 11)[:64]
    assert_same(client.rows(instances=texts), client.loaded("serving_default", string_inputs=texts))


def test_words_through_both_apis_are_tagged_as_by_the_loaded_model(client):
    client = client("tagger")
    words = [["A", "tender", "film", "!"], ["naïve", "plot", "", ""], ["", "", "", ""]]
    expected = client.loaded("tag_words", words=words)
    assert_same(client.predict("tag_words", words=words), expected)
    assert_same(client.rows(signature_name="tag_words", instances=words), expected)


def test_ids_through_both_apis_are_encoded_as_by_the_loaded_model(client):
    client = client("language_model")
    ids = np.array([[2, 9, 8, 3], [2, 3, 1, 1]], np.int32)
    for signature in ("numericalized_encoder", "next_piece_numericalized"):
        expected = client.loaded(signature, numericalized=ids)
        assert_same(client.predict(signature, numericalized=ids), expected)
    status, answer = client.post("predict", {"signature_name": "next_piece_numericalized", "instances": ids.tolist()})
    assert status == 200
    np.testing.assert_allclose(answer["predictions"], expected["log_probabilities"], atol=1e-5)


@pytest.mark.parametrize("kind", MODELS)
def test_empty_text_is_answered(client, kind):
    client = client(kind)
    expected = client.loaded("serving_default", string_inputs=[""])
    assert_same(client.predict(string_inputs=[""]), expected)
    status, answer = client.post("predict", {"inputs": [""]})
    assert status == 200
    assert answer["outputs"].keys() == expected.keys()


@pytest.mark.parametrize("kind", MODELS)
def test_text_of_a_megabyte_is_answered(client, kind):
    assert len(LARGE) > 1_000_000
    client = client(kind)
    expected = client.loaded("serving_default", string_inputs=[LARGE])
    assert_same(client.predict(string_inputs=[LARGE]), expected)
    assert_same(client.rows(instances=[LARGE]), expected)


@pytest.mark.parametrize("kind", MODELS)
def test_bytes_that_are_no_utf_8_are_answered(client, kind):
    client = client(kind)
    expected = client.loaded("serving_default", string_inputs=[NOT_UTF8])
    assert_same(client.predict(string_inputs=[NOT_UTF8]), expected)


@pytest.mark.parametrize("kind", ["classifier", "regressor", "language_model"])
def test_bytes_that_are_no_utf_8_are_answered_through_rest(client, kind):
    client = client(kind)
    expected = client.loaded("serving_default", string_inputs=[NOT_UTF8])
    assert_same(client.rows(instances=[{"b64": base64.b64encode(NOT_UTF8).decode()}]), expected)


@pytest.mark.parametrize("kind", ["classifier", "multi_label"])
def test_classification_request_gives_every_class_its_probability(client, kind):
    client = client(kind)
    request = of_examples(classification_pb2.ClassificationRequest, "classify", TEXTS)
    response = client.stub.Classify(request, 60)
    expected = client.loaded("serving_default", string_inputs=TEXTS)["probabilities"]
    assert (response.model_spec.name, response.model_spec.version.value) == (NAME, 7)
    rows = response.result.classifications
    assert [[found.label for found in row.classes] for row in rows] == [list(LABELS)] * len(TEXTS)
    np.testing.assert_allclose([[found.score for found in row.classes] for row in rows], expected, atol=1e-5)
    body = {"signature_name": "classify", "examples": [{"text": text} for text in TEXTS]}
    status, answer = client.post("classify", body)
    assert status == 200
    assert [[label for label, _ in row] for row in answer["results"]] == [list(LABELS)] * len(TEXTS)
    np.testing.assert_allclose([[score for _, score in row] for row in answer["results"]], expected, atol=1e-5)


def test_regression_request_gives_the_number(client):
    client = client("regressor")
    response = client.stub.Regress(of_examples(regression_pb2.RegressionRequest, "regress", TEXTS), 60)
    expected = client.loaded("serving_default", string_inputs=TEXTS)["scores"][:, 0]
    np.testing.assert_allclose([row.value for row in response.result.regressions], expected, atol=1e-5)
    encoded = [{"text": {"b64": base64.b64encode(text.encode()).decode()}} for text in TEXTS]
    status, answer = client.post("regress", {"signature_name": "regress", "examples": encoded})
    assert status == 200
    np.testing.assert_allclose(answer["results"], expected, atol=1e-5)


@pytest.mark.parametrize(("kind", "signature"), [("classifier", "classify"), ("regressor", "regress")])
def test_predict_calls_the_signatures_of_the_other_apis_too(client, kind, signature):
    client = client(kind)
    examples = [example_of(text).SerializeToString() for text in TEXTS]
    expected = client.loaded(signature, inputs=examples)
    assert_same(client.predict(signature, inputs=examples), expected)
    encoded = [{"b64": base64.b64encode(example).decode()} for example in examples]
    status, answer = client.post("predict", {"signature_name": signature, "inputs": {"inputs": encoded}})
    assert status == 200
    outputs = answer["outputs"] if len(expected) > 1 else {"outputs": answer["outputs"]}
    assert_same({name: np.array(values) for name, values in outputs.items()}, expected)


def test_signature_of_tokens_end_to_end_needs_the_columnar_format(client):
    client = client("classifier")
    expected = client.loaded("string_encoder_flat", string_inputs=TEXTS)
    status, answer = client.post("predict", {"signature_name": "string_encoder_flat", "inputs": TEXTS})
    assert status == 200
    assert_same({name: np.array(values) for name, values in answer["outputs"].items()}, expected)
    status, answer = client.post("predict", {"signature_name": "string_encoder_flat", "instances": TEXTS})
    assert status == 400
    assert "inconsistent batch size" in answer["error"]


def refused(call):
    with pytest.raises(grpc.RpcError) as refusal:
        call()
    return refusal.value.code(), refusal.value.details()


def test_signature_that_is_not_there_is_named(client):
    client = client("tagger")
    code, message = refused(lambda: client.predict("classify", inputs=["x"]))
    assert (code, "classify" in message) == (CODES.FAILED_PRECONDITION, True)
    request = of_examples(classification_pb2.ClassificationRequest, "classify", TEXTS)
    code, message = refused(lambda: client.stub.Classify(request, 60))
    assert (code, "classify" in message) == (CODES.INVALID_ARGUMENT, True)
    status, answer = client.post("predict", {"signature_name": "classify", "instances": ["x"]})
    assert (status, "classify" in answer["error"]) == (400, True)


@pytest.mark.parametrize(
    ("signature", "inputs", "message"),
    [
        ("serving_default", {"string_inputs": [1, 2]}, "to be string but int32"),
        ("numericalized_encoder", {"numericalized": [[1.0, 2.0]]}, "to be int32 but float"),
        ("numericalized_encoder", {"numericalized": np.array([[1, 2]], np.int64)}, "to be int32 but int64"),
        ("serving_default", {"texts": ["x"]}, "texts"),
        ("serving_default", {}, "string_inputs"),
        ("serving_default", {"string_inputs": ["x"], "mask": [True]}, "mask"),
        ("serving_default", {"string_inputs": [["x", "y"]]}, "shape"),
        ("serving_examples", {"examples": [b"no example"]}, "Could not parse example"),
        ("serving_examples", {"examples": [tf.train.Example().SerializeToString()]}, "text"),
    ],
)
def test_inputs_that_are_not_those_of_the_signature_are_refused(client, signature, inputs, message):
    code, found = refused(lambda: client("classifier").predict(signature, **inputs))
    assert code == CODES.INVALID_ARGUMENT
    assert message in found


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"instances": [1, 2]}, "string"),
        ({"instances": [None]}, "string"),
        ({"inputs": {"texts": ["x"]}}, "string_inputs"),
        ({"instances": [{"texts": "x"}]}, "texts"),
        ({"instances": []}, "instances"),
        ({"instances": [["x"], ["y", "z"]]}, "size"),
        ({"texts": ["x"]}, "'inputs' or 'instances'"),
        ({"instances": [{"b64": "no base 64!"}]}, "base64"),
        ({"signature_name": "numericalized_encoder", "instances": [["x"]]}, "int32"),
        (b"{'instances': ['x']}", "JSON Parse error"),
        (b'{"instances": ["\\ud800"]}', "surrogate"),
    ],
)
def test_json_that_is_not_of_the_signature_is_refused(client, body, message):
    status, answer = client("classifier").post("predict", body)
    assert status == 400
    assert message in answer["error"]


def test_classify_and_regress_want_their_own_signatures_and_examples(client):
    classifier, regressor = client("classifier"), client("regressor")
    for signature in ("", "serving_default", "serving_examples"):
        request = of_examples(classification_pb2.ClassificationRequest, signature, TEXTS)
        assert refused(lambda: classifier.stub.Classify(request, 60))[0] == CODES.INVALID_ARGUMENT  # noqa: B023
    request = of_examples(regression_pb2.RegressionRequest, "classify", TEXTS)
    assert refused(lambda: classifier.stub.Regress(request, 60))[0] == CODES.INVALID_ARGUMENT
    empty = of_examples(regression_pb2.RegressionRequest, "regress", [])
    assert refused(lambda: regressor.stub.Regress(empty, 60)) == (CODES.INVALID_ARGUMENT, "Input is empty.")
    body = {"signature_name": "classify", "examples": [{"review": "x"}]}
    status, answer = classifier.post("classify", body)
    assert (status, "text" in answer["error"]) == (400, True)


def test_regressor_of_several_targets_is_not_asked_by_the_regress_api(client):
    request = of_examples(regression_pb2.RegressionRequest, "regress", TEXTS)
    code, message = refused(lambda: client("several_targets").stub.Regress(request, 60))
    assert (code, "regress" in message) == (CODES.INVALID_ARGUMENT, True)


def test_model_version_and_label_are_found_or_named(client):
    client = client("classifier")
    for place in ("", "/versions/7", "/labels/stable"):
        assert client.call(f"/v1/models/{NAME}{place}:predict", {"instances": ["x"]})[0] == 200
    for place, name in (("other", "other"), (f"{NAME}/versions/8", "8"), (f"{NAME}/labels/canary", "canary")):
        status, answer = client.call(f"/v1/models/{place}:predict", {"instances": ["x"]})
        assert status == (400 if name == "canary" else 404)
        assert name in answer["error"]
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "other"
    assert refused(lambda: client.stub.Predict(request, 60)) == (
        CODES.NOT_FOUND,
        "Servable not found for request: Latest(other)",
    )


def test_status_says_that_the_version_is_available(client):
    client = client("classifier")
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = NAME
    [status] = client.models.GetModelStatus(request, 60).model_version_status
    assert (status.version, status.state) == (7, get_model_status_pb2.ModelVersionStatus.AVAILABLE)
    found = {"version": "7", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    assert client.call(f"/v1/models/{NAME}") == (200, {"model_version_status": [found]})


STRING, INT32, FLOAT, BOOL = "DT_STRING", "DT_INT32", "DT_FLOAT", "DT_BOOL"
TEXT = {"string_inputs": (STRING, 1)}
IDS = {"numericalized": (INT32, 2)}
ENCODED = {"output": (FLOAT, 3), "mask": (BOOL, 2)}
WORDS = {f"word_{end}_{unit}": (INT32, 2) for end in ("start", "end") for unit in ("bytes", "chars")}
SPANS = {f"span_{end}_{unit}": (INT32, 2) for end in ("start", "end") for unit in ("words", "bytes", "chars")}
TAGGED = {
    "words": (STRING, 2),
    "word_counts": (INT32, 1),
    "tags": (STRING, 2),
    "scores": (FLOAT, 2),
    "tag_probabilities": (FLOAT, 3),
    "all_tags": (STRING, 2),
    "span_labels": (STRING, 2),
    "span_texts": (STRING, 2),
    "span_scores": (FLOAT, 2),
    "span_counts": (INT32, 1),
    **WORDS,
    **SPANS,
}
CLASSIFIED = {"label": (STRING, 1), "probabilities": (FLOAT, 2), "all_classes": (STRING, 2)}
SCORED = {"scores": (FLOAT, 2), "all_targets": (STRING, 2)}
LIKELIHOOD = {"negative_log_likelihood": FLOAT, "predicted_pieces": INT32, "words": INT32}
FLAT = {"output_flat": (FLOAT, 2), "output_rows": (INT32, 1)}
FLAT |= {"numericalized_flat": (INT32, 1), "numericalized_rows": (INT32, 1)}
ENCODER = {
    "string_encoder": (TEXT, {**ENCODED, **IDS, "lengths": (INT32, 1)}),
    "numericalized_encoder": (IDS, ENCODED),
    "spm_processor": (TEXT, {**IDS, "mask": (BOOL, 2)}),
    "string_encoder_flat": (TEXT, FLAT),
}
EXAMPLES, INPUTS = {"examples": (STRING, 1)}, {"inputs": (STRING, 1)}


def served_by(of_texts, **of_examples):
    return {"serving_default": (TEXT, of_texts), "serving_examples": (EXAMPLES, {**of_texts, **of_examples})}


CLASSIFIER = {
    **served_by(CLASSIFIED, label=(STRING, 2)),
    "classify": (INPUTS, {"classes": (STRING, 2), "scores": (FLOAT, 2)}),
}
LOG_PROBABILITIES = {"log_probabilities": (FLOAT, 2)}
CONTRACT = {
    "classifier": CLASSIFIER,
    "multi_label": CLASSIFIER,
    "regressor": {**served_by(SCORED), "regress": (INPUTS, {"outputs": (FLOAT, 1)})},
    "several_targets": served_by(SCORED),
    "tagger": {
        **served_by(TAGGED, word_counts=(INT32, 2), span_counts=(INT32, 2)),
        "tag_words": ({"words": (STRING, 2)}, TAGGED),
    },
    "language_model": {
        "serving_default": (TEXT, {name: (dtype, 1) for name, dtype in LIKELIHOOD.items()}),
        "serving_examples": (EXAMPLES, {name: (dtype, 2) for name, dtype in LIKELIHOOD.items()}),
        "next_piece": (TEXT, {**LOG_PROBABILITIES, **IDS, "lengths": (INT32, 1)}),
        "next_piece_numericalized": (IDS, LOG_PROBABILITIES),
    },
}
METHODS = {"classify": "tensorflow/serving/classify", "regress": "tensorflow/serving/regress"}


@pytest.mark.parametrize("kind", MODELS)
def test_metadata_is_the_contract(client, kind):
    client = client(kind)
    contract = {**ENCODER, **CONTRACT[kind]}
    status, answer = client.call(f"/v1/models/{NAME}/metadata")
    assert status == 200
    assert answer["model_spec"]["version"] == "7"
    found = answer["metadata"]["signature_def"]["signature_def"]
    found = {name: signature for name, signature in found.items() if not name.startswith("__")}
    assert {
        name: tuple(
            {key: (tensor["dtype"], len(tensor["tensor_shape"]["dim"])) for key, tensor in signature[side].items()}
            for side in ("inputs", "outputs")
        )
        for name, signature in found.items()
    } == contract
    methods = {name: signature["method_name"] for name, signature in found.items()}
    assert methods == {name: METHODS.get(name, "tensorflow/serving/predict") for name in contract}
    for signature in found.values():
        for side in ("inputs", "outputs"):
            strings = [name for name, tensor in signature[side].items() if tensor["dtype"] == STRING]
            assert not [name for name in strings if name.endswith("_bytes")], "REST would give it as base 64"


def test_metadata_through_grpc_is_that_of_rest(client):
    client = client("tagger")
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = NAME
    response = client.stub.GetModelMetadata(request, 60)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(signatures)
    found = client.call(f"/v1/models/{NAME}/metadata")[1]["metadata"]["signature_def"]["signature_def"]
    assert set(signatures.signature_def) == set(found)
    for name, signature in signatures.signature_def.items():
        assert signature.method_name == found[name]["method_name"]
        assert {key: tensor.name for key, tensor in signature.outputs.items()} == {
            key: tensor["name"] for key, tensor in found[name]["outputs"].items()
        }
