"""What goes in and out of our components: every key a named constant, every spec in one place."""

from typing import ClassVar

from tfx.types import component_spec, standard_artifacts, standard_component_specs
from tfx.types.component_spec import ChannelParameter, ExecutionParameter

from ulmfit_tfx.schemas import code_version

EXAMPLES = standard_component_specs.EXAMPLES_KEY
MODEL = standard_component_specs.MODEL_KEY
MODEL_RUN = standard_component_specs.MODEL_RUN_KEY
BASELINE_MODEL = standard_component_specs.BASELINE_MODEL_KEY
CUSTOM_CONFIG = standard_component_specs.CUSTOM_CONFIG_KEY
INFERENCE_RESULT = standard_component_specs.INFERENCE_RESULT_KEY
MODEL_FROM_SCRATCH = "model_from_scratch"
TRAINED_MODEL = "trained_model"
TOKENIZER = "tokenizer"
REPORT = "report"
PREDICTIONS = "predictions"
GOLD = "gold"
TRANSFER = "transfer"
EXAMPLES_UNLABELLED = "examples_unlabelled"
EVALUATION_REPORT = "evaluation_report"
PERPLEXITY = "perplexity"
HELD_OUT = "held_out"
EVALUATION = "evaluation"
BEAT = "beat"
CONFIG = "config"
SERVED = "served"
REQUIRED = "required"
DIRECTORY = "directory"
KEEP_VERSIONS = "keep_versions"
SERVING = "serving"
SEED = "seed"
SAMPLES = "samples"
INPUT_FINGERPRINT = "input_fingerprint"
CODE_VERSION = code_version.KEY
TF_SERVING = "tf_serving"
MAX_LATENCY_MS = "max_latency_ms"
BLESSING = standard_component_specs.BLESSING_KEY
WARMUP_TEXTS = "warmup_texts"
PATH = "path"
SCHEMA = standard_component_specs.SCHEMA_KEY
CONTENT = "content"
CHECKPOINTS = "checkpoints"
SECTION = "section"
OVERRIDES = "overrides"
STATISTICS = standard_component_specs.STATISTICS_KEY
CORPUS_STATISTICS = "corpus_statistics"
ANOMALIES = standard_component_specs.ANOMALIES_KEY
EXCLUDE_SPLITS = standard_component_specs.EXCLUDE_SPLITS_KEY
MADE_BY = "made_by"
BASELINE_STATISTICS = "baseline_statistics"
DRIFT_THRESHOLD = "drift_threshold"
FAIL_ON_DRIFT = "fail_on_drift"
SETTINGS = ("training", "language_model", "data_path", "corpus_path", "distillation_path")
"""What a run of a compiled pipeline may say anew of its configuration: fields of a section as JSON, or a path."""

ACCOUNTING = "accounting"
"""Custom property of CorpusIngest's `examples`: counts as JSON, see `components.corpus_ingest.accounting`."""
TRAINED_ON = "trained_on"
"""Custom property of SentencePieceTrainer's `tokenizer`: how many texts it was trained on, in words."""
BASELINE_DROPPED = "baseline_dropped"
"""Custom property of TaskEvaluator's `evaluation`: why the model in service is not compared with, where it is not."""
REASON = "reason"
"""Custom property of InfraCheck's `blessing`: the first check that failed, where one did."""
DRIFT = "drift"
"""Custom property of StrictExampleValidator's `anomalies`: what it has to say of drift, in sentences."""


class CorpusIngestSpec(component_spec.ComponentSpec):
    """CorpusIngest: files in, examples out."""

    PARAMETERS = {
        CONFIG: ExecutionParameter(type=str),
        PATH: ExecutionParameter(type=str),
        SEED: ExecutionParameter(type=int),
        INPUT_FINGERPRINT: ExecutionParameter(type=str),
        CODE_VERSION: ExecutionParameter(type=str),
    }
    INPUTS = {GOLD: ChannelParameter(type=standard_artifacts.Examples, optional=True)}
    OUTPUTS = {EXAMPLES: ChannelParameter(type=standard_artifacts.Examples)}


class TransferMergeSpec(component_spec.ComponentSpec):
    """TransferMerge: labelled examples and those of a teacher in, both as one train split out."""

    PARAMETERS = {CODE_VERSION: ExecutionParameter(type=str)}
    INPUTS = {
        GOLD: ChannelParameter(type=standard_artifacts.Examples),
        TRANSFER: ChannelParameter(type=standard_artifacts.Examples),
    }
    OUTPUTS = {EXAMPLES: ChannelParameter(type=standard_artifacts.Examples)}


class SchemaImporterSpec(component_spec.ComponentSpec):
    """SchemaImporter: a schema out."""

    PARAMETERS = {CONTENT: ExecutionParameter(type=str)}
    INPUTS: ClassVar[dict[str, ChannelParameter]] = {}
    OUTPUTS = {SCHEMA: ChannelParameter(type=standard_artifacts.Schema)}


class StrictExampleValidatorSpec(standard_component_specs.ExampleValidatorSpec):
    """StrictExampleValidator: ExampleValidator's channels and parameters, and what drift is measured by."""

    PARAMETERS = {
        **standard_component_specs.ExampleValidatorSpec.PARAMETERS,
        MADE_BY: ExecutionParameter(type=str),
        DRIFT_THRESHOLD: ExecutionParameter(type=float, optional=True),
        FAIL_ON_DRIFT: ExecutionParameter(type=int),
        SERVED: ExecutionParameter(type=str),
        BASELINE_STATISTICS: ExecutionParameter(type=str),
        CODE_VERSION: ExecutionParameter(type=str),
    }


class SentencePieceTrainerSpec(component_spec.ComponentSpec):
    """SentencePieceTrainer: examples in, tokenizer out."""

    PARAMETERS = {
        CONFIG: ExecutionParameter(type=str),
        SEED: ExecutionParameter(type=int),
        CODE_VERSION: ExecutionParameter(type=str),
    }
    INPUTS = {EXAMPLES: ChannelParameter(type=standard_artifacts.Examples)}
    OUTPUTS = {TOKENIZER: ChannelParameter(type=standard_artifacts.Model)}


class EncoderImporterSpec(component_spec.ComponentSpec):
    """EncoderImporter: a checkpoint in, an encoder and its tokenizer out."""

    PARAMETERS = {
        CONFIG: ExecutionParameter(type=str),
        INPUT_FINGERPRINT: ExecutionParameter(type=str),
        CODE_VERSION: ExecutionParameter(type=str),
    }
    INPUTS: ClassVar[dict[str, ChannelParameter]] = {}
    OUTPUTS = {
        MODEL: ChannelParameter(type=standard_artifacts.Model),
        TOKENIZER: ChannelParameter(type=standard_artifacts.Model),
    }


class TextTransformSpec(component_spec.ComponentSpec):
    """TextTransform: Transform's channels and parameters, and the tokenizer."""

    PARAMETERS = standard_component_specs.TransformSpec.PARAMETERS
    INPUTS = {
        **standard_component_specs.TransformSpec.INPUTS,
        TOKENIZER: ChannelParameter(type=standard_artifacts.Model),
    }
    OUTPUTS = standard_component_specs.TransformSpec.OUTPUTS


class CorpusStatisticsSpec(component_spec.ComponentSpec):
    """CorpusStatistics: transformed examples and their tokenizer in, statistics of pieces out."""

    PARAMETERS = {
        CONFIG: ExecutionParameter(type=str),
        SEED: ExecutionParameter(type=int),
        CODE_VERSION: ExecutionParameter(type=str),
    }
    INPUTS = {
        EXAMPLES: ChannelParameter(type=standard_artifacts.Examples),
        EXAMPLES_UNLABELLED: ChannelParameter(type=standard_artifacts.Examples, optional=True),
        TOKENIZER: ChannelParameter(type=standard_artifacts.Model),
    }
    OUTPUTS = {CORPUS_STATISTICS: ChannelParameter(type=standard_artifacts.Model)}


_SETTINGS_OF_RUN = {
    CHECKPOINTS: ExecutionParameter(type=str),
    SECTION: ExecutionParameter(type=str, optional=True),
    OVERRIDES: ExecutionParameter(type=str, optional=True),
}


class ModelTrainerSpec(standard_component_specs.TrainerSpec):
    """ModelTrainer: Trainer's channels and parameters, statistics of the corpus, and settings of the run."""

    PARAMETERS = {**standard_component_specs.TrainerSpec.PARAMETERS, **_SETTINGS_OF_RUN}
    INPUTS = {
        **standard_component_specs.TrainerSpec.INPUTS,
        CORPUS_STATISTICS: ChannelParameter(type=standard_artifacts.Model, optional=True),
    }


class LearningRateFinderSpec(standard_component_specs.TunerSpec):
    """LearningRateFinder: Tuner's channels and parameters, and settings of the run."""

    PARAMETERS = {**standard_component_specs.TunerSpec.PARAMETERS, **_SETTINGS_OF_RUN}


class BaselineResolverSpec(component_spec.ComponentSpec):
    """BaselineResolver: a served model out."""

    PARAMETERS = {
        SERVED: ExecutionParameter(type=str),
        REQUIRED: ExecutionParameter(type=int),
        INPUT_FINGERPRINT: ExecutionParameter(type=str),
        CODE_VERSION: ExecutionParameter(type=str),
    }
    INPUTS: ClassVar[dict[str, ChannelParameter]] = {}
    OUTPUTS = {MODEL: ChannelParameter(type=standard_artifacts.Model)}


class VersionedEvaluatorSpec(standard_component_specs.EvaluatorSpec):
    """TaskEvaluator and PerplexityGate: Evaluator's channels and parameters, and the version of our code."""

    PARAMETERS = {
        **standard_component_specs.EvaluatorSpec.PARAMETERS,
        BEAT: ExecutionParameter(type=str, optional=True),
        CODE_VERSION: ExecutionParameter(type=str),
    }


class HeldOutScorerSpec(component_spec.ComponentSpec):
    """HeldOutScorer: examples, a model and perhaps one to compare with in, a report out."""

    PARAMETERS = {
        SEED: ExecutionParameter(type=int),
        SAMPLES: ExecutionParameter(type=int),
        CODE_VERSION: ExecutionParameter(type=str),
    }
    INPUTS = {
        EXAMPLES: ChannelParameter(type=standard_artifacts.Examples),
        MODEL: ChannelParameter(type=standard_artifacts.Model),
        MODEL_FROM_SCRATCH: ChannelParameter(type=standard_artifacts.Model, optional=True),
        TRANSFER: ChannelParameter(type=standard_artifacts.Examples, optional=True),
    }
    OUTPUTS = {REPORT: ChannelParameter(type=standard_artifacts.ModelEvaluation)}


class EvaluationReportSpec(component_spec.ComponentSpec):
    """EvaluationReport: examples, a model, its training, one to compare with and test scores in, a report out."""

    PARAMETERS = {
        CONFIG: ExecutionParameter(type=str),
        SEED: ExecutionParameter(type=int),
        CODE_VERSION: ExecutionParameter(type=str),
    }
    INPUTS = {
        EXAMPLES: ChannelParameter(type=standard_artifacts.Examples),
        MODEL: ChannelParameter(type=standard_artifacts.Model),
        MODEL_RUN: ChannelParameter(type=standard_artifacts.ModelRun),
        BASELINE_MODEL: ChannelParameter(type=standard_artifacts.Model, optional=True),
        HELD_OUT: ChannelParameter(type=standard_artifacts.ModelEvaluation, optional=True),
        EVALUATION: ChannelParameter(type=standard_artifacts.ModelEvaluation, optional=True),
    }
    OUTPUTS = {REPORT: ChannelParameter(type=standard_artifacts.ModelEvaluation)}


class ModelPackagerSpec(component_spec.ComponentSpec):
    """ModelPackager: a model and what the run found out in, the same with card, warm-up requests and statistics out."""

    PARAMETERS = {
        CONFIG: ExecutionParameter(type=str),
        WARMUP_TEXTS: ExecutionParameter(type=str),
        CODE_VERSION: ExecutionParameter(type=str),
        **{name: ExecutionParameter(type=str, optional=True) for name in SETTINGS},
    }
    INPUTS = {
        TRAINED_MODEL: ChannelParameter(type=standard_artifacts.Model),  # TFX: of another name than the output
        MODEL_RUN: ChannelParameter(type=standard_artifacts.ModelRun, optional=True),
        EXAMPLES: ChannelParameter(type=standard_artifacts.Examples, optional=True),
        EXAMPLES_UNLABELLED: ChannelParameter(type=standard_artifacts.Examples, optional=True),
        TRANSFER: ChannelParameter(type=standard_artifacts.Examples, optional=True),
        STATISTICS: ChannelParameter(type=standard_artifacts.ExampleStatistics, optional=True),
        EVALUATION_REPORT: ChannelParameter(type=standard_artifacts.ModelEvaluation, optional=True),
        HELD_OUT: ChannelParameter(type=standard_artifacts.ModelEvaluation, optional=True),
        PERPLEXITY: ChannelParameter(type=standard_artifacts.ModelEvaluation, optional=True),
    }
    OUTPUTS = {MODEL: ChannelParameter(type=standard_artifacts.Model)}


class PredictionWriterSpec(component_spec.ComponentSpec):
    """PredictionWriter: BulkInferrer's results, the model that gave them and the examples in, JSON Lines out."""

    PARAMETERS = {CONFIG: ExecutionParameter(type=str), CODE_VERSION: ExecutionParameter(type=str)}
    INPUTS = {
        EXAMPLES: ChannelParameter(type=standard_artifacts.Examples),
        INFERENCE_RESULT: ChannelParameter(type=standard_artifacts.InferenceResult),
        MODEL: ChannelParameter(type=standard_artifacts.Model),
    }
    OUTPUTS = {PREDICTIONS: ChannelParameter(type=standard_artifacts.InferenceResult)}


class VersionedPusherSpec(component_spec.ComponentSpec):
    """VersionedPusher: a model and its blessings in, where it was pushed to out."""

    PARAMETERS = {
        DIRECTORY: ExecutionParameter(type=str),
        KEEP_VERSIONS: ExecutionParameter(type=int),
        SERVING: ExecutionParameter(type=str),
    }
    INPUTS = {
        MODEL: ChannelParameter(type=standard_artifacts.Model),
        standard_component_specs.MODEL_BLESSING_KEY: ChannelParameter(type=standard_artifacts.ModelBlessing),
        standard_component_specs.INFRA_BLESSING_KEY: ChannelParameter(type=standard_artifacts.InfraBlessing),
    }
    OUTPUTS = {standard_component_specs.PUSHED_MODEL_KEY: ChannelParameter(type=standard_artifacts.PushedModel)}


class InfraCheckSpec(component_spec.ComponentSpec):
    """InfraCheck: a model in, whether it can be served out."""

    PARAMETERS = {
        TF_SERVING: ExecutionParameter(type=str),
        MAX_LATENCY_MS: ExecutionParameter(type=float, optional=True),
        CODE_VERSION: ExecutionParameter(type=str),
    }
    INPUTS = {MODEL: ChannelParameter(type=standard_artifacts.Model)}
    OUTPUTS = {BLESSING: ChannelParameter(type=standard_artifacts.InfraBlessing)}
