"""What each step's container runs: TFX's executor, with artifacts in buckets where Kubeflow's launcher puts them.

    python -m ulmfit_tfx.pipeline.kubeflow.step --executor_class_path ... --json_serialized_invocation_args {{$}} ...

Before a step, the launcher copies its input artifacts out of the bucket into local folders; after it, the outputs from
there into the bucket. TFX does not know of that and asks TensorFlow for the artifacts' URIs, which reads gs:// itself
but no minio:// at all, and s3:// only with a further package. So these two become the launcher's folders for the time
of the step.

Nor does TFX know that Kubeflow Pipelines 2 does not say of what type an input artifact is (tensorflow/tfx#7768): it is
of the type that the component declares. And executors are used to the folders of their outputs being there.
"""

import argparse
import json
import sys
from collections.abc import Sequence

import tensorflow as tf
from absl import app
from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor as run_executor

_INVOCATION = "--json_serialized_invocation_args"
_INPUTS_SPEC = "--json_serialized_inputs_spec_args"
_FOLDERS = {"minio://": "/minio/", "s3://": "/s3/"}
"""Where the launcher has what lies in a bucket, by scheme."""


def main(argv: Sequence[str]) -> None:
    """Runs the step.

    Args:
        argv: The program's name, then TFX's own arguments.
    """
    place = argv.index(_INVOCATION) + 1
    invocation = json.loads(argv[place])
    _name_types(invocation, json.loads(argv[argv.index(_INPUTS_SPEC) + 1]))
    local = {}
    for artifact in _artifacts(invocation.get("inputs")) + _artifacts(invocation.get("outputs")):
        if folder := _local_folder(artifact["uri"]):
            local[folder], artifact["uri"] = artifact["uri"], folder
    for artifact in _artifacts(invocation.get("outputs")):
        tf.io.gfile.makedirs(artifact["uri"])
    arguments = [*argv[:place], json.dumps(invocation), *argv[place + 1 :]]

    def run(parsed: tuple[argparse.Namespace, list[str]]) -> None:
        run_executor.main(parsed)
        _name_buckets(invocation["outputs"]["outputFile"], local)

    app.run(run, argv=arguments, flags_parser=run_executor._parse_flags)


def _name_types(invocation: dict, inputs_spec: dict) -> None:
    """Gives the input artifacts the types that the component declares."""
    for key, listed in invocation.get("inputs", {}).get("artifacts", {}).items():
        for artifact in listed["artifacts"]:
            artifact["type"] = inputs_spec["artifacts"][key]["artifactType"]


def _artifacts(side: dict | None) -> list[dict]:
    lists = (side or {}).get("artifacts", {}).values()
    return [artifact for artifacts in lists for artifact in artifacts.get("artifacts", ())]


def _local_folder(uri: str) -> str | None:
    return next(
        (folder + uri.removeprefix(scheme) for scheme, folder in _FOLDERS.items() if uri.startswith(scheme)), None
    )


def _name_buckets(output_file: str, buckets: dict[str, str]) -> None:
    """Gives the artifacts in a step's output file their URIs back."""
    with tf.io.gfile.GFile(output_file) as file:
        output = json.loads(file.read())
    for artifact in _artifacts(output):
        artifact["uri"] = buckets.get(artifact.get("uri", ""), artifact.get("uri", ""))
    with tf.io.gfile.GFile(output_file, "w") as file:
        file.write(json.dumps(output))


if __name__ == "__main__":
    main(sys.argv)
