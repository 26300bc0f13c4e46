"""Regression: texts with numbers."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ulmfit_tfx.tasks.regression.config import RegressionPipelineConfig
from ulmfit_tfx.tasks.regression.contract import specs
from ulmfit_tfx.tasks.regression.model_info import RegressionInfo
from ulmfit_tfx.tasks.regression.predictor import Regressor, ScorePrediction
from ulmfit_tfx.tasks.task import LabelledTask
from ulmfit_tfx.trainer_modules.serving.signature_contract import SignatureContract, contracts

if TYPE_CHECKING:
    import tensorflow_model_analysis as tfma
    from rich.console import Console

    from ulmfit_tfx.evaluation.contest import Contest
    from ulmfit_tfx.evaluation.task_card import TaskCard
    from ulmfit_tfx.evaluation.task_view import TaskView
    from ulmfit_tfx.transforms.records.record import Row


class RegressionTask(LabelledTask[RegressionInfo, RegressionPipelineConfig, ScorePrediction]):
    """See `Task`."""

    name = "regression"
    noun = "regressor"
    hub_tag = "text-classification"  # the Hub has none for numbers, and files models that score texts under this
    config = RegressionPipelineConfig
    info = RegressionInfo
    run_fn = "ulmfit_tfx.tasks.regression.trainer.run_fn"
    preprocessing_fn = "ulmfit_tfx.tasks.regression.preprocessing.preprocessing_fn"
    schema_file = Path(__file__).parent / "schema.pbtxt"
    predictor = Regressor

    def training_config(self, config: RegressionPipelineConfig) -> dict[str, Any]:
        """The section, and the names of the numbers."""
        return {self.name: config.regression.model_dump(mode="json"), "targets": config.data.target_columns}

    def contracts(self, info: RegressionInfo) -> dict[str, SignatureContract]:
        """See `Task.contracts`."""
        targets = len(info.details.targets)
        return contracts(specs(targets), {"N": targets})

    def show_answers(
        self, console: "Console", answers: Sequence[ScorePrediction], info: RegressionInfo, with_header: bool = True
    ) -> None:
        """Prints a table."""
        from ulmfit_tfx.tasks.regression.terminal import score_table

        console.print(score_table(answers, with_header))

    def show_answer(self, console: "Console", answer: ScorePrediction, info: RegressionInfo) -> None:
        """Prints a line a target."""
        from ulmfit_tfx.tasks.regression.terminal import score_lines

        console.print(score_lines(answer))

    def card(self, info: RegressionInfo) -> "TaskCard":
        """See `Task`."""
        from ulmfit_tfx.tasks.regression.card import task_card

        return task_card(info)

    def eval_config(self, config: RegressionPipelineConfig) -> "tfma.EvalConfig":
        """See `LabelledTask`."""
        from ulmfit_tfx.tasks.regression.metrics import eval_config

        return eval_config(config)

    def contest(self, info: RegressionInfo) -> "Contest":
        """See `LabelledTask`."""
        from ulmfit_tfx.tasks.regression.baselines import Regression

        return Regression(info.details.targets, info.tokenizer.separator)

    def report_view(
        self, info: RegressionInfo, rows: "Sequence[Row]", predictions: Sequence[ScorePrediction]
    ) -> "TaskView":
        """See `LabelledTask`."""
        from ulmfit_tfx.tasks.regression.report_view import RegressionView

        return RegressionView(rows, predictions, info.details.targets)

    def question(self, info: RegressionInfo) -> dict[str, str]:
        """See `LabelledTask`."""
        return {"list of targets": ", ".join(info.details.targets)}


TASK = RegressionTask()
