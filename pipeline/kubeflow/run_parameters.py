"""Parameters of a compiled pipeline: what a run is given, checked against their types, and defaults."""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from google.protobuf import json_format, struct_pb2
from kfp.pipeline_spec import pipeline_spec_pb2

from ulmfit_tfx.pipeline.kubeflow.compiled_pipeline import CompiledPipeline, nearest
from ulmfit_tfx.schemas.errors import ConfigError

Parameter = str | int | float | bool | list | dict
ParameterType = int
"""A number of the proto's enum ParameterTypeEnum."""


def run_parameters(spec: CompiledPipeline, root: Path, given: Mapping[str, Parameter]) -> dict[str, struct_pb2.Value]:
    """Values of a run's parameters, by name: those that are given, the folders of a replay, and defaults.

    Args:
        spec: The pipeline.
        root: Folder of the replays: `checkpoints`, `push_directory` and `pipeline-root` are folders below it unless
            they are given, and `baseline` is the `push_directory`.
        given: Values by name. A string is read as what the parameter is: a number, true or false, JSON.

    Returns:
        Those that have a value.

    Raises:
        ConfigError: There is no such parameter, it is of another type, or one that the pipeline needs has no value.
    """
    check_names(spec, given)
    folders = _folders(spec, root, given)
    values = {}
    for name, parameter in spec.parameters.items():
        chosen = given.get(name, folders.get(name))
        if chosen is not None:
            values[name] = to_value(name, chosen, parameter.parameter_type)
        elif parameter.HasField("default_value"):
            values[name] = check_type(name, parameter.default_value, parameter.parameter_type)
        elif not parameter.is_optional:
            raise ConfigError(f"{name}: the pipeline needs this parameter, and it has no default.")
    return values


def check_names(spec: CompiledPipeline, given: Iterable[str]) -> None:
    """Whether the pipeline has parameters of these names.

    Raises:
        ConfigError: There is no such parameter.
    """
    for name in given:
        if name not in spec.parameters:
            known = ", ".join(sorted(spec.parameters)) or "none"
            raise ConfigError(
                f"{name}: the pipeline has no such parameter.{nearest(name, spec.parameters)} It has: {known}."
            )


def _folders(spec: CompiledPipeline, root: Path, given: Mapping[str, Parameter]) -> dict[str, Parameter]:
    configured = spec.parameters.get("push_directory")
    model = configured.default_value.string_value.rstrip("/").rpartition("/")[2] if configured is not None else ""
    pushed = given.get("push_directory", str(root / "serving" / (model or spec.name)))
    return {
        "checkpoints": str(root / "checkpoints"),
        "push_directory": pushed,
        "baseline": pushed,
        "pipeline-root": str(root / "artifacts"),
    }


def to_value(name: str, given: Parameter, parameter_type: ParameterType) -> struct_pb2.Value:
    """What was given, or read from a file, as the type that a parameter has.

    Raises:
        ConfigError: It is of another type.
    """
    try:
        read = _type(name, parameter_type).read(given) if isinstance(given, str) else given
        value = json_format.ParseDict(read, struct_pb2.Value())
    except (ValueError, TypeError, OverflowError, json_format.ParseError):
        raise _wrong_type(name, given, parameter_type) from None
    return check_type(name, value, parameter_type, given)


def check_type(
    name: str, value: struct_pb2.Value, parameter_type: ParameterType, given: Parameter | None = None
) -> struct_pb2.Value:
    """Returns the value, which was `given` so if it was not given as a value.

    Raises:
        ConfigError: It is not of the parameter's type.
    """
    expected, number = _type(name, parameter_type), value.number_value
    if (
        value.WhichOneof("kind") != expected.field
        or not math.isfinite(number)
        or (expected.read is int and not number.is_integer())
    ):
        raise _wrong_type(name, json_format.MessageToDict(value) if given is None else given, parameter_type)
    return value


def _wrong_type(name: str, got: Any, parameter_type: ParameterType) -> ConfigError:
    return ConfigError(f"{name}: got {got!r}, expected {_type(name, parameter_type).description}.")


class _Type(NamedTuple):
    """A type of parameters: the field of a Value that holds it, what is expected, what reads it from a string."""

    field: str
    description: str
    read: Callable[[str], Any]


_TYPES = {
    pipeline_spec_pb2.ParameterType.STRING: _Type("string_value", "a text", str),
    pipeline_spec_pb2.ParameterType.NUMBER_INTEGER: _Type("number_value", "a whole number", int),
    pipeline_spec_pb2.ParameterType.NUMBER_DOUBLE: _Type("number_value", "a number", float),
    pipeline_spec_pb2.ParameterType.BOOLEAN: _Type(
        "bool_value", "true or false", lambda text: json.loads(text.lower())
    ),
    pipeline_spec_pb2.ParameterType.LIST: _Type("list_value", "a list in JSON", json.loads),
    pipeline_spec_pb2.ParameterType.STRUCT: _Type("struct_value", "an object in JSON", json.loads),
}


def _type(name: str, parameter_type: ParameterType) -> _Type:
    if parameter_type not in _TYPES:
        raise ConfigError(f"{name}: the pipeline does not say of what type it is.")
    return _TYPES[parameter_type]
