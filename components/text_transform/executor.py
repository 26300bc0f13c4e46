"""What TextTransform does beyond TFX's Transform."""

from typing import Any

from tfx.components.transform import executor as transform
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as standard
from tfx.utils import json_utils

from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.transforms.tokenizer_files import copy_tokenizer


class Executor(transform.Executor):
    """Tells the `preprocessing_fn` where the tokenizer is, and hands the tokenizer on with the transform graph."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Runs Transform."""
        inputs, properties = dict(input_dict), dict(exec_properties)
        tokenizer = artifact_utils.get_single_uri(inputs.pop(specs.TOKENIZER))
        config = json_utils.loads(properties[standard.CUSTOM_CONFIG_KEY])
        properties[standard.CUSTOM_CONFIG_KEY] = json_utils.dumps(config | {specs.TOKENIZER: tokenizer})
        super().Do(inputs, output_dict, properties)
        copy_tokenizer(tokenizer, artifact_utils.get_single_uri(output_dict[standard.TRANSFORM_GRAPH_KEY]))
