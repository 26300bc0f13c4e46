"""Reads the texts of requests out of logs of a model server.

Two kinds of files are read, plain or gzipped:

- TFRecords of TensorFlow Serving's `PredictionLog`, its own format, which warm-up files have too;
- JSON Lines, each the body of a request to TensorFlow Serving's REST API: `instances` or `inputs` of `:predict`,
  `examples` of `:classify` and `:regress`.
"""

import base64
import binascii
import contextlib
import dataclasses
import functools
import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import input_pb2, prediction_log_pb2

from ulmfit_tfx.schemas import feature_names
from ulmfit_tfx.trainer_modules.serving import signature_names as signatures
from ulmfit_tfx.transforms.records.lines import excerpt
from ulmfit_tfx.transforms.records.record import Refusal

_GZIP = b"\x1f\x8b"
_HEAD = 1 << 12
_CHUNK = 1 << 20
_FRAME = 16
"""Bytes of a TFRecord beside its content: length and two checksums."""

_OF_EXAMPLES = (signatures.SERVING_EXAMPLES, signatures.CLASSIFY, signatures.REGRESS)
_ONLY_INPUT = {name: signatures.EXAMPLES for name in _OF_EXAMPLES} | {signatures.TAG_WORDS: signatures.WORDS}
"""Name of the input of signatures that have one alone, which REST need not name; of all others `string_inputs`."""


@dataclasses.dataclass(frozen=True)
class LoggedText:
    """A text that a model was asked about.

    Attributes:
        text: The text; of words that came split, these with a space between them.
        is_split: Whether it came as words.
    """

    text: str
    is_split: bool = False


class _UnusableError(Exception):
    """A record has no texts: the reason, and what was found."""

    def __init__(self, reason: str, detail: str):
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail


def read_log(path: str) -> Iterator[LoggedText | Refusal]:
    """Streams the texts of a log, and what of it could not be used.

    Args:
        path: Local or remote.

    Yields:
        Of a record all texts, or one refusal, whose line is the number of the record, counted from 1. Damage that hides
        what comes after it is a refusal too.
    """
    with tf.io.gfile.GFile(path, "rb") as file:
        head = file.read(_HEAD)
    is_gzip = head.startswith(_GZIP)
    if is_gzip:
        head = _decompressed(head)
    # A TFRecord begins with the length of the record, 64 bits: a NUL is among the first eight bytes.
    is_json = head.lstrip().startswith(b"{") and b"\0" not in head[:8]
    records, texts_of = (_lines, _of_body) if is_json else (_tfrecords, _of_log)
    number = 0
    try:
        for record in records(path, is_gzip):
            number += 1
            yield from _read(path, number, record, texts_of)
    except (tf.errors.OpError, OSError, EOFError, zlib.error) as error:
        message = error.message if isinstance(error, tf.errors.OpError) else str(error)
        reason = "damaged file: the rest cannot be read" if number else "neither TFRecords nor JSON Lines"
        yield Refusal(path, number + 1, reason, excerpt(message), "")


def _read(
    path: str, number: int, record: bytes, texts_of: Callable[[bytes], list[LoggedText]]
) -> Iterable[LoggedText | Refusal]:
    try:
        return texts_of(record)
    except _UnusableError as error:
        return [Refusal(path, number, error.reason, error.detail, excerpt(record.decode(errors="backslashreplace")))]


def _decompressed(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head)
    except zlib.error:
        return b""


@contextlib.contextmanager
def _opened(path: str, is_gzip: bool) -> Iterator[Any]:
    with tf.io.gfile.GFile(path, "rb") as file:
        yield gzip.GzipFile(fileobj=file) if is_gzip else file


def _lines(path: str, is_gzip: bool) -> Iterator[bytes]:
    with _opened(path, is_gzip) as stream:
        yield from (line for line in stream if line.strip())


def _tfrecords(path: str, is_gzip: bool) -> Iterator[bytes]:
    read = 0
    for record in tf.data.TFRecordDataset(path, compression_type="GZIP" if is_gzip else "").as_numpy_iterator():
        read += _FRAME + len(record)
        yield record
    with _opened(path, is_gzip) as stream:  # TensorFlow says nothing of a file that ends within a record's length
        size = sum(map(len, iter(functools.partial(stream.read, _CHUNK), b"")))
    if size != read:
        raise EOFError(f"{size - read} bytes at the end are no record")


def _of_log(record: bytes) -> list[LoggedText]:
    """Texts of a serialized PredictionLog."""
    try:
        log = prediction_log_pb2.PredictionLog.FromString(record)
    except DecodeError as error:
        raise _UnusableError("not a PredictionLog", str(error)) from None
    kind = log.WhichOneof("log_type")
    if kind == "predict_log":
        inputs = {name: _strings(name, tensor) for name, tensor in log.predict_log.request.inputs.items()}
        return _of_inputs(inputs)
    if kind in ("classify_log", "regress_log", "multi_inference_log"):
        return [_of_example(example) for example in _examples(getattr(log, kind).request.input)]
    raise _UnusableError("not a PredictionLog" if kind is None else f"a {kind}, which has no texts", "")


def _strings(name: str, tensor: Any) -> list[Any]:
    """Values of a TensorProto, rows of values where it has two axes."""
    try:
        return np.atleast_1d(tf.make_ndarray(tensor)).tolist()
    except (TypeError, ValueError) as error:
        raise _UnusableError("a tensor that cannot be read", f"{name}: {error}") from None


def _examples(found: input_pb2.Input) -> Iterator[tf.train.Example]:
    """The tf.Examples of a classification or regression, each with the features that it shares with the others."""
    shared = found.example_list_with_context
    for example in (*found.example_list.examples, *shared.examples):
        merged = tf.train.Example()
        merged.CopyFrom(shared.context)
        merged.MergeFrom(example)
        yield merged


def _of_body(line: bytes) -> list[LoggedText]:
    """Texts of a REST request."""
    try:
        body = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _UnusableError("not JSON", str(error)) from None
    if not isinstance(body, dict):
        raise _UnusableError("not the body of a request", f"is a {type(body).__name__}, expected an object")
    only_input = _ONLY_INPUT.get(str(body.get("signature_name")), signatures.STRING_INPUTS)
    if "instances" in body:
        instances = _list("instances", body["instances"])
        return [text for instance in instances for text in _of_instance(instance, only_input)]
    if "inputs" in body:
        columns = body["inputs"]
        named = columns if isinstance(columns, dict) and not _is_base64(columns) else {only_input: columns}
        return _of_inputs({name: _list(name, values) for name, values in named.items()})
    if "examples" in body:
        context = body.get("context", {})
        examples = _list("examples", body["examples"])
        return [_of_features(context | example if isinstance(example, dict) else {}) for example in examples]
    raise _UnusableError(
        "not the body of a request", f"has {', '.join(body) or 'nothing'}, expected instances or inputs"
    )


def _of_instance(instance: Any, only_input: str) -> list[LoggedText]:
    named = instance if isinstance(instance, dict) and not _is_base64(instance) else {only_input: instance}
    return _of_inputs({name: [value] for name, value in named.items()})


def _of_inputs(inputs: Mapping[str, list[Any]]) -> list[LoggedText]:
    """Texts of named inputs, a value or a row of values for each text."""
    if signatures.STRING_INPUTS in inputs:
        return [LoggedText(_text(value)) for value in inputs[signatures.STRING_INPUTS]]
    if signatures.WORDS in inputs:
        return [_of_words(_list(signatures.WORDS, row)) for row in inputs[signatures.WORDS]]
    for name in (signatures.EXAMPLES, signatures.INPUTS):
        if name in inputs:
            return [_of_serialized(_bytes(value)) for value in inputs[name]]
    raise _UnusableError("inputs without texts", ", ".join(sorted(inputs)) or "none")


def _of_serialized(value: bytes) -> LoggedText:
    try:
        return _of_example(tf.train.Example.FromString(value))
    except DecodeError as error:
        raise _UnusableError("not a tf.Example", str(error)) from None


def _of_example(example: tf.train.Example) -> LoggedText:
    features = example.features.feature
    return _of_features({name: list(features[name].bytes_list.value) for name in features})


def _of_features(features: Mapping[str, Any]) -> LoggedText:
    """The words or the text of a tf.Example's features, as `serving_examples` takes them."""
    if words := features.get(feature_names.WORDS):
        return _of_words(words if isinstance(words, list) else [words])
    text = features.get(feature_names.TEXT)
    if isinstance(text, list):
        text = text[0] if len(text) == 1 else None
    if text is None:
        raise _UnusableError("an example without a text", ", ".join(sorted(features)) or "no features")
    return LoggedText(_text(text))


def _of_words(words: list[Any]) -> LoggedText:
    """Of words, padded with empty ones."""
    return LoggedText(" ".join(word for word in map(_text, words) if word), is_split=True)


def _text(value: Any) -> str:
    try:
        return _bytes(value).decode()
    except UnicodeDecodeError as error:
        raise _UnusableError("a text that is not UTF-8", str(error)) from None


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    if _is_base64(value):
        try:
            return base64.b64decode(value["b64"], validate=True)
        except (binascii.Error, TypeError, ValueError) as error:
            raise _UnusableError("a value that is not base64", str(error)) from None
    raise _UnusableError("a value that is no string", excerpt(repr(value)))


def _is_base64(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"b64"}


def _list(name: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _UnusableError("a value that is no list", f"{name}: {excerpt(repr(value))}")
    return value
