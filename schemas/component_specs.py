"""What goes in and out of our components: every key a named constant, every spec in one place."""

from typing import ClassVar

from tfx.types import component_spec, standard_artifacts, standard_component_specs
from tfx.types.component_spec import ChannelParameter, ExecutionParameter

EXAMPLES = standard_component_specs.EXAMPLES_KEY
MODEL = standard_component_specs.MODEL_KEY
CUSTOM_CONFIG = standard_component_specs.CUSTOM_CONFIG_KEY
MODEL_FROM_SCRATCH = "model_from_scratch"
TOKENIZER = "tokenizer"
REPORT = "report"
CONFIG = "config"
SEED = "seed"
INPUT_FINGERPRINT = "input_fingerprint"
CODE_VERSION = "code_version"

ACCOUNTING = "accounting"
"""Custom property of CorpusIngest's `examples`: counts as JSON, see `components.corpus_ingest.accounting`."""


class CorpusIngestSpec(component_spec.ComponentSpec):
    """CorpusIngest: files in, examples out."""

    PARAMETERS = {
        CONFIG: ExecutionParameter(type=str),
        SEED: ExecutionParameter(type=int),
        INPUT_FINGERPRINT: ExecutionParameter(type=str),
        CODE_VERSION: ExecutionParameter(type=str),
    }
    INPUTS: ClassVar[dict[str, ChannelParameter]] = {}
    OUTPUTS = {EXAMPLES: ChannelParameter(type=standard_artifacts.Examples)}


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


class HeldOutScorerSpec(component_spec.ComponentSpec):
    """HeldOutScorer: examples, a model and perhaps one to compare with in, a report out."""

    PARAMETERS = {SEED: ExecutionParameter(type=int), CODE_VERSION: ExecutionParameter(type=str)}
    INPUTS = {
        EXAMPLES: ChannelParameter(type=standard_artifacts.Examples),
        MODEL: ChannelParameter(type=standard_artifacts.Model),
        MODEL_FROM_SCRATCH: ChannelParameter(type=standard_artifacts.Model, optional=True),
    }
    OUTPUTS = {REPORT: ChannelParameter(type=standard_artifacts.ModelEvaluation)}
