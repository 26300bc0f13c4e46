"""What LearningRateFinder does beyond TFX's Tuner."""

from typing import Any

import tensorflow as tf
from tfx.components.tuner import executor as tuner
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as standard

from ulmfit_tfx.components.run_settings import with_settings_of_run
from ulmfit_tfx.trainer_modules.optimization.learning_rate_tuner import CHART_FILE, CURVE_FILE


class Executor(tuner.Executor):
    """Searches, then keeps the curve and its chart: the working folder of the search is removed after the run."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Runs Tuner.

        Raises:
            ConfigError: See `with_settings_of_run`.
            UserError: See `LearningRateTuner.search`.
            NotFoundError: The tuner is not a `LearningRateTuner`, or wrote elsewhere than into `fn_args.working_dir`.
        """
        super().Do(input_dict, output_dict, with_settings_of_run(exec_properties, self._get_tmp_dir()))
        results = artifact_utils.get_single_uri(output_dict[standard.TUNER_RESULTS_KEY])
        for file in (CURVE_FILE, CHART_FILE):
            tf.io.gfile.copy(f"{self._get_tmp_dir()}/{file}", f"{results}/{file}", overwrite=True)
