"""Builds the TFX pipeline that a configuration describes."""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from tfx.components import Pusher, StatisticsGen, Trainer
from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import pusher_pb2, trainer_pb2
from tfx.types import BaseChannel

from ulmfit_tfx.components.baseline_resolver.component import BaselineResolver
from ulmfit_tfx.components.corpus_ingest.component import CorpusIngest
from ulmfit_tfx.components.corpus_ingest.source_files import source_fingerprint
from ulmfit_tfx.components.encoder_importer.checkpoint import input_fingerprint
from ulmfit_tfx.components.encoder_importer.component import EncoderImporter
from ulmfit_tfx.components.evaluation_report.component import EvaluationReport
from ulmfit_tfx.components.held_out_scorer.component import HeldOutScorer
from ulmfit_tfx.components.learning_rate_finder.component import LearningRateFinder
from ulmfit_tfx.components.model_packager.component import ModelPackager
from ulmfit_tfx.components.perplexity_gate.component import PerplexityGate
from ulmfit_tfx.components.sentencepiece_trainer.component import SentencePieceTrainer
from ulmfit_tfx.components.strict_example_validator.component import StrictExampleValidator
from ulmfit_tfx.components.task_evaluator.component import TaskEvaluator
from ulmfit_tfx.components.text_transform.component import TextTransform
from ulmfit_tfx.pipeline.eval_config import language_model_eval_config, task_eval_config
from ulmfit_tfx.pipeline.run_folder import RunFolder
from ulmfit_tfx.pipeline.served_model import served_model
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.code_version import code_version
from ulmfit_tfx.schemas.config import LabelledSourceConfig, LanguageModelConfig, PipelineConfig, SourceConfig, Task
from ulmfit_tfx.schemas.curated_schema import curated_schema
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.splitting import EVAL, TEST, TRAIN

_Node = TypeVar("_Node", bound=BaseNode)

_PREPROCESSING_FN = "ulmfit_tfx.transforms.preprocessing.{}.preprocessing_fn"
_RUN_FN = "ulmfit_tfx.trainer_modules.{}.run_fn"
_TUNER_FN = "ulmfit_tfx.trainer_modules.language_model.tuner_fn"

_LANGUAGE_MODEL: Task = "language_model"
_TRAINERS = {"classification": "classifier", "regression": "regressor", "tagging": "tagger"}
"""Module of each task's `run_fn`."""
LEARNING_RATE_FINDER = "LearningRateFinder"


def build_pipeline(config: PipelineConfig, folder: RunFolder, until: str | None = None) -> Pipeline:
    """Builds the pipeline. TFX runs its stages in an order that their inputs allow.

    Args:
        config: As `load_config` gives it.
        folder: Where artifacts, metadata, checkpoints and served models go.
        until: Id of a stage: only it and those that it needs are in the pipeline.

    Raises:
        DataError: An input file is not there.
    """
    stages = _Stages(config, folder, finds_learning_rate=until == LEARNING_RATE_FINDER)
    stages.add_all()
    return Pipeline(
        pipeline_name=config.name,
        pipeline_root=str(folder.artifacts),
        components=stages.nodes if until is None else _needed_for(until, stages.nodes),
        enable_cache=True,
        metadata_connection_config=metadata.sqlite_metadata_connection_config(str(folder.metadata)),
        beam_pipeline_args=list(config.beam.pipeline_args),
    )


class _Stages:
    """The stages of a configuration, in the order in which they are shown."""

    def __init__(self, config: PipelineConfig, folder: RunFolder, finds_learning_rate: bool):
        self.config = config
        self.folder = folder
        self.finds_learning_rate = finds_learning_rate
        self.nodes: list[BaseNode] = []
        self.validator: StrictExampleValidator | None = None

    def add_all(self) -> None:
        """Adds the stages of the task."""
        data, corpus = self.config.data, self.config.corpus
        rows = self._ingested(data, self.config.task) if data else None
        if rows:
            self._validate(rows)
        texts = self._ingested(corpus, _LANGUAGE_MODEL, "Unlabelled") if corpus else None
        trained_on = texts or rows
        assert trained_on is not None  # the configuration has seen to it
        tokenizer = self._tokenizer(trained_on)
        language_model = gate = None
        if self.config.language_model is not None and texts is not None:
            language_model, gate = self._language_model(texts, tokenizer)
        if rows is None:
            assert language_model is not None
            assert gate is not None
            packager = self._add(
                ModelPackager(
                    model=language_model.outputs[specs.MODEL],
                    config=self._described(),
                    model_run=language_model.outputs["model_run"],
                    examples_unlabelled=trained_on.examples,
                    perplexity=gate.outputs["evaluation"],
                )
            )
            self._pushed(packager, gate)
            return
        base = language_model or (tokenizer if self.config.pretrained else None)
        self._task_model(rows, texts, tokenizer, base, gate)

    def _add(self, node: _Node, name: str | None = None) -> _Node:
        if name is not None:
            node.with_id(name)
        self.nodes.append(node)
        return node

    def _ingested(self, source: SourceConfig, task: Task, suffix: str = "") -> "_Rows":
        ingest = CorpusIngest(
            source,
            self.config.seed,
            source_fingerprint(source),
            tagging=self.config.tagging if task == "tagging" else None,
            separator=self.config.separator,
        )
        self._add(ingest, f"CorpusIngest{suffix}")
        own_schema = self.config.data_schema.path if task == self.config.task else None
        schema = self._add(_schema(own_schema, task, source, self.folder), f"ImportSchemaGen{suffix}")
        return _Rows(source, ingest.outputs[specs.EXAMPLES], schema.outputs["schema"])

    def _validate(self, rows: "_Rows") -> None:
        statistics = self._add(StatisticsGen(examples=rows.examples, exclude_splits=[TEST]))
        self.validator = self._add(
            StrictExampleValidator(
                statistics=statistics.outputs["statistics"], schema=rows.schema, exclude_splits=[TEST]
            )
        )

    def _tokenizer(self, texts: "_Rows") -> SentencePieceTrainer | EncoderImporter:
        config = self.config
        node: SentencePieceTrainer | EncoderImporter
        if config.pretrained is not None:
            node = EncoderImporter(
                config.pretrained.model_copy(update={"separator": config.separator}),
                input_fingerprint(config.pretrained),
                config.cleaning,
                config.export.fixed_seq_len,
                config.training.max_seq_len,
            )
        else:
            node = SentencePieceTrainer(
                examples=texts.examples,
                tokenizer=config.tokenizer.model_copy(update={"separator": config.separator}),
                cleaning=config.cleaning,
                seed=config.seed,
                max_text_bytes=texts.source.max_row_bytes,
            )
        if self.validator is not None:
            node.add_upstream_node(self.validator)  # bad rows stop the run before the long stages
        return self._add(node)

    def _transformed(self, rows: "_Rows", tokenizer: BaseNode, task: Task, name: str | None = None) -> TextTransform:
        custom_config: dict[str, Any] = {}
        if task == "tagging":
            custom_config = {"tag_separator": self.config.tagging.tag_separator}
        elif task != _LANGUAGE_MODEL:
            custom_config = {"max_seq_len": self.config.training.max_seq_len}
        return self._add(
            TextTransform(
                examples=rows.examples,
                schema=rows.schema,
                tokenizer=tokenizer.outputs[specs.TOKENIZER],
                preprocessing_fn=_PREPROCESSING_FN.format(task),
                custom_config=custom_config,
            ),
            name,
        )

    def _language_model(self, texts: "_Rows", tokenizer: BaseNode) -> tuple[Trainer, PerplexityGate]:
        config = self.config.language_model
        assert config is not None
        inputs = self._training_inputs(self._transformed(texts, tokenizer, _LANGUAGE_MODEL, "TextTransformUnlabelled"))
        if self.config.pretrained is not None:
            inputs["base_model"] = tokenizer.outputs[specs.MODEL]
        inputs["custom_config"] = self._custom_config("encoder", "export", _LANGUAGE_MODEL)
        if config.dropout is not None:  # those of the task model are then no reason to train this one again
            del inputs["custom_config"]["encoder"]["dropout"]
        found = {}
        if config.find_learning_rate or self.finds_learning_rate:
            finder = self._add(LearningRateFinder(tuner_fn=_TUNER_FN, **inputs), LEARNING_RATE_FINDER)
            found = {"hyperparameters": finder.outputs["best_hyperparameters"]}
        trainer = self._add(Trainer(run_fn=_RUN_FN.format(_LANGUAGE_MODEL), **inputs, **found), "LanguageModelTrainer")
        gate = self._add(
            PerplexityGate(
                examples=texts.examples,
                model=trainer.outputs[specs.MODEL],
                example_splits=[EVAL],
                eval_config=language_model_eval_config(self.config.evaluation, config.directions),
            )
        )
        return trainer, gate

    def _task_model(
        self,
        rows: "_Rows",
        texts: "_Rows | None",
        tokenizer: BaseNode,
        base: BaseNode | None,
        gate: PerplexityGate | None,
    ) -> None:
        config = self.config
        inputs = self._training_inputs(self._transformed(rows, tokenizer, config.task))
        sections = self._custom_config("encoder", "head", "training", "export", config.task) | self._names(rows)
        sections["head"]["pairs"] = config.reads_pairs
        run_fn = _RUN_FN.format(_TRAINERS[config.task])
        base_model = base.outputs[specs.MODEL] if base else None
        trainer = self._add(Trainer(run_fn=run_fn, base_model=base_model, custom_config=sections, **inputs))
        if gate is not None:
            trainer.add_upstream_node(gate)
        from_scratch = None
        if config.evaluation.compare_from_scratch:
            fresh = _without_transfer(sections, config.language_model)
            from_scratch = self._add(Trainer(run_fn=run_fn, custom_config=fresh, **inputs), "TrainerFromScratch")
        self._evaluated(rows, texts, trainer, from_scratch, gate)

    def _evaluated(
        self,
        rows: "_Rows",
        texts: "_Rows | None",
        trainer: Trainer,
        from_scratch: Trainer | None,
        gate: PerplexityGate | None,
    ) -> None:
        config, model = self.config, trainer.outputs[specs.MODEL]
        baseline = None
        if config.evaluation.compare_with_served and not self.finds_learning_rate:
            served = served_model(self._push_directory(), self._digest(), self.folder.root)
            baseline = self._add(BaselineResolver(served)).outputs[specs.MODEL]
        evaluator = self._add(
            TaskEvaluator(
                examples=rows.examples,
                model=model,
                baseline_model=baseline,
                example_splits=[EVAL],
                eval_config=task_eval_config(config),
            )
        )
        held_out = None
        assert config.data is not None  # the configuration has seen to it
        if config.data.has_test_split:
            scorer = HeldOutScorer(
                examples=rows.examples,
                model=model,
                seed=config.seed,
                samples=config.evaluation.intervals,
                model_from_scratch=from_scratch.outputs[specs.MODEL] if from_scratch else None,
            )
            held_out = self._add(scorer).outputs[specs.REPORT]
        report = self._add(
            EvaluationReport(
                examples=rows.examples,
                model=model,
                model_run=trainer.outputs["model_run"],
                name=config.name,
                seed=config.seed,
                evaluation=config.evaluation,
                baseline_model=baseline,
                held_out=held_out,
            )
        )
        packager = self._add(
            ModelPackager(
                model=model,
                config=self._described(),
                model_run=trainer.outputs["model_run"],
                examples=rows.examples,
                examples_unlabelled=texts.examples if texts else None,
                evaluation_report=report.outputs[specs.REPORT],
                held_out=held_out,
                perplexity=gate.outputs["evaluation"] if gate else None,
            )
        )
        self._pushed(packager, evaluator)

    def _names(self, rows: "_Rows") -> dict[str, Any]:
        """What a `run_fn` has to know of the rows beside its sections."""
        source = rows.source
        assert isinstance(source, LabelledSourceConfig)
        if self.config.task == "classification":
            return {"label_separator": source.label_separator}
        return {"targets": source.target_columns} if self.config.task == "regression" else {}

    def _described(self) -> dict[str, Any]:
        """The configuration as a model card tells of it."""
        return self.config.model_dump(mode="json", exclude={"push", "beam", "sample_texts"})

    def _digest(self) -> str:
        """Of all that the stages' outputs follow from, but not of the model in service."""
        sources = [source for source in (self.config.data, self.config.corpus) if source is not None]
        identity = [
            self._described(),
            [source_fingerprint(source) for source in sources],
            self.config.pretrained and input_fingerprint(self.config.pretrained),
            code_version("components"),
        ]
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()

    def _training_inputs(self, transform: TextTransform) -> dict[str, Any]:
        return {
            "examples": transform.outputs["transformed_examples"],
            "transform_graph": transform.outputs["transform_graph"],
            "train_args": trainer_pb2.TrainArgs(splits=[TRAIN]),
            "eval_args": trainer_pb2.EvalArgs(splits=[EVAL]),
        }

    def _custom_config(self, *sections: str) -> dict[str, Any]:
        return {name: getattr(self.config, name).model_dump(mode="json") for name in sections} | {
            "seed": self.config.seed,
            "checkpoints": str(self.folder.checkpoints),
            specs.CODE_VERSION: code_version("trainer_modules"),
        }

    def _push_directory(self) -> str:
        return self.config.push.directory or str(self.folder.serving / self.config.name)

    def _pushed(self, packager: ModelPackager, evaluator: BaseNode) -> None:
        filesystem = pusher_pb2.PushDestination.Filesystem(base_directory=self._push_directory())
        self._add(
            Pusher(
                model=packager.outputs[specs.MODEL],
                model_blessing=evaluator.outputs["blessing"],
                push_destination=pusher_pb2.PushDestination(filesystem=filesystem),
            )
        )


@dataclasses.dataclass(frozen=True)
class _Rows:
    """Ingested rows and their schema."""

    source: SourceConfig
    examples: BaseChannel
    schema: BaseChannel


def _needed_for(name: str, nodes: Sequence[BaseNode]) -> list[BaseNode]:
    """A node of that id and all that come before it, in the order of the nodes."""
    by_id = {node.id: node for node in nodes}
    needed: dict[str, BaseNode] = {}
    waiting = [by_id[name]]
    while waiting:
        node = waiting.pop()
        if node.id not in needed:
            needed[node.id] = node
            producers = {getattr(channel, "producer_component_id", None) for channel in node.inputs.values()}
            waiting += [by_id[producer] for producer in producers if producer in by_id]
            waiting += list(node.upstream_nodes)
    return [node for node in nodes if node.id in needed]


def _without_transfer(sections: dict[str, Any], language_model: LanguageModelConfig | None) -> dict[str, Any]:
    """The configuration of a training without a base model: nothing is frozen, all layers learn alike.

    Texts are read in the directions of the language model, so that one is compared with one, or two with two.
    """
    training = sections["training"] | {"gradual_unfreezing": False, "layer_rate_factor": None}
    directions = list(language_model.directions) if language_model else None
    return sections | {"training": training, "directions": directions}


def _schema(path: str | None, task: Task, source: SourceConfig, folder: RunFolder) -> ImportSchemaGen:
    """Takes a user's schema, or the curated one of a task."""
    name: str
    if path is None:
        name, content = task, curated_schema(task, source).encode()
    else:
        name = Path(path).stem
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise DataError(f"{path}: the schema cannot be read: {error.strerror}.") from None
    # TFX's cache key holds the path alone, so the path names the content.
    copied = folder.schemas / f"{name}-{hashlib.sha256(content).hexdigest()[:12]}.pbtxt"
    copied.parent.mkdir(parents=True, exist_ok=True)
    copied.write_bytes(content)
    return ImportSchemaGen(schema_file=str(copied))
