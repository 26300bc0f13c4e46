"""The BaselineResolver component."""

from tfx.dsl.components.base import base_component, executor_spec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import channel_utils, standard_artifacts

from ulmfit_tfx.components.baseline_resolver.executor import Executor
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.code_version import code_version


class BaselineResolver(base_component.BaseComponent):
    """Takes the model in service as the baseline of an evaluation.

    TFX's Resolver asks ML Metadata for the last blessed model, and not every backend runs it. This one goes by what is
    served, whoever pushed it.

    Output `model`, a standard `Model` artifact, a copy of the served model, so that it stays when its version is
    removed; without files where none is in service:

        Format-Serving/     the SavedModel
    """

    SPEC_CLASS = specs.BaselineResolverSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, served: str | RuntimeParameter, fingerprint: str = "", required: bool = False):
        """Describes the choice.

        Args:
            served: Folder of a model version, local or remote, or of the versions of a model: then the one that is in
                service when the component runs, and none where there is no version. "" for none.
            fingerprint: Of the model's files, where these may change: TFX does not look into files.
            required: Whether it is an error where there is none.
        """
        super().__init__(
            spec=specs.BaselineResolverSpec(
                **{
                    specs.SERVED: served,
                    specs.REQUIRED: int(required),
                    specs.INPUT_FINGERPRINT: fingerprint,
                    specs.CODE_VERSION: code_version(Executor),
                    specs.MODEL: channel_utils.as_channel([standard_artifacts.Model()]),
                }
            )
        )
