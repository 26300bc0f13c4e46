"""What TextTransform does beyond TFX's Transform."""

import json
from typing import Any

import apache_beam as beam
import tensorflow as tf
from tfx.components.transform import executor as transform
from tfx.components.util import examples_utils
from tfx.proto import example_gen_pb2, transform_pb2
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as standard
from tfx.utils import json_utils, proto_utils

from ulmfit_tfx.components.record_files import Part, prepare, publish
from ulmfit_tfx.components.text_transform.file_transform import TransformFile
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.beam_arguments import IN_PROCESS
from ulmfit_tfx.transforms.splitting import TRAIN
from ulmfit_tfx.transforms.tokenizer_files import copy_tokenizer


class Executor(transform.Executor):
    """Tells the `preprocessing_fn` where the tokenizer is, and hands the tokenizer on with the transform graph.

    TFX analyses and writes the graph. The graph is applied here, file by file, each in large batches: TFX reads and
    writes record by record, and numbers the files of several workers by chance.
    """

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Runs Transform."""
        inputs, properties = dict(input_dict), dict(exec_properties)
        tokenizer = artifact_utils.get_single_uri(inputs.pop(specs.TOKENIZER))
        config = json_utils.loads(properties[standard.CUSTOM_CONFIG_KEY])
        properties[standard.CUSTOM_CONFIG_KEY] = json_utils.dumps(config | {specs.TOKENIZER: tokenizer})
        splits = proto_utils.json_to_proto(properties[standard.SPLITS_CONFIG_KEY], transform_pb2.SplitsConfig())
        analyzed = transform_pb2.SplitsConfig(analyze=splits.analyze)
        properties[standard.SPLITS_CONFIG_KEY] = proto_utils.proto_to_json(analyzed)
        outputs = dict(output_dict)
        [transformed] = outputs.pop(standard.TRANSFORMED_EXAMPLES_KEY)
        arguments: list[str] = self._beam_pipeline_args  # type: ignore[has-type]  # of TFX
        if TRAIN not in splits.analyze:  # nothing is analysed: not worth the start of several workers
            self._beam_pipeline_args = list(IN_PROCESS)
        super().Do(inputs, outputs, properties)
        self._beam_pipeline_args = arguments

        graph = artifact_utils.get_single_uri(output_dict[standard.TRANSFORM_GRAPH_KEY])
        copy_tokenizer(tokenizer, graph)
        [examples] = inputs[standard.EXAMPLES_KEY]
        self._transform(examples.uri, graph, transformed.uri, list(splits.transform))
        transformed.split_names = artifact_utils.encode_split_names(list(splits.transform))
        examples_utils.set_payload_format(transformed, example_gen_pb2.FORMAT_TF_EXAMPLE)
        examples_utils.set_file_format(transformed, "tfrecords_gzip")

    def _transform(self, examples: str, graph: str, output: str, splits: list[str]) -> None:
        files = [
            (split, number, file)
            for split in splits
            for number, file in enumerate(sorted(tf.io.gfile.glob(f"{examples}/Split-{split}/*")))
        ]
        prepare(output)
        parts_file = f"{output}/parts.jsonl"
        with self._make_beam_pipeline() as pipeline:
            _ = (
                pipeline
                | "Files" >> beam.Create(files)
                | "Spread" >> beam.Reshuffle()
                | "Transform" >> beam.ParDo(TransformFile(graph, output))
                | "Parts" >> beam.io.WriteToText(parts_file, shard_name_template="")
            )
        with tf.io.gfile.GFile(parts_file) as lines:
            parts = [Part(**json.loads(line)) for line in lines]
        tf.io.gfile.remove(parts_file)
        publish(parts, output, splits)
