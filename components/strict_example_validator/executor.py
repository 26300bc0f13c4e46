"""What StrictExampleValidator does beyond TFX's ExampleValidator."""

from typing import Any

import tensorflow as tf
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.components.example_validator import executor as example_validator
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as standard

from ulmfit_tfx.schemas.errors import DataError


class Executor(example_validator.Executor):
    """Validates, then reads what was found."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> Any:
        """Runs ExampleValidator.

        Raises:
            DataError: There are anomalies.
        """
        output = super().Do(input_dict, output_dict, exec_properties)
        artifact = artifact_utils.get_single_instance(output_dict[standard.ANOMALIES_KEY])
        found = []
        for split in artifact_utils.decode_split_names(artifact.split_names):
            path = f"{artifact.uri}/Split-{split}/{example_validator.DEFAULT_FILE_NAME}"
            with tf.io.gfile.GFile(path, "rb") as file:
                anomalies = anomalies_pb2.Anomalies.FromString(file.read())
            for feature, anomaly in sorted(anomalies.anomaly_info.items()):
                found.append(f"{split}: feature '{feature}': {anomaly.short_description}: {anomaly.description}")
        if found:
            raise DataError("the data does not fit the schema:\n  " + "\n  ".join(found))
        return output
