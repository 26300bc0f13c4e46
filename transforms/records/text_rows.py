"""CSV, TSV, JSON, Parquet and Excel: texts with a label, with several labels, with numbers, or with nothing."""

import dataclasses
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

from ulmfit_tfx.schemas.config.sources.asked_texts import AskedColumnsConfig
from ulmfit_tfx.schemas.config.sources.labelled_texts import (
    ClassifiedTextsConfig,
    LabelledTextsConfig,
    NumberedTextsConfig,
)
from ulmfit_tfx.schemas.config.sources.taught_texts import TaughtTextsConfig
from ulmfit_tfx.schemas.config.sources.texts import TextColumnsConfig
from ulmfit_tfx.schemas.config.tokenizer import PAIR_SEPARATOR
from ulmfit_tfx.transforms.records import columns, objects
from ulmfit_tfx.transforms.records.drop import Drop
from ulmfit_tfx.transforms.records.kept_columns import check_writable, columns_of, with_columns, with_text
from ulmfit_tfx.transforms.records.label_lists import listed, looks_like_a_list
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
from ulmfit_tfx.transforms.records.teacher_answers import probabilities_of

TextRowsConfig = TextColumnsConfig | LabelledTextsConfig | TaughtTextsConfig
"""Sources of texts in columns or fields."""
_LARGEST = 3.4028234663852886e38
"""Of float32, as tf.Examples hold numbers."""
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?")
_IN_MARKS = re.compile(r"""(["'])(.*)\1""")
_HAS_LABEL = dict.fromkeys(["1", "1.0", "true"], True) | dict.fromkeys(["0", "0.0", "false"], False)
_ONE_COMMA = re.compile(r"[^,.]*,[^,.]*")


def parse(
    stream: BinaryIO,
    source: str,
    config: TextRowsConfig,
    separator: str = PAIR_SEPARATOR,
    keep_all: bool = False,
    row_groups: range | None = None,
    classes: Mapping[str, int] | None = None,
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
        keep_all: Rows and refusals have the `columns` of their records.
        row_groups: Of Parquet, those that are read. None: all.
        classes: Of a teacher's rows, see `probabilities_of`.

    Yields:
        One `Row` or `Refusal` a record, in the file's order, or a `Drop` where its label is not listed, or where
        `rows_without_label` says so. Blank lines are no records.

    Raises:
        DataError: The file is empty, or its header lacks a column.
    """
    names = LabelNames.of_texts(config) if isinstance(config, ClassifiedTextsConfig) else LabelNames(None)
    for record in _records(stream, source, config, keep_all, row_groups):
        if isinstance(record, Refusal):
            yield with_columns(record, config) if keep_all else record
            continue
        kept = columns_of(record) if keep_all else None
        try:
            if kept is not None:
                check_writable(kept)
            if isinstance(config, LabelledTextsConfig) and _is_dropped(record, config):
                yield Drop("without a label")
                continue
            if isinstance(config, TaughtTextsConfig):
                row = _taught_row(record, config, classes or {}, separator)
            else:
                row = _row(record, config, names, separator)
        except UnlistedLabelError as unlisted:
            yield Drop(UNLISTED, unlisted.label)
        except RowError as error:
            yield dataclasses.replace(error.refusal(source, record.line, record.row), columns=kept)
        else:
            yield row if kept is None else with_text(dataclasses.replace(row, columns=kept), config)


def _taught_row(record: Record, config: TaughtTextsConfig, classes: Mapping[str, int], separator: str) -> Row:
    return Row(
        _text(record, config, config.second_text_column, separator),
        teacher_probabilities=probabilities_of(record, config, classes),
        is_transfer=True,
        weight=None if config.weight_column is None else _weight(record, config.weight_column),
        line=record.line,
    )


def _row(record: Record, config: TextColumnsConfig | LabelledTextsConfig, names: LabelNames, separator: str) -> Row:
    if isinstance(config, LabelledTextsConfig):
        return _labelled_row(record, config, names, separator)
    second = config.second_text_column if isinstance(config, AskedColumnsConfig) else None
    text = _text(record, config, second, separator)
    return Row(text, key=key_of(record, config), line=record.line)


def _records(
    stream: BinaryIO, source: str, config: TextRowsConfig, keep_all: bool, row_groups: range | None
) -> Iterator[Record | Refusal]:
    needed = needed_columns(config)
    if config.format in ("csv", "tsv"):
        return columns.read_records(stream, source, config, needed)
    label = config.label_column if isinstance(config, ClassifiedTextsConfig) else None
    label = label if isinstance(label, str) else None
    inner = config.probabilities if isinstance(config, TaughtTextsConfig) else None
    inner = inner if isinstance(inner, str) else None
    return objects.read_records(stream, source, config, needed, label, keep_all, row_groups, inner)


def needed_columns(config: TextRowsConfig) -> list[str]:
    """Columns, or fields, that there have to be."""
    columns: list[str | None] = [config.text_column]
    if isinstance(config, ClassifiedTextsConfig):
        columns += config.label_columns
    if isinstance(config, NumberedTextsConfig):
        columns += config.target_columns
    if isinstance(config, TaughtTextsConfig):
        columns += config.read_columns
    if isinstance(config, LabelledTextsConfig | TaughtTextsConfig):
        columns += [config.second_text_column, config.weight_column]
    if isinstance(config, AskedColumnsConfig):
        columns += [config.second_text_column, config.id_column]
    return [*(column for column in columns if column is not None), *shared_columns(config)]


def _labelled_row(record: Record, config: LabelledTextsConfig, names: LabelNames, separator: str) -> Row:
    text = _text(record, config, config.second_text_column, separator)
    label: str | None = None
    labels: tuple[str, ...] | None = None
    unlisted: tuple[str, ...] = ()
    targets: tuple[float, ...] = ()
    if isinstance(config, NumberedTextsConfig):
        targets = tuple(_number(record, column) for column in config.target_columns)
    elif isinstance(config, ClassifiedTextsConfig) and config.one_hot_columns:
        of_row = [column for column in config.one_hot_columns if _has_label(record, column)]
        labels, unlisted = _kept_and_unlisted(of_row, names)
    elif isinstance(config, ClassifiedTextsConfig) and config.label_separator is not None:
        labels, unlisted = _labels(record, str(config.label_column), config.label_separator, names)
    elif isinstance(config, ClassifiedTextsConfig):
        label = _label(record, str(config.label_column), names)
    return Row(
        text,
        label,
        labels,
        targets,
        weight=None if config.weight_column is None else _weight(record, config.weight_column),
        split=named_split(record, config),
        slices=slices_of(record, config),
        key=key_of(record, config),
        line=record.line,
        unlisted=unlisted,
    )


def _text(record: Record, config: TextRowsConfig, second_text_column: str | None, separator: str) -> str:
    """The text of a record; of a pair both, with the separator between them."""
    text = text_of(record, config.text_column, config.max_row_bytes)
    if second_text_column is None:
        return text
    second = record.values[second_text_column]
    for column, side in ((config.text_column, text), (second_text_column, second)):
        if separator in side:
            detail = f"column '{column}' holds '{separator}', which parts the two: set another as tokenizer.separator"
            raise RowError("separator in a text", detail)
    # A served text without the separator has no second text either: the graph sees the same.
    text = f"{text} {separator} {second}" if second else text
    if is_longer(text, config.max_row_bytes):
        raise RowError.too_long(config.max_row_bytes)
    return text


def _is_dropped(record: Record, config: LabelledTextsConfig) -> bool:
    """Whether a record has nothing to learn, and is to be left out for it."""
    if config.rows_without_label == "refuse":
        return False
    columns: tuple[str, ...] = ()
    if isinstance(config, ClassifiedTextsConfig):
        columns = config.label_columns
    elif isinstance(config, NumberedTextsConfig):
        columns = config.target_columns
    return not any(record.values[column] for column in columns)


def _has_label(record: Record, column: str) -> bool:
    """Whether a record has the label that a column stands for."""
    value = record.values[column]
    if value.lower() not in _HAS_LABEL:
        raise RowError("neither 0 nor 1", f"column '{column}' is '{excerpt(value)}', expected 0, 1, true or false")
    return _HAS_LABEL[value.lower()]


def _label(record: Record, column: str, names: LabelNames) -> str:
    if column in record.lists:
        hint = "Where a row has any number of labels, set label_separator"
        raise RowError("several labels", f"field '{column}' is a list. {hint}")
    label = record.values[column]
    if not label:
        raise RowError("empty label", f"column '{column}'")
    if looks_like_a_list(label):
        hint = "Where a row has any number of labels, set label_separator"
        raise RowError("several labels", f"column '{column}' is {excerpt(label)}, a list as Python writes it. {hint}")
    return names.name(label)


def _labels(record: Record, column: str, separator: str, names: LabelNames) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the labels in a list, or between separators, each once; and those among them that are not listed."""
    value = record.values[column]
    if column in record.lists:
        labels = record.lists[column]
    elif looks_like_a_list(value):
        labels = listed(value, column)
    else:
        labels = list(map(str.strip, value.split(separator)))
    return _kept_and_unlisted(labels, names)


def _kept_and_unlisted(labels: Sequence[str], names: LabelNames) -> tuple[tuple[str, ...], tuple[str, ...]]:
    kept: dict[str, None] = {}
    unlisted: dict[str, None] = {}
    for label in filter(None, labels):
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
    number = _as_float(_IN_MARKS.sub(r"\2", value))
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
