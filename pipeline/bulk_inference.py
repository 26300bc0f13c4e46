"""Builds the TFX pipeline that asks a model about many texts."""

import hashlib
from pathlib import Path

from tfx.dsl.components.common.importer import Importer
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import bulk_inferrer_pb2
from tfx.types import standard_artifacts
from tfx.utils import path_utils

from ulmfit_tfx.components.batched_bulk_inferrer.component import BatchedBulkInferrer
from ulmfit_tfx.components.corpus_ingest.component import CorpusIngest
from ulmfit_tfx.components.corpus_ingest.source_files import fingerprint
from ulmfit_tfx.components.prediction_writer.component import PredictionWriter
from ulmfit_tfx.pipeline.run_folder import RunFolder
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas import signatures
from ulmfit_tfx.schemas.bulk_inference_config import BulkInferenceConfig
from ulmfit_tfx.trainer_modules.export.loaded_model import check_has_task, find_model, read_info
from ulmfit_tfx.transforms.splitting import TRAIN

INGEST, INFERRER, WRITER = "CorpusIngest", "BulkInferrer", "PredictionWriter"


def build_bulk_inference(config: BulkInferenceConfig, folder: RunFolder) -> Pipeline:
    """Builds the pipeline.

    Args:
        config: As `load_bulk_inference_config` gives it.
        folder: Where artifacts and metadata go.

    Raises:
        ConfigError: There is no model, or it is neither a classifier, nor a regressor, nor a tagger.
        DataError: An input file is not there.
    """
    saved_model = find_model(config.model)
    check_has_task(saved_model, read_info(saved_model))
    ingest = CorpusIngest(config.data, config.seed, fingerprint(config.data.path)).with_id(INGEST)
    model = Importer(source_uri=str(_as_artifact(saved_model, folder)), artifact_type=standard_artifacts.Model).with_id(
        "ModelImporter"
    )
    inferrer = BatchedBulkInferrer(
        examples=ingest.outputs[specs.EXAMPLES],
        model=model.outputs["result"],
        data_spec=bulk_inferrer_pb2.DataSpec(example_splits=[TRAIN]),  # CorpusIngest writes the other two without rows
        model_spec=bulk_inferrer_pb2.ModelSpec(model_signature_name=[signatures.SERVING_EXAMPLES]),
    ).with_id(INFERRER)
    writer = PredictionWriter(inferrer.outputs[specs.INFERENCE_RESULT], model.outputs["result"])
    return Pipeline(
        pipeline_name=config.name,
        pipeline_root=str(folder.artifacts),
        components=[ingest, model, inferrer, writer],
        enable_cache=True,
        metadata_connection_config=metadata.sqlite_metadata_connection_config(str(folder.metadata)),
        beam_pipeline_args=list(config.beam.pipeline_args),
    )


def _as_artifact(saved_model: Path, folder: RunFolder) -> Path:
    """A folder that has the model where TFX looks for it in an artifact, by a link.

    TFX's cache key holds the path alone, so the path names the content.
    """
    digest = hashlib.sha256()
    for file in sorted(path for path in saved_model.rglob("*") if path.is_file()):
        digest.update(str(file.relative_to(saved_model)).encode())
        digest.update(file.read_bytes())
    artifact = folder.models / digest.hexdigest()[:12]
    link = Path(path_utils.serving_model_dir(str(artifact)))
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)  # the same model may have moved since
    link.symlink_to(saved_model.resolve())
    return artifact
