"""The ModelPackager component."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import channel_utils, standard_artifacts

from ulmfit_tfx.components.model_packager.executor import Executor
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.code_version import code_version


class ModelPackager(base_component.BaseComponent):
    """Puts a model card into a model, written from what the run itself found out, and what goes out with it.

    Output `model`, a standard `Model` artifact, a copy of the trained one with these in it. TensorFlow's loaders do not
    look into `assets.extra`, TensorFlow Serving for the requests alone:

        Format-Serving/                                            the SavedModel
        Format-Serving/assets.extra/README.md                      the card, in the Hugging Face Markdown form
        Format-Serving/assets.extra/tf_serving_warmup_requests     requests, see `export.warmup_requests`
        Format-Serving/assets.extra/training_statistics.pbtxt      of labelled rows, see `pushed_statistics`
    """

    SPEC_CLASS = specs.ModelPackagerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        model: types.BaseChannel,
        config: Mapping[str, Any],
        warmup_texts: Sequence[str],
        model_run: types.BaseChannel | None = None,
        examples: types.BaseChannel | None = None,
        examples_unlabelled: types.BaseChannel | None = None,
        transfer: types.BaseChannel | None = None,
        statistics: types.BaseChannel | None = None,
        evaluation_report: types.BaseChannel | None = None,
        held_out: types.BaseChannel | None = None,
        perplexity: types.BaseChannel | None = None,
        settings: Mapping[str, RuntimeParameter] | None = None,
    ):
        """Describes the packaging.

        Args:
            model: As Trainer writes it.
            config: The configuration with all its defaults, as `PipelineConfig.model_dump(mode="json")` gives it.
                Of its paths a card has the last part. The requests ask for a model of its `name`.
            warmup_texts: What the requests are made of, where there are any. They are published with the model.
            model_run: As Trainer writes it, for the epoch that was kept.
            examples: As CorpusIngest writes them, for the counts.
            examples_unlabelled: The same of the corpus.
            transfer: The same of labelled rows and a teacher's, as TransferMerge writes them.
            statistics: As StatisticsGen writes them, of the examples.
            evaluation_report: As EvaluationReport writes it.
            held_out: As HeldOutScorer writes it.
            perplexity: The `evaluation` of PerplexityGate.
            settings: What a run may say anew of the configuration, by name in `component_specs.SETTINGS`.
        """
        optional = {
            specs.MODEL_RUN: model_run,
            specs.EXAMPLES: examples,
            specs.EXAMPLES_UNLABELLED: examples_unlabelled,
            specs.TRANSFER: transfer,
            specs.STATISTICS: statistics,
            specs.EVALUATION_REPORT: evaluation_report,
            specs.HELD_OUT: held_out,
            specs.PERPLEXITY: perplexity,
        }
        super().__init__(
            spec=specs.ModelPackagerSpec(
                **{
                    specs.TRAINED_MODEL: model,
                    **{key: channel for key, channel in optional.items() if channel is not None},
                    specs.CONFIG: json.dumps(config, sort_keys=True),
                    **(settings or {}),
                    specs.WARMUP_TEXTS: json.dumps([*warmup_texts]),
                    specs.CODE_VERSION: code_version(Executor),
                    specs.MODEL: channel_utils.as_channel([standard_artifacts.Model()]),
                }
            )
        )
