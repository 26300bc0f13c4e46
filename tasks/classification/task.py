"""Classification: texts with a label, or several."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ulmfit_tfx.schemas.config.sources.labelled_texts import ClassifiedTextsConfig
from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.schemas.config.teacher_shares import DISTILLATION
from ulmfit_tfx.tasks.classification.config import ClassificationPipelineConfig
from ulmfit_tfx.tasks.classification.contract import specs
from ulmfit_tfx.tasks.classification.model_info import ClassificationInfo
from ulmfit_tfx.tasks.classification.predictor import Classifier, Prediction
from ulmfit_tfx.tasks.task import LabelledTask
from ulmfit_tfx.trainer_modules.serving.signature_contract import SignatureContract, contracts

if TYPE_CHECKING:
    import tensorflow_model_analysis as tfma
    from rich.console import Console

    from ulmfit_tfx.evaluation.contest import Contest
    from ulmfit_tfx.evaluation.task_card import TaskCard
    from ulmfit_tfx.evaluation.task_view import TaskView
    from ulmfit_tfx.transforms.records.record import Row

_MULTI_LABEL_SCHEMA = Path(__file__).parent / "multi_label_schema.pbtxt"


class ClassificationTask(LabelledTask[ClassificationInfo, ClassificationPipelineConfig, Prediction]):
    """See `Task`."""

    name = "classification"
    noun = "classifier"
    hub_tag = "text-classification"
    config = ClassificationPipelineConfig
    info = ClassificationInfo
    run_fn = "ulmfit_tfx.tasks.classification.trainer.run_fn"
    preprocessing_fn = "ulmfit_tfx.tasks.classification.preprocessing.preprocessing_fn"
    schema_file = Path(__file__).parent / "schema.pbtxt"
    predictor = Classifier
    has_vocabulary = True

    def schema(self, source: SourceConfig) -> str:
        """See `Task`: with several labels a text, these have a feature of their own."""
        several = isinstance(source, ClassifiedTextsConfig) and source.is_multi_label
        return (_MULTI_LABEL_SCHEMA if several else self.schema_file).read_text(encoding="utf-8")

    def training_config(self, config: ClassificationPipelineConfig) -> dict[str, Any]:
        """The section, and what stands between the labels of a text, or None."""
        section = config.classification.model_dump(mode="json")
        told: dict[str, Any] = {self.name: section, "label_separator": config.data.answer_separator}
        if config.distillation is not None:
            told[DISTILLATION] = config.distillation.model_dump(mode="json", exclude={"data"})
        return told

    def contracts(self, info: ClassificationInfo) -> dict[str, SignatureContract]:
        """See `Task.contracts`."""
        return contracts(specs(), {"C": len(info.labels)})

    def show_answers(
        self, console: "Console", answers: Sequence[Prediction], info: ClassificationInfo, with_header: bool = True
    ) -> None:
        """Prints a table."""
        from ulmfit_tfx.tasks.classification.terminal import prediction_table

        console.print(prediction_table(answers, with_header))

    def show_answer(self, console: "Console", answer: Prediction, info: ClassificationInfo) -> None:
        """Prints probabilities as bars."""
        from ulmfit_tfx.tasks.classification.terminal import probability_bars

        console.print(probability_bars(answer))

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
            return Classification(info.labels, info.tokenizer.separator)
        return MultiLabel(info.labels, info.details.threshold, info.tokenizer.separator)

    def report_view(
        self, info: ClassificationInfo, rows: "Sequence[Row]", predictions: Sequence[Prediction]
    ) -> "TaskView":
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
