"""Reads a configuration file and rewords what pydantic finds wrong with it for people."""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from ulmfit_tfx.schemas.config.bulk_inference import BulkInferenceConfig
from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.schemas.config.yaml_errors import fault_of
from ulmfit_tfx.schemas.config.yaml_scalars import changed_texts, in_quotes
from ulmfit_tfx.schemas.errors import ConfigError
from ulmfit_tfx.schemas.remote_paths import is_remote
from ulmfit_tfx.schemas.section import NO_USE, UNKNOWN_FIELD
from ulmfit_tfx.schemas.user_code import beside

_Config = TypeVar("_Config", bound=BaseModel)

_PATHS = (
    ("data", "path"),
    ("data", "eval_path"),
    ("data", "test_path"),
    ("data", "label_file"),
    ("data", "label_map"),
    ("corpus", "path"),
    ("distillation.data", "path"),
    ("data_schema", "path"),
    ("push", "directory"),
    ("pretrained", "checkpoint"),
    ("pretrained", "tokenizer"),
    ("pretrained", "source_tokenizer"),
)
"""Fields that hold a path, by section."""
_NOT_READ_BY_STEPS = ("data_schema", "push")
"""Sections with paths that are read when a pipeline is built, or written to."""

_PYDANTIC_PREFIX = re.compile(r"^(Value error, |Input |String |Tuple |List |Dictionary )")
_REWORDING = {
    "should be a valid integer, unable to parse string as an integer": "expected a whole number",
    "should be a valid number, unable to parse string as a number": "expected a number",
    "should be a valid integer": "expected a whole number",
    "should be a valid tuple": "expected a list",
    "should be a valid": "expected a",
    "should be": "expected",
    "should match pattern": "expected to match",
    "should have": "expected to have",
    " after validation": "",
}


Complete = Callable[[dict[str, Any], Path], None]
"""Sets what may be left out in the values of a configuration file, by what its data is."""


def _as_given(values: dict[str, Any], file: Path) -> None:
    """Sets nothing."""


def load_config(path: str | Path, overrides: Sequence[str] = (), complete: Complete = _as_given) -> PipelineConfig:
    """Reads, overrides and validates a configuration.

    Args:
        path: YAML file. Relative data paths in it are taken from its folder.
        overrides: `key=value` each, the key dotted (`training.epochs=1`), the value YAML.
        complete: Sets what may be left out, before the validation.

    Returns:
        The validated configuration, its local paths absolute.

    Raises:
        ConfigError: With one line for each thing wrong: file, field, value, what is allowed.
    """
    config = _validated(PipelineConfig, Path(path), overrides, complete)
    return _with_absolute_paths(config, Path(path).resolve().parent)


def load_any_config(
    path: str | Path, overrides: Sequence[str] = (), complete: Complete = _as_given
) -> PipelineConfig | BulkInferenceConfig:
    """Reads the configuration of a pipeline, or that of a bulk inference, which has a `model`.

    Raises:
        ConfigError: With one line for each thing wrong: file, field, value, what is allowed.
    """
    load = load_bulk_inference_config if "model" in _read_yaml(Path(path)) else load_config
    return load(path, overrides, complete)


def paths_read_by_steps(config: PipelineConfig | BulkInferenceConfig) -> list[tuple[str, str]]:
    """Name of the field and path of each file or folder that stages read."""
    if isinstance(config, BulkInferenceConfig):
        return [("data.path", config.data.path), ("model", config.model)]
    values = {
        f"{section}.{field}": getattr(_section(config, section), field, None)
        for section, field in _PATHS
        if section not in _NOT_READ_BY_STEPS
    }
    return [(name, path) for name, path in values.items() if path is not None]


def with_paths(
    config: PipelineConfig | BulkInferenceConfig, paths: Mapping[str, str]
) -> PipelineConfig | BulkInferenceConfig:
    """A configuration with other paths.

    Args:
        config: As `load_any_config` gives it.
        paths: By name of the field, as `paths_read_by_steps` has it.

    Raises:
        ConfigError: A field is not set, or holds no path.
    """
    known = [name for name, _ in paths_read_by_steps(config)]
    for name, path in paths.items():
        if name not in known:
            raise ConfigError(f"kubeflow.paths names '{name}'. Paths that this configuration has: {', '.join(known)}.")
        section, _, field = name.rpartition(".")
        config = _with_field(config, section, field, path)
    return config


def load_bulk_inference_config(
    path: str | Path, overrides: Sequence[str] = (), complete: Complete = _as_given
) -> BulkInferenceConfig:
    """Reads, overrides and validates the configuration of a bulk inference, as `load_config` does.

    Raises:
        ConfigError: With one line for each thing wrong: file, field, value, what is allowed.
    """
    config = _validated(BulkInferenceConfig, Path(path), overrides, complete)
    folder = Path(path).resolve().parent
    data = config.data.model_copy(update={"path": absolute(config.data.path, folder)})
    paths = {"model": absolute(config.model, folder), "output": config.output and absolute(config.output, folder)}
    return config.model_copy(update={"data": data, **paths})


def _validated(kind: type[_Config], path: Path, overrides: Sequence[str], complete: Complete) -> _Config:
    values = _read_yaml(path)
    overridden = {_override(values, item) for item in overrides}
    complete(values, path)
    if _names_user_code(values):
        beside(path.resolve().parent)
    node = yaml.compose(path.read_text(encoding="utf-8"), yaml.SafeLoader)
    try:
        config = kind.model_validate(values)
    except ValidationError as error:
        raise ConfigError("\n".join(_reword(path.name, overridden, error, node))) from None
    if changed := [f"{path.name}: {_dotted(place)} {what}." for place, what in changed_texts(node, config)]:
        raise ConfigError("\n".join(changed))
    return config


def _names_user_code(values: Mapping[str, Any]) -> bool:
    evaluation = values.get("evaluation")
    has_metrics = isinstance(evaluation, dict) and "metrics" in evaluation
    return has_metrics or not {"trainer", "components"}.isdisjoint(values)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        near = difflib.get_close_matches(path.name, [p.name for p in path.parent.glob("*.y*ml")], n=1)
        hint = f" Did you mean {path.with_name(near[0])}?" if near else ""
        raise ConfigError(f"{path}: no such file.{hint}") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 (byte {error.start}).") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2024-13-45
        fault = fault_of(error, path.read_text(encoding="utf-8"))
        where = str(path) if fault.line is None else f"{path}:{fault.line}"
        raise ConfigError(f"{where}: is not YAML: {fault.reason}.") from None
    if values is None:
        raise ConfigError(f"{path}: is empty, expected sections such as 'name:' and 'data:'.")
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected sections such as 'name:' and 'data:', got {_shown(values)}.")
    return values


def _override(values: dict[str, Any], item: str) -> str:
    """Sets one `key=value` in place and returns its key."""
    key, equals, text = item.partition("=")
    if not equals or not key:
        raise ConfigError(f"--set {item}: expected key=value, such as training.epochs=1.")
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        raise ConfigError(f"--set {item}: the value is not YAML.") from None
    *parents, last = key.split(".")
    section: Any = values
    for parent in parents:
        if isinstance(section, list):
            if not parent.isdecimal() or int(parent) >= len(section):
                raise ConfigError(f"--set {item}: '{parent}' is none of the {len(section)} entries, counted from 0.")
            section = section[int(parent)]
        else:
            section = section.setdefault(parent, {})
        if not isinstance(section, dict | list):
            raise ConfigError(f"--set {item}: '{parent}' is no section, its value is {_shown(section)}.")
    if isinstance(section, list):
        raise ConfigError(f"--set {item}: expected a field of an entry, such as {key}.name=value.")
    section[last] = value
    return key


def _reword(file: str, overridden: Iterable[str], error: ValidationError, node: yaml.Node | None) -> Iterable[str]:
    for problem in error.errors():
        field = _dotted(problem["loc"])
        is_set = any(field == key or field.startswith(f"{key}.") for key in overridden)
        hint = in_quotes(node, problem["loc"]) if problem["type"] == "string_type" and not is_set else None
        yield f"{'--set' if is_set else file}: {field}{_complaint(problem)}{f' {hint}.' if hint else ''}"


def _dotted(place: Iterable[str | int]) -> str:
    return ".".join(map(str, place))


def _complaint(problem: Mapping[str, Any]) -> str:
    kind, got, message = problem["type"], _shown(problem["input"]), problem["msg"]
    if kind in (UNKNOWN_FIELD, NO_USE):
        return f" {message}."
    if kind == "tuple_type" and isinstance(problem["input"], str | int | float):
        value = f"{problem['input']}"
        return f" is {got}, expected a list such as [{value}, {value}]."
    message = _PYDANTIC_PREFIX.sub("", message)
    for pydantic_words, our_words in _REWORDING.items():
        message = message.replace(pydantic_words, our_words)
    if kind == "value_error" and isinstance(problem["input"], dict):
        return f"{': ' if problem['loc'] else ''}{message}."
    if kind == "value_error":
        return f" is {got}, which {message}."
    if kind == "literal_error":
        near = difflib.get_close_matches(str(problem["input"]), problem["ctx"]["expected"].split("'"), n=1)
        return f" is {got}, {message}." + (f" Did you mean '{near[0]}'?" if near else "")
    return f" is {got}, {message}."


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _with_absolute_paths(config: PipelineConfig, folder: Path) -> PipelineConfig:
    for section, field in _PATHS:
        path = getattr(_section(config, section), field, None)
        if path is not None:
            config = _with_field(config, section, field, absolute(path, folder))
    return config


def _section(config: BaseModel, section: str) -> Any:
    """A section by its dotted name, None where it is not there."""
    found: Any = config
    for name in section.split("."):
        found = getattr(found, name, None)
    return found


def _with_field(config: _Config, section: str, field: str, value: Any) -> _Config:
    """The same with another value of a field, in a section by its dotted name; "" for the configuration itself."""
    if not section:
        return config.model_copy(update={field: value})
    name, _, below = section.partition(".")
    inside = getattr(config, name)
    return config.model_copy(update={name: _with_field(inside, below, field, value)})


def absolute(path: str, folder: Path) -> str:
    """A path in a configuration file that lies in `folder`."""
    return path if is_remote(path) else str(folder / Path(path).expanduser())
