"""Classification: texts with a label, or several."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ulmfit_tfx.tasks.classification.config import ClassificationPipelineConfig
from ulmfit_tfx.tasks.classification.model_info import ClassificationInfo
from ulmfit_tfx.tasks.task import LabelledTask

if TYPE_CHECKING:
    import tensorflow_model_analysis as tfma

    from ulmfit_tfx.evaluation.contest import Contest
    from ulmfit_tfx.evaluation.task_card import TaskCard
    from ulmfit_tfx.evaluation.task_view import TaskView
    from ulmfit_tfx.transforms.records.record import Row


class ClassificationTask(LabelledTask[ClassificationInfo, ClassificationPipelineConfig]):
    """See `Task`."""

    name = "classification"
    noun = "classifier"
    hub_tag = "text-classification"
    config = ClassificationPipelineConfig
    info = ClassificationInfo
    run_fn = "ulmfit_tfx.tasks.classification.trainer.run_fn"
    preprocessing_fn = "ulmfit_tfx.tasks.classification.preprocessing.preprocessing_fn"
    has_vocabulary = True

    def card(self, info: ClassificationInfo) -> "TaskCard":
        """See `Task`."""
        from ulmfit_tfx.tasks.classification.card import task_card

        return task_card(info)

    def eval_config(self, config: ClassificationPipelineConfig) -> "tfma.EvalConfig":
        """See `LabelledTask`."""
        from ulmfit_tfx.tasks.classification.metrics import eval_config

        return eval_config(config)

    def contest(self, info: ClassificationInfo) -> "Contest":
        """See `LabelledTask`."""
        from ulmfit_tfx.tasks.classification.baselines import Classification, MultiLabel

        if info.details.label_separator is None:
            return Classification(info.labels)
        return MultiLabel(info.labels, info.details.threshold)

    def report_view(self, info: ClassificationInfo, rows: "Sequence[Row]", predictions: Sequence[Any]) -> "TaskView":
        """See `LabelledTask`."""
        from ulmfit_tfx.tasks.classification.multi_label_report_view import MultiLabelView
        from ulmfit_tfx.tasks.classification.report_view import ClassificationView

        if info.details.label_separator is None:
            return ClassificationView(rows, predictions, info.labels)
        return MultiLabelView(rows, predictions, info.labels, info.details.label_separator, info.details.threshold)

    def question(self, info: ClassificationInfo) -> dict[str, str]:
        """See `LabelledTask`."""
        return {"number of labels a text": "one" if info.details.label_separator is None else "any"}


TASK = ClassificationTask()
