"""The InfraCheck component."""

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import channel_utils, standard_artifacts

from ulmfit_tfx.components.infra_check.executor import Executor
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.code_version import code_version


class InfraCheck(base_component.BaseComponent):
    """Checks that a version of TensorFlow Serving can serve a model, before it is pushed.

    TFX's InfraValidator starts a server in a container, which neither a machine without Docker nor Kubeflow allows.
    This one loads the model and runs its warm-up requests in a process that has only TensorFlow and tensorflow-text,
    and compares the model's operations with those that the stated version of TensorFlow Serving has kernels for.

    A failed check does not stop the run: the model is not blessed, so that Pusher does not push it.

    Output `blessing`, a standard `InfraBlessing` artifact as InfraValidator writes it, with the custom property
    `reason` where a check failed:

        INFRA_BLESSED       or INFRA_NOT_BLESSED, an empty file
        report.json         `ulmfit_tfx.components.reports.infra.InfraReport`
    """

    SPEC_CLASS = specs.InfraCheckSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, model: types.BaseChannel, tf_serving: str, max_latency_ms: float | None = None):
        """Describes the check.

        Args:
            model: As ModelPackager writes it, with warm-up requests.
            tf_serving: One of `ulmfit_tfx.schemas.serving_ops.versions()`.
            max_latency_ms: Highest 99th percentile of the time that `serving_default` takes for a text. None: any.
        """
        bound = {} if max_latency_ms is None else {specs.MAX_LATENCY_MS: max_latency_ms}
        super().__init__(
            spec=specs.InfraCheckSpec(
                **{
                    specs.MODEL: model,
                    specs.TF_SERVING: tf_serving,
                    **bound,
                    specs.CODE_VERSION: code_version(Executor),
                    specs.BLESSING: channel_utils.as_channel([standard_artifacts.InfraBlessing()]),
                }
            )
        )
