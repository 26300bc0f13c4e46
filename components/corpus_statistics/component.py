"""The CorpusStatistics component."""

from tfx import types
from tfx.dsl.components.base import executor_spec
from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.types import channel_utils, standard_artifacts

from ulmfit_tfx.components.corpus_statistics.executor import Executor
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.code_version import code_version
from ulmfit_tfx.schemas.config.corpus_statistics import CorpusStatisticsConfig


class CorpusStatistics(BaseBeamComponent):
    """Counts pieces in the train splits of labelled and unlabelled texts; makes vectors of pieces and topics of texts.

    Output `corpus_statistics`, a standard `Model` artifact, laid out as
    `ulmfit_tfx.transforms.statistics.layout.CorpusStatistics` says. It is the same for any number of workers.
    """

    SPEC_CLASS = specs.CorpusStatisticsSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        tokenizer: types.BaseChannel,
        config: CorpusStatisticsConfig,
        seed: int,
        examples_unlabelled: types.BaseChannel | None = None,
    ):
        """Describes the counting.

        Args:
            examples: Labelled texts, as TextTransform writes them.
            tokenizer: The one that they were transformed with.
            config: Sizes.
            seed: Of the decompositions.
            examples_unlabelled: Unlabelled texts, as TextTransform writes them.
        """
        unlabelled = {specs.EXAMPLES_UNLABELLED: examples_unlabelled} if examples_unlabelled is not None else {}
        super().__init__(
            spec=specs.CorpusStatisticsSpec(
                **{
                    specs.EXAMPLES: examples,
                    **unlabelled,
                    specs.TOKENIZER: tokenizer,
                    specs.CONFIG: config.model_dump_json(),
                    specs.SEED: seed,
                    specs.CODE_VERSION: code_version(Executor),
                    specs.CORPUS_STATISTICS: channel_utils.as_channel([standard_artifacts.Model()]),
                }
            )
        )
