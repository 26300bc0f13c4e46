"""Adds up what came of all shards, and says whether it can be worked with."""

import difflib
import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from ulmfit_tfx.components.corpus_ingest.ingestion import Ingestion
from ulmfit_tfx.components.corpus_ingest.shard_result import LABELS, ShardResult
from ulmfit_tfx.components.corpus_ingest.source_files import not_utf8_lines
from ulmfit_tfx.components.reports.accounting import Accounting
from ulmfit_tfx.schemas.config.sources.labelled import LabelledColumnsConfig, LabelledSourceConfig
from ulmfit_tfx.schemas.config.sources.labelled_texts import ClassifiedTextsConfig, NumberedTextsConfig
from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.schemas.config.sources.tagged_words import TaggedConllConfig, TaggedConlluConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records.encodings import encoding_hint
from ulmfit_tfx.transforms.records.formats import has_header
from ulmfit_tfx.transforms.records.lines import excerpt
from ulmfit_tfx.transforms.records.record import BLANK_LINE
from ulmfit_tfx.transforms.splitting import EVAL, SPLITS, TEST, TRAIN

log = logging.getLogger(__name__)

_MANY_ROWS = 50
"""Rows that hardly leave a split of a tenth empty, unless many of them have the same text."""
_FEW_SENTENCES, _LONG_SENTENCE = 10, 100
"""Files with so few sentences, of so many words in the mean, lack the blank lines between them."""
_WITHOUT_TEXT = (BLANK_LINE, "empty text")
"""Reasons that are no fault of a row that a model is asked about: there is nothing to say of it."""


def account_of(results: Iterable[ShardResult]) -> Accounting:
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
    accounting = Accounting(
        dict.fromkeys(SPLITS, 0), {}, {}, {split: {} for split in SPLITS}, lowest, highest, rows_in, split_off
    )
    for (kind, name, label), count in sorted(counts.items()):
        if kind == LABELS:
            accounting.labels[name][label] = count
        else:
            getattr(accounting, kind)[name] = count
    return accounting


def check(accounting: Accounting, ingestion: Ingestion, refusals: Iterable[str]) -> None:
    """Demands that no row was lost, and that what came in can be worked with.

    Args:
        accounting: Of the ingestion.
        ingestion: What was ingested.
        refusals: A few refused rows, for the message.

    Raises:
        DataError: Too many rows are quarantined, a split that is needed is empty, there is nothing to tell apart in
            training (one class, one tag, one number), or a label of another split never occurs there.
        RuntimeError: The counts do not add up.
    """
    config = ingestion.source
    bad = sum(accounting.quarantined.values())
    left = sum(accounting.rows.values()) + bad + sum(accounting.dropped.values())
    if left != accounting.rows_in + accounting.split_off:
        raise RuntimeError(
            f"{config.path}: {accounting.rows_in:,} rows were read and {accounting.split_off:,} split off, and "
            f"{left:,} were written, quarantined or dropped. This is a fault of ulmfit-tfx: please report it."
        )
    if not accounting.rows_in:
        where = " below the header" if has_header(config) else ""
        raise DataError(f"{config.path}: there are no rows{where}.")
    if ingestion.asked:
        bad -= sum(accounting.quarantined.get(reason, 0) for reason in _WITHOUT_TEXT)
    if bad > config.max_bad_fraction * accounting.rows_in:
        reasons = ", ".join(f"{reason}: {count:,}" for reason, count in accounting.quarantined.items())
        raise DataError(
            f"{bad:,} of {accounting.rows_in:,} rows are malformed ({reasons}), more than max_bad_fraction="
            f"{config.max_bad_fraction:g} allows.{_encoding_hint(accounting, config)} The first of them:\n  "
            + "\n  ".join(refusals)
        )
    for remark, count in accounting.remarks.items():
        log.warning("%s: %s: %s", config.path, remark, f"{count:,}")
    if isinstance(config, TaggedConllConfig | TaggedConlluConfig):
        _check_sentences(accounting, config)
    _check_splits(accounting, config)
    if ingestion.tagging is not None:
        _check_tags(accounting, ingestion.tag_separator)
    elif isinstance(config, NumberedTextsConfig):
        _check_targets(accounting)
    elif isinstance(config, ClassifiedTextsConfig) and config.is_multi_label:
        _check_several_labels(accounting, config)
    elif isinstance(config, ClassifiedTextsConfig):
        _check_labels(accounting, config)


def _encoding_hint(accounting: Accounting, config: SourceConfig) -> str:
    """Which encoding the rows may be in that are not in the one of the configuration."""
    if not accounting.quarantined.get(f"not {config.encoding}"):
        return ""
    lines = not_utf8_lines(config) if config.encoding.lower().startswith("utf") else ()
    return encoding_hint(lines) or " Set data.encoding, to cp1252 for example."


def _check_sentences(accounting: Accounting, config: SourceConfig) -> None:
    """Refuses files whose sentences no blank lines part: there are few of them, and these are long."""
    sentences, words = sum(accounting.rows.values()), sum(accounting.words.values())
    if 0 < sentences <= _FEW_SENTENCES and words > _LONG_SENTENCE * sentences:
        hold = "one sentence" if sentences == 1 else f"{sentences} sentences"
        raise DataError(
            f"{config.path}: holds {hold} of {words:,} words{'' if sentences == 1 else ' together'}. A blank line ends "
            "a sentence: put one after each."
        )


def _check_splits(accounting: Accounting, config: SourceConfig) -> None:
    needed = [TRAIN]
    if isinstance(config, LabelledSourceConfig):
        needed += [EVAL]
        needed += [TEST] if config.splits.test or config.test_path is not None else []
    for split in needed:
        if not accounting.rows[split]:
            raise DataError(f"the {split} split is empty: {_why_empty(accounting, split, config)}")


def _why_empty(accounting: Accounting, split: str, config: SourceConfig) -> str:
    if isinstance(config, LabelledColumnsConfig) and config.split_column is not None:
        hint = " Where there is none, set splits.test to 0, and the others to sum to 1." if split == TEST else ""
        if split == EVAL:
            hint = " To take it from the rows of train, in the proportion of splits, set data.eval_from_train: true."
        return f"column '{config.split_column}' names it in no row.{hint}"
    own_files = {EVAL: config.eval_path, TEST: config.test_path} if isinstance(config, LabelledSourceConfig) else {}
    if own := own_files.get(split):
        return f"there are no rows left of {own}."
    rows, shares = sum(accounting.rows.values()), _shares(config.splits.model_dump())
    equal = " Equal texts share a split: do these rows differ?" if rows >= _MANY_ROWS else ""
    return f"{rows:,} rows are split by {shares}. Give more rows, or a larger share in splits.{equal}"


def _check_labels(accounting: Accounting, config: ClassifiedTextsConfig) -> None:
    trained = set(accounting.labels[TRAIN])
    if len(trained) < 2:
        raise DataError(
            f"{config.labelled_by} holds one class only in the train split, '{next(iter(trained))}': "
            "a classifier needs two or more. Is label_column the right column?"
        )
    if len(accounting.labels[EVAL]) < 2:
        raise DataError(
            f"the eval split holds one class only, '{next(iter(accounting.labels[EVAL]))}': nothing can be said of the "
            "others. Give more rows, or a larger share in splits."
        )
    _check_all_are_trained(accounting, config)


def _check_several_labels(accounting: Accounting, config: ClassifiedTextsConfig) -> None:
    if not accounting.labels[TRAIN]:
        raise DataError(f"{config.labelled_by} holds no label in the train split. Is label_column the right column?")
    _check_all_are_trained(accounting, config)


def _check_all_are_trained(accounting: Accounting, config: ClassifiedTextsConfig) -> None:
    _check_names(accounting, config)
    for split in SPLITS:
        if unseen := _unseen(accounting, split):
            raise DataError(
                f"label '{unseen[0]}' occurs {accounting.labels[split][unseen[0]]:,} times in the {split} split and "
                "never in train. Give more rows of it, or list the labels to keep in data.labels."
            )
    if config.labels is not None:
        named = {config.label_names.get(label, label) for label in config.labels}
        if unseen := sorted(named - set(accounting.labels[TRAIN])):
            listed = config.label_file or "data.labels"
            raise DataError(f"label '{unseen[0]}' of {listed} never occurs in the train split.")


def _check_names(accounting: Accounting, config: ClassifiedTextsConfig) -> None:
    """Refuses names of labels that do not occur: they are misspelt, or YAML read them as something else."""
    found = sorted({label for split in SPLITS for label in accounting.labels[split]})
    for label, name in config.label_names.items():
        if name not in found:
            raise DataError(
                f"data.label_names names '{label}', which never occurs in {config.labelled_by}. "
                f"{_instead(label, found)}"
            )


def _instead(label: str, found: Sequence[str]) -> str:
    """What may have been meant by a label that does not occur."""
    if written := next((other for other in found if other.lstrip("0") == label != other), None):
        return f'YAML reads {written} as the number {label}: write "{written}", in quotes.'
    if close := difflib.get_close_matches(label, found, 1):
        return f"Did you mean '{close[0]}'?"
    return f"Labels there: {excerpt(', '.join(found))}"


def _check_tags(accounting: Accounting, tag_separator: str | None) -> None:
    trained = list(accounting.labels[TRAIN])
    if len(trained) < (2 if tag_separator is None else 1):
        found = f"one tag only, '{trained[0]}'" if trained else "no tags"
        raise DataError(f"the train split holds {found}: a tagger needs tags to tell apart. Is their column right?")
    for split in (EVAL, TEST):
        if unseen := _unseen(accounting, split):
            log.warning("Tags in the %s split that never occur in train: %s", split, ", ".join(unseen))


def _check_targets(accounting: Accounting) -> None:
    for column, lowest in accounting.lowest.items():
        if lowest == accounting.highest[column]:
            raise DataError(
                f"column '{column}' is {lowest:g} in all rows of the train split: there is nothing to learn. Is it "
                "the right column?"
            )


def _unseen(accounting: Accounting, split: str) -> list[str]:
    """Labels of a split that never occur in training."""
    return sorted(set(accounting.labels[split]) - set(accounting.labels[TRAIN]))


def _shares(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {share:g}" for name, share in shares.items())
