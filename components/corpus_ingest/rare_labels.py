"""Finds the labels that the train split has enough rows of, on Beam, and drops or groups the others.

Rows do not leave their worker for it: labels with their counts do. The labels that are kept go to every worker, and are
bounded: a source of more of them is no classification.
"""

import dataclasses
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import apache_beam as beam

from ulmfit_tfx.components.corpus_ingest.ingestion import Ingestion
from ulmfit_tfx.components.corpus_ingest.placement import Placed, Placement
from ulmfit_tfx.components.corpus_ingest.shard_reading import ReadCounts
from ulmfit_tfx.components.corpus_ingest.shards import Shard
from ulmfit_tfx.schemas.config.sources.labelled_texts import ClassifiedTextsConfig
from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records.record import Row
from ulmfit_tfx.transforms.splitting import TRAIN

RARE = "rare label"
"""The rule by which rows of such labels are left out."""
MOST_LABELS = 100_000
"""That are kept."""

_AT_ONCE = 10_000
"""Different labels that a worker counts before it passes them on."""


def leaves_out_or_groups(source: SourceConfig) -> bool:
    """Whether rare labels are dropped or grouped."""
    return isinstance(source, ClassifiedTextsConfig) and source.rare_labels != "error"


class KeptLabels(beam.PTransform):
    """From shards to the names of the labels that are kept: one element, a frozenset.

    With `group` the name of the group is among them where rows of the train split are put in it.
    """

    def __init__(self, ingestion: Ingestion, label_map: Mapping[str, str] | None, seed: int, duplicates: Any = None):
        """Describes the search.

        Args:
            ingestion: Of a source for which `leaves_out_or_groups`.
            label_map: Of the source.
            seed: Of the splits.
            duplicates: What `Duplicates` found, as a multimap. None: duplicates stay.
        """
        super().__init__()
        self.placement = Placement(ingestion, label_map, seed)
        self.duplicates = duplicates

    def expand(self, shards: beam.PCollection) -> beam.PCollection:
        """Adds the stages."""
        source = self.placement.ingestion.source
        assert isinstance(source, ClassifiedTextsConfig)
        return (
            shards
            | "CountTrained" >> beam.ParDo(_CountTrained(self.placement), self.duplicates)
            | "Add" >> beam.CombinePerKey(sum)
            | "Keep" >> beam.FlatMap(_kept, source)
            | "Once" >> beam.Distinct()
            | "Bounded" >> beam.combiners.Sample.FixedSizeGlobally(MOST_LABELS + 1)
            | "Check" >> beam.Map(_checked, source)
        )


class _CountTrained(beam.DoFn):
    """From shards to labels of the train split with their counts."""

    def __init__(self, placement: Placement):
        self.placement = placement

    def process(self, shard: Shard, duplicates: Any) -> Iterator[tuple[str, int]]:
        counts: Counter[str] = Counter()
        for placed in self.placement.rows_of(shard, 0, duplicates, ReadCounts()):
            if isinstance(placed, Placed) and placed.split == TRAIN:
                counts.update(labels_of(placed.row))
                if len(counts) >= _AT_ONCE:
                    yield from counts.items()
                    counts.clear()
        yield from counts.items()


def _kept(counted: tuple[str, int], source: ClassifiedTextsConfig) -> Iterator[str]:
    label, count = counted
    if count >= source.needed_rows:
        yield label
    elif source.rare_labels == "group":
        yield source.rare_label_name


def _checked(labels: list[str], source: ClassifiedTextsConfig) -> frozenset[str]:
    if len(labels) > MOST_LABELS:
        raise DataError(
            f"column '{source.label_column}' holds more than {MOST_LABELS:,} labels with {source.needed_rows:,} rows "
            "or more in the train split. Is label_column the right column? Else raise data.min_label_count."
        )
    return frozenset(labels)


def labels_of(row: Row) -> Sequence[str]:
    """The label of a text, or its labels."""
    return [row.label] if row.label is not None else row.labels or ()


class WithoutRare(NamedTuple):
    """A row whose labels are kept ones.

    Attributes:
        row: None where it is left out.
        rare: Its rare labels.
    """

    row: Row | None
    rare: tuple[str, ...]


def without_rare(row: Row, kept: Collection[str], source: ClassifiedTextsConfig) -> WithoutRare:
    """A row as `rare_labels` has it.

    >>> config = ClassifiedTextsConfig(path="x.csv", format="csv", rare_labels="group")
    >>> without_rare(Row("Fine.", label="odd"), {"good", "other"}, config).row.label
    'other'
    >>> without_rare(Row("Fine.", label="odd"), {"good"}, config).row is None  # nothing to learn `other` from
    True

    Args:
        row: A text with a label, or with several, of which the rare ones are taken off.
        kept: As `KeptLabels` finds them.
        source: With `drop` or `group`.
    """
    labels = labels_of(row)
    rare = tuple(label for label in labels if label not in kept)
    if not rare:
        return WithoutRare(row, ())
    group = source.rare_label_name if source.rare_labels == "group" else None
    left = tuple(dict.fromkeys(_renamed(labels, kept, group)))
    if row.labels is not None:
        return WithoutRare(dataclasses.replace(row, labels=left), rare)
    return WithoutRare(dataclasses.replace(row, label=left[0]) if left else None, rare)


def _renamed(labels: Iterable[str], kept: Collection[str], group: str | None) -> Iterator[str]:
    for label in labels:
        if label in kept:
            yield label
        elif group is not None and group in kept:
            yield group
