"""Reads all rows as a run would, and counts what matters before one: refusals, labels, lengths, repetitions, leaks."""

import array
import dataclasses
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping

from ulmfit_tfx.components.corpus_ingest.source_files import check_source, read_label_map, readable
from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.transforms.records.formats import parse
from ulmfit_tfx.transforms.records.record import Refusal, Row
from ulmfit_tfx.transforms.splitting import EVAL, SPLITS, TEST, TRAIN, split_of

_MOST_ROWS = 500_000
"""Rows that are looked at. Of more, the first ones."""
_LANGUAGES_OF = 300
"""Texts whose language is told, evenly spread over the first rows."""
_EVERY, _FIRST = 7, 50
_SENTENCES = 500


@dataclasses.dataclass
class Survey:
    """What is in the rows.

    Attributes:
        rows: Rows that a run takes, by split.
        refused: Rows that it would quarantine, by reason.
        examples: The first refusal of each reason.
        labels: Rows of each label; of a tagging, words of each tag.
        together: Rows of each set of labels, where a row may have several.
        targets: Sum, and sum of squares, of each number to predict.
        words: Words of each text.
        text_bytes: Of all texts.
        repeated: Rows whose text an earlier row of the same split has.
        contradicting: Of these, rows that have another label.
        leaked: Rows of the eval and of the test split whose text the train split has.
        languages: Texts that are in a language, of those whose language was told.
        sentences: Of words with tags, the first rows.
        is_whole: Whether all rows were looked at.
    """

    rows: Counter[str] = dataclasses.field(default_factory=Counter)
    refused: Counter[str] = dataclasses.field(default_factory=Counter)
    examples: dict[str, Refusal] = dataclasses.field(default_factory=dict)
    labels: Counter[str] = dataclasses.field(default_factory=Counter)
    together: Counter[tuple[str, ...]] = dataclasses.field(default_factory=Counter)
    targets: list[tuple[float, float]] = dataclasses.field(default_factory=list)
    words: "array.array[int]" = dataclasses.field(default_factory=lambda: array.array("l"))
    text_bytes: int = 0
    repeated: int = 0
    contradicting: int = 0
    leaked: Counter[str] = dataclasses.field(default_factory=Counter)
    languages: Counter[str] = dataclasses.field(default_factory=Counter)
    sentences: list[Row] = dataclasses.field(default_factory=list)
    is_whole: bool = True

    @property
    def total(self) -> int:
        """Rows that a run takes."""
        return sum(self.rows.values())

    def words_at(self, share: float) -> int:
        """The length in words that a share of the texts does not exceed."""
        ordered = sorted(self.words)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0


def survey(config: PipelineConfig) -> Survey:
    """Reads the rows of a configuration.

    Raises:
        DataError: They cannot be read as configured, see `check_source`.
    """
    source = config.data or config.corpus
    assert source is not None
    files = check_source(source)
    found = Survey()
    known = _Known()
    for number, (split, record) in enumerate(_records(config, source, files)):
        if number >= _MOST_ROWS:
            found.is_whole = False
            break
        if isinstance(record, Refusal):
            found.refused[record.reason] += 1
            found.examples.setdefault(record.reason, record)
        elif isinstance(record, Row):
            _count(found, record, split or split_of(record.key or record.text, config.seed, source.splits), known)
    found.leaked = known.leaks()
    return found


def _records(
    config: PipelineConfig, source: SourceConfig, files: Mapping[str, str | None]
) -> Iterator[tuple[str | None, object]]:
    label_map = read_label_map(source)
    shares_out = {split for split in files.values() if split is not None}
    for file, split in files.items():
        with readable(file, source) as stream:
            for record in parse(stream, file, source, config.tags, config.separator, label_map):
                own = record.split if isinstance(record, Row) else None
                yield own or split or (TRAIN if shares_out >= {EVAL, TEST} else None), record


class _Known:
    """Texts seen so far, as digests, with the label and by split."""

    def __init__(self) -> None:
        self.labels: dict[bytes, int] = {}
        self.of_splits: dict[str, Counter[bytes]] = {split: Counter() for split in SPLITS}

    def add(self, row: Row, split: str) -> tuple[bool, bool]:
        """Whether a text was there before in its split, and whether it had another label then."""
        digest = hashlib.blake2b(row.text.encode(), digest_size=8).digest()
        answer = hash((row.label, row.labels, row.targets, row.tags))
        is_repeated = digest in self.of_splits[split]
        contradicts = is_repeated and self.labels[digest] != answer
        self.labels.setdefault(digest, answer)
        self.of_splits[split][digest] += 1
        return is_repeated, contradicts

    def leaks(self) -> Counter[str]:
        train = self.of_splits[TRAIN]
        return Counter(
            {
                split: leaked
                for split in (EVAL, TEST)
                if (leaked := sum(count for digest, count in self.of_splits[split].items() if digest in train))
            }
        )


def _count(found: Survey, row: Row, split: str, known: _Known) -> None:
    found.rows[split] += 1
    found.words.append(len(row.words or row.text.split()))
    found.text_bytes += len(row.text.encode())
    is_repeated, contradicts = known.add(row, split)
    found.repeated += is_repeated
    found.contradicting += contradicts
    if row.words and len(found.sentences) < _SENTENCES:
        found.sentences.append(row)
    found.labels.update(row.tags or row.labels or ([row.label] if row.label is not None else []))
    if row.labels is not None:
        found.together[tuple(sorted(row.labels))] += 1
    if row.targets:
        sums = found.targets or [(0.0, 0.0)] * len(row.targets)
        found.targets = [
            (total + value, squares + value**2) for (total, squares), value in zip(sums, row.targets, strict=True)
        ]
    if found.languages.total() < _LANGUAGES_OF and (found.total % _EVERY == 0 or found.total <= _FIRST):
        from ulmfit_tfx.transforms.corpus_cleanup.languages import language_of

        found.languages[language_of(row.text)] += 1
