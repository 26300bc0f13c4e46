"""What EncoderImporter does."""

import json
import logging
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import path_utils

from ulmfit_tfx.components.encoder_importer.importing import import_encoder
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.pretrained import PretrainedConfig
from ulmfit_tfx.trainer_modules.serving.encoder_folder import RECORD, SAVED_MODEL, SPM_MODEL, WEIGHTS
from ulmfit_tfx.trainer_modules.serving.folder_copy import copy_folder

PRETRAINED, CLEANING = "pretrained", "cleaning"
FIXED_SEQ_LEN, MAX_SEQ_LEN = "fixed_seq_len", "max_seq_len"

log = logging.getLogger(__name__)


class Executor(BaseExecutor):
    """Imports into a folder of its own and lays the parts out as artifacts."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Imports.

        Raises:
            UserError: See `import_encoder`.
        """
        config = json.loads(exec_properties[specs.CONFIG])
        model = artifact_utils.get_single_uri(output_dict[specs.MODEL])
        tokenizer = artifact_utils.get_single_uri(output_dict[specs.TOKENIZER])
        with TemporaryDirectory() as temporary:
            folder = Path(temporary) / "encoder"
            report = import_encoder(
                PretrainedConfig.model_validate(config[PRETRAINED]),
                folder,
                config[FIXED_SEQ_LEN],
                config[MAX_SEQ_LEN],
                cleaning=CleaningConfig.model_validate(config[CLEANING]),
            )
            for row in report.parity:
                log.info("%s: largest difference to its source %.1e", row.layer, row.difference)
            copy_folder(folder / SAVED_MODEL, path_utils.serving_model_dir(model))
            copy_folder(folder / WEIGHTS, f"{model}/{WEIGHTS}")
            copy_folder(folder / SPM_MODEL, tokenizer)
            fileio.copy(str(folder / RECORD), f"{model}/{RECORD}", overwrite=True)
