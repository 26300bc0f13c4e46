"""Sections that name code of a user's own by import path. What they name is imported when they are validated."""

from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field

from ulmfit_tfx.schemas.section import Section
from ulmfit_tfx.schemas.user_code import imported


def _function(path: str) -> str:
    if not callable(imported(path)):
        raise ValueError("is no function")
    return path


def _component(path: str) -> str:
    found = imported(path)
    from tfx.dsl.components.base.base_component import BaseComponent

    if not (isinstance(found, type) and issubclass(found, BaseComponent)):
        raise ValueError("is no TFX component: expected a function with TFX's @component, or a class of BaseComponent")
    return path


def _metric(path: str) -> str:
    found = imported(path)
    from tensorflow_model_analysis.metrics import Metric
    from tensorflow_model_analysis.metrics.metric_types import registered_metrics

    if not (isinstance(found, type) and issubclass(found, Metric)):
        raise ValueError("is no metric of TensorFlow Model Analysis: expected a class of tfma.metrics.Metric")
    known = registered_metrics().get(found.__name__)
    if known is not None and known.__module__ != found.__module__:
        raise ValueError(f"is named {found.__name__}, and TensorFlow Model Analysis would take its own of that name")
    return path


class TrainerConfig(Section):
    """Training by code of your own."""

    run_fn: Annotated[str, AfterValidator(_function)] | None = Field(
        None,
        description="import path of a function that takes the place of the task's `run_fn` in Trainer, such as "
        "my_package.my_module.run_fn; see docs/adding-a-component.md. null: the task's",
    )


class _NamedClassConfig(Section):
    """A section with a class by import path: in Python `class_`, for `class` is a keyword."""

    model_config = ConfigDict(populate_by_name=True)


class ComponentConfig(_NamedClassConfig):
    """A TFX component of your own in the pipeline, see docs/adding-a-component.md."""

    class_: Annotated[str, AfterValidator(_component)] = Field(
        alias="class", description="import path of the component, such as my_package.audit.Audit"
    )
    name: str | None = Field(
        None, pattern=r"^[A-Za-z]\w*$", description="of the stage. null: the name of the component's class"
    )
    after: str = Field(description="stage that it runs after, such as CorpusIngest")
    before: str | None = Field(
        None, description="stage that waits for it, so that it can stop the run there. null: none"
    )
    inputs: dict[str, Annotated[str, Field(pattern=r"^\w+\.\w+$")]] = Field(
        {}, description="its inputs by name, each an output of a stage, such as {examples: CorpusIngest.examples}"
    )
    parameters: dict[str, Any] = Field({}, description="its parameters by name")


class MetricConfig(_NamedClassConfig):
    """A metric of your own, of TensorFlow Model Analysis, that TaskEvaluator computes, and may bless by."""

    class_: Annotated[str, AfterValidator(_metric)] = Field(
        alias="class", description="import path of a tfma.metrics.Metric, such as my_package.metrics.MeanLength"
    )
    config: dict[str, Any] = Field({}, description="arguments of its constructor; `name` is the metric's")
    at_least: float | None = Field(None, description="lowest value on the eval split that blesses. null: any")
    at_most: float | None = Field(None, description="highest value on the eval split that blesses. null: any")
