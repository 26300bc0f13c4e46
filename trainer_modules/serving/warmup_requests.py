"""Requests that TensorFlow Serving runs when it loads a model, so that the first one from outside is not slow.

They are records of a file in the SavedModel, https://www.tensorflow.org/tfx/serving/saved_model_warmup.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import prediction_log_pb2

from ulmfit_tfx.schemas import feature_names
from ulmfit_tfx.trainer_modules.serving import signature_names as names
from ulmfit_tfx.trainer_modules.serving.loaded_model import load
from ulmfit_tfx.trainer_modules.serving.signature_defs import signature_defs

MAX_RECORDS = 1000
"""TensorFlow Serving does not load a model that has more."""
MAX_TEXTS = 16
"""Texts that requests are made of. `BatchingConfig` allows no smaller batches: a server would refuse the request."""
OWN_TEXTS = tuple(" ".join(["These words only warm the model up."] * times) for times in (1, 8, 64))
"""What is sent where there are no texts."""

_LOGS = {names.METHOD_NAMES[names.CLASSIFY]: "classify_log", names.METHOD_NAMES[names.REGRESS]: "regress_log"}
"""Field of a PredictionLog, by method name; of all others `predict_log`."""

_Values = Mapping[str, Callable[[Sequence[str]], Any]]
"""By the name of an input, what it is of texts."""


def warmup_requests(
    saved_model: str, texts: Sequence[str], model_name: str
) -> Iterator[prediction_log_pb2.PredictionLog]:
    """Makes requests to each signature of a model: each text by itself, then all in one batch.

    `string_encoder_flat` gets none: its outputs have a row a piece, and a server that batches cannot cut them apart. It
    would take the request for failed, and then not load the model.

    Args:
        saved_model: Folder of the model, local or remote.
        texts: Those that requests are made of. Of more than `MAX_TEXTS`, some of all lengths are taken. They leave with
            the model, so rows of data should not be among them. Where there are none, `OWN_TEXTS`.
        model_name: By which the requests ask for the model.

    Yields:
        Requests without responses, in the order of the signatures' names: fewer than `MAX_RECORDS`.

    Raises:
        ConfigError: The model does not load.
        ValueError: A signature has an input that is not in `ulmfit_tfx.trainer_modules.serving.signature_names`.
    """
    signatures = signature_defs(saved_model)
    values = _values(saved_model, signatures)
    chosen = _chosen(texts)
    for name, signature in sorted(signatures.items()):
        if name == names.STRING_ENCODER_FLAT:
            continue
        for batch in (*([text] for text in chosen), chosen):
            yield _request(name, signature, batch, values, model_name)


def write_warmup_requests(saved_model: str, texts: Sequence[str], model_name: str) -> None:
    """Puts the requests into the model, an uncompressed TFRecord in `WARMUP_FILE`.

    Args:
        saved_model: See `warmup_requests`.
        texts: See `warmup_requests`.
        model_name: See `warmup_requests`.

    Raises:
        ConfigError: The model does not load.
        ValueError: See `warmup_requests`.
    """
    requests = list(warmup_requests(saved_model, texts, model_name))
    path = f"{saved_model}/{names.WARMUP_FILE}"
    tf.io.gfile.makedirs(os.path.dirname(path))
    with tf.io.TFRecordWriter(path) as writer:
        for request in requests:
            writer.write(request.SerializeToString(deterministic=True))


def read_warmup_requests(path: str) -> Iterator[prediction_log_pb2.PredictionLog]:
    """Reads what `write_warmup_requests` wrote.

    Args:
        path: Of the file, local or remote.

    Raises:
        tf.errors.OpError: There is no such file, or it is damaged or compressed.
    """
    for record in tf.data.TFRecordDataset(path).as_numpy_iterator():
        yield prediction_log_pb2.PredictionLog.FromString(record)


def _chosen(texts: Sequence[str]) -> list[str]:
    """At least two texts and at most `MAX_TEXTS`, from the shortest to the longest."""
    ordered = sorted(set(texts) or OWN_TEXTS, key=lambda text: (len(text), text))
    if len(ordered) == 1:
        ordered += [" ".join(ordered * 2)]
    places = np.linspace(0, len(ordered) - 1, min(len(ordered), MAX_TEXTS)).round()
    return [ordered[int(place)] for place in places]


def _values(saved_model: str, signatures: Mapping[str, meta_graph_pb2.SignatureDef]) -> _Values:
    """Raises ValueError where an input is not known."""
    values: dict[str, Callable[[Sequence[str]], Any]] = {
        names.STRING_INPUTS: list,
        names.EXAMPLES: lambda texts: [_example(text).SerializeToString(deterministic=True) for text in texts],
        names.WORDS: _words,
    }
    inputs = {(name, key) for name, signature in signatures.items() for key in signature.inputs}
    if names.NUMERICALIZED in {key for _, key in inputs}:
        processor = load(saved_model)[names.SPM_PROCESSOR]
        values[names.NUMERICALIZED] = lambda texts: processor(tf.constant(texts))[names.NUMERICALIZED].numpy()
    for name, key in sorted(inputs):
        if key not in values and key != names.INPUTS:
            raise ValueError(f"{saved_model}: signature '{name}' has the input '{key}', expected one of {[*values]}.")
    return values


def _words(texts: Sequence[str]) -> list[list[str]]:
    """Words between white space, padded with ""."""
    rows = [text.split() for text in texts]
    columns = max(1, *map(len, rows))
    return [[*words, *[""] * (columns - len(words))] for words in rows]


def _example(text: str) -> tf.train.Example:
    value = tf.train.Feature(bytes_list=tf.train.BytesList(value=[text.encode()]))
    return tf.train.Example(features=tf.train.Features(feature={feature_names.TEXT: value}))


def _request(
    name: str, signature: meta_graph_pb2.SignatureDef, texts: Sequence[str], values: _Values, model_name: str
) -> prediction_log_pb2.PredictionLog:
    log = prediction_log_pb2.PredictionLog()
    request = getattr(log, _LOGS.get(signature.method_name, "predict_log")).request
    request.model_spec.name = model_name
    request.model_spec.signature_name = name
    if signature.method_name in _LOGS:
        request.input.example_list.examples.extend(map(_example, texts))
        return log
    for key, tensor in signature.inputs.items():
        request.inputs[key].CopyFrom(tf.make_tensor_proto(values[key](texts), dtype=tensor.dtype))
    return log
