"""Says where the code of this package lies in the processes of Beam's workers. Run by an environment of its own."""

import json
import os
import sys

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions


def where(_):
    """This process, and the file of a component that it would run."""
    from ulmfit_tfx.components.corpus_ingest import executor

    return json.dumps([os.getpid(), executor.__file__])


if __name__ == "__main__":
    output, *arguments = sys.argv[1:]
    with beam.Pipeline(options=PipelineOptions(arguments)) as pipeline:
        pipeline | beam.Create(range(20)) | beam.Reshuffle() | beam.Map(where) | beam.io.WriteToText(output)
    print(os.getpid())
