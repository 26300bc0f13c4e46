"""JSON of the REST API from and to protos."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from double_errors import invalid
from tensorflow.core.framework import tensor_pb2

Json = Any

_NUMBERS = {tf.int32: int, tf.int64: int, tf.float32: int | float}


def read_body(body: bytes) -> dict[str, Json]:
    """Parses a request.

    Bytes that are no UTF-8 go through, as they do in TensorFlow Serving, which checks none.

    Raises:
        ServingError: It is no JSON object.
    """
    try:
        value = json.loads(body.decode("utf-8", "surrogateescape"))
    except ValueError as error:
        raise invalid(f"JSON Parse error: {error}") from None
    if not isinstance(value, dict):
        raise invalid("JSON Value: Is not object")
    return value


def write_body(value: Json) -> bytes:
    """Text of an answer, the opposite of `read_body`."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogateescape")


def read_inputs(body: Mapping[str, Json], inputs: Mapping[str, Any]) -> dict[str, tensor_pb2.TensorProto]:
    """Tensors of a request to predict, in row format ("instances") or columnar ("inputs").

    Args:
        body: The request.
        inputs: Of the signature, by name.

    Raises:
        ServingError: The values are not those of the signature's inputs.
    """
    if ("instances" in body) == ("inputs" in body):
        raise invalid("expecting one of 'inputs' or 'instances' keys to exist")
    columns = _columns_of_rows(body["instances"], inputs) if "instances" in body else _columns(body["inputs"], inputs)
    return {name: _read_tensor(name, value, tf.as_dtype(inputs[name].dtype)) for name, value in columns.items()}


def _columns_of_rows(rows: Json, inputs: Mapping[str, Any]) -> dict[str, Json]:
    if not isinstance(rows, list) or not rows:
        raise invalid("Expecting 'instances' to be a list/array that is not empty")
    named = [isinstance(row, dict) and not _is_base64(row) for row in rows]
    if any(named) != all(named) or (not any(named) and len(inputs) > 1):
        raise invalid("Expecting either values or objects at all items of the 'instances' list")
    if not any(named):
        return {next(iter(inputs)): rows}
    for index, row in enumerate(rows):
        if unknown := sorted(row.keys() - inputs.keys()):
            raise invalid(f"Failed to process element: {index}. JSON object: does not have named input: {unknown[0]}")
        if row.keys() != inputs.keys():
            raise invalid(f"Failed to process element: {index}. keys must be equal to: {','.join(sorted(inputs))}")
    return {name: [row[name] for row in rows] for name in inputs}


def _columns(value: Json, inputs: Mapping[str, Any]) -> dict[str, Json]:
    if not isinstance(value, dict) or _is_base64(value):
        if len(inputs) > 1:
            raise invalid("inputs is a plain value/list, but expecting an object as multiple input tensors required")
        return {next(iter(inputs)): value}
    for name in inputs:
        if name not in value:
            raise invalid(f"Missing named input: {name} in 'inputs' object.")
    return {name: value[name] for name in inputs}


def _is_base64(value: Json) -> bool:
    return isinstance(value, dict) and value.keys() == {"b64"} and isinstance(value["b64"], str)


def _read_tensor(name: str, value: Json, dtype: tf.DType) -> tensor_pb2.TensorProto:
    shape, values = _shape(value), []
    _flatten(value, shape, dtype, values)
    array = np.array(values, object if dtype == tf.string else dtype.as_numpy_dtype).reshape(shape)
    return tf.make_tensor_proto(array, dtype)


def _shape(value: Json) -> tuple[int, ...]:
    if not isinstance(value, list):
        return ()
    return (len(value), *(_shape(value[0]) if value else ()))


def _flatten(value: Json, shape: tuple[int, ...], dtype: tf.DType, values: list[Any]) -> None:
    if isinstance(value, list):
        if not shape or len(value) != shape[0]:
            raise invalid(f"Encountered list at unexpected size: {len(value)} expected shape: {shape}")
        for item in value:
            _flatten(item, shape[1:], dtype, values)
    elif shape:
        raise invalid(f"JSON Value: {value} found at incorrect level")
    else:
        values.append(_leaf(value, dtype))


def _leaf(value: Json, dtype: tf.DType) -> Any:
    if isinstance(value, dict) and dtype == tf.string:
        return read_base64(value)
    if dtype == tf.string and isinstance(value, str):
        return read_text(value)
    if dtype == tf.bool and isinstance(value, bool):
        return value
    if dtype in _NUMBERS and isinstance(value, _NUMBERS[dtype]) and not isinstance(value, bool):
        return value
    raise invalid(f"JSON Value: {value!r:.256} is not of expected type: {dtype.name}")


def read_text(text: str) -> bytes:
    """Bytes of a JSON string.

    Raises:
        ServingError: It has half of a surrogate pair.
    """
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise invalid("JSON Parse error: The surrogate pair in string is invalid.") from None


def read_base64(value: Json) -> bytes:
    """Bytes of `{"b64": text}`.

    Raises:
        ServingError: It is something else, or no base 64.
    """
    if not _is_base64(value):
        raise invalid(f"JSON Value: {value!r:.256} not formatted correctly for base64 data")
    try:
        return base64.b64decode(value["b64"], validate=True)
    except binascii.Error:
        raise invalid("Unable to base64 decode") from None


def read_example(value: Json) -> tf.train.Example:
    """A tf.Example of a request to classify or regress.

    Raises:
        ServingError: It is no object of values and lists of values.
    """
    if not isinstance(value, dict):
        raise invalid(f"Example must be JSON object but got JSON {type(value).__name__}")
    example = tf.train.Example()
    for name, content in value.items():
        feature = example.features.feature[name]
        for item in content if isinstance(content, list) else [content]:
            _add(name, item, feature)
    return example


def _add(name: str, item: Json, feature: tf.train.Feature) -> None:
    if isinstance(item, str | dict):
        kind, value = "bytes_list", read_text(item) if isinstance(item, str) else read_base64(item)
    elif isinstance(item, float):
        kind, value = "float_list", item
    elif isinstance(item, int):
        kind, value = "int64_list", int(item)
    else:
        raise invalid(f"Feature: {name} has element with unexpected JSON type: {type(item).__name__}")
    if feature.WhichOneof("kind") not in {None, kind}:
        raise invalid(f"Unexpected element type in feature: {name}")
    getattr(feature, kind).value.append(value)


def write_outputs(outputs: Mapping[str, tensor_pb2.TensorProto], is_in_rows: bool) -> dict[str, Json]:
    """An answer to a request to predict, in the format of the request.

    Raises:
        ServingError: There are to be rows, and the outputs have different numbers of them.
    """
    arrays = {name: tf.make_ndarray(tensor) for name, tensor in outputs.items()}
    values = {name: _write_values(array, name.endswith("_bytes")) for name, array in arrays.items()}
    if not is_in_rows:
        return {"outputs": values if len(values) > 1 else next(iter(values.values()))}
    sizes = {len(array) if array.ndim else None for array in arrays.values()}
    if len(sizes) > 1 or None in sizes:
        raise invalid(f"Tensors have inconsistent batch size: {sizes}")
    rows = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
    return {"predictions": rows if len(values) > 1 else [next(iter(row.values())) for row in rows]}


def _write_values(array: np.ndarray, is_bytes: bool) -> Json:
    if array.ndim:
        return [
            _write_values(item if isinstance(item, np.ndarray) else np.array(item, array.dtype), is_bytes)
            for item in array
        ]
    value = array.item()
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode()} if is_bytes else value.decode("utf-8", "surrogateescape")
    return write_number(value) if isinstance(value, float) else value


def write_number(value: float) -> float:
    """A float32 with the digits that it takes to tell it from others."""
    return float(f"{value:.9g}")
