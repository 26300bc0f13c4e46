"""What ClassEvaluator does beyond TFX's Evaluator."""

from typing import Any

import tensorflow_model_analysis as tfma
from tfx.components.evaluator import executor as evaluator
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as standard
from tfx.utils import proto_utils

from ulmfit_tfx.components.corpus_ingest.accounting import Accounting
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.transforms.splitting import TRAIN


class Executor(evaluator.Executor):
    """Counts the classes, then evaluates."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Runs Evaluator."""
        examples = artifact_utils.get_single_instance(input_dict[standard.EXAMPLES_KEY])
        accounting = Accounting.from_json(examples.get_string_custom_property(specs.ACCOUNTING))
        config = proto_utils.json_to_proto(exec_properties[standard.EVAL_CONFIG_KEY], tfma.EvalConfig())
        config = with_class_ids(config, len(accounting.labels[TRAIN]))
        properties = exec_properties | {standard.EVAL_CONFIG_KEY: proto_utils.proto_to_json(config)}
        super().Do(input_dict, output_dict, properties)


def with_class_ids(config: tfma.EvalConfig, classes: int) -> tfma.EvalConfig:
    """Names all class ids where a metrics spec asks for binarization and names none.

    Of two classes one is enough: the area under the ROC curve is the same for both.
    """
    filled = tfma.EvalConfig()
    filled.CopyFrom(config)
    for spec in filled.metrics_specs:
        if spec.HasField("binarize") and not spec.binarize.class_ids.values:
            class_ids = range(classes) if classes > 2 else [1]
            spec.binarize.class_ids.values.extend(class_ids)
            for class_id in class_ids:
                spec.aggregate.class_weights[class_id] = 1.0
    return filled
