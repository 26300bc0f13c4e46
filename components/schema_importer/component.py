"""The SchemaImporter component."""

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import channel_utils, standard_artifacts

from ulmfit_tfx.components.schema_importer.executor import Executor
from ulmfit_tfx.schemas import component_specs as specs


class SchemaImporter(base_component.BaseComponent):
    """Takes a TFDV schema by its content, which is then part of the cache key and there on every machine.

    TFX's ImportSchemaGen takes it by its path.

    Output `schema`, a standard `Schema` artifact:

        schema.pbtxt
    """

    SPEC_CLASS = specs.SchemaImporterSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, content: str):
        """Describes the import.

        Args:
            content: A schema as pbtxt.
        """
        super().__init__(
            spec=specs.SchemaImporterSpec(
                **{
                    specs.CONTENT: content,
                    specs.SCHEMA: channel_utils.as_channel([standard_artifacts.Schema()]),
                }
            )
        )
