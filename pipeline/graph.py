"""Builds the TFX pipeline that a configuration describes."""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import tensorflow_data_validation as tfdv
from tfx.components import StatisticsGen
from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.pipeline import Pipeline
from tfx.types import BaseChannel

from ulmfit_tfx.components.baseline_resolver.component import BaselineResolver
from ulmfit_tfx.components.corpus_ingest.component import CorpusIngest
from ulmfit_tfx.components.corpus_ingest.source_files import source_fingerprint
from ulmfit_tfx.components.corpus_statistics.component import CorpusStatistics
from ulmfit_tfx.components.encoder_importer.checkpoint_files import input_fingerprint
from ulmfit_tfx.components.encoder_importer.component import EncoderImporter
from ulmfit_tfx.components.evaluation_report.component import EvaluationReport
from ulmfit_tfx.components.held_out_scorer.component import HeldOutScorer
from ulmfit_tfx.components.infra_check.component import InfraCheck
from ulmfit_tfx.components.learning_rate_finder.component import LearningRateFinder
from ulmfit_tfx.components.model_packager.component import ModelPackager
from ulmfit_tfx.components.model_trainer.component import ModelTrainer
from ulmfit_tfx.components.perplexity_gate.component import PerplexityGate
from ulmfit_tfx.components.pushed_statistics import QUANTILES, made_by
from ulmfit_tfx.components.schema_importer.component import SchemaImporter
from ulmfit_tfx.components.sentencepiece_trainer.component import SentencePieceTrainer
from ulmfit_tfx.components.strict_example_validator.component import StrictExampleValidator
from ulmfit_tfx.components.task_evaluator.beaten import Beat
from ulmfit_tfx.components.task_evaluator.component import TaskEvaluator
from ulmfit_tfx.components.text_transform.component import TextTransform
from ulmfit_tfx.components.transfer_merge.component import TransferMerge
from ulmfit_tfx.components.versioned_pusher.component import VersionedPusher
from ulmfit_tfx.evaluation.eval_config import with_user_metrics
from ulmfit_tfx.pipeline.surroundings import Surroundings, Value
from ulmfit_tfx.pipeline.user_components import with_user_components
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.beam_arguments import unstaged
from ulmfit_tfx.schemas.code_version import code_version
from ulmfit_tfx.schemas.config.curated_schema import curated_schema, with_teacher
from ulmfit_tfx.schemas.config.labelled_pipeline import DocumentPipelineConfig, LabelledPipelineConfig
from ulmfit_tfx.schemas.config.language_model import LanguageModelConfig
from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.schemas.config.sources.labelled import LabelListConfig
from ulmfit_tfx.schemas.config.sources.labelled_texts import ClassifiedTextsConfig
from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.schemas.config.teacher_shares import DISTILLATION
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.tasks import LANGUAGE_MODEL, Task, labelled_task, task_named
from ulmfit_tfx.tasks.language_model.metrics import perplexity_eval_config
from ulmfit_tfx.transforms.length_buckets import bucket_names
from ulmfit_tfx.transforms.splitting import EVAL, TEST
from ulmfit_tfx.transforms.tag_schemes import labels_in_letters_of

_Node = TypeVar("_Node", bound=BaseNode)

LEARNING_RATE_FINDER = "LearningRateFinder"
PUSHER = "Pusher"
UNLABELLED_TRANSFORM = "TextTransformUnlabelled"
METRICS_VERSION = "metrics_version"
"""Parameter of TaskEvaluator that says the version of the user's metrics, where there are some."""


def build_pipeline(config: PipelineConfig, surroundings: Surroundings, until: str | None = None) -> Pipeline:
    """Builds the pipeline. TFX runs its stages in an order that their inputs allow.

    Args:
        config: As `load_config` gives it.
        surroundings: Where artifacts, metadata, checkpoints and served models go.
        until: Id of a stage: only it and those that it needs are in the pipeline.

    Raises:
        ConfigError: A component that the configuration adds names what is not there.
        DataError: An input file is not there.
    """
    stages = _Stages(config, surroundings, finds_learning_rate=until == LEARNING_RATE_FINDER)
    stages.add_all()
    nodes = with_user_components(stages.nodes, config.components)
    return Pipeline(
        pipeline_name=surroundings.pipeline_name,
        pipeline_root=surroundings.pipeline_root,
        components=nodes if until is None else _needed_for(until, nodes),
        enable_cache=True,
        metadata_connection_config=surroundings.metadata,
        beam_pipeline_args=unstaged(config.beam.pipeline_args),
    )


class _Stages:
    """The stages of a configuration, in the order in which they are shown."""

    def __init__(self, config: PipelineConfig, surroundings: Surroundings, finds_learning_rate: bool):
        self.config = config
        self.task = task_named(config.task)
        self.surroundings = surroundings
        self.finds_learning_rate = finds_learning_rate
        self.nodes: list[BaseNode] = []
        self.statistics: BaseChannel | None = None
        self.validator: StrictExampleValidator | None = None

    def add_all(self) -> None:
        """Adds the stages of the task."""
        data, corpus = self.config.data, self.config.corpus
        rows = self._ingested("data", data, self.task) if data else None
        if rows:
            self._validate(rows)
        texts = self._ingested("corpus", corpus, LANGUAGE_MODEL, "Unlabelled") if corpus else None
        taught = self._taught(rows) if rows else None
        trained_on = texts or taught
        assert trained_on is not None  # the configuration has seen to it
        tokenizer = self._tokenizer(trained_on)
        language_model = gate = None
        if self.config.language_model is not None and texts is not None:
            language_model, gate = self._language_model(texts, tokenizer)
        if rows is None:
            assert language_model is not None
            assert gate is not None
            self._pushed(
                gate,
                model=language_model.outputs[specs.MODEL],
                model_run=language_model.outputs["model_run"],
                examples_unlabelled=trained_on.examples,
                perplexity=gate.outputs["evaluation"],
            )
            return
        base = language_model or (tokenizer if self.config.pretrained else None)
        assert taught is not None
        self._task_model(rows, taught, texts, tokenizer, base, gate)

    def _add(self, node: _Node, name: str | None = None) -> _Node:
        if name is not None:
            node.with_id(name)
        self.nodes.append(node)
        return node

    def _ingested(self, section: str, source: SourceConfig, task: Task[Any], suffix: str = "") -> "_Rows":
        ingest = CorpusIngest(
            source,
            self.config.seed,
            self.surroundings.fingerprint(section, lambda: source_fingerprint(source)),
            self.surroundings.path(section, source.path),
            tagging=self.config.tags if task is self.task else None,
            separator=self.config.separator,
            weighted_labels=self.config.weighted_labels if task is self.task else None,
        )
        self._add(ingest, f"CorpusIngest{suffix}")
        schema = self._add(SchemaImporter(self._schema(task, source)), f"SchemaImporter{suffix}")
        return _Rows(source, ingest.outputs[specs.EXAMPLES], schema.outputs["schema"])

    def _taught(self, rows: "_Rows") -> "_Rows":
        """The labelled rows, and where there is a teacher its own beside them in the train split."""
        source = self.config.transfer
        if source is None:
            return rows
        assert isinstance(rows.source, ClassifiedTextsConfig)
        ingest = CorpusIngest(
            source,
            self.config.seed,
            self.surroundings.fingerprint(DISTILLATION, lambda: source_fingerprint(source)),
            self.surroundings.path(DISTILLATION, source.path),
            separator=self.config.separator,
            gold=rows.examples,
            class_names=rows.source.label_names,
        )
        transfer = self._add(ingest, "CorpusIngestTransfer").outputs[specs.EXAMPLES]
        merge = self._add(TransferMerge(rows.examples, transfer))
        schema = self._add(SchemaImporter(with_teacher(self._schema(self.task, rows.source))), "SchemaImporterTransfer")
        return _Rows(rows.source, merge.outputs[specs.EXAMPLES], schema.outputs["schema"])

    def _schema(self, task: Task[Any], source: SourceConfig) -> str:
        """The user's schema, or the curated one of a task, as pbtxt."""
        path = self.config.data_schema.path
        if path is not None and task is self.task:
            return _own_schema(path)
        tags = self.config.tags if task is self.task else None
        buckets = bucket_names(source.length_buckets)
        if tags and isinstance(source, LabelListConfig) and source.labels is not None:
            labels = labels_in_letters_of(source.labels, tags.scheme)
            source = source.model_copy(update={"labels": labels})
        return curated_schema(task.schema(source), source, buckets, tags.tag_separator if tags else None)

    def _validate(self, rows: "_Rows") -> None:
        options = tfdv.StatsOptions(num_quantiles_histogram_buckets=QUANTILES)
        statistics = self._add(StatisticsGen(examples=rows.examples, stats_options=options, exclude_splits=[TEST]))
        self.statistics = statistics.outputs[specs.STATISTICS]
        data_schema = self.config.data_schema
        self.validator = self._add(
            StrictExampleValidator(
                statistics=self.statistics,
                schema=rows.schema,
                exclude_splits=[TEST],
                made_by=made_by(self._described()),
                drift_threshold=data_schema.drift_threshold,
                fail_on_drift=data_schema.fail_on_drift,
                served="" if data_schema.drift_threshold is None else self._served,
            )
        )

    @functools.cached_property
    def _served(self) -> Value:
        """The model in service, which the run's rows and model are compared with.

        A search for a learning rate does not ask for it: whoever asks first chooses what a later run is compared with.
        """
        return "" if self.finds_learning_rate else self.surroundings.baseline(self._digest)

    def _tokenizer(self, texts: "_Rows") -> SentencePieceTrainer | EncoderImporter:
        config = self.config
        node: SentencePieceTrainer | EncoderImporter
        if (pretrained := config.checkpoint_to_import) is not None:
            node = EncoderImporter(
                pretrained,
                self.surroundings.fingerprint("pretrained", lambda: input_fingerprint(pretrained)),
                config.cleaning,
                config.export.fixed_seq_len,
                config.max_seq_len,
            )
        else:
            assert config.tokenizer_to_train is not None
            node = SentencePieceTrainer(
                examples=texts.examples,
                tokenizer=config.tokenizer_to_train,
                cleaning=config.cleaning,
                seed=config.seed,
                max_text_bytes=texts.source.max_row_bytes,
            )
        if self.validator is not None:
            node.add_upstream_node(self.validator)  # bad rows stop the run before the long stages
        return self._add(node)

    def _transformed(
        self, rows: "_Rows", tokenizer: BaseNode, task: Task[Any], name: str | None = None
    ) -> TextTransform:
        return self._add(
            TextTransform(
                examples=rows.examples,
                schema=rows.schema,
                tokenizer=tokenizer.outputs[specs.TOKENIZER],
                preprocessing_fn=task.preprocessing_fn,
                custom_config=task.preprocessing_config(self.config),
                has_vocabulary=task.has_vocabulary,
            ),
            name,
        )

    def _language_model(self, texts: "_Rows", tokenizer: BaseNode) -> tuple[ModelTrainer, PerplexityGate]:
        config = self.config.language_model
        assert config is not None
        transform = self._transformed(texts, tokenizer, LANGUAGE_MODEL, UNLABELLED_TRANSFORM)
        inputs = self._training_inputs(transform, LANGUAGE_MODEL.name)
        if self.config.pretrained is not None:
            inputs["base_model"] = tokenizer.outputs[specs.MODEL]
        run_fn = self._run_fn(LANGUAGE_MODEL)
        inputs["custom_config"] = self._custom_config(run_fn, "encoder", "export", LANGUAGE_MODEL.name)
        if config.dropout is not None:  # those of the task model are then no reason to train this one again
            del inputs["custom_config"]["encoder"]["dropout"]
        found = {}
        if config.find_learning_rate or self.finds_learning_rate:
            finder = self._add(LearningRateFinder(tuner_fn=LANGUAGE_MODEL.tuner_fn, **inputs), LEARNING_RATE_FINDER)
            found = {"hyperparameters": finder.outputs["best_hyperparameters"]}
        trainer = self._add(ModelTrainer(run_fn=run_fn, **inputs, **found), "LanguageModelTrainer")
        gate = self._add(
            PerplexityGate(
                examples=texts.examples,
                model=trainer.outputs[specs.MODEL],
                example_splits=[EVAL],
                eval_config=perplexity_eval_config(self.config.evaluation, config.directions),
            )
        )
        return trainer, gate

    def _run_fn(self, task: Task[Any]) -> str:
        """Import path of what trains: the user's in place of that of the pipeline's task."""
        own = self.config.trainer.run_fn if task is self.task else None
        return own or task.run_fn

    def _task_model(
        self,
        rows: "_Rows",
        taught: "_Rows",
        texts: "_Rows | None",
        tokenizer: BaseNode,
        base: BaseNode | None,
        gate: PerplexityGate | None,
    ) -> None:
        config = self.config
        assert isinstance(config, LabelledPipelineConfig)
        task = labelled_task(config.task)
        transform = self._transformed(taught, tokenizer, task)
        inputs = self._training_inputs(transform, "training")
        run_fn = self._run_fn(task)
        sections = self._custom_config(run_fn, "encoder", "head", "training", "export") | task.training_config(config)
        sections["head"]["pairs"] = config.reads_pairs
        base_model = base.outputs[specs.MODEL] if base else None
        trainer = self._add(
            ModelTrainer(
                run_fn=run_fn,
                base_model=base_model,
                corpus_statistics=self._corpus_statistics(transform, texts, tokenizer),
                custom_config=sections,
                **inputs,
            ),
            "Trainer",
        )
        if gate is not None:
            trainer.add_upstream_node(gate)
        from_scratch = None
        if config.evaluation.compare_from_scratch:
            fresh = _without_transfer(sections, config.language_model)
            from_scratch = self._add(ModelTrainer(run_fn=run_fn, custom_config=fresh, **inputs), "TrainerFromScratch")
        self._evaluated(rows, taught, texts, trainer, from_scratch, gate)

    def _corpus_statistics(self, rows: TextTransform, texts: "_Rows | None", tokenizer: BaseNode) -> BaseChannel | None:
        config = self.config
        if not isinstance(config, DocumentPipelineConfig) or not config.needs_corpus_statistics:
            return None
        unlabelled = None
        if texts is not None:
            named = {node.id: node for node in self.nodes}
            transform = named.get(UNLABELLED_TRANSFORM) or self._transformed(
                texts, tokenizer, LANGUAGE_MODEL, UNLABELLED_TRANSFORM
            )
            unlabelled = transform.outputs["transformed_examples"]
        statistics = CorpusStatistics(
            examples=rows.outputs["transformed_examples"],
            examples_unlabelled=unlabelled,
            tokenizer=tokenizer.outputs[specs.TOKENIZER],
            config=config.corpus_statistics,
            seed=config.seed,
        )
        return self._add(statistics).outputs[specs.CORPUS_STATISTICS]

    def _evaluated(
        self,
        rows: "_Rows",
        taught: "_Rows",
        texts: "_Rows | None",
        trainer: ModelTrainer,
        from_scratch: ModelTrainer | None,
        gate: PerplexityGate | None,
    ) -> None:
        config, model = self.config, trainer.outputs[specs.MODEL]
        assert isinstance(config, LabelledPipelineConfig)
        transfer = None if taught is rows else taught.examples
        baseline = None
        if config.evaluation.compare_with_served and not self.finds_learning_rate:
            baseline = self._add(BaselineResolver(self._served)).outputs[specs.MODEL]
        evaluator = self._add(
            TaskEvaluator(
                examples=rows.examples,
                model=model,
                baseline_model=baseline,
                example_splits=[EVAL],
                eval_config=with_user_metrics(
                    labelled_task(config.task).eval_config(config), config.evaluation.metrics
                ),
                beat=_beat(config),
            )
        )
        if config.evaluation.metrics:
            version = code_version(*(metric.class_ for metric in config.evaluation.metrics))
            evaluator.exec_properties[METRICS_VERSION] = version
        held_out = None
        if config.data.has_test_split:
            scorer = HeldOutScorer(
                examples=rows.examples,
                model=model,
                seed=config.seed,
                samples=config.evaluation.intervals,
                model_from_scratch=from_scratch.outputs[specs.MODEL] if from_scratch else None,
                transfer=transfer,
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
                evaluated=evaluator.outputs["evaluation"],
            )
        )
        self._pushed(
            evaluator,
            model=model,
            model_run=trainer.outputs["model_run"],
            examples=rows.examples,
            examples_unlabelled=texts.examples if texts else None,
            transfer=transfer,
            statistics=self.statistics,
            evaluation_report=report.outputs[specs.REPORT],
            held_out=held_out,
            perplexity=gate.outputs["evaluation"] if gate else None,
        )

    def _described(self) -> dict[str, Any]:
        """The configuration as a model card tells of it."""
        return self.config.model_dump(mode="json", exclude={"push", "serving", "beam", "kubeflow", "sample_texts"})

    def _said_by_run(self) -> dict[str, RuntimeParameter]:
        """What a run may say anew of the configuration."""
        config, surroundings = self.config, self.surroundings
        paths = {
            f"{section}_path": surroundings.path(section, source.path)
            for section, source in (
                ("data", config.data),
                ("corpus", config.corpus),
                (DISTILLATION, config.transfer),
            )
            if source is not None
        }
        sections = {
            "training": surroundings.overrides("training") if config.data is not None else None,
            LANGUAGE_MODEL.name: surroundings.overrides(LANGUAGE_MODEL.name)
            if config.language_model is not None
            else None,
        }
        return {name: value for name, value in (paths | sections).items() if isinstance(value, RuntimeParameter)}

    def _digest(self) -> str:
        """Of all that the stages' outputs follow from, but not of the model in service."""
        sources = self.config.sources.values()
        identity = [
            self._described(),
            [source_fingerprint(source) for source in sources],
            self.config.pretrained and input_fingerprint(self.config.pretrained),
            code_version(__name__, *self._own_code()),
        ]
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()

    def _own_code(self) -> list[str]:
        """Import paths of the user's code."""
        config = self.config
        paths = [config.trainer.run_fn, *(component.class_ for component in config.components)]
        if isinstance(config, LabelledPipelineConfig):
            paths += [metric.class_ for metric in config.evaluation.metrics]
        return [path for path in paths if path is not None]

    def _training_inputs(self, transform: TextTransform, section: str) -> dict[str, Any]:
        return {
            "examples": transform.outputs["transformed_examples"],
            "transform_graph": transform.outputs["transform_graph"],
            "checkpoints": self.surroundings.checkpoints,
            "section": section,
            "overrides": self.surroundings.overrides(section),
        }

    def _custom_config(self, run_fn: str, *sections: str) -> dict[str, Any]:
        return {name: getattr(self.config, name).model_dump(mode="json") for name in sections} | {
            "seed": self.config.seed,
            specs.CODE_VERSION: code_version(run_fn),
        }

    def _pushed(self, evaluator: BaseNode, **described_by: BaseChannel | None) -> None:
        """Adds what packages a model, checks the package and pushes it."""
        serving = self.config.serving
        packager = self._add(
            ModelPackager(
                config=self._described(),
                warmup_texts=self.config.warmup_texts,
                settings=self._said_by_run(),
                **described_by,
            )
        )
        model = packager.outputs[specs.MODEL]
        check = self._add(InfraCheck(model, serving.tf_serving, serving.max_latency_ms))
        pusher = VersionedPusher(
            model=model,
            model_blessing=evaluator.outputs["blessing"],
            infra_blessing=check.outputs["blessing"],
            directory=self.surroundings.push_directory,
            keep_versions=self.config.push.keep_versions,
            serving=serving,
        )
        self._add(pusher, PUSHER)


def _beat(config: LabelledPipelineConfig) -> str | None:
    """What simple model is to be beaten, as TaskEvaluator takes it."""
    systems = config.evaluation.beaten
    return None if systems is None else Beat(systems, config.seed, config.evaluation.intervals).to_json()


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


def _own_schema(path: str) -> str:
    """A user's schema, as pbtxt."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path}: the schema cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: the schema is not UTF-8 (byte {error.start}).") from None
