"""What SchemaImporter does."""

from typing import Any

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils
from tfx.utils import io_utils

from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.errors import DataError

_FILE = "schema.pbtxt"


class Executor(BaseExecutor):
    """Writes the schema."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Imports.

        Raises:
            DataError: It is no schema.
        """
        content = exec_properties[specs.CONTENT]
        try:
            text_format.Parse(content, schema_pb2.Schema())
        except text_format.ParseError as error:
            raise DataError(f"The schema is no TFDV schema: {error}.") from None
        io_utils.write_string_file(f"{artifact_utils.get_single_uri(output_dict[specs.SCHEMA])}/{_FILE}", content)
