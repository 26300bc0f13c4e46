"""`ulmfit-tfx compile`: writes what Kubeflow Pipelines runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ulmfit_tfx.pipeline.cli.extras import require_kfp
from ulmfit_tfx.pipeline.cli.run import ConfigArgument, Overrides
from ulmfit_tfx.pipeline.config_reading import load_any_config
from ulmfit_tfx.pipeline.console import output
from ulmfit_tfx.pipeline.kubeflow.early_checks import for_cluster
from ulmfit_tfx.pipeline.run_log import silence_tensorflow
from ulmfit_tfx.schemas.errors import ConfigError, ExitCode

if TYPE_CHECKING:
    from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineSpec

NAME = "compile"
EXAMPLE = "Example: `ulmfit-tfx compile examples/kubeflow.yaml --output pipeline.yaml`"


def command(
    config: ConfigArgument,
    target: Annotated[Path, typer.Option("--output", "-o", metavar="FILE.yaml", help="The compiled pipeline.")] = Path(
        "pipeline.yaml"
    ),
    overrides: Overrides = None,
) -> ExitCode:
    """Compile a pipeline for Kubeflow Pipelines, with images, resources and volumes of the section kubeflow."""
    if target.suffix not in (".yaml", ".yml"):
        raise ConfigError(f"--output {target}: expected a name that ends in .yaml.")
    checked = load_any_config(config, overrides or ())
    require_kfp()
    for_cluster(checked)
    silence_tensorflow()
    from ulmfit_tfx.pipeline.kubeflow.compilation import compile_pipeline

    spec = compile_pipeline(checked, target)
    _show(spec, target)
    return ExitCode.OK


def _show(spec: "PipelineSpec", target: Path) -> None:
    steps, parameters = len(spec.root.dag.tasks), spec.root.input_definitions.parameters
    output.print(f"{target}: {steps} steps, image {_image(spec)}", markup=False)
    output.print("Parameters of a run, with what they are unless it says otherwise:")
    for name in sorted(parameters):
        output.print(f"  {name} = {parameters[name].default_value.string_value!r}", markup=False)
    output.print("Next:", style="bold")
    output.print(f"  ulmfit-tfx replay {target} --root runs/replay", markup=False)
    output.print(f"  ulmfit-tfx submit {target} --host https://...", markup=False)


def _image(spec: "PipelineSpec") -> str:
    executors = spec.deployment_spec["executors"].values()
    return next(executor["container"]["image"] for executor in executors)
