"""Counts of an ingestion: every row that came in went out, was quarantined, or was dropped by a rule."""

import dataclasses
import json
import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.schemas.source_config import LabelledSourceConfig, SourceConfig
from ulmfit_tfx.transforms.records.formats import has_header
from ulmfit_tfx.transforms.splitting import EVAL, SPLITS, TEST, TRAIN

if TYPE_CHECKING:
    from ulmfit_tfx.components.corpus_ingest.ingestion import Ingestion
    from ulmfit_tfx.components.corpus_ingest.shard_result import ShardResult

log = logging.getLogger(__name__)

ROWS, QUARANTINED, DROPPED, LABELS = "rows", "quarantined", "dropped", "labels"


@dataclasses.dataclass(frozen=True)
class Accounting:
    """Counts of an ingestion.

    Attributes:
        rows: Rows written, by split.
        quarantined: Rows refused, by reason.
        dropped: Rows left out by a rule, by rule.
        labels: Rows by label, by split. Of words with tags: words by tag.
        lowest: Lowest number in the train split, by target column.
        highest: Highest number, likewise.
        rows_in: Records read, counted where they are parsed.
        split_off: Rows that there are more than records, because texts were split into sentences.
    """

    rows: dict[str, int]
    quarantined: dict[str, int]
    dropped: dict[str, int]
    labels: dict[str, dict[str, int]]
    lowest: dict[str, float] = dataclasses.field(default_factory=dict)
    highest: dict[str, float] = dataclasses.field(default_factory=dict)
    rows_in: int = 0
    split_off: int = 0

    @classmethod
    def of(cls, results: Iterable["ShardResult"]) -> "Accounting":
        """Adds up what came of all shards."""
        counts: Counter[tuple[str, str, str]] = Counter()
        lowest: dict[str, float] = {}
        highest: dict[str, float] = {}
        rows_in = split_off = 0
        for result in results:
            counts.update(result.counts)
            rows_in += result.read.records
            split_off += result.read.split_off
            lowest |= {name: min(number, lowest.get(name, number)) for name, number in result.lowest.items()}
            highest |= {name: max(number, highest.get(name, number)) for name, number in result.highest.items()}
        accounting = cls(
            dict.fromkeys(SPLITS, 0), {}, {}, {split: {} for split in SPLITS}, lowest, highest, rows_in, split_off
        )
        for (kind, name, label), count in sorted(counts.items()):
            if kind == LABELS:
                accounting.labels[name][label] = count
            else:
                getattr(accounting, kind)[name] = count
        return accounting

    @classmethod
    def from_json(cls, text: str) -> "Accounting":
        """Reads what `to_json` wrote."""
        return cls(**json.loads(text))

    def to_json(self) -> str:
        """As JSON."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False)

    def check(self, ingestion: "Ingestion", refusals: Iterable[str]) -> None:
        """Demands that no row was lost, and that what came in can be worked with.

        Args:
            ingestion: What was ingested.
            refusals: A few refused rows, for the message.

        Raises:
            DataError: Too many rows are quarantined, a split that is needed is empty, there is nothing to tell apart in
                training (one class, one tag, one number), or a label of another split never occurs there.
            RuntimeError: The counts do not add up.
        """
        config = ingestion.source
        bad = sum(self.quarantined.values())
        left = sum(self.rows.values()) + bad + sum(self.dropped.values())
        if left != self.rows_in + self.split_off:
            raise RuntimeError(
                f"{config.path}: {self.rows_in:,} rows were read and {self.split_off:,} split off, and {left:,} were "
                "written, quarantined or dropped. This is a fault of ulmfit-tfx: please report it."
            )
        if not self.rows_in:
            where = " below the header" if has_header(config) else ""
            raise DataError(f"{config.path}: there are no rows{where}.")
        if bad > config.max_bad_fraction * self.rows_in:
            reasons = ", ".join(f"{reason}: {count:,}" for reason, count in self.quarantined.items())
            raise DataError(
                f"{bad:,} of {self.rows_in:,} rows are malformed ({reasons}), more than max_bad_fraction="
                f"{config.max_bad_fraction:g} allows. The first of them:\n  " + "\n  ".join(refusals)
            )
        self._check_splits(config)
        if not isinstance(config, LabelledSourceConfig):
            return
        if ingestion.tagging is not None:
            self._check_tags(ingestion.tag_separator)
        elif config.target_columns:
            self._check_targets()
        elif config.is_multi_label:
            self._check_several_labels(config)
        else:
            self._check_labels(config)

    def _check_splits(self, config: SourceConfig) -> None:
        needed = [TRAIN]
        if isinstance(config, LabelledSourceConfig):
            needed += [EVAL]
            needed += [TEST] if config.splits.test or config.test_path is not None else []
        for split in needed:
            if not self.rows[split]:
                raise DataError(f"the {split} split is empty: {self._why_empty(split, config)}")

    def _why_empty(self, split: str, config: SourceConfig) -> str:
        if isinstance(config, LabelledSourceConfig):
            if config.split_column is not None:
                hint = (
                    " Where there is none, set splits.test to 0, and the others to sum to 1." if split == TEST else ""
                )
                return f"column '{config.split_column}' names it in no row.{hint}"
            if own := {EVAL: config.eval_path, TEST: config.test_path}.get(split):
                return f"there are no rows left of {own}."
        rows, shares = sum(self.rows.values()), _shares(config.splits.model_dump())
        return f"{rows:,} rows are split by {shares}. Give more rows, or a larger share in splits."

    def _check_labels(self, config: LabelledSourceConfig) -> None:
        trained = set(self.labels[TRAIN])
        if len(trained) < 2:
            raise DataError(
                f"column '{config.label_column}' holds one class only in the train split, '{next(iter(trained))}': "
                "a classifier needs two or more. Is label_column the right column?"
            )
        if len(self.labels[EVAL]) < 2:
            raise DataError(
                f"the eval split holds one class only, '{next(iter(self.labels[EVAL]))}': nothing can be said of the "
                "others. Give more rows, or a larger share in splits."
            )
        self._check_all_are_trained(config)

    def _check_several_labels(self, config: LabelledSourceConfig) -> None:
        if not self.labels[TRAIN]:
            raise DataError(
                f"column '{config.label_column}' holds no label in the train split. Is label_column the right column?"
            )
        self._check_all_are_trained(config)

    def _check_all_are_trained(self, config: LabelledSourceConfig) -> None:
        for split in SPLITS:
            if unseen := self._unseen(split):
                raise DataError(
                    f"label '{unseen[0]}' occurs {self.labels[split][unseen[0]]:,} times in the {split} split and "
                    "never in train. Give more rows of it, or list the labels to keep in data.labels."
                )
        if config.labels is not None:
            named = {config.label_names.get(label, label) for label in config.labels}
            if unseen := sorted(named - set(self.labels[TRAIN])):
                listed = config.label_file or "data.labels"
                raise DataError(f"label '{unseen[0]}' of {listed} never occurs in the train split.")

    def _check_tags(self, tag_separator: str | None) -> None:
        trained = list(self.labels[TRAIN])
        if len(trained) < (2 if tag_separator is None else 1):
            found = f"one tag only, '{trained[0]}'" if trained else "no tags"
            raise DataError(f"the train split holds {found}: a tagger needs tags to tell apart. Is their column right?")
        for split in (EVAL, TEST):
            if unseen := self._unseen(split):
                log.warning("Tags in the %s split that never occur in train: %s", split, ", ".join(unseen))

    def _check_targets(self) -> None:
        for column, lowest in self.lowest.items():
            if lowest == self.highest[column]:
                raise DataError(
                    f"column '{column}' is {lowest:g} in all rows of the train split: there is nothing to learn. Is it "
                    "the right column?"
                )

    def _unseen(self, split: str) -> list[str]:
        """Labels of a split that never occur in training."""
        return sorted(set(self.labels[split]) - set(self.labels[TRAIN]))


def _shares(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {share:g}" for name, share in shares.items())
