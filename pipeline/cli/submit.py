"""`ulmfit-tfx submit`: starts a run of a pipeline in a cluster."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml

from ulmfit_tfx.pipeline.cli.extras import require_kfp
from ulmfit_tfx.pipeline.cli.replay import parsed_parameters
from ulmfit_tfx.pipeline.cli.run import Overrides
from ulmfit_tfx.pipeline.config_reading import load_any_config
from ulmfit_tfx.pipeline.console import output
from ulmfit_tfx.pipeline.run_log import silence_tensorflow
from ulmfit_tfx.schemas.config.kubeflow import KubeflowConfig
from ulmfit_tfx.schemas.errors import ConfigError, ExitCode

if TYPE_CHECKING:
    from ulmfit_tfx.pipeline.kubeflow.compiled_pipeline import CompiledPipeline
    from ulmfit_tfx.pipeline.kubeflow.submission import Backend, Run

NAME = "submit"
EXAMPLE = (
    "Example: `ulmfit-tfx submit examples/reviews.yaml --host http://localhost:8080 "
    "--param 'training={\"epochs\": 5}' --wait`"
)

_TOKEN_VARIABLE = "KF_PIPELINES_SA_TOKEN_PATH"
"""kfp's own name for it."""
_PODS = "kubectl get pods -n {namespace} -l pipeline/runid={run}"
_NAMESPACE = "kubeflow"
"""Where the runs of a backend without namespaces are, unless it was installed elsewhere."""


def command(
    pipeline: Annotated[
        Path, typer.Argument(metavar="CONFIG.yaml", help="The pipeline's configuration, or what `compile` wrote.")
    ],
    overrides: Overrides = None,
    parameters: Annotated[
        list[str] | None,
        typer.Option("--param", metavar="NAME=VALUE", help="A parameter of the run, such as data_path. Repeatable."),
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(
            "--host", metavar="URL", help="Address of the API. Default: kubeflow.host, KF_PIPELINES_ENDPOINT."
        ),
    ] = None,
    experiment: Annotated[
        str | None, typer.Option("--experiment", metavar="NAME", help="Default: kubeflow.experiment, or 'Default'.")
    ] = None,
    namespace: Annotated[
        str | None, typer.Option("--namespace", metavar="NAME", help="Of the run. Default: kubeflow.namespace.")
    ] = None,
    service_account: Annotated[
        str | None,
        typer.Option("--service-account", metavar="NAME", help="Of the steps. Default: kubeflow.service_account."),
    ] = None,
    run_name: Annotated[
        str | None, typer.Option("--run-name", metavar="NAME", help="Default: the pipeline's, date and time.")
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option("--token-file", metavar="FILE", envvar=_TOKEN_VARIABLE, help="A file with a bearer token."),
    ] = None,
    ca_file: Annotated[
        Path | None,
        typer.Option("--ca-file", metavar="FILE", help="Certificates of the authorities that the host is trusted by."),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Show states until the run ends. Exit code 1: it failed.")
    ] = False,
) -> ExitCode:
    """Start a run of a pipeline on Kubeflow Pipelines, with the host and the names of the section kubeflow."""
    given = parsed_parameters(parameters or ())
    require_kfp()
    from ulmfit_tfx.pipeline.kubeflow.compiled_pipeline import read_spec
    from ulmfit_tfx.pipeline.kubeflow.submission import DEFAULT_EXPERIMENT, Backend, Target, check

    section, compiled = _opened(pipeline, overrides or ())

    def chosen(option: str | None, field: str) -> str | None:
        return option or getattr(section, field, None)

    target = Target(
        host=chosen(host, "host"),
        experiment=chosen(experiment, "experiment") or DEFAULT_EXPERIMENT,
        namespace=chosen(namespace, "namespace"),
        service_account=chosen(service_account, "service_account"),
        token_file=token_file,
        ca_file=ca_file,
    )
    check(target)
    with compiled as package:
        spec = read_spec(package)
        values = _values(spec, given)
        backend = Backend(target)
        run = backend.submit(package, run_name or f"{spec.name} {datetime.now():%Y-%m-%d %H:%M:%S}", values)
    _show(run, backend, spec, values)
    return _follow(backend, run, spec) if wait else ExitCode.OK


def _opened(
    pipeline: Path, overrides: Sequence[str]
) -> tuple[KubeflowConfig | None, contextlib.AbstractContextManager[Path]]:
    """The section `kubeflow`, if a configuration is given, and a context that gives the compiled pipeline."""
    if _is_compiled(pipeline):
        if overrides:
            raise ConfigError(f"--set {overrides[0]}: {pipeline} is compiled already. Is --param meant?")
        if pipeline.suffix not in (".yaml", ".yml"):
            raise ConfigError(f"{pipeline}: expected a name that ends in .yaml.")
        return None, contextlib.nullcontext(pipeline)
    config = load_any_config(pipeline, overrides)
    if config.kubeflow is None:
        raise ConfigError(f"{pipeline}: has no section kubeflow. It takes at least image and pipeline_root.")
    return config.kubeflow, _compiled(config)


def _is_compiled(file: Path) -> bool:
    """Whether a file's first document is a pipeline. What cannot be read is not: its error is a configuration's."""
    try:
        first = next(yaml.safe_load_all(file.read_text(encoding="utf-8")), None)
    except (OSError, ValueError, yaml.YAMLError):
        return False
    return isinstance(first, dict) and "pipelineInfo" in first


@contextlib.contextmanager
def _compiled(config: Any) -> Iterator[Path]:
    output.print("Compiling", style="dim")
    silence_tensorflow()
    from ulmfit_tfx.pipeline.kubeflow.compilation import compile_pipeline

    with TemporaryDirectory() as folder:
        package = Path(folder) / "pipeline.yaml"
        compile_pipeline(config, package)
        yield package


def _values(spec: "CompiledPipeline", given: dict[str, str]) -> dict[str, Any]:
    """What was given, of the parameters' types, in JSON form."""
    from google.protobuf import json_format

    from ulmfit_tfx.pipeline.kubeflow.run_parameters import check_names, to_value

    check_names(spec, given)
    return {
        name: json_format.MessageToDict(to_value(name, text, spec.parameters[name].parameter_type))
        for name, text in given.items()
    }


def _show(run: "Run", backend: "Backend", spec: "CompiledPipeline", values: dict[str, Any]) -> None:
    within = f", namespace {backend.namespace}" if backend.namespace else ""
    output.print(
        f"{spec.name}: run {run.id}, experiment {backend.target.experiment}{within}", style="bold", markup=False
    )
    output.print(run.link, markup=False)
    pods = _PODS.format(namespace=backend.namespace or _NAMESPACE, run=run.id)
    output.print(f"Its pods: {pods}", markup=False)
    if "push_directory" in spec.parameters:
        directory = values.get("push_directory", spec.parameters["push_directory"].default_value.string_value)
        output.print(f"A blessed model goes to {directory}", markup=False)


def _follow(backend: "Backend", run: "Run", spec: "CompiledPipeline") -> ExitCode:
    """Shows the states of the run and of its steps as they change."""
    from ulmfit_tfx.pipeline.kubeflow.submission import SUCCEEDED

    steps, started = {step.name for step in spec.steps}, time.monotonic()
    try:
        for change in backend.follow(run):
            if change.step is None or change.step in steps:  # the others are drivers and pods of them
                said = f": {change.error}" if change.error else ""
                line = f"{datetime.now():%H:%M:%S} {change.step or 'The run'}: {change.state.lower()}{said}"
                output.print(line, markup=False)
    except KeyboardInterrupt:
        output.print(f"Interrupted. The run goes on: {run.link}", markup=False)
        return ExitCode.INTERRUPTED
    if change.state == SUCCEEDED:
        output.print(f"Succeeded after {timedelta(seconds=int(time.monotonic() - started))}.", style="bold")
        return ExitCode.OK
    output.print(f"It has not succeeded. Logs of its steps: {run.link}", style="red", markup=False)
    return ExitCode.STAGE_FAILED
