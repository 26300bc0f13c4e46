"""Puts together what the report says, from rows, predictions and what other stages found. Reads and writes no files."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ulmfit_tfx.components.evaluation_report.tsv import to_tsv
from ulmfit_tfx.components.reports.beaten import BeatenReport
from ulmfit_tfx.components.reports.held_out import HeldOutReport
from ulmfit_tfx.components.reports.scores_file import Comparison, EvaluationScores, SliceScores
from ulmfit_tfx.components.row_places import RowPlace
from ulmfit_tfx.evaluation import charts
from ulmfit_tfx.evaluation.blocks import (
    Cell,
    Section,
    ShownError,
    Table,
    count_cell,
    number,
    number_cell,
    signed,
)
from ulmfit_tfx.evaluation.branches import HEADER, MEANING, table_rows
from ulmfit_tfx.evaluation.catalogue import MODEL, SCORES, SYSTEMS, in_order, lower_is_better
from ulmfit_tfx.evaluation.history import History
from ulmfit_tfx.evaluation.intervals import Interval, bootstrap, with_intervals
from ulmfit_tfx.evaluation.standing import Standing
from ulmfit_tfx.evaluation.task_view import TaskView
from ulmfit_tfx.schemas.config.evaluation import EvaluationConfig
from ulmfit_tfx.tasks import labelled_task
from ulmfit_tfx.trainer_modules.serving.model_info import ModelInfo
from ulmfit_tfx.transforms.records.record import Row
from ulmfit_tfx.transforms.splitting import EVAL

PLACE_COLUMNS = ("file", "line", "row")
"""Of the table of errors: file, line and record of a `RowPlace`."""
_ROUNDING = 1e-9
"""A difference may be larger than what is allowed by so much, as in the Evaluator's eyes."""


@dataclasses.dataclass(frozen=True)
class Served:
    """The model in service.

    Attributes:
        info: What it says of itself.
        predictions: Of the rows, in their order.
    """

    info: ModelInfo
    predictions: Sequence[Any]


@dataclasses.dataclass(frozen=True)
class Demand:
    """Something that is demanded of a model to be blessed.

    Attributes:
        score: Name of a threshold.
        text: Such as `at least 0.8`.
        bound: On the score; None on its difference.
        is_met: Whether the model meets it.
        found: What it was held against, in words, where that is neither bound nor model in service.
    """

    score: str
    text: str
    bound: float | None
    is_met: bool
    found: str = ""


@dataclasses.dataclass(frozen=True)
class ReportContent:
    """What the report says.

    Attributes:
        name: Of the pipeline.
        kind: The task in words.
        scores: On the eval split.
        demands: Those that count.
        sections: In their order.
        standing: Where the model stands beside its strongest baseline on the test split; None where none is known.
        no_comparison: Why there is none with the model in service; None where there is one.
        errors: The worst rows.
        wrong_rows: Number of rows that are not exactly right.
        ranking: How errors are ranked, in words.
        errors_tsv: All rows that are not exactly right.
    """

    name: str
    kind: str
    scores: EvaluationScores
    demands: tuple[Demand, ...]
    sections: tuple[Section, ...]
    standing: Standing | None
    no_comparison: str | None
    errors: tuple[ShownError, ...]
    wrong_rows: int
    ranking: str
    errors_tsv: str


def build_content(
    name: str,
    info: ModelInfo,
    rows: Sequence[Row],
    places: Sequence[RowPlace],
    predictions: Sequence[Any],
    evaluation: EvaluationConfig,
    seed: int,
    length_buckets: Sequence[str],
    served: Served | str,
    history: History | None = None,
    held_out: HeldOutReport | None = None,
    warnings: Sequence[str] = (),
    beaten: BeatenReport | None = None,
) -> ReportContent:
    """Computes everything that the report shows.

    Args:
        name: Of the pipeline.
        info: What the model says of itself.
        rows: Of the eval split.
        places: Of the rows, in their order.
        predictions: Of the model, in the order of the rows.
        evaluation: Thresholds, and how much is shown.
        seed: Of the bootstrap samples.
        length_buckets: Of the rows.
        served: The model in service, or why there is none to compare with.
        history: Of the training.
        held_out: Scores on the test split.
        warnings: What takes worth from the scores.
        beaten: The simple models that the model is held against, where it is.

    Raises:
        ValueError: There are no rows, not a place for each, or a prediction is not finite.
    """
    if len(places) != len(rows):
        raise ValueError(f"{len(rows):,} rows, and {len(places):,} places")
    task = labelled_task(info.task)
    view = task.report_view(info, rows, predictions)
    served_view = None if isinstance(served, str) else task.report_view(served.info, rows, served.predictions)
    scores = _evaluated(info.task, view, served_view, _slicings(view, length_buckets), evaluation.intervals, seed)
    lost = [f"Not blessed: {beaten.lost()}"] if beaten and beaten.lost() else []
    scores = dataclasses.replace(scores, warnings=(*lost, *warnings))
    wrong = view.errors()
    columns = (*view.columns, "split", *PLACE_COLUMNS)
    records = [{**view.record(index), "split": EVAL, **_place_record(places[index])} for index in wrong]
    return ReportContent(
        name=name,
        kind=view.kind,
        scores=scores,
        demands=(*_demands(scores, evaluation), *_demanded_beside(beaten)),
        sections=(
            *([_comparison_section(scores.scores, scores.baseline)] if scores.baseline else []),
            *([_held_out_section(held_out)] if held_out else []),
            *([_branches_section(info)] if info.branches else []),
            *([_training_section(history)] if history and history.quantities else []),
            *view.sections(),
            _slice_section(scores),
        ),
        standing=held_out.standing() if held_out else None,
        no_comparison=served if isinstance(served, str) else None,
        errors=tuple(
            dataclasses.replace(view.shown(index), place=shown_place(places[index]))
            for index in wrong[: evaluation.errors_shown]
        ),
        wrong_rows=len(wrong),
        ranking=view.ranking,
        errors_tsv=to_tsv(records, columns),
    )


def _place_record(place: RowPlace) -> dict[str, str]:
    return dict(zip(PLACE_COLUMNS, (place.file, str(place.line), str(place.record)), strict=True))


def shown_place(place: RowPlace) -> str:
    """A place as the page shows it, where errors.tsv has the whole path: with the folder of its file alone.

    >>> shown_place(RowPlace("/data/reviews/train/good/7.txt", 1, 1))
    'good/7.txt:1'
    """
    return f"{'/'.join(place.file.split('/')[-2:])}:{place.line}"


def _evaluated(
    task: str,
    view: TaskView,
    served: TaskView | None,
    slicings: Mapping[str, Sequence[str | None]],
    samples: int,
    seed: int,
) -> EvaluationScores:
    rows = len(view.rows)
    if served is None:
        scores, baseline = with_intervals(view.scored.scores, rows, samples, seed), None
    else:
        scores, baseline = _compared(view, served, samples, seed)
    by_slice = {name: _slices(view, name, values) for name, values in slicings.items()}
    return EvaluationScores(task, rows, _in_order(scores), by_slice, baseline)


def _compared(view: TaskView, served: TaskView, samples: int, seed: int) -> tuple[dict[str, Interval], Comparison]:
    """Scores of the model, and the comparison. Both models are scored on the same bootstrap samples."""
    rows = len(view.rows)
    new, old = (bootstrap(of.scored.scores, rows, samples, seed) for of in (view, served))
    right, served_right = view.right(), served.right()
    mended = broken = None
    if right is not None and served_right is not None:
        mended, broken = int(np.sum(right & ~served_right)), int(np.sum(served_right & ~right))
    return new.intervals(), Comparison(_in_order(old.intervals()), _in_order(new.differences(old)), mended, broken)


def _in_order(scores: Mapping[str, Any]) -> dict[str, Any]:
    return {name: scores[name] for name in in_order(scores)}


def _slicings(view: TaskView, length_buckets: Sequence[str]) -> dict[str, Sequence[str | None]]:
    """What rows are sliced by: by name, the value of each row, None for a row without one."""
    by_column = [dict(row.slices) for row in view.rows]
    columns = sorted({name for values in by_column for name in values})
    return {
        "length": length_buckets,
        **view.own_slices(),
        **{name: [values.get(name) for values in by_column] for name in columns},
    }


def _slices(view: TaskView, name: str, values: Sequence[str | None]) -> dict[str, SliceScores]:
    rows: dict[str, list[int]] = {}
    for row, value in enumerate(values):
        if value is not None:
            rows.setdefault(value, []).append(row)
    return {value: _slice_scores(view, np.array(rows[value]), name) for value in sorted(rows)}


def _slice_scores(view: TaskView, indices: np.ndarray, name: str) -> SliceScores:
    scores = view.scored.scores(indices)
    if name in view.own_slices():  # rows of one class: what is taken over classes says nothing of them
        scores = {"accuracy": scores["accuracy"]}
    return SliceScores(len(indices), _in_order(scores))


def _demands(scores: EvaluationScores, evaluation: EvaluationConfig) -> Iterator[Demand]:
    thresholds = evaluation.thresholds.model_dump()
    differences = scores.baseline.differences if scores.baseline else {}
    for name, score in SCORES.items():
        if score.scale == "perplexity":  # of a language model, which is evaluated by a stage of its own
            continue
        sign = -1 if score.lower_is_better else 1
        if (bound := thresholds[name]) is not None:
            is_met = name in scores.scores and sign * scores.scores[name].value >= sign * bound
            yield Demand(name, f"at {'least' if sign > 0 else 'most'} {bound:g}", bound, is_met)
        allowed = evaluation.allowed_drop.get(name)
        if allowed is not None and name in differences:
            text = f"at most {allowed:g} worse than in service" if allowed else "no worse than in service"
            yield Demand(name, text, None, sign * differences[name].value >= -(allowed + _ROUNDING))


def _demanded_beside(beaten: BeatenReport | None) -> Iterator[Demand]:
    """That the model is as good as the strongest simple one that it is held against."""
    found = beaten.standing() if beaten else None
    if found is not None and beaten is not None:
        title = SYSTEMS[found.baseline].title
        text = f"not significantly worse than {title}"
        yield Demand(found.score, text, None, beaten.is_met, found.sentence())


def _comparison_section(scores: Mapping[str, Interval], comparison: Comparison) -> Section:
    rows = tuple(
        (
            Cell(SCORES[name].heading),
            number_cell(scores[name].value),
            number_cell(comparison.scores[name].value),
            Cell(signed_interval(difference), is_number=True),
            Cell(_judged(name, difference)),
        )
        for name, difference in comparison.differences.items()
    )
    lead = "Both models on the same rows of the eval split."
    if comparison.mended is not None:
        lead += f" The new one mends {comparison.mended:,} rows and breaks {comparison.broken:,}."
    header = ("score", "new", "in service", "difference (95 % interval)", "")
    return Section(
        "service", "The model in service", lead, tables=(Table("New model and model in service", header, rows),)
    )


def signed_interval(difference: Interval) -> str:
    """A difference with its interval: `+0.012 (+0.003 … +0.021)`."""
    return f"{signed(difference.value)} ({signed(difference.low)} … {signed(difference.high)})"


def _judged(name: str, difference: Interval) -> str:
    """What an interval says of the difference."""
    if difference.low <= 0 <= difference.high:
        return "no clear difference"
    return "better" if (difference.low > 0) != lower_is_better(name) else "worse"


def _branches_section(info: ModelInfo) -> Section:
    rows = tuple(
        (Cell(name), *(Cell(text, is_number=True) for text in numbers)) for name, *numbers in table_rows(info.branches)
    )
    return Section("branches", "Branches", MEANING, tables=(Table("Branches of the model", HEADER, rows),))


def _held_out_section(held_out: HeldOutReport) -> Section:
    systems = held_out.systems
    names = in_order(name for scores in systems.values() for name in scores)
    shown = [system for system in SYSTEMS if system in systems]
    rows = tuple(
        (Cell(SYSTEMS[system].title), *(_interval_cell(systems[system].get(name)) for name in names))
        for system in shown
    )
    table = Table(
        "Scores on the test split, with 95 % intervals",
        ("system", *(SCORES[name].heading for name in names)),
        rows,
        emphasized_row=shown.index(MODEL),
    )
    lead = f"{held_out.rows:,} rows that nothing else has read, scored once."
    return Section("test", "Test split", lead, tables=(table,))


def _interval_cell(interval: Interval | None) -> Cell:
    if interval is None:
        return number_cell(None)
    return Cell(f"{number(interval.value)} ({number(interval.low)} … {number(interval.high)})", is_number=True)


def _training_section(history: History) -> Section:
    drawn = tuple(charts.learning_curve(history, quantity) for quantity in history.quantities)
    return Section("training", "Training", "By epoch; the weights of the best one were kept.", charts=drawn)


def _slice_section(scores: EvaluationScores) -> Section:
    overall = {name: interval.value for name, interval in scores.scores.items()}
    tables = []
    for slicing, slices in scores.by_slice.items():
        names = [name for name in overall if any(name in found.scores for found in slices.values())]
        everything = {"all rows": SliceScores(scores.rows, overall)}
        rows = tuple(
            (
                Cell(value),
                count_cell(found.rows),
                *(number_cell(found.scores.get(name), with_bar=name == names[0]) for name in names),
            )
            for value, found in [*everything.items(), *slices.items()]
        )
        title = slicing.replace("_", " ")
        header = (title, "rows", *(SCORES[name].heading for name in names))
        tables.append(Table(f"By {title}", header, rows, emphasized_row=0))
    return Section("slices", "Slices", tables=tuple(tables))
