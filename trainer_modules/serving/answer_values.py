"""What a model answers, as values by column: as a table has them, or as JSON does."""

import dataclasses
from collections.abc import Sequence
from typing import Any, get_args, get_origin

from ulmfit_tfx.trainer_modules.serving.loaded_model import Predictor
from ulmfit_tfx.trainer_modules.serving.model_info import ModelInfo
from ulmfit_tfx.transforms.answered_rows.layout import Kind

_TEXT = "text"
"""Field of all answers that repeats what was asked."""


def answer_kinds(predictor: type[Predictor[Any, Any]], info: ModelInfo, as_table: bool) -> dict[str, Kind]:
    """Columns of a model's answers, see `answer_values`."""
    if not as_table:
        return dict.fromkeys(_fields(predictor), "text")
    columns = predictor.columns([], info)
    return {name: "text" if isinstance(values, list) else "number" for name, values in columns.items()}


def answer_values(
    predictor: type[Predictor[Any, Any]], answers: Sequence[Any], info: ModelInfo, as_table: bool
) -> list[dict[str, Any]]:
    """Answers as values by column.

    Args:
        predictor: Of the task.
        answers: As it gives them.
        info: What the model says of itself.
        as_table: With the columns of `Predictor.predict`, which are single values where they can be. Otherwise with the
            fields of the answers, but for the text.

    Returns:
        A dictionary for each answer, of values that JSON has.
    """
    if not as_table:
        return [{name: _plain(getattr(answer, name)) for name in _fields(predictor)} for answer in answers]
    columns = {name: _values(values) for name, values in predictor.columns(answers, info).items()}
    return [{name: values[row] for name, values in columns.items()} for row in range(len(answers))]


def _values(values: Any) -> list[Any]:
    return [_plain(value) for value in values] if isinstance(values, list) else values.tolist()


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def _fields(predictor: type[Predictor[Any, Any]]) -> list[str]:
    """Fields of a task's answers, but for the text."""
    bases = getattr(predictor, "__orig_bases__", ())
    _, answer = next(get_args(base) for base in bases if get_origin(base) is Predictor)
    return [field.name for field in dataclasses.fields(answer) if field.name != _TEXT]
