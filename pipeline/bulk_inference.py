"""Builds the TFX pipeline that asks a model about many texts."""

from tfx.orchestration.pipeline import Pipeline
from tfx.proto import bulk_inferrer_pb2

from ulmfit_tfx.components.baseline_resolver.component import BaselineResolver
from ulmfit_tfx.components.batched_bulk_inferrer.component import BatchedBulkInferrer
from ulmfit_tfx.components.corpus_ingest.component import CorpusIngest
from ulmfit_tfx.components.corpus_ingest.source_files import fingerprint
from ulmfit_tfx.components.prediction_writer.component import PredictionWriter
from ulmfit_tfx.pipeline.surroundings import Surroundings, Value
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.beam_arguments import unstaged
from ulmfit_tfx.schemas.config.bulk_inference import BulkInferenceConfig
from ulmfit_tfx.trainer_modules.serving import signature_names as signatures
from ulmfit_tfx.transforms.splitting import TRAIN

INGEST, MODEL, INFERRER, WRITER = "CorpusIngest", "ModelImporter", "BulkInferrer", "PredictionWriter"


def build_bulk_inference(
    config: BulkInferenceConfig,
    surroundings: Surroundings,
    model: Value,
    model_fingerprint: str = "",
    separator: str | None = None,
) -> Pipeline:
    """Builds the pipeline.

    Args:
        config: As `load_bulk_inference_config` gives it.
        surroundings: Where artifacts and metadata go.
        model: A SavedModel, or a folder of versions.
        model_fingerprint: Of its files, for the cache key.
        separator: Of the model's tokenizer, between the two texts of a pair. None: the default.

    Raises:
        DataError: An input file is not there.
    """
    data = config.data
    ingest = CorpusIngest(
        data,
        config.seed,
        surroundings.fingerprint("data", lambda: fingerprint(data.path)),
        surroundings.path("data", data.path),
        separator=separator,
        asked=True,
    ).with_id(INGEST)
    importer = BaselineResolver(model, model_fingerprint, required=True).with_id(MODEL)
    inferrer = BatchedBulkInferrer(
        examples=ingest.outputs[specs.EXAMPLES],
        model=importer.outputs[specs.MODEL],
        data_spec=bulk_inferrer_pb2.DataSpec(example_splits=[TRAIN]),  # CorpusIngest writes the other two without rows
        model_spec=bulk_inferrer_pb2.ModelSpec(model_signature_name=[signatures.SERVING_EXAMPLES]),
    ).with_id(INFERRER)
    writer = PredictionWriter(
        inferrer.outputs[specs.INFERENCE_RESULT], importer.outputs[specs.MODEL], ingest.outputs[specs.EXAMPLES], data
    )
    return Pipeline(
        pipeline_name=surroundings.pipeline_name,
        pipeline_root=surroundings.pipeline_root,
        components=[ingest, importer, inferrer, writer],
        enable_cache=True,
        metadata_connection_config=surroundings.metadata,
        beam_pipeline_args=unstaged(config.beam.pipeline_args),
    )
