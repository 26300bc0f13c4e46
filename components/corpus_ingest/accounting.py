"""Counts of an ingestion: every row that came in went out, was quarantined, or was dropped by a rule."""

import dataclasses
import json
from collections.abc import Iterable, Mapping

from ulmfit_tfx.schemas.config import LabelledSourceConfig, SourceConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.splitting import EVAL, SPLITS, TEST, TRAIN

ROWS, QUARANTINED, DROPPED, LABELS = "rows", "quarantined", "dropped", "labels"
Key = tuple[str, str, str]
"""What is counted: one of the four kinds above, the split or the reason, and the label or ''."""


@dataclasses.dataclass(frozen=True)
class Accounting:
    """Counts of an ingestion.

    Attributes:
        rows: Rows written, by split.
        quarantined: Rows refused, by reason.
        dropped: Rows left out by a rule, by rule.
        labels: Rows by label, by split.
    """

    rows: dict[str, int]
    quarantined: dict[str, int]
    dropped: dict[str, int]
    labels: dict[str, dict[str, int]]

    @property
    def rows_in(self) -> int:
        """Rows read."""
        return sum(self.rows.values()) + sum(self.quarantined.values()) + sum(self.dropped.values())

    @classmethod
    def from_counts(cls, counts: Iterable[tuple[Key, int]]) -> "Accounting":
        """Arranges counts by key."""
        accounting = cls(dict.fromkeys(SPLITS, 0), {}, {}, {split: {} for split in SPLITS})
        for (kind, name, label), count in sorted(counts):
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

    def check(self, config: SourceConfig, refusals: Iterable[str]) -> None:
        """Demands that what came in can be worked with.

        Args:
            config: The source's configuration.
            refusals: A few refused rows, for the message.

        Raises:
            DataError: Too many rows are quarantined, a split that is needed is empty, there is one class only, or a
                label of another split never occurs in training.
        """
        bad = sum(self.quarantined.values())
        if not self.rows_in:
            where = "" if config.format == "text" else " below the header"
            raise DataError(f"{config.path}: there are no rows{where}.")
        if bad > config.max_bad_fraction * self.rows_in:
            reasons = ", ".join(f"{reason}: {count:,}" for reason, count in self.quarantined.items())
            raise DataError(
                f"{bad:,} of {self.rows_in:,} rows are malformed ({reasons}), more than max_bad_fraction="
                f"{config.max_bad_fraction:g} allows. The first of them:\n  " + "\n  ".join(refusals)
            )
        is_labelled = isinstance(config, LabelledSourceConfig)
        needed = [TRAIN]
        needed += [EVAL] if is_labelled else []
        needed += [TEST] if is_labelled and config.splits.test else []
        for split in needed:
            if not self.rows[split]:
                raise DataError(
                    f"the {split} split is empty: {sum(self.rows.values()):,} rows are split by "
                    f"{_shares(config.splits.model_dump())}. Give more rows, or a larger share in splits."
                )
        if isinstance(config, LabelledSourceConfig):
            self._check_labels(config)

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
        for split in SPLITS:
            if unseen := sorted(set(self.labels[split]) - trained):
                raise DataError(
                    f"label '{unseen[0]}' occurs {self.labels[split][unseen[0]]:,} times in the {split} split and "
                    "never in train. Give more rows of it, or list the labels to keep in data.labels."
                )
        if config.labels is not None:
            named = {config.label_names.get(label, label) for label in config.labels}
            if unseen := sorted(named - trained):
                raise DataError(f"label '{unseen[0]}' of data.labels never occurs in the train split.")


def _shares(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {share:g}" for name, share in shares.items())
