"""The section `evaluation`: what a model is held against before it is pushed."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt
from typing_extensions import override

from ulmfit_tfx.schemas.config.user_code import MetricConfig
from ulmfit_tfx.schemas.section import Section, Share

LANGUAGE_MODEL_MEASURES = ("perplexity", "word_perplexity")


class PerplexityThresholdsConfig(Section):
    """Bounds on the corpus' eval split that bless a language model. Without any, none is blessed."""

    perplexity: float | None = Field(
        None, gt=1, description="highest perplexity a piece of the language model, on the corpus' eval split"
    )
    word_perplexity: float | None = Field(None, gt=1, description="the same restated a word")

    @classmethod
    @override
    def why_no(cls, field: str) -> str | None:
        if field in ThresholdsConfig.model_fields:
            return f"is set, and this task is measured by {', '.join(LANGUAGE_MODEL_MEASURES)}"
        return None


class ThresholdsConfig(PerplexityThresholdsConfig):
    """Bounds on the eval split that bless a model: the lowest value allowed, of errors the highest.

    Without any, `beat` alone says what is blessed.
    """

    accuracy: Share | None = Field(None, description="classification with one label a row; tagging: of words")
    auc: Share | None = Field(None, description="area under the ROC curve, the mean over classes against the rest")
    macro_f1: Share | None = Field(None, description="classification: mean over the classes")
    micro_f1: Share | None = Field(None, description="classification with several labels a row, tagging likewise")
    calibration_error: Share | None = Field(None, description="highest expected calibration error (ECE, 15 bins)")
    entity_precision: Share | None = Field(
        None, description="tagging, scheme bio or bioes: of whole entities (seqeval)"
    )
    entity_recall: Share | None = None
    entity_f1: Share | None = None
    mae: float | None = Field(None, ge=0, description="regression: highest mean absolute error, over all targets")
    rmse: float | None = Field(None, ge=0, description="regression: highest root of the mean squared error")
    pearson: float | None = Field(None, ge=-1, le=1, description="regression: lowest correlation of any target")
    spearman: float | None = Field(None, ge=-1, le=1, description="the same of ranks")
    one_minus_wmae: float | None = Field(
        None, le=1, description="regression: KLEJ's 1 - wMAE: mean over the values of the target, scaled to 0..1"
    )


class LanguageModelEvaluationConfig(Section):
    """What PerplexityGate demands."""

    thresholds: PerplexityThresholdsConfig = PerplexityThresholdsConfig()

    @classmethod
    @override
    def why_no(cls, field: str) -> str | None:
        if field in ("allowed_drop", "compare_with_served"):
            return "is set, and a language model is not compared with the one in service"
        if field in EvaluationConfig.model_fields:
            return "is set, and a language model is evaluated by its perplexity alone"
        return None


class EvaluationConfig(LanguageModelEvaluationConfig):
    """What the Evaluator demands."""

    thresholds: ThresholdsConfig = ThresholdsConfig()
    compare_with_served: bool = Field(
        True,
        description="evaluate the model in service too: the newest version below push.directory, or after a rollback "
        "the pinned one",
    )
    beat: Literal["baseline", "majority", "none"] | None = Field(
        None,
        description="the simple model of the same run that a blessed model is not significantly worse than, on the "
        "eval split. baseline: the strongest that the task has; majority: the most frequent class, mean or tag; none: "
        "none. null: baseline where no threshold is set, else none",
    )
    allowed_drop: dict[str, Annotated[float, Field(ge=0)]] = Field(
        {},
        description="by name of a threshold, how much worse than the model in service a new one may be to be blessed, "
        "such as {accuracy: 0.01}",
    )
    intervals: PositiveInt = Field(1000, description="bootstrap samples behind the intervals of the report")
    metrics: tuple[MetricConfig, ...] = Field(
        (),
        description="metrics of your own, each with `class` and where needed `config`, `at_least`, `at_most`; see "
        "docs/adding-a-component.md",
    )
    errors_shown: PositiveInt = Field(50, description="rows in the report's table of errors, and its TSV has all")
    compare_from_scratch: bool = Field(
        False, description="train the same classifier without pretraining too, and show both on the test split"
    )

    @property
    def has_thresholds(self) -> bool:
        """Whether a bound is set on the value of a score of the task."""
        of_the_task = ThresholdsConfig.model_fields.keys() - set(LANGUAGE_MODEL_MEASURES)
        own = (bound for metric in self.metrics for bound in (metric.at_least, metric.at_most))
        bounds = (*(getattr(self.thresholds, name) for name in of_the_task), *own)
        return any(bound is not None for bound in bounds)

    @property
    def beaten(self) -> Literal["baseline", "majority"] | None:
        """The simple models that a model is held against to be blessed."""
        if self.beat is None:
            return None if self.has_thresholds else "baseline"
        return None if self.beat == "none" else self.beat
