"""The loopback server, by the examples of https://www.tensorflow.org/tfx/serving/api_rest."""

import json
import urllib.error
import urllib.request

import pytest
import tensorflow as tf
from serving_double import serve

from ulmfit_tfx.trainer_modules.serving.method_names import set_method_names


class HalfPlus(tf.Module):
    """x / 2 and a number, as the models of TensorFlow Serving's own tests; and what takes and gives other types."""

    def __init__(self, number):
        super().__init__()
        self.number = tf.Variable(float(number))

    @tf.function(input_signature=[tf.TensorSpec([None], name="x")])
    def serving_default(self, x):
        return {"y": x / 2 + self.number}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])
    def regress(self, inputs):
        x = tf.io.parse_example(inputs, {"x": tf.io.FixedLenFeature([], tf.float32)})["x"]
        return {"outputs": x / 2 + self.number}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, name="tag"),
            tf.TensorSpec([None, 3], tf.int64, name="signal"),
            tf.TensorSpec([None], tf.bool, name="is_on"),
        ]
    )
    def echo(self, tag, signal, is_on):
        names = ("tag", "tag_bytes", "signal", "is_on")
        return dict(zip(names, map(tf.identity, (tag, tag, signal, is_on)), strict=True))


@pytest.fixture(scope="module")
def post(tmp_path_factory):
    """Posts to the server: versions 1 and 3 of a model of which 1 is labelled stable."""
    folder = tmp_path_factory.mktemp("half_plus")
    for version in (1, 2, 3):
        model = HalfPlus(version)
        signatures = {name: getattr(model, name) for name in ("serving_default", "regress", "echo")}
        tf.saved_model.save(model, str(folder / str(version)), signatures=signatures)
        set_method_names(str(folder / str(version)))
    with serve(folder, "half", versions=[1, 3], labels={"stable": 1}) as addresses:

        def call(path, body):
            request = urllib.request.Request(addresses.rest + path, json.dumps(body).encode())
            try:
                with urllib.request.urlopen(request) as response:
                    return response.status, json.loads(response.read())
            except urllib.error.HTTPError as error:
                return error.code, json.loads(error.read())

        yield call


def test_single_output_has_no_name(post):
    assert post("/v1/models/half:predict", {"instances": [1.0, 2.0, 5.0]}) == (200, {"predictions": [3.5, 4.0, 5.5]})
    assert post("/v1/models/half:predict", {"inputs": [1.0, 2.0, 5.0]}) == (200, {"outputs": [3.5, 4.0, 5.5]})


def test_regress_gives_a_list_of_numbers(post):
    body = {"signature_name": "regress", "examples": [{"x": 1.0}, {"x": 2.0}]}
    assert post("/v1/models/half:regress", body) == (200, {"results": [3.5, 4.0]})


def test_features_of_the_context_are_those_of_all_examples(post):
    body = {"signature_name": "regress", "context": {"x": 1.0}, "examples": [{"y": 0.5}, {}]}
    assert post("/v1/models/half:regress", body) == (200, {"results": [3.5, 3.5]})


def test_version_and_label_of_the_path_choose_the_model(post):
    body = {"instances": [1.0]}
    assert post("/v1/models/half/versions/1:predict", body) == (200, {"predictions": [1.5]})
    assert post("/v1/models/half/labels/stable:predict", body) == (200, {"predictions": [1.5]})
    assert post("/v1/models/half/versions/2:predict", body)[0] == 404


def test_model_that_is_not_served_is_not_found(post):
    expected = {"error": "Servable not found for request: Latest(quarter)"}
    assert post("/v1/models/quarter:predict", {"instances": [1.0, 5.0]}) == (404, expected)


def test_rows_and_columns_of_several_inputs_and_outputs(post):
    rows = [
        {"tag": "foo", "signal": [1, 2, 3], "is_on": True},
        {"tag": {"b64": "YmFy"}, "signal": [3, 4, 1], "is_on": False},
    ]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    answers = {"tag": ["foo", "bar"], "tag_bytes": [{"b64": "Zm9v"}, {"b64": "YmFy"}]}
    answers |= {"signal": [[1, 2, 3], [3, 4, 1]], "is_on": [True, False]}
    status, answer = post("/v1/models/half:predict", {"signature_name": "echo", "inputs": columns})
    assert (status, answer) == (200, {"outputs": answers})
    status, answer = post("/v1/models/half:predict", {"signature_name": "echo", "instances": rows})
    expected = [{name: values[row] for name, values in answers.items()} for row in range(2)]
    assert (status, answer) == (200, {"predictions": expected})


def test_path_that_is_none_of_the_apis_is_refused(post):
    status, answer = post("/v1/models/half:guess", {})
    assert (status, "Malformed request" in answer["error"]) == (400, True)
