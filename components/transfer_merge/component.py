"""The TransferMerge component."""

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import channel_utils, standard_artifacts

from ulmfit_tfx.components.transfer_merge.executor import Executor
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.code_version import code_version


class TransferMerge(base_component.BaseComponent):
    """Puts labelled rows and a teacher's into one train split. Labelled rows alone are evaluated and tested.

    A teacher's row whose text is in eval or test is left out. One whose text is that of a labelled train row gives this
    row its `teacher_probabilities`. Of the others those with the same text become one, with the mean of their
    probabilities.

    Output `examples`, a standard `Examples` artifact:

        Split-train/data_tfrecord-00000-of-00002.gz    as CorpusIngest writes them, with `teacher_probabilities` and
                                                       `is_transfer`; the label of a teacher's row is empty
        Split-eval/...                                 as they come
        accounting.json                                rows in, out and left out

    The custom property `accounting` repeats accounting.json.
    """

    SPEC_CLASS = specs.TransferMergeSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, gold: types.BaseChannel, transfer: types.BaseChannel):
        """Describes the merge.

        Args:
            gold: Labelled examples, as CorpusIngest writes them.
            transfer: A teacher's, likewise.
        """
        super().__init__(
            spec=specs.TransferMergeSpec(
                **{
                    specs.GOLD: gold,
                    specs.TRANSFER: transfer,
                    specs.CODE_VERSION: code_version(Executor),
                    specs.EXAMPLES: channel_utils.as_channel([standard_artifacts.Examples()]),
                }
            )
        )
