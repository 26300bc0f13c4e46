"""What ClassEvaluator does beyond TFX's Evaluator."""

from collections.abc import Sequence
from typing import Any

import tensorflow_model_analysis as tfma
from tfx.components.evaluator import executor as evaluator
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as standard
from tfx.utils import path_utils, proto_utils

from ulmfit_tfx.components.corpus_ingest.accounting import Accounting
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.trainer_modules.export.loaded_model import read_info
from ulmfit_tfx.transforms.splitting import EVAL


class Executor(evaluator.Executor):
    """Finds the classes that occur, then evaluates."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Runs Evaluator."""
        examples = artifact_utils.get_single_instance(input_dict[standard.EXAMPLES_KEY])
        accounting = Accounting.from_json(examples.get_string_custom_property(specs.ACCOUNTING))
        config = proto_utils.json_to_proto(exec_properties[standard.EVAL_CONFIG_KEY], tfma.EvalConfig())
        model = path_utils.serving_model_path(artifact_utils.get_single_uri(input_dict[standard.MODEL_KEY]))
        labels = read_info(model)["labels"]
        present = [index for index, label in enumerate(labels) if label in accounting.labels[EVAL]]
        config = with_class_ids(config, present)
        properties = exec_properties | {standard.EVAL_CONFIG_KEY: proto_utils.proto_to_json(config)}
        super().Do(input_dict, output_dict, properties)


def with_class_ids(config: tfma.EvalConfig, class_ids: Sequence[int]) -> tfma.EvalConfig:
    """Names class ids where a metrics spec asks for binarization and names none.

    Args:
        config: Of the evaluation.
        class_ids: Classes that occur in the examples: for one that does not, the area under the ROC curve is
            undefined, and TFMA would count it as zero. Of two, one is enough: both have the same.
    """
    class_ids = list(class_ids) if len(class_ids) > 2 else list(class_ids)[-1:]
    filled = tfma.EvalConfig()
    filled.CopyFrom(config)
    for spec in filled.metrics_specs:
        if spec.HasField("binarize") and not spec.binarize.class_ids.values:
            spec.binarize.class_ids.values.extend(class_ids)
            for class_id in class_ids:
                spec.aggregate.class_weights[class_id] = 1.0
    return filled
