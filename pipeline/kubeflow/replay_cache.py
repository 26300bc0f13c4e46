"""Finds what an earlier replay computed from the same, as the backend's cache does."""

import dataclasses
import json
import os
from pathlib import Path

from google.protobuf import json_format, struct_pb2
from kfp.pipeline_spec import pipeline_spec_pb2

from ulmfit_tfx.pipeline.kubeflow.compiled_pipeline import Step
from ulmfit_tfx.pipeline.kubeflow.replay_executor_input import digest


@dataclasses.dataclass(frozen=True)
class ReplayCache:
    """Outputs of the steps of a pipeline, each in a file that is named by what it was computed from.

    Attributes:
        folder: Of the files.
        pipeline: Name of the pipeline.
    """

    folder: Path
    pipeline: str

    def get(self, step: Step, told: pipeline_spec_pb2.ExecutorInput) -> pipeline_spec_pb2.ExecutorOutput | None:
        """What an equal step left; None if there was none, or a folder of its is gone."""
        try:
            entry = json.loads(self._file(step, told).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        if not all(Path(folder).exists() for folder in entry["folders"]):
            return None
        return json_format.ParseDict(entry["output"], pipeline_spec_pb2.ExecutorOutput())

    def put(self, step: Step, told: pipeline_spec_pb2.ExecutorInput, output: pipeline_spec_pb2.ExecutorOutput) -> None:
        """Keeps what a step that succeeded left. A file is whole or not there."""
        uris = [listed.artifacts[0].uri for listed in output.artifacts.values()]
        entry = {"output": json_format.MessageToDict(output), "folders": [uri for uri in uris if Path(uri).exists()]}
        file = self._file(step, told)
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(f".{os.getpid()}.partial")
        partial.write_text(json.dumps(entry, indent=2), encoding="utf-8")
        partial.replace(file)

    def _file(self, step: Step, told: pipeline_spec_pb2.ExecutorInput) -> Path:
        """Named by what outputs follow from: pipeline, container, inputs, kinds of outputs, but not where they go."""
        name = struct_pb2.Value(string_value=self.pipeline)
        outputs = step.component.output_definitions
        return self.folder / f"{digest(name, step.executor.container, told.inputs, outputs)}.json"
