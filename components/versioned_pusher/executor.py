"""What VersionedPusher does."""

from typing import Any

from tfx.components.pusher import executor
from tfx.types import artifact_utils, standard_component_specs

from ulmfit_tfx.components.models_config import pins
from ulmfit_tfx.components.versioned_pusher.server_files import write_server_files
from ulmfit_tfx.components.versioned_pusher.versions import push
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.config.serving import ServingConfig


class Executor(executor.Executor):
    """TFX's, for what it makes of blessings and says of a push. What it does to files is ours."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Pushes.

        Raises:
            UserError: models.config is damaged.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        pushed = artifact_utils.get_single_instance(output_dict[standard_component_specs.PUSHED_MODEL_KEY])
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed)
            return
        folder = exec_properties[specs.DIRECTORY].rstrip("/")
        pins(folder)  # a damaged file stops the push before anything is written
        write_server_files(folder, ServingConfig.model_validate_json(exec_properties[specs.SERVING]))
        version = push(self.GetModelPath(input_dict), folder, exec_properties[specs.KEEP_VERSIONS])
        self._MarkPushed(pushed, pushed_destination=f"{folder}/{version}", pushed_version=version)
