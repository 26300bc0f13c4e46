"""SchemaImporter, run as TFX runs it."""

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.types import standard_artifacts
from tfx.utils import io_utils

from ulmfit_tfx.components.schema_importer.component import SchemaImporter
from ulmfit_tfx.components.schema_importer.executor import Executor
from ulmfit_tfx.schemas.errors import DataError


def imported(folder, content):
    artifact = standard_artifacts.Schema()
    artifact.uri = str(folder)
    Executor().Do({}, {"schema": [artifact]}, dict(SchemaImporter(content).exec_properties))


def test_schema_is_written_where_tfx_reads_it(tmp_path):
    content = 'feature { name: "text" type: BYTES }'
    imported(tmp_path, content)
    read = io_utils.SchemaReader().read(str(tmp_path / "schema.pbtxt"))
    assert read == text_format.Parse(content, schema_pb2.Schema())


def test_what_is_no_schema_is_refused(tmp_path):
    with pytest.raises(DataError, match="is no TFDV schema"):
        imported(tmp_path, "feature { nome: 1 }")
    assert not list(tmp_path.iterdir())
