"""Rows as serialized tf.Examples, by the batch. Imports no TensorFlow, for which each of Beam's workers would wait."""

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import pyarrow as pa
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

from ulmfit_tfx.schemas import feature_names
from ulmfit_tfx.transforms.records.record import Row

_TEXTS, _NUMBERS, _INTEGERS = pa.list_(pa.binary()), pa.list_(pa.float32()), pa.list_(pa.int64())


class Origin(NamedTuple):
    """Where a row comes from that a model is to be asked about.

    Attributes:
        file: Its file.
        number: Among the rows that are read in one go.
    """

    file: str
    number: int


def serialized_examples(
    rows: Sequence[Row], buckets: Iterable[str], origins: Sequence[Origin] | None = None
) -> list[bytes]:
    """The tf.Examples of rows of one source, see `feature_names`. They have the features that the first row has.

    Args:
        rows: One or more, with the same of their attributes set.
        buckets: The length bucket of each.
        origins: Are written, with all columns of the rows, so that answers can be put beside them.
    """
    first = rows[0]
    columns = {
        feature_names.TEXT: _texts([row.text] for row in rows),
        feature_names.LENGTH_BUCKET: _texts([bucket] for bucket in buckets),
    }
    for place, (column, _) in enumerate(first.slices):
        columns[feature_names.SLICE_PREFIX + column] = _texts([row.slices[place][1]] for row in rows)
    if first.label is not None:
        columns[feature_names.LABEL] = _texts([row.label or ""] for row in rows)
    if first.labels is not None:
        columns[feature_names.LABELS] = _texts(row.labels or () for row in rows)
    if first.targets:
        columns[feature_names.TARGETS] = pa.array([row.targets for row in rows], type=_NUMBERS)
    if first.weight is not None:
        columns[feature_names.WEIGHT] = pa.array([[row.weight] for row in rows], type=_NUMBERS)
    if any(row.teacher_probabilities for row in rows):
        taught = [row.teacher_probabilities for row in rows]
        columns[feature_names.TEACHER_PROBABILITIES] = pa.array(taught, type=_NUMBERS)
        marks = [[int(row.is_transfer)] for row in rows]
        columns[feature_names.IS_TRANSFER] = pa.array(marks, type=_INTEGERS)
    if first.words:
        columns[feature_names.WORDS] = _texts(row.words for row in rows)
        columns[feature_names.TAGS] = _texts(row.tags for row in rows)
    if origins is not None:
        columns[feature_names.SOURCE_FILE] = _texts([origin.file] for origin in origins)
        lines = [[row.line or 0, origin.number] for row, origin in zip(rows, origins, strict=True)]
        columns[feature_names.SOURCE_LINE] = pa.array(lines, type=_INTEGERS)
        columns[feature_names.SOURCE_COLUMNS] = _texts([json.dumps(row.columns)] for row in rows)
    batch = pa.record_batch(list(columns.values()), names=list(columns))
    return list(RecordBatchToExamplesEncoder().encode(batch))


def _texts(values: Iterable[Sequence[str]]) -> pa.Array:
    return pa.array([[text.encode() for text in texts] for texts in values], type=_TEXTS)
