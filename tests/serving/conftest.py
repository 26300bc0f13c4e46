"""Models behind a loopback server, and clients of it that know only the protos and JSON."""

import contextlib
import functools
import json
import shutil
import urllib.error
import urllib.request

import grpc
import numpy as np
import pytest
import tensorflow as tf
from serving_double import serve
from tensorflow_serving.apis import model_service_pb2_grpc, predict_pb2, prediction_service_pb2_grpc

from ulmfit_tfx.trainer_modules.serving.loaded_model import load

NAME = "moods"
TIMEOUT = 120


class Client:
    """Of one served model."""

    def __init__(self, addresses, model):
        self.model, self.rest, self.grpc = model, addresses.rest, addresses.grpc
        options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        self.channel = grpc.insecure_channel(addresses.grpc, options)
        self.stub = prediction_service_pb2_grpc.PredictionServiceStub(self.channel)
        self.models = model_service_pb2_grpc.ModelServiceStub(self.channel)
        self.signatures = load(model)

    def loaded(self, signature, **inputs):
        """What `tf.saved_model.load` gives."""
        outputs = self.signatures[signature](**{key: tf.constant(value) for key, value in inputs.items()})
        return {key: value.numpy() for key, value in outputs.items()}

    def predict(self, signature="", **inputs):
        """Through gRPC."""
        request = predict_pb2.PredictRequest()
        request.model_spec.name, request.model_spec.signature_name = NAME, signature
        for key, value in inputs.items():
            request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
        response = self.stub.Predict(request, TIMEOUT)
        return {key: tf.make_ndarray(tensor) for key, tensor in response.outputs.items()}

    def call(self, path, body=None):
        """HTTP status and JSON of an answer; of a body that is not bytes its JSON is sent."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.rest + path, data, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
                return response.status, json.loads(response.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def post(self, method, body):
        """Through REST, to the newest version."""
        return self.call(f"/v1/models/{NAME}:{method}", body)

    def rows(self, **body):
        """Outputs of a request to predict in row format, as arrays."""
        status, answer = self.post("predict", body)
        assert status == 200, answer
        rows = answer["predictions"]
        return {key: np.array([row[key] for row in rows]) for key in rows[0]}


@pytest.fixture(scope="session")
def client(exported_model, tmp_path_factory):
    """Serves a model of a kind of `exported_models.MODELS`; returns a client of it."""
    folder = tmp_path_factory.mktemp("served")
    with contextlib.ExitStack() as stack:

        @functools.cache
        def serve_model(kind):
            shutil.copytree(exported_model(kind), folder / kind / "7")
            addresses = stack.enter_context(serve(folder / kind, NAME, labels={"stable": 7}))
            return Client(addresses, folder / kind / "7")

        yield serve_model
