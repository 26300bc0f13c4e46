"""What a model card is written from."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

from ulmfit_tfx.components.reports.accounting import Accounting
from ulmfit_tfx.components.reports.held_out import HeldOutReport
from ulmfit_tfx.components.reports.perplexity import PerplexityReport
from ulmfit_tfx.components.reports.scores_file import EvaluationScores
from ulmfit_tfx.evaluation.task_card import TaskCard
from ulmfit_tfx.tasks import LabelledTask, Task, task_named
from ulmfit_tfx.trainer_modules.serving.model_info import ModelInfo


@dataclasses.dataclass(frozen=True)
class CardSources:
    """Facts of a run. What the run did not make is None, and then not in the card.

    Attributes:
        config: The configuration of the pipeline with all its defaults, as `PipelineConfig.model_dump(mode="json")`.
        info: What the model says of itself.
        parameters: Numbers that the model has learned.
        versions: Of ulmfit-tfx, TensorFlow and TFX, by name.
        best_epochs: The epoch whose weights were kept, counted from 1, of each training, by direction of reading.
        rows: Of the labelled data.
        corpus: Of the unlabelled texts.
        taught: Of the labelled rows and a teacher's together.
        evaluation: Scores on the eval split.
        held_out: Scores on the test split.
        perplexity: Of the language model, on the corpus' eval split.
    """

    config: Mapping[str, Any]
    info: ModelInfo
    parameters: int
    versions: Mapping[str, str]
    best_epochs: Mapping[str, int] = dataclasses.field(default_factory=dict)
    rows: Accounting | None = None
    corpus: Accounting | None = None
    taught: Accounting | None = None
    evaluation: EvaluationScores | None = None
    held_out: HeldOutReport | None = None
    perplexity: PerplexityReport | None = None

    @property
    def task(self) -> Task:
        """Of the model."""
        return task_named(self.info.task)

    @functools.cached_property
    def card(self) -> TaskCard:
        """What there is to say of the task."""
        return self.task.card(self.info)

    @property
    def is_of_rows(self) -> bool:
        """Whether the model learned from labelled rows."""
        return isinstance(self.task, LabelledTask)

    @property
    def own_perplexity(self) -> PerplexityReport | None:
        """Of the model itself, where it is a language model."""
        return None if self.is_of_rows else self.perplexity

    @property
    def source(self) -> Mapping[str, Any]:
        """The section of the configuration that says where the model's texts come from."""
        return self.config["data" if self.is_of_rows else "corpus"]


def file_name(path: str) -> str:
    """Of a path, glob, remote path or `package://NAME/FILE`: folders are nobody's business but the run's."""
    return path.rstrip("/").rpartition("/")[2]
