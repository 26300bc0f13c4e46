"""CSV, TSV and JSON Lines: texts with a label, with several labels, with numbers, or with nothing."""

import math
import re
from collections.abc import Iterator
from typing import BinaryIO

from ulmfit_tfx.schemas.config.sources.labelled_texts import (
    ClassifiedTextsConfig,
    LabelledTextsConfig,
    NumberedTextsConfig,
)
from ulmfit_tfx.schemas.config.sources.source import ColumnsConfig
from ulmfit_tfx.schemas.config.tokenizer import PAIR_SEPARATOR
from ulmfit_tfx.transforms.records import columns, json_objects
from ulmfit_tfx.transforms.records.drop import Drop
from ulmfit_tfx.transforms.records.label_names import UNLISTED, LabelNames, UnlistedLabelError
from ulmfit_tfx.transforms.records.lines import excerpt, is_longer
from ulmfit_tfx.transforms.records.record import Refusal, Row, RowError
from ulmfit_tfx.transforms.records.record_fields import (
    Record,
    key_of,
    named_split,
    shared_columns,
    slices_of,
    text_of,
)

_LARGEST = 3.4028234663852886e38
"""Of float32, as tf.Examples hold numbers."""
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?")
_ONE_COMMA = re.compile(r"[^,.]*,[^,.]*")


def parse(
    stream: BinaryIO, source: str, config: ColumnsConfig, separator: str = PAIR_SEPARATOR
) -> Iterator[Row | Refusal | Drop]:
    """Parses a file of labelled or unlabelled rows.

    With `text_column: review`, `label_column: stars` and the names `{5: good}`, the rows

        review,stars
        "Fine, really",5

    give `Row(text="Fine, really", label="good")`, and so does the line `{"review": "Fine, really", "stars": 5}`. With
    `label_separator: ";"` the label `5;short` gives `labels=("good", "short")`, as in JSON does `[5, "short"]`; with
    `target_columns: [stars]` the row has `targets=(5.0,)`, and with `split_key_column: stars` it has `key="5"`.

    Args:
        stream: The file's bytes.
        source: The file's name, for refusals.
        config: Columns, labels, encoding and bounds.
        separator: What is put between a text and that of `second_text_column`, with a space on either side.

    Yields:
        One `Row` or `Refusal` a record, in the file's order, and a `Drop` where the label is not listed. Blank lines
        are no records.

    Raises:
        DataError: The file is empty, or its header lacks a column.
    """
    names = LabelNames.of_texts(config) if isinstance(config, ClassifiedTextsConfig) else LabelNames(None)
    for record in _records(stream, source, config):
        if isinstance(record, Refusal):
            yield record
            continue
        try:
            if isinstance(config, LabelledTextsConfig):
                yield _labelled_row(record, config, names, separator)
            else:
                yield Row(text_of(record, config.text_column, config.max_row_bytes), key=key_of(record, config))
        except UnlistedLabelError as unlisted:
            yield Drop(UNLISTED, unlisted.label)
        except RowError as error:
            yield error.refusal(source, record.line, record.row)


def _records(stream: BinaryIO, source: str, config: ColumnsConfig) -> Iterator[Record | Refusal]:
    needed = needed_columns(config)
    if config.format != "jsonl":
        return columns.read_records(stream, source, config, needed)
    label = config.label_column if isinstance(config, ClassifiedTextsConfig) else None
    return json_objects.read_records(stream, source, config, needed, label)


def needed_columns(config: ColumnsConfig) -> list[str]:
    """Columns, or fields, that there have to be."""
    columns: list[str | None] = [config.text_column]
    if isinstance(config, ClassifiedTextsConfig):
        columns += [config.label_column]
    if isinstance(config, NumberedTextsConfig):
        columns += config.target_columns
    if isinstance(config, LabelledTextsConfig):
        columns += [config.second_text_column, config.weight_column]
    return [*(column for column in columns if column is not None), *shared_columns(config)]


def _labelled_row(record: Record, config: LabelledTextsConfig, names: LabelNames, separator: str) -> Row:
    text = text_of(record, config.text_column, config.max_row_bytes)
    if config.second_text_column is not None:
        second = text_of(record, config.second_text_column, config.max_row_bytes)
        for column, side in ((config.text_column, text), (config.second_text_column, second)):
            if separator in side:
                detail = (
                    f"column '{column}' holds '{separator}', which parts the two: set another as tokenizer.separator"
                )
                raise RowError("separator in a text", detail)
        text = f"{text} {separator} {second}"
        if is_longer(text, config.max_row_bytes):
            raise RowError.too_long(config.max_row_bytes)
    label: str | None = None
    labels: tuple[str, ...] | None = None
    unlisted: tuple[str, ...] = ()
    targets: tuple[float, ...] = ()
    if isinstance(config, NumberedTextsConfig):
        targets = tuple(_number(record, column) for column in config.target_columns)
    elif isinstance(config, ClassifiedTextsConfig) and config.label_separator is not None:
        labels, unlisted = _labels(record, config.label_column, config.label_separator, names)
    elif isinstance(config, ClassifiedTextsConfig):
        label = _label(record, config.label_column, names)
    return Row(
        text,
        label,
        labels,
        targets,
        weight=None if config.weight_column is None else _weight(record, config.weight_column),
        split=named_split(record, config),
        slices=slices_of(record, config),
        key=key_of(record, config),
        unlisted=unlisted,
    )


def _label(record: Record, column: str, names: LabelNames) -> str:
    if column in record.lists:
        hint = "Where a row has any number of labels, set label_separator"
        raise RowError("several labels", f"field '{column}' is a list. {hint}")
    label = record.values[column]
    if not label:
        raise RowError("empty label", f"column '{column}'")
    return names.name(label)


def _labels(record: Record, column: str, separator: str, names: LabelNames) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the labels in a list, or between separators, each once; and those among them that are not listed."""
    kept: dict[str, None] = {}
    unlisted: dict[str, None] = {}
    for label in filter(None, record.lists.get(column) or map(str.strip, record.values[column].split(separator))):
        try:
            kept[names.name(label)] = None
        except UnlistedLabelError as other:
            unlisted[other.label] = None
    return tuple(kept), tuple(unlisted)


def _weight(record: Record, column: str) -> float:
    weight = _number(record, column)
    if weight < 0:
        raise RowError("negative weight", f"column '{column}' is '{record.values[column]}', expected 0 or more")
    return weight


def _number(record: Record, column: str) -> float:
    value = record.values[column]
    if not value:
        raise RowError("empty number", f"column '{column}'")
    number = _as_float(value)
    if number is None:
        raise RowError(
            "not a number", f"column '{column}' is '{excerpt(value)}', expected a finite number{_instead_of(value)}"
        )
    return number


def _instead_of(value: str) -> str:
    """How a number is to be written that has a comma."""
    whole = value.replace(",", "")
    if _THOUSANDS.fullmatch(value):
        either = f", or {value.replace(',', '.')} if it is the decimal sign" if _ONE_COMMA.fullmatch(value) else ""
        return f". Write {whole} if the comma parts thousands{either}"
    if _as_float(value.replace(",", ".")) is not None:
        return ". The decimal sign is a point, not a comma"
    if _as_float(swapped := value.replace(".", "").replace(",", ".")) is not None:
        return f". Write {swapped}: the decimal sign is a point, and nothing parts thousands"
    return ""


def _as_float(value: str) -> float | None:
    """A finite number that float32 can hold, or None. Digits in groups, as Python's `1_000`, are none."""
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) and abs(number) <= _LARGEST and "_" not in value else None
