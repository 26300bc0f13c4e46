"""What ModelTrainer does beyond TFX's Trainer."""

from typing import Any

from tfx.components.trainer import executor as trainer

from ulmfit_tfx.components.run_settings import with_settings_of_run


class Executor(trainer.GenericExecutor):
    """Trains with the settings of the run."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Runs Trainer.

        Raises:
            ConfigError: The overrides are no JSON object of known fields, or `run_fn` refuses what they say.
        """
        super().Do(input_dict, output_dict, with_settings_of_run(exec_properties, self._get_tmp_dir()))
