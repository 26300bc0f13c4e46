"""The TextTransform component."""

from typing import Any

from tfx import types
from tfx.dsl.components.base import executor_spec
from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.proto import transform_pb2
from tfx.types import standard_artifacts
from tfx.types import standard_component_specs as standard
from tfx.utils import json_utils

from ulmfit_tfx.components.text_transform.executor import Executor
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.code_version import code_version
from ulmfit_tfx.transforms.splitting import EVAL, TRAIN


class TextTransform(BaseBeamComponent):
    """TFX Transform with one more input, the tokenizer, so that the cache key sees it.

    Transform itself cannot be subclassed for this: its spec is hard-coded in its constructor.

    Outputs `transform_graph`, as Transform writes it with the tokenizer's files in the folder `tokenizer`, and
    `transformed_examples` of the splits train and eval. Test rows stay untouched.
    """

    SPEC_CLASS = specs.TextTransformSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        schema: types.BaseChannel,
        tokenizer: types.BaseChannel,
        preprocessing_fn: str,
        custom_config: dict[str, Any],
        has_vocabulary: bool,
    ):
        """Describes the transformation.

        Args:
            examples: As CorpusIngest writes them.
            schema: Of the examples.
            tokenizer: As SentencePieceTrainer writes it.
            preprocessing_fn: Import path of a function in `ulmfit_tfx.tasks`.
            custom_config: Passed to it, with the tokenizer's folder added.
            has_vocabulary: Whether the function looks at all of the train split first, for a vocabulary of labels.
        """
        # Transform wants a split to analyse also where nothing is analysed: it then reads the smallest one for nothing.
        transformed_examples = types.Channel(type=standard_artifacts.Examples)
        transformed_examples.matching_channel_name = standard.EXAMPLES_KEY
        super().__init__(
            spec=specs.TextTransformSpec(
                **{
                    standard.EXAMPLES_KEY: examples,
                    standard.SCHEMA_KEY: schema,
                    specs.TOKENIZER: tokenizer,
                    standard.PREPROCESSING_FN_KEY: preprocessing_fn,
                    standard.CUSTOM_CONFIG_KEY: json_utils.dumps(
                        custom_config | {specs.CODE_VERSION: code_version(Executor, preprocessing_fn)}
                    ),
                    standard.SPLITS_CONFIG_KEY: transform_pb2.SplitsConfig(
                        analyze=[TRAIN if has_vocabulary else EVAL], transform=[TRAIN, EVAL]
                    ),
                    standard.FORCE_TF_COMPAT_V1_KEY: 0,
                    standard.DISABLE_STATISTICS_KEY: 1,
                    standard.TRANSFORM_GRAPH_KEY: types.Channel(type=standard_artifacts.TransformGraph),
                    standard.TRANSFORMED_EXAMPLES_KEY: transformed_examples,
                }
            )
        )
