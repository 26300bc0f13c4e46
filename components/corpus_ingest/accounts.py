"""Adds up what came of all shards, and says whether it can be worked with."""

import difflib
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ulmfit_tfx.components.corpus_ingest.ingestion import Ingestion
from ulmfit_tfx.components.corpus_ingest.shard_result import LABELS, ShardResult
from ulmfit_tfx.components.corpus_ingest.source_files import not_utf8_lines
from ulmfit_tfx.components.reports.accounting import Accounting
from ulmfit_tfx.schemas.config.sources.labelled import LabelledColumnsConfig, LabelledSourceConfig
from ulmfit_tfx.schemas.config.sources.labelled_texts import ClassifiedTextsConfig, NumberedTextsConfig
from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.schemas.config.sources.tagged_words import TaggedConllConfig, TaggedConlluConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.schemas.labels import composed
from ulmfit_tfx.transforms.records.encodings import encoding_hint
from ulmfit_tfx.transforms.records.formats import has_header
from ulmfit_tfx.transforms.records.lines import excerpt
from ulmfit_tfx.transforms.records.record import BLANK_LINE
from ulmfit_tfx.transforms.splitting import EVAL, SPLITS, TEST, TRAIN
from ulmfit_tfx.transforms.tag_schemes import OUTSIDE

log = logging.getLogger(__name__)

_MANY_ROWS = 50
"""Rows that hardly leave a split of a tenth empty, unless many of them have the same text."""
_FEW_SENTENCES, _LONG_SENTENCE = 10, 100
"""Files with so few sentences, of so many words in the mean, lack the blank lines between them."""
_FEW_LEAKS, _FEW_LEAKS_SHARE = 3, 0.1
"""Rows that may leak in any case, up to a share of the split: two people may write the same few words."""
_WITHOUT_TEXT = (BLANK_LINE, "empty text")
"""Reasons that are no fault of a row that a model is asked about: there is nothing to say of it."""
_NAMED = 100
"""Labels that a message names."""
_NOTED = 10
"""Labels that a note names."""


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
            training (one class, one tag, one number), labels have too few rows there, or texts of eval or test stand
            in train too.
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
    if isinstance(config, LabelledSourceConfig):
        _check_leaks(accounting, config)
    if ingestion.tagging is not None:
        _check_tags(accounting, ingestion.tag_separator)
    elif isinstance(config, NumberedTextsConfig):
        _check_targets(accounting)
    elif isinstance(config, ClassifiedTextsConfig) and config.is_multi_label:
        _check_several_labels(accounting, config)
    elif isinstance(config, ClassifiedTextsConfig):
        _check_labels(accounting, config)
        _check_weighted(accounting, config, ingestion.weighted_labels)


def notes(accounting: Accounting, ingestion: Ingestion, label_map: Mapping[str, str] | None) -> Iterator[str]:
    """What is no reason to stop and worth to be known, in sentences.

    Args:
        accounting: Of the ingestion.
        ingestion: What was ingested.
        label_map: Of the source, where it has one.
    """
    found = {label for split in SPLITS for label in accounting.labels[split]}
    parts = {part for label in found for part in label.split(ingestion.tag_separator or "\n")}
    if never := [key for key, name in (label_map or {}).items() if name not in parts and name != OUTSIDE]:
        yield f"{len(never):,} keys of data.label_map never occur: {_quoted(never)}"
    if ingestion.tagging is not None:
        for split in (EVAL, TEST):
            if unseen := _unseen(accounting, split):
                yield f"Tags in the {split} split that never occur in train: {', '.join(map(excerpt, unseen))}"


def _quoted(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - _NOTED:,} more" if len(labels) > _NOTED else ""
    return ", ".join(f"'{excerpt(label)}'" for label in labels[:_NOTED]) + more


def _check_weighted(accounting: Accounting, config: ClassifiedTextsConfig, weighted: Sequence[str] | None) -> None:
    """Refuses weights of labels that are not in training, and labels without a weight where others have one."""
    trained = sorted(accounting.labels[TRAIN])
    given = [] if weighted is None else list(map(composed, weighted))
    for label in given:
        if label not in trained:
            original = f", which data.label_names calls '{name}'" if (name := config.label_names.get(label)) else ""
            raise DataError(
                f"classification.class_weights names '{label}'{original}: there is no such label in the train split. "
                f"{_instead(label, trained)}"
            )
    if given and (lacking := sorted(set(trained) - set(given))):
        raise DataError(
            f"classification.class_weights lacks {_quoted(lacking)}: each label of the train split needs a weight. Or "
            "set it to balanced."
        )


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
    dropped = "; ".join(f"{rule}: {count:,}" for rule, count in accounting.dropped.items())
    hint = f" Dropped by a rule: {dropped}." if dropped else ""
    hint += " Equal texts share a split: do these rows differ?" if rows >= _MANY_ROWS else ""
    return f"{rows:,} rows are split by {shares}. Give more rows, or a larger share in splits.{hint}"


def _check_leaks(accounting: Accounting, config: LabelledSourceConfig) -> None:
    found = [sentence for split in (EVAL, TEST) if (sentence := accounting.leak(split))]
    if found:
        log.warning("%s", "; ".join(found))
    if any(accounting.leaks.get(split, 0) > allowed_leaks(accounting.rows[split], config) for split in (EVAL, TEST)):
        raise DataError(
            f"{'; '.join(found)}: more than data.allow_leaks={config.allow_leaks:g}. What the model has seen in "
            "training, it is no test of. Set data.corpus_cleanup.deduplicate to exact, which leaves these rows out of "
            "train, or data.allow_leaks to true to go on with them."
        )


def allowed_leaks(rows: int, config: LabelledSourceConfig) -> float:
    """How many rows of a split may leak: the share of `allow_leaks`, of small splits a few.

    >>> from ulmfit_tfx.schemas.config.sources.labelled_texts import ClassifiedTextsConfig
    >>> config = ClassifiedTextsConfig(path="rows.csv", format="csv")
    >>> [allowed_leaks(rows, config) for rows in (10, 80, 1000)]
    [1.0, 3.0, 10.0]

    Args:
        rows: Of the split.
        config: Of the source. With `allow_leaks: 0` none may leak.
    """
    few = min(_FEW_LEAKS, _FEW_LEAKS_SHARE * rows) if config.allow_leaks else 0
    return max(config.allow_leaks * rows, few)


def _check_labels(accounting: Accounting, config: ClassifiedTextsConfig) -> None:
    trained = set(accounting.labels[TRAIN])
    if len(trained) < 2:
        raise DataError(
            f"{config.labelled_by} holds one class only in the train split, '{next(iter(trained))}': "
            f"a classifier needs two or more. {_left_out(accounting) or 'Is label_column the right column?'}"
        )
    if len(accounting.labels[EVAL]) < 2:
        raise DataError(
            f"the eval split holds one class only, '{next(iter(accounting.labels[EVAL]))}': nothing can be said of the "
            "others. Give more rows, or a larger share in splits."
        )
    _check_all_are_trained(accounting, config)


def _check_several_labels(accounting: Accounting, config: ClassifiedTextsConfig) -> None:
    if not accounting.labels[TRAIN]:
        raise DataError(
            f"{config.labelled_by} holds no label in the train split. "
            f"{_left_out(accounting) or 'Is label_column the right column?'}"
        )
    _check_all_are_trained(accounting, config)


def _left_out(accounting: Accounting) -> str:
    """The labels that are not kept, in a sentence; "" where all are."""
    rare, unlisted = accounting.rare_labels, accounting.unlisted_labels
    parts = [f"rare, of which data.rare_labels says what becomes: {_named(rare)}"] if rare else []
    parts += [f"not in data.labels: {_named(unlisted)}"] if unlisted else []
    return f"Labels that are {'; '.join(parts)}." if parts else ""


def _check_all_are_trained(accounting: Accounting, config: ClassifiedTextsConfig) -> None:
    _check_names(accounting, config)
    _check_listed(accounting, config)
    if config.rare_labels == "error":
        _check_counts(accounting, config)


def _check_listed(accounting: Accounting, config: ClassifiedTextsConfig) -> None:
    """Refuses labels of the list that do not occur."""
    found = {label for split in SPLITS for label in accounting.labels[split]} | set(accounting.rare_labels)
    names = {label: config.label_names.get(label, label) for label in config.labels or ()}
    listed = config.label_file or "data.labels"
    if missing := sorted(label for label, name in names.items() if name not in found):
        label = missing[0]
        others = f" {len(missing) - 1:,} more do not occur either." if len(missing) > 1 else ""
        instead = _instead(label, sorted({*found, *accounting.unlisted_labels} - {*names.values()} or found))
        raise DataError(
            f"label '{label}' of {listed} never occurs in column '{config.label_column}'.{others} {instead} "
            "Else take it off the list."
        )


def _check_counts(accounting: Accounting, config: ClassifiedTextsConfig) -> None:
    """Refuses labels with too few rows to learn from, all at once."""
    found = sorted({label for split in SPLITS for label in accounting.labels[split]})
    counts = {label: accounting.labels[TRAIN].get(label, 0) for label in found}
    needed = config.needed_rows
    if rare := {label: count for label, count in counts.items() if count < needed}:
        others = "" if any(rare.values()) else f"occur in {_splits_of(rare, accounting)} and never in train"
        what = others or f"have fewer than {needed:,} rows in the train split (data.min_label_count)"
        raise DataError(
            f"{len(rare):,} of {len(counts):,} labels {what}: {_named(rare, with_counts=needed > 1)}. Set "
            "data.rare_labels to drop, which leaves rows of rare labels out, or to group, which makes one label "
            f"'{config.rare_label_name}' of them; data.min_label_count says what is rare. Or give more rows of them, "
            "or list the labels to keep in data.labels."
        )


def _splits_of(labels: Iterable[str], accounting: Accounting) -> str:
    splits = [split for split in (EVAL, TEST) if not accounting.labels[split].keys().isdisjoint(labels)]
    return f"the {' and '.join(splits)} split{'s' if len(splits) > 1 else ''}"


def _named(labels: Mapping[str, int], with_counts: bool = True) -> str:
    """Labels in words, the most frequent first, with their rows."""
    ranked = sorted(labels.items(), key=lambda item: (-item[1], item[0]))
    shown = [f"'{excerpt(label)}'" + (f" ({count:,})" if with_counts else "") for label, count in ranked[:_NAMED]]
    more = f" and {len(ranked) - _NAMED:,} more" if len(ranked) > _NAMED else ""
    return ", ".join(shown) + more


def _check_names(accounting: Accounting, config: ClassifiedTextsConfig) -> None:
    """Refuses names of labels that do not occur: they are misspelt, or YAML read them as something else."""
    found = sorted({label for split in SPLITS for label in accounting.labels[split]} | set(accounting.rare_labels))
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
