"""What a worker does with a file of examples: applies the transform graph, and writes what comes of it."""

import dataclasses
import json
from collections.abc import Iterator

import apache_beam as beam

from ulmfit_tfx.components.record_files import PartsWriter, read_batches


class TransformFile(beam.DoFn):
    """From (split, number, file) to the parts that were written, as JSON."""

    def __init__(self, graph: str, output: str):
        self.graph = graph
        self.output = output

    def setup(self) -> None:
        """Loads the graph."""
        from ulmfit_tfx.components.text_transform.batch_transform import BatchTransform

        self.transform = BatchTransform(self.graph)

    def process(self, element: tuple[str, int, str]) -> Iterator[str]:
        """Transforms a file."""
        split, number, file = element
        writer = PartsWriter(self.output, split, number)
        for records in read_batches(file):
            writer.write(self.transform(records))
        for part in writer.close():
            yield json.dumps(dataclasses.asdict(part))
