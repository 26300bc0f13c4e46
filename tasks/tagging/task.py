"""Tagging: words with a tag, or several."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.tasks.tagging.config import TaggingPipelineConfig
from ulmfit_tfx.tasks.tagging.contract import specs
from ulmfit_tfx.tasks.tagging.model_info import TaggingInfo
from ulmfit_tfx.tasks.tagging.predictor import Tagger, TagPrediction
from ulmfit_tfx.tasks.task import LabelledTask
from ulmfit_tfx.trainer_modules.serving.signature_contract import SignatureContract, contracts

if TYPE_CHECKING:
    import tensorflow_model_analysis as tfma
    from rich.console import Console

    from ulmfit_tfx.evaluation.contest import Contest
    from ulmfit_tfx.evaluation.task_card import TaskCard
    from ulmfit_tfx.evaluation.task_view import TaskView
    from ulmfit_tfx.transforms.records.record import Row


class TaggingTask(LabelledTask[TaggingInfo, TaggingPipelineConfig, TagPrediction]):
    """See `Task`."""

    name = "tagging"
    noun = "tagger"
    hub_tag = "token-classification"
    config = TaggingPipelineConfig
    info = TaggingInfo
    run_fn = "ulmfit_tfx.tasks.tagging.trainer.run_fn"
    preprocessing_fn = "ulmfit_tfx.tasks.tagging.preprocessing.preprocessing_fn"
    schema_file = Path(__file__).parent / "schema.pbtxt"
    predictor = Tagger
    has_vocabulary = True

    def preprocessing_config(self, config: PipelineConfig) -> dict[str, Any]:
        """See `Task`: sentences are not cut here, but read by windows."""
        assert isinstance(config, TaggingPipelineConfig)  # as its class has it
        tagging = config.tagging
        return {"tag_separator": tagging.tag_separator, "word_features": tagging.word_features is not None}

    def training_config(self, config: TaggingPipelineConfig) -> dict[str, Any]:
        """The section."""
        return {self.name: config.tagging.model_dump(mode="json")}

    def contracts(self, info: TaggingInfo) -> dict[str, SignatureContract]:
        """See `Task.contracts`."""
        return contracts(specs(), {"K": len(info.labels)})

    def show_answers(
        self, console: "Console", answers: Sequence[TagPrediction], info: TaggingInfo, with_header: bool = True
    ) -> None:
        """Prints the texts with their tags."""
        from ulmfit_tfx.tasks.tagging.terminal import tagged_text

        for answer in answers:
            console.print(tagged_text(console, answer, info))

    def show_answer(self, console: "Console", answer: TagPrediction, info: TaggingInfo) -> None:
        """Prints the text with its tags, and a table of its spans."""
        from ulmfit_tfx.tasks.tagging.terminal import with_span_table

        console.print(with_span_table(console, answer, info))

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

    def report_view(self, info: TaggingInfo, rows: "Sequence[Row]", predictions: Sequence[TagPrediction]) -> "TaskView":
        """See `LabelledTask`."""
        from ulmfit_tfx.tasks.tagging.report_view import MultiLabelTaggingView, TaggingView

        if info.details.tag_separator is None:
            return TaggingView(rows, predictions, info.labels, info.details.scheme)
        return MultiLabelTaggingView(rows, predictions, info.labels, info.details.tag_separator)

    def question(self, info: TaggingInfo) -> dict[str, str]:
        """See `LabelledTask`."""
        return {"tag scheme": info.details.scheme, "tag separator": repr(info.details.tag_separator)}


TASK = TaggingTask()
