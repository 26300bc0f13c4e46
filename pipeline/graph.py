"""Builds the TFX pipeline that a configuration describes."""

import hashlib
from pathlib import Path

from tfx.components import Pusher, StatisticsGen, Trainer
from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import pusher_pb2, trainer_pb2
from tfx.types import BaseChannel

from ulmfit_tfx.components.class_evaluator.component import ClassEvaluator
from ulmfit_tfx.components.corpus_ingest.component import CorpusIngest
from ulmfit_tfx.components.corpus_ingest.source_files import fingerprint
from ulmfit_tfx.components.encoder_importer.checkpoint import input_fingerprint
from ulmfit_tfx.components.encoder_importer.component import EncoderImporter
from ulmfit_tfx.components.held_out_scorer.component import HeldOutScorer
from ulmfit_tfx.components.sentencepiece_trainer.component import SentencePieceTrainer
from ulmfit_tfx.components.strict_example_validator.component import StrictExampleValidator
from ulmfit_tfx.components.text_transform.component import TextTransform
from ulmfit_tfx.pipeline.eval_config import classification_eval_config
from ulmfit_tfx.pipeline.run_folder import RunFolder
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.code_version import code_version, folder_of
from ulmfit_tfx.schemas.config import PipelineConfig, PretrainedConfig, SourceConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.splitting import EVAL, TEST, TRAIN

PREPROCESSING_FN = "ulmfit_tfx.transforms.preprocessing.classification.preprocessing_fn"
RUN_FN = "ulmfit_tfx.trainer_modules.classifier.run_fn"


def build_pipeline(config: PipelineConfig, folder: RunFolder) -> Pipeline:
    """Builds the pipeline. TFX runs its stages in an order that their inputs allow.

    Args:
        config: As `load_config` gives it.
        folder: Where artifacts, metadata, checkpoints and served models go.

    Raises:
        DataError: An input file is not there.
    """
    ingest = _ingest(config.data, config.seed)
    examples = ingest.outputs[specs.EXAMPLES]
    statistics = StatisticsGen(examples=examples, exclude_splits=[TEST])
    schema = _schema(config, folder)
    validator = StrictExampleValidator(
        statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"], exclude_splits=[TEST]
    )
    corpus = None
    if config.corpus is not None:
        corpus = _ingest(config.corpus, config.seed).with_id("CorpusIngestUnlabelled")
        corpus.add_upstream_node(validator)
    tokenizer: SentencePieceTrainer | EncoderImporter
    if config.pretrained is not None:
        tokenizer = _importer(config, config.pretrained)
    else:
        tokenizer = SentencePieceTrainer(
            examples=(corpus or ingest).outputs[specs.EXAMPLES],
            tokenizer=config.tokenizer,
            cleaning=config.cleaning,
            seed=config.seed,
            max_text_bytes=(config.corpus or config.data).max_row_bytes,
        )
    tokenizer.add_upstream_node(validator)
    transform = TextTransform(
        examples=examples,
        schema=schema.outputs["schema"],
        tokenizer=tokenizer.outputs[specs.TOKENIZER],
        preprocessing_fn=PREPROCESSING_FN,
        custom_config={"max_seq_len": config.training.max_seq_len},
    )
    trainer = _trainer(config, folder, transform, tokenizer.outputs[specs.MODEL] if config.pretrained else None)
    model = trainer.outputs["model"]
    evaluator = ClassEvaluator(
        examples=examples,
        model=model,
        example_splits=[EVAL],
        eval_config=classification_eval_config(config.evaluation),
    )
    pusher = Pusher(
        model=model,
        model_blessing=evaluator.outputs["blessing"],
        push_destination=pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(
                base_directory=config.push.directory or str(folder.serving / config.name)
            )
        ),
    )
    stages: list[BaseNode] = [ingest, statistics, schema, validator, tokenizer, transform, trainer, evaluator, pusher]
    if corpus is not None:
        stages.insert(stages.index(tokenizer), corpus)
    if config.data.splits.test:
        stages.append(HeldOutScorer(examples=examples, model=model, seed=config.seed))
    return Pipeline(
        pipeline_name=config.name,
        pipeline_root=str(folder.artifacts),
        components=stages,
        enable_cache=True,
        metadata_connection_config=metadata.sqlite_metadata_connection_config(str(folder.metadata)),
        beam_pipeline_args=list(config.beam.pipeline_args),
    )


def _ingest(source: SourceConfig, seed: int) -> CorpusIngest:
    return CorpusIngest(source, seed, fingerprint(source.path))


def _schema(config: PipelineConfig, folder: RunFolder) -> ImportSchemaGen:
    curated = folder_of("schemas") / "tfdv" / f"{config.task}.pbtxt"
    path = Path(config.data_schema.path) if config.data_schema.path else curated
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: the schema cannot be read: {error.strerror}.") from None
    # TFX's cache key holds the path alone, so the path names the content.
    copied = folder.schemas / f"{path.stem}-{hashlib.sha256(content).hexdigest()[:12]}.pbtxt"
    copied.parent.mkdir(parents=True, exist_ok=True)
    copied.write_bytes(content)
    return ImportSchemaGen(schema_file=str(copied))


def _importer(config: PipelineConfig, pretrained: PretrainedConfig) -> EncoderImporter:
    return EncoderImporter(
        pretrained,
        input_fingerprint(pretrained),
        config.cleaning,
        config.export.fixed_seq_len,
        config.training.max_seq_len,
    )


def _trainer(
    config: PipelineConfig, folder: RunFolder, transform: TextTransform, base_model: BaseChannel | None
) -> Trainer:
    sections = {
        name: getattr(config, name).model_dump(mode="json") for name in ("encoder", "head", "training", "export")
    }
    return Trainer(
        run_fn=RUN_FN,
        base_model=base_model,
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        train_args=trainer_pb2.TrainArgs(splits=[TRAIN]),
        eval_args=trainer_pb2.EvalArgs(splits=[EVAL]),
        custom_config=sections
        | {
            "seed": config.seed,
            "checkpoints": str(folder.checkpoints),
            specs.CODE_VERSION: code_version("trainer_modules"),
        },
    )
