"""A cleaning between real runs: TFX must not take from its cache what is gone."""

import re

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.orchestration import metadata
from typer.testing import CliRunner

from ulmfit_tfx.pipeline.cli.app import app
from ulmfit_tfx.pipeline.retention import history
from ulmfit_tfx.schemas import component_specs as specs

pytestmark = pytest.mark.pipeline

STAGES = ["CorpusIngest", "SchemaImporter", "SentencePieceTrainer", "TextTransformUnlabelled", "LearningRateFinder"]
