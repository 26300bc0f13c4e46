"""What ModelTrainer does beyond TFX's Trainer."""

from typing import Any

from tfx.components.trainer import executor as trainer
from tfx.types import artifact_utils
from tfx.utils import json_utils

from ulmfit_tfx.components.run_settings import with_settings_of_run
from ulmfit_tfx.schemas import component_specs as specs


class Executor(trainer.GenericExecutor):
    """Trains with the settings of the run, and tells the training where the statistics of the corpus are."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Runs Trainer.

        Raises:
            ConfigError: The overrides are no JSON object of known fields, or `run_fn` refuses what they say.
        """
        properties = with_settings_of_run(exec_properties, self._get_tmp_dir())
        if statistics := input_dict.get(specs.CORPUS_STATISTICS):
            told = json_utils.loads(properties[specs.CUSTOM_CONFIG]) | {
                specs.CORPUS_STATISTICS: artifact_utils.get_single_uri(statistics)
            }
            properties[specs.CUSTOM_CONFIG] = json_utils.dumps(told)
        super().Do(input_dict, output_dict, properties)
