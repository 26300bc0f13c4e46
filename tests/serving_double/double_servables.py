"""Models in service: which one a request is for, and what it answers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the tokenizer's ops
from double_errors import ServingError, invalid
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    predict_pb2,
    regression_pb2,
)

DEFAULT_SIGNATURE = "serving_default"

_GRPC_CODES = {code.value[0]: code for code in grpc.StatusCode}
_VALUE_FIELDS = {"string": "string_val", "float32": "float_val", "int32": "int_val", "int64": "int64_val"}


class Servable:
    """A version of a model in a session."""

    def __init__(self, folder: Path):
        """Restores it."""
        self._session = tf.compat.v1.Session(graph=tf.Graph())
        with self._session.graph.as_default():
            graph = tf.compat.v1.saved_model.loader.load(self._session, ["serve"], str(folder))
        self.signature_defs = graph.signature_def

    def run(self, signature: Any, feed: Mapping[str, np.ndarray], outputs: Sequence[str]) -> dict[str, np.ndarray]:
        """Calls a signature.

        Raises:
            ServingError: An input has another type than the signature says, or TensorFlow refuses it.
        """
        for index, (name, array) in enumerate(feed.items()):
            expected = tf.as_dtype(signature.inputs[name].dtype)
            found = tf.as_dtype(array.dtype) if array.dtype != object else tf.string
            if expected != found:
                raise invalid(f"Expects arg[{index}] to be {expected.name} but {found.name} is provided")
        tensors = {signature.inputs[name].name: array for name, array in feed.items()}
        try:
            return self._session.run({name: signature.outputs[name].name for name in outputs}, tensors)
        except tf.errors.OpError as error:
            raise ServingError(_GRPC_CODES[error.error_code], error.message) from None
        except ValueError as error:  # the session's own check of shapes
            raise invalid(str(error)) from None

    def close(self) -> None:
        """Frees the session."""
        self._session.close()


class Servables:
    """The versions of one model."""

    def __init__(self, folder: Path, model_name: str, versions: Sequence[int] | None, labels: Mapping[str, int]):
        """Loads the versions, see `serving_double.serve`."""
        found = sorted(int(path.name) for path in folder.iterdir() if path.name.isdigit())
        served = found[-1:] if versions is None else versions
        self._name, self._labels = model_name, labels
        self._by_version = {version: Servable(folder / str(version)) for version in served}

    def close(self) -> None:
        """Frees what is loaded."""
        for servable in self._by_version.values():
            servable.close()

    def predict(self, request: predict_pb2.PredictRequest) -> predict_pb2.PredictResponse:
        """Answers a request to any signature.

        Raises:
            ServingError: There is no such model or signature, or the inputs are not its inputs.
        """
        servable, response = self._servable(request), predict_pb2.PredictResponse()
        name = request.model_spec.signature_name or DEFAULT_SIGNATURE
        if name not in servable.signature_defs:
            raise ServingError(grpc.StatusCode.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.')
        signature = servable.signature_defs[name]
        _check_inputs(set(request.inputs), set(signature.inputs))
        outputs = list(request.output_filter) or list(signature.outputs)
        for output in outputs:
            if output not in signature.outputs:
                raise invalid(f"output tensor alias not found in signature: {output}")
        answers = servable.run(signature, {key: _array(tensor) for key, tensor in request.inputs.items()}, outputs)
        for key, array in answers.items():
            response.outputs[key].CopyFrom(_tensor(array))
        self._describe(response.model_spec, request, name)
        return response

    def classify(self, request: classification_pb2.ClassificationRequest) -> classification_pb2.ClassificationResponse:
        """Answers a request to a signature for the Classify API.

        Raises:
            ServingError: There is no such model, no such signature, or what it gives is not classes and scores.
        """
        response = classification_pb2.ClassificationResponse()
        answers = self._of_examples(request, "classification", {"classes", "scores"})
        rows = len(request.input.example_list.examples)
        for name, array in answers.items():
            if array.ndim != 2 or len(array) != rows:
                raise invalid(f"Expected Tensor shape: [batch_size num_classes] of '{name}' but got {array.shape}")
        for labels, scores in zip(answers["classes"], answers["scores"], strict=True):
            found = response.result.classifications.add()
            for label, score in zip(labels, scores, strict=True):
                found.classes.add(label=label.decode(), score=score)
        self._describe(response.model_spec, request)
        return response

    def regress(self, request: regression_pb2.RegressionRequest) -> regression_pb2.RegressionResponse:
        """Answers a request to a signature for the Regress API.

        Raises:
            ServingError: There is no such model, no such signature, or what it gives is not one number a text.
        """
        response = regression_pb2.RegressionResponse()
        numbers = self._of_examples(request, "regression", {"outputs"})["outputs"]
        rows = len(request.input.example_list.examples)
        if numbers.shape not in {(rows,), (rows, 1)}:
            raise invalid(f"Expected output Tensor shape to be either [batch_size] or [batch_size, 1]: {numbers.shape}")
        for number in numbers.ravel():
            response.result.regressions.add(value=number)
        self._describe(response.model_spec, request)
        return response

    def metadata(
        self, request: get_model_metadata_pb2.GetModelMetadataRequest
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        """Gives the signatures.

        Raises:
            ServingError: There is no such model, or other metadata is asked for.
        """
        servable = self._servable(request)
        if list(request.metadata_field) != ["signature_def"]:
            raise invalid(f"Metadata field {list(request.metadata_field)} is not supported")
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for name, signature in servable.signature_defs.items():
            signatures.signature_def[name].CopyFrom(signature)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.metadata["signature_def"].Pack(signatures)
        self._describe(response.model_spec, request)
        response.model_spec.signature_name = ""
        return response

    def status(
        self, request: get_model_status_pb2.GetModelStatusRequest
    ) -> get_model_status_pb2.GetModelStatusResponse:
        """Gives the state of a version, or of all.

        Raises:
            ServingError: There is no such version.
        """
        spec, response = request.model_spec, get_model_status_pb2.GetModelStatusResponse()
        versions = [spec.version.value] if spec.HasField("version") else sorted(self._by_version)
        if spec.name != self._name or not set(versions) <= self._by_version.keys():
            raise ServingError(grpc.StatusCode.NOT_FOUND, f"Could not find version {versions} of model {spec.name}")
        for version in versions:
            state = response.model_version_status.add(version=version, state="AVAILABLE")
            state.status.error_code = 0
        return response

    def inputs(self, spec: model_pb2.ModelSpec) -> Mapping[str, Any]:
        """Inputs of a signature, by which JSON is read.

        Raises:
            ServingError: There is no such model or signature.
        """
        name = spec.signature_name or DEFAULT_SIGNATURE
        signatures = self._servable(predict_pb2.PredictRequest(model_spec=spec)).signature_defs
        if name not in signatures:
            raise invalid(f'Serving signature name: "{name}" not found in signature def')
        return signatures[name].inputs

    def _version(self, request: Any) -> int:
        if not request.HasField("model_spec"):
            raise invalid("Missing ModelSpec")
        spec = request.model_spec
        if not spec.name:
            raise invalid("ModelSpec has no name specified.")
        choice, asked = spec.WhichOneof("version_choice"), f"Latest({spec.name})"
        version = max(self._by_version)
        if choice == "version":
            version, asked = spec.version.value, f"Specific({spec.name}, {spec.version.value})"
        elif choice == "version_label":
            if spec.version_label not in self._labels:
                raise invalid(f"Unrecognized servable version label: {spec.version_label}")
            version = self._labels[spec.version_label]
        if spec.name != self._name or version not in self._by_version:
            raise ServingError(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {asked}")
        return version

    def _servable(self, request: Any) -> Servable:
        return self._by_version[self._version(request)]

    def _describe(self, spec: model_pb2.ModelSpec, request: Any, signature_name: str | None = None) -> None:
        spec.name = self._name
        spec.version.value = self._version(request)
        spec.signature_name = signature_name or request.model_spec.signature_name or DEFAULT_SIGNATURE

    def _of_examples(self, request: Any, kind: str, outputs: set[str]) -> dict[str, np.ndarray]:
        """What a signature for one of the two APIs gives of a request's examples.

        Args:
            request: Of either API.
            kind: Of the API, for messages.
            outputs: Which the signature must have, and no others.
        """
        servable = self._servable(request)
        name = request.model_spec.signature_name or DEFAULT_SIGNATURE
        if name not in servable.signature_defs:
            raise invalid(f"No signature was found with the name: {name}")
        signature = servable.signature_defs[name]
        if set(signature.inputs) != {"inputs"}:
            raise invalid(f"No {kind} inputs found in SignatureDef: {sorted(signature.inputs)}")
        if set(signature.outputs) != outputs:
            raise invalid(f"Expected {kind} signature outputs to contain {sorted(outputs)}: {list(signature.outputs)}")
        examples = [example.SerializeToString() for example in request.input.example_list.examples]
        if not examples:
            raise invalid("Input is empty.")
        return servable.run(signature, {"inputs": np.array(examples, object)}, sorted(outputs))


def _check_inputs(sent: set[str], expected: set[str]) -> None:
    if len(sent) != len(expected):
        raise invalid(
            f"input size does not match signature: {len(sent)}!={len(expected)}. "
            f"Sent extra: {sorted(sent - expected)}. Missing but required: {sorted(expected - sent)}."
        )
    for name in sorted(sent - expected):
        raise invalid(
            f"input tensor alias not found in signature: {name}. Inputs expected to be in the set {sorted(expected)}."
        )


def _array(tensor: tensor_pb2.TensorProto) -> np.ndarray:
    try:
        return tf.make_ndarray(tensor)
    except (TypeError, ValueError) as error:
        raise invalid(f"tensor parsing error: {error}") from None


def _tensor(array: np.ndarray) -> tensor_pb2.TensorProto:
    """Values in fields, as TensorFlow Serving writes them; `tf.make_tensor_proto` packs numbers into bytes."""
    dtype = tf.string if array.dtype == object else tf.as_dtype(array.dtype)
    tensor = tensor_pb2.TensorProto(dtype=dtype.as_datatype_enum)
    tensor.tensor_shape.CopyFrom(tf.TensorShape(array.shape).as_proto())
    field = "bool_val" if dtype == tf.bool else _VALUE_FIELDS[dtype.name]
    getattr(tensor, field).extend(array.ravel().tolist())
    return tensor
