"""What a teacher says of a text: probabilities of the classes, read from a record.

Distributions as targets: Hinton et al. 2015, https://arxiv.org/abs/1503.02531.
"""

import ast
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ulmfit_tfx.schemas.config.sources.taught_texts import TaughtTextsConfig
from ulmfit_tfx.schemas.labels import composed
from ulmfit_tfx.transforms.records.lines import excerpt
from ulmfit_tfx.transforms.records.record import RowError
from ulmfit_tfx.transforms.records.record_fields import Record

MOST_OFF = 1e-3
"""By which a sum of probabilities may differ from 1: what rounding does, and no more."""
_NAMED = 10
"""Classes that a message names."""


def probabilities_of(record: Record, config: TaughtTextsConfig, classes: Mapping[str, int]) -> tuple[float, ...]:
    """The teacher's probabilities in a record, in the order of the classes. Their sum is 1.

    With the classes `{bad: 0, good: 1}` the field `probabilities: {"good": 0.9, "bad": 0.1}` gives `(0.1, 0.9)`, and
    with `label_column: label` and `confidence_column: confidence` so do `label: good, confidence: 0.9`.

    Args:
        record: With the columns `config.read_columns`.
        config: Where the probabilities stand.
        classes: The place of each class, by each name that it may have.

    Raises:
        RowError: There are none, a class is unknown, a number is none or negative, or their sum is not 1.
    """
    size = max(classes.values()) + 1
    if config.label_column is not None:
        return _of_label(record, config, classes, size)
    given = _given(record, config, classes)
    if config.logits:
        if len(given) < size:
            raise RowError("missing logit", f"{len(given)} of {size} classes have one, expected all: 0 says nothing")
        return _softmax([given[place] for place in range(size)])
    if negative := [number for number in given.values() if number < 0]:
        hint = ". Are these logits? Set distillation.data.logits"
        raise RowError("negative probability", f"{_where(config)} holds {negative[0]:g}, expected 0 to 1{hint}")
    total = sum(given.values())  # of huge numbers infinite, where math.fsum raises
    if abs(total - 1) > MOST_OFF:
        detail = (
            f"{_where(config)}: their sum is {total:g}, expected 1 within {MOST_OFF:g}; write three decimals or more"
        )
        raise RowError("probabilities do not sum to 1", detail)
    return tuple(given.get(place, 0.0) / total for place in range(size))


def _of_label(record: Record, config: TaughtTextsConfig, classes: Mapping[str, int], size: int) -> tuple[float, ...]:
    label = record.values[str(config.label_column)]
    if not label:
        raise RowError("empty label", f"column '{config.label_column}'")
    place = _place(label, classes, str(config.label_column))
    confidence = 1.0
    if config.confidence_column is not None:
        confidence = _number(record.values[config.confidence_column], f"column '{config.confidence_column}'")
        if not 0 <= confidence <= 1:
            detail = f"column '{config.confidence_column}' is {confidence:g}, expected 0 to 1"
            hint = f". Of percents write {confidence / 100:g}" if 1 < confidence <= 100 else ""
            raise RowError("confidence out of bounds", f"{detail}{hint}")
    rest = (1 - confidence) / (size - 1)
    return tuple(confidence if each == place else rest for each in range(size))


def _given(record: Record, config: TaughtTextsConfig, classes: Mapping[str, int]) -> dict[int, float]:
    """Numbers that stand in a record, by the place of their class."""
    where = _where(config)
    pairs: Iterable[tuple[str, Any]]
    if config.probability_columns:
        pairs = [(column, record.values[column] or None) for column in config.probability_columns]
    else:
        pairs = _pairs(record.values[str(config.probabilities)], config, where)
    given: dict[int, float] = {}
    for name, value in pairs:
        if not config.logits and _is_none(value) and composed(name.strip()) not in classes:
            continue  # a class that data has dropped, of which the teacher knew
        place = _place(name, classes, where)
        if place in given:
            raise RowError("class given twice", f"{where} has '{excerpt(name)}' twice")
        if value is not None:
            given[place] = _number(value, f"{where}, class '{excerpt(name)}',")
    if not given:
        raise RowError("no probabilities", f"{where} is empty")
    return given


def _pairs(cell: str, config: TaughtTextsConfig, where: str) -> Sequence[tuple[str, Any]]:
    if not cell:
        raise RowError("no probabilities", f"{where} is empty")
    found = _parsed(cell)
    if isinstance(found, _Pairs):
        return found
    if not isinstance(found, list):
        expected = 'expected an object such as {"good": 0.9, "bad": 0.1}'
        raise RowError("no probabilities", f"{where} is '{excerpt(cell)}', {expected}")
    if config.label_order is None:
        hint = "Name the classes in their order as distillation.data.label_order"
        raise RowError("classes without names", f"{where} holds a list. {hint}")
    if len(found) != len(config.label_order):
        detail = f"{where} holds {len(found)} numbers, expected {len(config.label_order)}, as label_order has classes"
        raise RowError("wrong number of probabilities", detail)
    return list(zip(config.label_order, found, strict=True))


class _Pairs(list[tuple[str, Any]]):
    """Names and values of an object as it is written: a name may be there twice."""


def _parsed(cell: str) -> Any:
    """An object or a list, as JSON or as Python writes it; None of anything else."""
    try:
        return json.loads(cell, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError):
        pass
    try:
        found = ast.literal_eval(cell)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):  # TypeError: {{...}}, a list as a name
        return None
    if isinstance(found, dict):
        return _Pairs((str(name), value) for name, value in found.items())
    return list(found) if isinstance(found, list | tuple) else None


def _place(name: str, classes: Mapping[str, int], where: str) -> int:
    place = classes.get(composed(name.strip()))
    if place is None:
        known = list(dict.fromkeys(classes))
        more = f" and {len(known) - _NAMED:,} more" if len(known) > _NAMED else ""
        expected = f"expected one of {', '.join(known[:_NAMED])}{more}"
        raise RowError("unknown class", f"{where} names '{excerpt(name)}', {expected}")
    return place


def _number(value: Any, where: str) -> float:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            number = math.nan
        if math.isfinite(number) and "_" not in str(value):
            return number
    raise RowError("not a number", f"{where} is '{excerpt(str(value))}', expected a finite number")


def _is_none(value: Any) -> bool:
    """Whether a probability is 0, or not there."""
    try:
        return value is None or (not isinstance(value, bool) and float(value) == 0)
    except (TypeError, ValueError, OverflowError):
        return False


def _softmax(logits: Sequence[float]) -> tuple[float, ...]:
    highest = max(logits)
    powers = [math.exp(logit - highest) for logit in logits]
    total = math.fsum(powers)
    return tuple(power / total for power in powers)


def _where(config: TaughtTextsConfig) -> str:
    names = ", ".join(f"'{column}'" for column in config.read_columns)
    return f"column{'s' if len(config.read_columns) > 1 else ''} {names}"
