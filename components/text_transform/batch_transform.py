"""Applies a transform graph to batches of serialized tf.Examples."""

from collections.abc import Sequence

import tensorflow as tf
import tensorflow_text  # noqa: F401  # registers the ops of the graph
import tensorflow_transform as tft
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder
from tfx_bsl.tfxio.tensor_to_arrow import TensorsToRecordBatchConverter


class BatchTransform:
    """The transform graph of an artifact, as a function of records."""

    def __init__(self, artifact: str):
        """Loads the graph.

        Args:
            artifact: URI of a transform graph.
        """
        graph = tft.TFTransformOutput(artifact)
        features = graph.transform_features_layer()
        parsing = graph.raw_feature_spec()

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
        def transform(records: tf.Tensor) -> dict[str, tf.Tensor]:
            return features(tf.io.parse_example(records, parsing))

        self._features = features  # keeps the graph's resources alive
        self._transform = transform
        outputs = transform.get_concrete_function().structured_outputs
        self._converter = TensorsToRecordBatchConverter(
            {name: tf.type_spec_from_value(output) for name, output in outputs.items()}
        )
        self._encoder = RecordBatchToExamplesEncoder(graph.transformed_metadata.schema)

    def __call__(self, records: Sequence[bytes]) -> list[bytes]:
        """Transforms records.

        Args:
            records: Serialized tf.Examples, one or more.

        Returns:
            Of each, the serialized tf.Example of the transformed features, in the same order.
        """
        return list(self._encoder.encode(self._converter.convert(self._transform(tf.constant(records)))))
