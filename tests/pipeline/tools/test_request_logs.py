"""Logs as TensorFlow Serving's own protos and REST API have them."""

import base64
import gzip
import json
import uuid

import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from tensorflow_serving.apis import (
    classification_pb2,
    input_pb2,
    predict_pb2,
    prediction_log_pb2,
    regression_pb2,
    session_service_pb2,
)

from ulmfit_tfx.pipeline.tools.skew.request_logs import LoggedText, read_log
from ulmfit_tfx.transforms.records.record import Refusal

TEXTS = ["Żółć, a fine film", "", "two\nlines"]


def example(**features):
    values = {
        name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode() for value in given]))
        for name, given in features.items()
    }
    return tf.train.Example(features=tf.train.Features(feature=values))


def predict_log(**inputs):
    request = predict_pb2.PredictRequest()
    for name, values in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
    return prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))


def encoded(value):
    return {"b64": base64.b64encode(value).decode()}


def write_log(path, logs, compression=""):
    with tf.io.TFRecordWriter(str(path), compression) as writer:
        for log in logs:
            writer.write(log if isinstance(log, bytes) else log.SerializeToString())
    return str(path)


def write_bodies(path, bodies):
    lines = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(path)


def texts_of(path):
    found = list(read_log(path))
    assert not [item for item in found if isinstance(item, Refusal)], found
    return [item.text for item in found]


def reasons_of(path):
    return [(item.line, item.reason) for item in read_log(path) if isinstance(item, Refusal)]


@pytest.mark.parametrize("compression", ["", "GZIP"])
def test_predictions_of_texts_and_of_examples_are_read(compression, tmp_path):
    examples = [example(text=[text]).SerializeToString() for text in TEXTS]
    logs = [predict_log(string_inputs=TEXTS), predict_log(examples=examples), predict_log(inputs=examples[:1])]
    assert texts_of(write_log(tmp_path / "log", logs, compression)) == [*TEXTS, *TEXTS, TEXTS[0]]


def test_words_are_joined_without_their_padding(tmp_path):
    log = predict_log(words=[["Zoë", "sleeps", ""], ["all", "is", "well"]])
    of_words = predict_log(examples=[example(words=["Zoë", "sleeps"], text=["other"]).SerializeToString()])
    found = list(read_log(write_log(tmp_path / "log", [log, of_words])))
    assert found == [LoggedText(text, is_split=True) for text in ("Zoë sleeps", "all is well", "Zoë sleeps")]


def test_classifications_and_regressions_are_read_with_the_features_that_their_examples_share(tmp_path):
    plain = input_pb2.Input(example_list=input_pb2.ExampleList(examples=[example(text=[text]) for text in TEXTS]))
    shared = input_pb2.ExampleListWithContext(context=example(text=["shared"]), examples=[example(), example(a=["b"])])
    classify = classification_pb2.ClassificationRequest(input=plain)
    regress = regression_pb2.RegressionRequest(input=input_pb2.Input(example_list_with_context=shared))
    logs = [
        prediction_log_pb2.PredictionLog(classify_log=prediction_log_pb2.ClassifyLog(request=classify)),
        prediction_log_pb2.PredictionLog(regress_log=prediction_log_pb2.RegressLog(request=regress)),
    ]
    assert texts_of(write_log(tmp_path / "log", logs)) == [*TEXTS, "shared", "shared"]


SERIALIZED = example(text=["an example"]).SerializeToString()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"instances": TEXTS}, TEXTS),
        ({"instances": [encoded("Żółć".encode())]}, ["Żółć"]),
        ({"instances": [{"string_inputs": "one"}, {"string_inputs": encoded(b"two")}]}, ["one", "two"]),
        ({"signature_name": "serving_default", "inputs": ["one", "two"]}, ["one", "two"]),
        ({"inputs": {"string_inputs": ["one", encoded(b"two")]}}, ["one", "two"]),
        ({"signature_name": "serving_examples", "instances": [encoded(SERIALIZED)]}, ["an example"]),
        ({"instances": [{"examples": encoded(SERIALIZED)}]}, ["an example"]),
        ({"signature_name": "classify", "inputs": {"inputs": [encoded(SERIALIZED)]}}, ["an example"]),
        ({"signature_name": "tag_words", "instances": [["Zoë", "sleeps"], ["yes", ""]]}, ["Zoë sleeps", "yes"]),
        ({"inputs": {"words": [["Zoë", "sleeps"]]}}, ["Zoë sleeps"]),
        ({"signature_name": "classify", "examples": [{"text": "one"}, {"text": ["two"]}]}, ["one", "two"]),
        ({"context": {"text": encoded(b"shared")}, "examples": [{}, {"text": "own"}]}, ["shared", "own"]),
        ({"instances": []}, []),
    ],
)
def test_bodies_of_the_rest_api_are_read(body, expected, tmp_path):
    path = write_bodies(tmp_path / "log.jsonl", [body])
    assert texts_of(path) == expected
    packed = tmp_path / "log.jsonl.gz"
    packed.write_bytes(gzip.compress((tmp_path / "log.jsonl").read_bytes()))
    assert texts_of(str(packed)) == expected


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('{"instances": [', "not JSON"),
        ("[1, 2]", "not the body of a request"),
        ({"text": "one"}, "not the body of a request"),
        ({"instances": "one"}, "a value that is no list"),
        ({"inputs": "one"}, "a value that is no list"),
        ({"instances": [3]}, "a value that is no string"),
        ({"instances": ["one", None]}, "a value that is no string"),
        ({"instances": [{"b64": "?"}]}, "a value that is not base64"),
        ({"instances": [encoded(b"\xff")]}, "a text that is not UTF-8"),
        ({"inputs": {"numericalized": [[2, 5, 3]]}}, "inputs without texts"),
        ({"signature_name": "serving_examples", "instances": [encoded(b"\x01")]}, "not a tf.Example"),
        ({"examples": [{"other": "x"}]}, "an example without a text"),
        ({"examples": [3]}, "an example without a text"),
        ("{" + "[" * 100_000, "not JSON"),
    ],
)
def test_body_without_texts_is_refused_with_its_number_and_the_others_are_read(body, reason, tmp_path):
    path = write_bodies(tmp_path / "log.jsonl", [{"instances": ["before"]}, body, {"instances": ["after"]}])
    assert reasons_of(path) == [(2, reason)]
    assert [item.text for item in read_log(path) if isinstance(item, LoggedText)] == ["before", "after"]


def test_record_without_texts_is_refused_with_its_number_and_the_others_are_read(tmp_path):
    session = prediction_log_pb2.SessionRunLog(request=session_service_pb2.SessionRunRequest())
    logs = [
        predict_log(string_inputs=["before"]),
        b"\xff\xff",
        prediction_log_pb2.PredictionLog(),
        prediction_log_pb2.PredictionLog(session_run_log=session),
        predict_log(numericalized=[[2, 3]]),
        predict_log(string_inputs=[b"\xff"]),
        predict_log(string_inputs=[1.5]),
        predict_log(string_inputs=["after"]),
    ]
    path = write_log(tmp_path / "log", logs)
    assert reasons_of(path) == [
        (2, "not a PredictionLog"),
        (3, "not a PredictionLog"),
        (4, "a session_run_log, which has no texts"),
        (5, "inputs without texts"),
        (6, "a text that is not UTF-8"),
        (7, "a value that is no string"),
    ]
    assert [item.text for item in read_log(path) if isinstance(item, LoggedText)] == ["before", "after"]


@pytest.mark.parametrize("left", [0.5, -1, -10])
@pytest.mark.parametrize("compression", ["", "GZIP"])
def test_what_damage_hides_is_a_refusal(compression, left, tmp_path):
    path = tmp_path / "log"
    write_log(path, [predict_log(string_inputs=[f"text {number} " * 50]) for number in range(200)], compression)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * left) if left > 0 else left])
    *texts, last = read_log(str(path))
    assert 0 < len(texts) < 200 or (compression and len(texts) == 200)
    assert all(isinstance(text, LoggedText) for text in texts)
    assert (last.line, last.reason) == (len(texts) + 1, "damaged file: the rest cannot be read")


def test_file_that_ends_in_the_length_of_a_record_is_not_taken_for_whole(tmp_path):
    whole = [predict_log(string_inputs=[text]) for text in TEXTS]
    path = write_log(tmp_path / "log", whole)
    content = (tmp_path / "log").read_bytes()
    (tmp_path / "log").write_bytes(content + content[:5])
    assert reasons_of(path) == [(4, "damaged file: the rest cannot be read")]
    (tmp_path / "log").write_bytes(gzip.compress(content + content[:5]))
    assert reasons_of(path) == [(4, "damaged file: the rest cannot be read")]


def test_truncated_gzip_of_bodies_is_a_refusal(tmp_path):
    path = tmp_path / "log.gz"
    content = gzip.compress(
        b"".join(json.dumps({"instances": [str(uuid.uuid4())]}).encode() + b"\n" for _ in range(900))
    )
    path.write_bytes(content[: len(content) // 2])
    *texts, last = read_log(str(path))
    assert texts
    assert last.reason == "damaged file: the rest cannot be read"


@pytest.mark.parametrize(
    "content", [b"id,text\n1,a text\n", b"\x00\x01\x02", gzip.compress(b"id,text\n1,two\n"), b"\x1f\x8b?"]
)
def test_file_of_another_kind_is_a_refusal(content, tmp_path):
    (tmp_path / "log").write_bytes(content)
    assert reasons_of(str(tmp_path / "log")) == [(1, "neither TFRecords nor JSON Lines")]


def test_record_of_123_bytes_is_not_taken_for_json(tmp_path):
    """Its length is the first byte, and as a character it is an opening brace."""
    log = next(log for size in range(1, 123) if (log := predict_log(string_inputs=["x" * size])).ByteSize() == ord("{"))
    assert texts_of(write_log(tmp_path / "log", [log]))[0].startswith("x")


def test_empty_file_has_no_texts(tmp_path):
    (tmp_path / "log").write_bytes(b"")
    assert list(read_log(str(tmp_path / "log"))) == []


@given(texts=st.lists(st.text(max_size=20), min_size=1, max_size=5))
def test_texts_come_back_as_they_were_logged(texts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("logs")
    assert texts_of(write_log(folder / "log", [predict_log(string_inputs=texts)])) == texts
    bodies = [{"instances": texts}, {"inputs": [encoded(text.encode()) for text in texts]}]
    assert texts_of(write_bodies(folder / "log.jsonl", bodies)) == texts * 2
