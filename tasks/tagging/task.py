"""Tagging: words with a tag, or several."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ulmfit_tfx.tasks.tagging.config import TaggingPipelineConfig
from ulmfit_tfx.tasks.tagging.model_info import TaggingInfo
from ulmfit_tfx.tasks.task import LabelledTask

if TYPE_CHECKING:
    import tensorflow_model_analysis as tfma

    from ulmfit_tfx.evaluation.contest import Contest
    from ulmfit_tfx.evaluation.task_card import TaskCard
    from ulmfit_tfx.evaluation.task_view import TaskView
    from ulmfit_tfx.transforms.records.record import Row


class TaggingTask(LabelledTask[TaggingInfo, TaggingPipelineConfig]):
    """See `Task`."""

    name = "tagging"
    noun = "tagger"
    hub_tag = "token-classification"
    config = TaggingPipelineConfig
    info = TaggingInfo
    run_fn = "ulmfit_tfx.tasks.tagging.trainer.run_fn"
    preprocessing_fn = "ulmfit_tfx.tasks.tagging.preprocessing.preprocessing_fn"
    has_vocabulary = True

    def card(self, info: TaggingInfo) -> "TaskCard":
        """See `Task`."""
        from ulmfit_tfx.tasks.tagging.card import task_card

        return task_card(info)

    def eval_config(self, config: TaggingPipelineConfig) -> "tfma.EvalConfig":
        """See `LabelledTask`."""
        from ulmfit_tfx.tasks.tagging.metrics import eval_config

        return eval_config(config)

    def contest(self, info: TaggingInfo) -> "Contest":
        """See `LabelledTask`."""
        from ulmfit_tfx.tasks.tagging.baselines import Tagging

        return Tagging(info.details.scheme, info.details.tag_separator)

    def report_view(self, info: TaggingInfo, rows: "Sequence[Row]", predictions: Sequence[Any]) -> "TaskView":
        """See `LabelledTask`."""
        from ulmfit_tfx.tasks.tagging.report_view import MultiLabelTaggingView, TaggingView

        if info.details.tag_separator is None:
            return TaggingView(rows, predictions, info.labels, info.details.scheme)
        return MultiLabelTaggingView(rows, predictions, info.labels, info.details.tag_separator)

    def question(self, info: TaggingInfo) -> dict[str, str]:
        """See `LabelledTask`."""
        return {"tag scheme": info.details.scheme, "tag separator": repr(info.details.tag_separator)}

    def predict_rows(self, predictor: Any, rows: "Sequence[Row]") -> Sequence[Any]:
        """Tags the rows' own words."""
        return predictor.predict_words([row.words for row in rows])


TASK = TaggingTask()
