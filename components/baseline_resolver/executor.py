"""What BaselineResolver does."""

import logging
from typing import Any

from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils
from tfx.utils import path_utils

from ulmfit_tfx.components.served_versions import served_version
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.errors import UserError
from ulmfit_tfx.trainer_modules.serving.folder_copy import copy_folder

log = logging.getLogger(__name__)


class Executor(BaseExecutor):
    """Copies the served model."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Copies.

        Raises:
            UserError: The version is not there any more, or a model is required and there is none.
        """
        served = served_version(exec_properties[specs.SERVED])
        if not served and exec_properties[specs.REQUIRED]:
            raise UserError(f"{exec_properties[specs.SERVED]}: neither a SavedModel nor a folder of numbered versions.")
        if not served:
            log.info("No model is in service: there is nothing to compare with")
            return
        model = artifact_utils.get_single_uri(output_dict[specs.MODEL])
        copy_folder(served, path_utils.serving_model_path(model))
        log.info("The new model is compared with the one in service, %s", served)
