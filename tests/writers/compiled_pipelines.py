"""Writes compiled pipelines: by hand, with containers that run a few lines of Python, or by TFX, of components."""

import dataclasses
import json
import re
import textwrap
from pathlib import Path
from typing import Any

import yaml

_BEGINNING = """
import json, os, pathlib, sys
told = json.loads(sys.argv[1])
parameters = told.get("inputs", {}).get("parameterValues", {})

def uri(side, key):
    return pathlib.Path(told[side]["artifacts"][key]["artifacts"][0]["uri"])

def say(**output):
    path = pathlib.Path(told["outputs"]["outputFile"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(output))

"""
MODEL = "title: tfx.Model\ntype: object\n"


@dataclasses.dataclass
class CompiledPipeline:
    """A PipelineSpec of schema 2.1 in the making.

    Attributes:
        document: What is written.
    """

    document: dict[str, Any]

    @classmethod
    def named(cls, name: str = "tiny") -> "CompiledPipeline":
        """One without steps."""
        return cls(
            {
                "pipelineInfo": {"name": name},
                "schemaVersion": "2.1.0",
                "sdkVersion": "tfx-1.16.0",
                "components": {},
                "deploymentSpec": {"executors": {}},
                "root": {"dag": {"tasks": {}}},
            }
        )

    def parameter(self, name: str, kind: str = "STRING", **fields: Any) -> None:
        """Adds a parameter of the run."""
        parameters = self.document["root"].setdefault("inputDefinitions", {}).setdefault("parameters", {})
        parameters[name] = {"parameterType": kind, **fields}

    def step(
        self,
        name: str,
        script: str,
        *,
        inputs: dict[str, str] | None = None,
        parameters: dict[str, Any] | None = None,
        types: dict[str, str] | None = None,
        outputs: tuple[str, ...] = (),
        output_parameters: dict[str, str] | None = None,
        after: tuple[str, ...] = (),
        cached: bool = True,
        command: tuple[str, ...] | None = None,
        **container: Any,
    ) -> dict[str, Any]:
        """Adds a step; returns its task, to be changed.

        Args:
            name: Of task, component and executor.
            script: Python code. `told` is the ExecutorInput, `parameters` its parameters, `uri(side, key)` the path of
                an artifact, `say(artifacts=...)` writes the ExecutorOutput.
            inputs: TASK.OUTPUT by input.
            parameters: By name: a constant, `{{run.NAME}}` or `{{TASK.OUTPUT}}`.
            types: Types of parameters that are not texts.
            outputs: Output artifacts.
            output_parameters: Types by name.
            after: Tasks that come before without an artifact.
            cached: Whether it may come from the cache.
            command: Instead of Python and the script.
            container: Further fields of the container.
        """
        parameters, inputs, types = parameters or {}, inputs or {}, types or {}
        artifact = {"artifactType": {"instanceSchema": MODEL}}
        self.document["components"][name] = {
            "executorLabel": f"{name}_executor",
            "inputDefinitions": {
                "artifacts": dict.fromkeys(inputs, artifact),
                "parameters": {key: {"parameterType": types.get(key, "STRING")} for key in parameters},
            },
            "outputDefinitions": {
                "artifacts": dict.fromkeys(outputs, artifact),
                "parameters": {key: {"parameterType": kind} for key, kind in (output_parameters or {}).items()},
            },
        }
        code = _BEGINNING + textwrap.dedent(script)
        self.document["deploymentSpec"]["executors"][f"{name}_executor"] = {
            "container": {
                "image": "image:1",
                "command": list(command or ("python", "-c", code)),
                "args": [] if command else ["{{$}}"],
                **container,
            }
        }
        task = {
            "componentRef": {"name": name},
            "taskInfo": {"name": name},
            "dependentTasks": list(after),
            "cachingOptions": {"enableCache": cached},
            "inputs": {
                "artifacts": {
                    key: {"taskOutputArtifact": _output(of, "outputArtifactKey")} for key, of in inputs.items()
                },
                "parameters": {key: _source(value) for key, value in parameters.items()},
            },
        }
        self.document["root"]["dag"]["tasks"][name] = task
        return task

    def importer(self, name: str, uri: Any, reimport: bool = False, **metadata: Any) -> None:
        """Adds an importer with the output `result`."""
        self.document["components"][name] = {
            "executorLabel": f"{name}_executor",
            "outputDefinitions": {"artifacts": {"result": {"artifactType": {"instanceSchema": MODEL}}}},
        }
        self.document["deploymentSpec"]["executors"][f"{name}_executor"] = {
            "importer": {
                "artifactUri": {"constant": uri},
                "typeSchema": {"instanceSchema": MODEL},
                "metadata": metadata,
                "reimport": reimport,
            }
        }
        self.document["root"]["dag"]["tasks"][name] = {"componentRef": {"name": name}, "taskInfo": {"name": name}}

    def write(self, path: Path, *further: dict[str, Any]) -> Path:
        """Writes the file, and further documents into it."""
        path.write_text(yaml.safe_dump_all([self.document, *further]), encoding="utf-8")
        return path


def _source(value: Any) -> dict[str, Any]:
    if isinstance(value, str) and (reference := re.fullmatch(r"\{\{([\w.-]+)\}\}", value)):
        of = reference[1]
        if of.startswith("run."):
            return {"componentInputParameter": of.removeprefix("run.")}
        return {"taskOutputParameter": _output(of, "outputParameterKey")}
    return {"runtimeValue": {"constant": json.loads(json.dumps(value))}}


def _output(of: str, field: str) -> dict[str, str]:
    task, _, key = of.partition(".")
    return {"producerTask": task, field: key}


def compile_components(components: list[Any], folder: Path) -> Path:
    """Writes what TFX compiles of a pipeline of these components; returns the file, `pipeline.yaml` in the folder."""
    from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner
    from tfx.orchestration.pipeline import Pipeline

    config = kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(
        default_image="image:1",
        default_commands=["python", "-m", "ulmfit_tfx.pipeline.kubeflow.step"],
        use_pipeline_spec_2_1=True,
    )
    runner = kubeflow_v2_dag_runner.KubeflowV2DagRunner(config, str(folder), "pipeline.yaml")
    runner.run(Pipeline("tiny", "gs://bucket/root", components=components, enable_cache=True))
    return folder / "pipeline.yaml"
