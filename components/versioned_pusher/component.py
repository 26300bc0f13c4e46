"""The VersionedPusher component."""

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import channel_utils, standard_artifacts, standard_component_specs

from ulmfit_tfx.components.versioned_pusher.executor import Executor
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.config.serving import ServingConfig


class VersionedPusher(base_component.BaseComponent):
    """Pushes a model that both evaluation and infrastructure have blessed, as TFX's Pusher does.

    Beyond that one it never shows a half-copied version, keeps the last versions and no more, gives a version the
    higher number also where a clock goes back, and writes what a server needs. Where the version in service is the same
    model byte for byte, nothing is pushed; nor is one that was taken back by a rollback. A new model ends a rollback.

        DIRECTORY/
            1735689600/             a version: the SavedModel
            1735776000/
            tf_serving/             passed over by TensorFlow Serving
                models.config       which version is in service
                batching.config     how requests are put together
                monitoring.config   metrics for Prometheus
                docker-compose.yaml
                kserve.yaml         an InferenceService

    Output `pushed_model`, a standard `PushedModel` artifact without files, with the custom properties of TFX's Pusher:
    `pushed` is 1 where the model is a version now, whose folder is `pushed_destination` and whose name is
    `pushed_version`.

    What it does follows from the directory too, so that it has to run each time rather than come from cache.
    """

    SPEC_CLASS = specs.VersionedPusherSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        model: types.BaseChannel,
        model_blessing: types.BaseChannel,
        infra_blessing: types.BaseChannel,
        directory: str | RuntimeParameter,
        keep_versions: int,
        serving: ServingConfig,
    ):
        """Describes the push.

        Args:
            model: As ModelPackager writes it.
            model_blessing: Of TaskEvaluator or PerplexityGate.
            infra_blessing: Of InfraCheck.
            directory: Local or remote. Its last part is the model's name.
            keep_versions: Versions that stay, at least 1. A push does not remove the one that was in service before it.
            serving: The version of TensorFlow Serving, and how it puts requests together.
        """
        super().__init__(
            spec=specs.VersionedPusherSpec(
                **{
                    specs.MODEL: model,
                    standard_component_specs.MODEL_BLESSING_KEY: model_blessing,
                    standard_component_specs.INFRA_BLESSING_KEY: infra_blessing,
                    specs.DIRECTORY: directory,
                    specs.KEEP_VERSIONS: keep_versions,
                    specs.SERVING: serving.model_dump_json(include={"tf_serving", "batching"}),
                    standard_component_specs.PUSHED_MODEL_KEY: channel_utils.as_channel(
                        [standard_artifacts.PushedModel()]
                    ),
                }
            )
        )
