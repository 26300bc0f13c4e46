"""What a run of a compiled pipeline may say anew: the folder of checkpoints, and fields of a section."""

import difflib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from tfx import types
from tfx.orchestration.data_types import RuntimeParameter
from tfx.proto import trainer_pb2
from tfx.types import standard_component_specs as standard
from tfx.utils import json_utils

from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.config.language_model import LanguageModelConfig
from ulmfit_tfx.schemas.config.training import TrainingConfig
from ulmfit_tfx.schemas.errors import ConfigError
from ulmfit_tfx.schemas.section import Section
from ulmfit_tfx.transforms.splitting import EVAL, TRAIN

_PATH = "_path"
_SECTIONS: Mapping[str, type[Section]] = {"training": TrainingConfig, "language_model": LanguageModelConfig}
"""Those of which a run may set fields."""


def training_spec(
    examples: types.BaseChannel,
    transform_graph: types.BaseChannel,
    custom_config: Mapping[str, Any],
    checkpoints: str | RuntimeParameter,
    section: str | None = None,
    overrides: RuntimeParameter | None = None,
    base_model: types.BaseChannel | None = None,
) -> dict[str, Any]:
    """What the specs of Trainer and Tuner have in common, and the settings of the run.

    Args:
        examples: As TextTransform writes them.
        transform_graph: As TextTransform writes it.
        custom_config: Sections of the configuration by name, and what else the training reads.
        checkpoints: Folder below which a killed training finds what it goes on from; `custom_config` gets it as
            `checkpoints`. "": it finds nothing.
        section: That `overrides` are of.
        overrides: Fields to set in the section, as a JSON object.
        base_model: What the training starts from.
    """
    optional = {
        specs.SECTION: section if overrides is not None else None,
        specs.OVERRIDES: overrides,
        standard.BASE_MODEL_KEY: base_model,
    }
    return {
        standard.EXAMPLES_KEY: examples,
        standard.TRANSFORM_GRAPH_KEY: transform_graph,
        standard.TRAIN_ARGS_KEY: trainer_pb2.TrainArgs(splits=[TRAIN]),
        standard.EVAL_ARGS_KEY: trainer_pb2.EvalArgs(splits=[EVAL]),
        standard.CUSTOM_CONFIG_KEY: json_utils.dumps(dict(custom_config)),
        specs.CHECKPOINTS: checkpoints,
        **{key: value for key, value in optional.items() if value is not None},
    }


def with_settings_of_run(exec_properties: Mapping[str, Any], temporary_folder: str) -> dict[str, Any]:
    """Execution properties of a Trainer or Tuner whose `custom_config` has the run's settings in it.

    Args:
        exec_properties: As the component describes them.
        temporary_folder: For the checkpoints where no folder is named that outlives the execution.

    Raises:
        ConfigError: See `overridden`.
    """
    custom_config = json_utils.loads(exec_properties[standard.CUSTOM_CONFIG_KEY])
    custom_config[specs.CHECKPOINTS] = exec_properties[specs.CHECKPOINTS] or f"{temporary_folder}/checkpoints"
    if section := exec_properties.get(specs.SECTION):
        custom_config[section] = overridden(section, custom_config[section], exec_properties[specs.OVERRIDES])
    return {**exec_properties, standard.CUSTOM_CONFIG_KEY: json_utils.dumps(custom_config)}


def as_run(config: Mapping[str, Any], exec_properties: Mapping[str, Any]) -> dict[str, Any]:
    """A dumped configuration with what the run says anew.

    Args:
        config: As `PipelineConfig.model_dump(mode="json")` gives it.
        exec_properties: With those of `component_specs.SETTINGS` that the run may say.
    """
    said = {name: exec_properties[name] for name in specs.SETTINGS if exec_properties.get(name)}
    changed = dict(config)
    for name, value in said.items():
        section = name.removesuffix(_PATH)
        values = config[section]
        changed[section] = _of_path(values, value) if name.endswith(_PATH) else overridden(section, values, value)
    return changed


def _of_path(values: Mapping[str, Any], path: str) -> dict[str, Any]:
    """A source of another path, or a section of which `data` is one."""
    return {**values, "path": path} if "path" in values else {**values, "data": {**values["data"], "path": path}}


def overridden(section: str, values: Mapping[str, Any], overrides: str) -> dict[str, Any]:
    """A section of the configuration with some fields set anew.

    Args:
        section: Its name.
        values: Its fields, all that the task has.
        overrides: A JSON object of fields, such as `{"epochs": 5}`; "" for none.

    Raises:
        ConfigError: It is none, a field is unknown, or a value is not allowed.
    """
    try:
        fields = json.loads(overrides or "{}")
    except json.JSONDecodeError as error:
        raise ConfigError(f"Parameter {section} is {overrides!r}, which is not JSON: {error}.") from None
    if not isinstance(fields, dict):
        raise ConfigError(f'Parameter {section} is {overrides!r}, expected a JSON object such as {{"epochs": 5}}.')
    if unknown := sorted(set(fields) - set(values)):
        near = difflib.get_close_matches(unknown[0], values, n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise ConfigError(f"Parameter {section} sets '{unknown[0]}', which is no field of that section.{hint}")
    try:
        return _SECTIONS[section].model_validate({**values, **fields}).model_dump(mode="json", include=set(values))
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(map(str, (section, *problem["loc"])))
        raise ConfigError(f"Parameter {section}: {field} is {problem['input']!r}: {problem['msg']}.") from None
