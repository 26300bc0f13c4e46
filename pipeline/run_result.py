"""What came out of a run, for Python users: read from the files and the blessings of its stages when asked for."""

import dataclasses
import functools
import html
from pathlib import Path

from ulmfit_tfx.components.reports import held_out, perplexity
from ulmfit_tfx.components.reports.held_out import HeldOutReport
from ulmfit_tfx.components.reports.infra import REPORT_FILE as INFRA_REPORT
from ulmfit_tfx.components.reports.infra import InfraReport
from ulmfit_tfx.components.reports.scores_file import SCORES_FILE, EvaluationScores
from ulmfit_tfx.evaluation.catalogue import MODEL, title_of
from ulmfit_tfx.evaluation.intervals import Interval
from ulmfit_tfx.pipeline.stages import StageResults
from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.trainer_modules.serving.loaded_model import find_model


@dataclasses.dataclass(frozen=True, repr=False)
class Run:
    """A run that ended without a failure, its model blessed or not.

    Attributes:
        config: Of the pipeline.
        root: Folder of the runs.
        log: The log file.
        seconds: It took.
        stages: What each stage did, by its name, in their order: seconds, whether it came from cache, output artifacts.
    """

    config: PipelineConfig
    root: Path
    log: Path
    seconds: float
    stages: StageResults

    @property
    def blessed(self) -> bool:
        """Whether the model meets its thresholds and can be served. Only such a model is pushed."""
        is_good = self.stages[self._evaluator].outputs["blessing"].custom_properties["blessed"].int_value == 1
        return is_good and not self.infra.reason

    @functools.cached_property
    def scores(self) -> dict[str, float]:
        """Scores on the eval split, by the names of `evaluation.thresholds`, such as `accuracy`.

        Of a pipeline that only trains a language model: `perplexity` and `word_perplexity`, of the worse direction.
        """
        if self.evaluation is not None:
            return {name: score.value for name, score in self.evaluation.scores.items()}
        path = self._output("PerplexityGate", "evaluation") / perplexity.REPORT_FILE
        measured = perplexity.PerplexityReport.from_json(path.read_text()).overall.perplexity.values()
        found = {
            "perplexity": [values.piece for values in measured if values.piece is not None],
            "word_perplexity": [values.word for values in measured if values.word is not None],
        }
        return {name: max(values) for name, values in found.items() if values}

    @functools.cached_property
    def metrics(self) -> dict[str, float]:
        """All that TaskEvaluator, or PerplexityGate, measured on the eval split, your own metrics among it, by name."""
        from ulmfit_tfx.evaluation.tfma_results import metrics_of_all_rows

        return metrics_of_all_rows(str(self._output(self._evaluator, "evaluation")))

    @functools.cached_property
    def evaluation(self) -> EvaluationScores | None:
        """Scores on the eval split with their intervals, by slice, and beside the model that was in service.

        None of a pipeline that only trains a language model.
        """
        if "EvaluationReport" not in self.stages:
            return None
        path = self._output("EvaluationReport", "report") / SCORES_FILE
        return EvaluationScores.from_json(path.read_text())

    @functools.cached_property
    def held_out(self) -> HeldOutReport | None:
        """Scores on the test split, of the model and of the simple models beside it. None where there is no such split.

        `run.held_out.systems["model"]["accuracy"].value`, `.low` and `.high`, a 95 % interval.
        """
        if "HeldOutScorer" not in self.stages:
            return None
        return HeldOutReport.from_json((self._output("HeldOutScorer", "report") / held_out.REPORT_FILE).read_text())

    @functools.cached_property
    def infra(self) -> InfraReport:
        """Whether a server can run the model, how long it takes and what memory."""
        return InfraReport.from_json((self._output("InfraCheck", "blessing") / INFRA_REPORT).read_text())

    @property
    def report(self) -> Path | None:
        """The report to look at, a `report.html`. None of a pipeline that only trains a language model."""
        found = "EvaluationReport" in self.stages
        return self._output("EvaluationReport", "report") / "report.html" if found else None

    @property
    def pushed(self) -> bool:
        """Whether this run's model was put in service; then `model_dir` is the version of it."""
        return self._pushed is not None

    @property
    def model_dir(self) -> Path:
        """The SavedModel: the version that was pushed, or where the model was not blessed the one that was trained."""
        if self._pushed is not None:
            return self._pushed
        trainer = "Trainer" if "Trainer" in self.stages else "LanguageModelTrainer"
        return find_model(self._output(trainer, "model"))

    @property
    def language_model_dir(self) -> Path | None:
        """The SavedModel of the language model that the run trained. None where it trained none."""
        trained = "LanguageModelTrainer" in self.stages
        return find_model(self._output("LanguageModelTrainer", "model")) if trained else None

    @property
    def _pushed(self) -> Path | None:
        destination = self.stages["Pusher"].outputs["pushed_model"].custom_properties.get("pushed_destination")
        return Path(destination.string_value) if destination else None

    @property
    def _evaluator(self) -> str:
        return "TaskEvaluator" if "TaskEvaluator" in self.stages else "PerplexityGate"

    def _output(self, stage: str, key: str) -> Path:
        return Path(self.stages[stage].outputs[key].uri)

    def __repr__(self) -> str:
        scores = ", ".join(f"{name}={value:.4g}" for name, value in self.scores.items())
        return (
            f"Run({self.config.name}: {self.config.task}, {'blessed' if self.blessed else 'not blessed'}, {scores}, "
            f"model_dir='{self.model_dir}')"
        )

    def _repr_html_(self) -> str:
        """What a notebook shows: scores with their intervals, and where things lie."""
        standing = self.held_out.standing() if self.held_out is not None else None
        rows = [("test, beside baselines", standing.sentence())] if standing is not None else []
        rows += [("blessed", "yes" if self.blessed else "no, so not pushed")]
        rows += [(f"eval {title_of(name)}", shown) for name, shown in self._shown_scores().items()]
        if self.held_out is not None:
            model = self.held_out.systems[MODEL]
            rows += [(f"test {title_of(name)}", _with_interval(score)) for name, score in model.items()]
        rows.append(("model", str(self.model_dir)))
        if self.report is not None:
            rows.append(("report", str(self.report)))
        rows += [("stages from cache", f"{self._cached} of {len(self.stages)}"), ("seconds", f"{self.seconds:.1f}")]
        cells = "".join(
            f"<tr><th style='text-align:left'>{html.escape(title)}</th>"
            f"<td style='text-align:left'>{html.escape(value)}</td></tr>"
            for title, value in rows
        )
        title = html.escape(f"{self.config.name}: {self.config.task}")
        return f"<table><caption>{title}</caption><tbody>{cells}</tbody></table>"

    @property
    def _cached(self) -> int:
        return sum(stage.cached for stage in self.stages.values())

    def _shown_scores(self) -> dict[str, str]:
        if self.evaluation is not None:
            return {name: _with_interval(score) for name, score in self.evaluation.scores.items()}
        return {name: f"{value:,.2f}" for name, value in self.scores.items()}


def _with_interval(score: Interval) -> str:
    return f"{score.value:.4f} ({score.low:.3f}..{score.high:.3f})"
