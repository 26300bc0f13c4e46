"""Scores a model beside the simple models of its task, on the same rows and the same bootstrap samples."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ulmfit_tfx.components.reports.held_out import HeldOutReport
from ulmfit_tfx.evaluation.catalogue import MODEL
from ulmfit_tfx.evaluation.intervals import bootstrap
from ulmfit_tfx.tasks import labelled_task
from ulmfit_tfx.transforms.records.record import Row


def scored_beside_baselines(
    predictors: Mapping[str, Any],
    train: Sequence[Row],
    rows: Sequence[Row],
    samples: int,
    seed: int,
    baselines: Collection[str] | None = None,
    taught: Sequence[Row] = (),
) -> HeldOutReport:
    """Scores models and baselines.

    Args:
        predictors: Models by their names in the catalogue, `MODEL` among them.
        train: What baselines are fitted on.
        rows: What is scored.
        samples: Of the bootstrap behind the intervals.
        seed: Of the linear baselines and of the bootstrap.
        baselines: Names of those that are scored. None: all that the task has.
        taught: What baselines are fitted on that learn from a teacher too; none where there is no teacher.
    """
    info = predictors[MODEL].info
    contest = labelled_task(info.task).contest(info)
    answers = {name: contest.of_model(predictor.answer_rows(rows)) for name, predictor in predictors.items()}
    found_answers = {**contest.of_baselines(train, rows, seed)}
    if taught:
        found_answers |= contest.of_taught(taught, rows, seed)
    answers |= {
        name: found
        for name, found in found_answers.items()
        if found is not None and (baselines is None or name in baselines)
    }
    scored = {name: contest.scored(rows, found) for name, found in answers.items()}
    found = {name: bootstrap(of.scores, len(of), samples, seed) for name, of in scored.items()}
    return HeldOutReport(
        info.task,
        len(rows),
        systems={name: contest.intervals(of, found[name]) for name, of in scored.items()},
        differences={name: found[MODEL].differences(other) for name, other in found.items() if name != MODEL},
        leading=contest.leading,
    )
