"""Finds what an earlier replay computed from the same, as the backend's cache does."""

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from google.protobuf import json_format, struct_pb2
from kfp.pipeline_spec import pipeline_spec_pb2

from ulmfit_tfx.pipeline.kubeflow.compiled_pipeline import Step

Artifacts = Mapping[str, pipeline_spec_pb2.RuntimeArtifact]
Values = Mapping[str, struct_pb2.Value]
Outputs = tuple[Artifacts, Values]


@dataclasses.dataclass(frozen=True)
class ReplayCache:
    """Outputs of steps, each in a file that is named by what it was computed from.

    Attributes:
        folder: Of the files.
    """

    folder: Path

    def get(self, fingerprint: str) -> Outputs | None:
        """Output artifacts and parameters of an equal step; None if there was none, or a folder of its is gone."""
        try:
            entry = json.loads((self.folder / f"{fingerprint}.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        if not all(Path(folder).exists() for folder in entry["folders"]):
            return None
        output = json_format.ParseDict(entry["output"], pipeline_spec_pb2.ExecutorOutput())
        artifacts = {key: listed.artifacts[0] for key, listed in output.artifacts.items()}
        return artifacts, dict(output.parameter_values)

    def put(self, fingerprint: str, outputs: Outputs) -> None:
        """Keeps the outputs of a step that succeeded. A file is whole or not there."""
        artifacts, values = outputs
        output = pipeline_spec_pb2.ExecutorOutput()
        for key, artifact in artifacts.items():
            output.artifacts[key].artifacts.append(artifact)
        for key, value in values.items():
            output.parameter_values[key].CopyFrom(value)
        folders = [artifact.uri for artifact in artifacts.values() if Path(artifact.uri).exists()]
        entry = {"output": json_format.MessageToDict(output), "folders": folders}
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.folder / f"{fingerprint}.{os.getpid()}.partial"
        partial.write_text(json.dumps(entry, indent=2), encoding="utf-8")
        partial.replace(self.folder / f"{fingerprint}.json")


def fingerprint(pipeline: str, step: Step, told: pipeline_spec_pb2.ExecutorInput) -> str:
    """Digest of what a step's outputs follow from: pipeline, container, inputs, and kinds of outputs.

    Where the outputs go is no part of it.
    """
    parts = {
        "pipeline": pipeline,
        "container": json_format.MessageToDict(step.executor.container),
        "inputs": json_format.MessageToDict(told.inputs),
        "outputs": json_format.MessageToDict(step.component.output_definitions),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
