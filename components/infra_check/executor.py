"""What InfraCheck does."""

import contextlib
import logging
from collections.abc import Iterator
from tempfile import TemporaryDirectory
from typing import Any

import tensorflow as tf
from tfx.components.infra_validator import executor as infra_validator
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils
from tfx.utils import path_utils

from ulmfit_tfx.components.infra_check.checking import check_model
from ulmfit_tfx.components.reports.infra import REPORT_FILE
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.remote_paths import is_remote
from ulmfit_tfx.trainer_modules.serving.folder_copy import copy_folder

log = logging.getLogger(__name__)


class Executor(BaseExecutor):
    """Checks the model, writes the report and blesses or does not."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Checks. A check that fails is no error."""
        model = path_utils.serving_model_path(artifact_utils.get_single_uri(input_dict[specs.MODEL]))
        blessing = artifact_utils.get_single_instance(output_dict[specs.BLESSING])
        with _local(model) as folder:
            report = check_model(folder, exec_properties[specs.TF_SERVING], exec_properties.get(specs.MAX_LATENCY_MS))
        tf.io.gfile.makedirs(blessing.uri)
        with tf.io.gfile.GFile(f"{blessing.uri}/{REPORT_FILE}", "w") as file:
            file.write(report.to_json())
        for name, measured in report.latency.items():
            log.info("%s: %.1f ms a text, 99th percentile %.1f ms", name, measured.p50_ms, measured.p99_ms)
        for name, sentences in report.failures.items():
            for sentence in sentences:
                log.error("%s: %s", name, sentence)
        if report.reason is None:
            infra_validator._mark_blessed(blessing)
        else:
            infra_validator._mark_not_blessed(blessing)
            blessing.set_string_custom_property(specs.REASON, report.reason)


@contextlib.contextmanager
def _local(model: str) -> Iterator[str]:
    """A remote model's copy on this machine, which a process without credentials can read; a local one itself."""
    if not is_remote(model):
        yield model
        return
    with TemporaryDirectory() as folder:
        copy_folder(model, folder)
        yield folder
