"""Reads a model's warm-up requests as inputs of its signatures."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import prediction_log_pb2

from ulmfit_tfx.components.infra_check.isolated_process import Arrays, Request
from ulmfit_tfx.schemas import feature_names
from ulmfit_tfx.trainer_modules.serving import signature_names as names
from ulmfit_tfx.trainer_modules.serving.warmup_requests import MAX_RECORDS, read_warmup_requests

_SHOWN_CHARACTERS = 60

SignatureDefs = Mapping[str, meta_graph_pb2.SignatureDef]


class WarmupError(Exception):
    """The model's warm-up requests are not what a server takes."""


def read_requests(model: str, signatures: SignatureDefs) -> Iterator[Request | str]:
    """Reads the requests.

    Args:
        model: Folder of the SavedModel.
        signatures: Of the model.

    Yields:
        A request, or why one does not fit the signatures.

    Raises:
        WarmupError: The file is missing or damaged, or has no or too many records.
    """
    logs = _logs(f"{model}/{names.WARMUP_FILE}")
    for number, log in enumerate(logs, 1):
        kind = log.WhichOneof("log_type")
        if kind not in ("predict_log", "classify_log", "regress_log"):
            yield f"request {number} is a {kind}, expected a predict_log, a classify_log or a regress_log"
            continue
        request = getattr(log, kind).request
        name = request.model_spec.signature_name or names.SERVING_DEFAULT
        inputs = _inputs(request, kind)
        label = f"request {number} to '{name}' ({_shown(inputs)})"
        misfit = _misfit(kind, inputs, name, signatures)
        yield f"{label}: {misfit}" if misfit else Request(label, name, inputs)


def _logs(path: str) -> list[prediction_log_pb2.PredictionLog]:
    if not tf.io.gfile.exists(path):
        raise WarmupError(f"the model has no {names.WARMUP_FILE}")
    try:
        logs = list(read_warmup_requests(path))
    except Exception as error:  # TensorFlow's, or protobuf's
        raise WarmupError(f"{names.WARMUP_FILE} cannot be read: {str(error).splitlines()[0]}") from None
    if not 0 < len(logs) <= MAX_RECORDS:
        raise WarmupError(f"{names.WARMUP_FILE} has {len(logs):,} requests, expected 1 to {MAX_RECORDS:,}")
    return logs


def _inputs(request: Any, kind: str) -> Arrays:
    if kind == "predict_log":
        return {name: np.atleast_1d(tf.make_ndarray(tensor)) for name, tensor in request.inputs.items()}
    examples = [example.SerializeToString() for example in request.input.example_list.examples]
    return {names.INPUTS: np.array(examples, object)}


def _misfit(kind: str, inputs: Arrays, name: str, signatures: SignatureDefs) -> str | None:
    """Why a request cannot be sent to the signature of a name, or None."""
    if name not in signatures:
        return f"the model has no such signature, but {', '.join(sorted(signatures))}"
    signature = signatures[name]
    method = f"tensorflow/serving/{kind.removesuffix('_log')}"
    if kind != "predict_log" and signature.method_name != method:  # the Predict API calls any signature
        return f"it is a {kind}, and the signature's method is {signature.method_name}, expected {method}"
    if inputs.keys() != set(signature.inputs):
        return f"it has the inputs {sorted(inputs)}, expected {sorted(signature.inputs)}"
    return None


def _shown(inputs: Arrays) -> str:
    """The first text, words or pieces of a request, shortened, and how many more there are."""
    values = [(name, value) for name, array in inputs.items() for value in array]
    if not values:
        return "of nothing"
    name, value = values[0]
    parts = value if isinstance(value, np.ndarray) else [value]  # NumPy's own strings end before bytes that are zero
    first = " ".join(_text_of(name, part) for part in parts)
    quoted = json.dumps(first[:_SHOWN_CHARACTERS], ensure_ascii=False) + "..." * (len(first) > _SHOWN_CHARACTERS)
    return quoted if len(values) == 1 else f"{quoted} and {len(values) - 1} more"


def _text_of(name: str, value: Any) -> str:
    """A value of the input of a name, as text."""
    if name in (names.EXAMPLES, names.INPUTS):
        with contextlib.suppress(DecodeError):  # what is no Example fails when it is sent
            texts = tf.train.Example.FromString(value).features.feature[feature_names.TEXT].bytes_list.value
            value = b" ".join(texts)
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
