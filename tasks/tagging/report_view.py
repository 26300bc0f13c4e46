"""Tagging, as the report shows it."""

import json
from collections.abc import Sequence
from itertools import chain

import numpy as np
from seqeval.metrics.sequence_labeling import get_entities

from ulmfit_tfx.evaluation import charts
from ulmfit_tfx.evaluation.blocks import Fact, Mark, MarkedText, Section, ShownError
from ulmfit_tfx.evaluation.class_tables import (
    class_table,
    confusion_table,
    confusions,
    label_table,
)
from ulmfit_tfx.evaluation.scores import Rows, calibration_sums
from ulmfit_tfx.evaluation.task_view import TaskView
from ulmfit_tfx.schemas.config.tags import TagScheme
from ulmfit_tfx.tasks.tagging.predictor import TagPrediction
from ulmfit_tfx.tasks.tagging.scores import MultiLabelTaggingRows, TaggingRows, entity_table
from ulmfit_tfx.transforms.records.record import Row

_Entity = tuple[str, int, int]
"""Label, first word, last word."""


class TaggingView(TaskView):
    """Rows of words with one tag each."""

    columns = ("text", "differing", "missed", "spurious")

    def __init__(
        self,
        rows: Sequence[Row],
        predictions: Sequence[TagPrediction],
        tags: Sequence[str],
        scheme: TagScheme,
    ):
        """Holds rows against predictions.

        Args:
            rows: With `words` and `tags`.
            predictions: In the order of the rows, with a word for each of the row's.
            tags: Of the model, in its order.
            scheme: Of the tags.
        """
        self.rows = rows
        self._tags, self._scheme = list(tags), scheme
        self._expected = [list(row.tags) for row in rows]
        self._predicted = [[word.tag for word in prediction.words] for prediction in predictions]
        self._confidence = [[word.score for word in prediction.words] for prediction in predictions]
        self._has_entities = scheme != "plain"
        self.scored: Rows = TaggingRows(self._expected, self._predicted, scheme)
        self.kind = f"tagging with {scheme} tags"
        entities = "the most missed and spurious entities first, then " if self._has_entities else ""
        self.ranking = f"{entities}the most differing words first, then the surest of them"

    def right(self) -> np.ndarray:
        """Whether the tags of all words are the expected ones."""
        return np.array([not self._differing(index) for index in range(len(self.rows))])

    def _differing(self, index: int) -> list[int]:
        """Words of a row whose tags differ."""
        pairs = zip(self._expected[index], self._predicted[index], strict=True)
        return [word for word, (expected, predicted) in enumerate(pairs) if not self._same(expected, predicted)]

    def _same(self, expected: str, predicted: str) -> bool:
        return expected == predicted

    def _missed(self, index: int) -> list[_Entity]:
        return _without(self._expected[index], self._predicted[index]) if self._has_entities else []

    def _spurious(self, index: int) -> list[_Entity]:
        return _without(self._predicted[index], self._expected[index]) if self._has_entities else []

    def errors(self) -> list[int]:
        """Sentences with another tag; see `ranking`."""
        return sorted(np.flatnonzero(~self.right()).tolist(), key=self._badness)

    def _badness(self, index: int) -> tuple[float, ...]:
        differing = self._differing(index)
        confidence = float(np.mean([self._confidence[index][word] for word in differing]))
        entities = len(self._missed(index)) + len(self._spurious(index))
        return -entities, -len(differing), -confidence, index

    def record(self, index: int) -> dict[str, str]:
        """Words whose tags differ, missed and spurious entities, each as JSON."""
        words, expected, predicted = self.rows[index].words, self._expected[index], self._predicted[index]
        return {
            "text": self.rows[index].text,
            "differing": _as_json([(words[n], expected[n], predicted[n]) for n in self._differing(index)]),
            "missed": _as_json([self._words_and_label(index, entity) for entity in self._missed(index)]),
            "spurious": _as_json([self._words_and_label(index, entity) for entity in self._spurious(index)]),
        }

    def _words_and_label(self, index: int, entity: _Entity) -> tuple[str, str]:
        label, first, last = entity
        return " ".join(self.rows[index].words[first : last + 1]), label

    def shown(self, index: int) -> ShownError:
        """The sentence with what is expected in it above what is predicted."""
        row, differing = self.rows[index], set(self._differing(index))
        facts = [Fact("differing words", f"{len(differing):,} of {len(row.words):,}")]
        if self._has_entities:
            missed, spurious = self._missed(index), self._spurious(index)
            facts += [Fact("missed entities", f"{len(missed):,}"), Fact("spurious entities", f"{len(spurious):,}")]
            marked = (
                MarkedText("expected", _marked_entities(row.words, self._expected[index], set(missed))),
                MarkedText("predicted", _marked_entities(row.words, self._predicted[index], set(spurious))),
            )
        else:
            marked = (
                MarkedText("expected", _marked_words(row.words, self._expected[index], differing)),
                MarkedText("predicted", _marked_words(row.words, self._predicted[index], differing)),
            )
        return ShownError(row.text, tuple(facts), marked)

    def sections(self) -> list[Section]:
        """Scores of entities and tags, confusions, reliability."""
        found = [self._entity_section()] if self._has_entities else []
        return [*found, self._tag_section(), self._calibration_section()]

    def _entity_section(self) -> Section:
        scores = entity_table(self._expected, self._predicted, self._scheme)
        table = label_table("Scores of each kind of entity", "entity", scores)
        lead = "An entity is right where its label and its first and last word are."
        return Section("entities", "Entities", lead, tables=(table,))

    def _tag_section(self) -> Section:
        expected, predicted = list(chain(*self._expected)), list(chain(*self._predicted))
        names = [*self._tags, *sorted(set(expected) - set(self._tags))]
        return Section(
            "tags",
            "Tags",
            charts=(confusions(names, expected, predicted, "words"),),
            tables=(
                confusion_table(names, expected, predicted, "words"),
                class_table("Scores of each tag", "tag", names, expected, predicted),
            ),
        )

    def _calibration_section(self) -> Section:
        pairs = zip(chain(*self._expected), chain(*self._predicted), strict=True)
        right = np.array([self._same(expected, predicted) for expected, predicted in pairs])
        scores = np.array(list(chain(*self._confidence)))
        sums = calibration_sums(scores[:, None], right[:, None]).sum(axis=0)
        return Section(
            "calibration",
            "Calibration",
            "Whether a word whose tag has a score of 80 % is right in 80 % of the cases.",
            charts=(charts.reliability_diagram(sums, "words", "share right"),),
        )


class MultiLabelTaggingView(TaggingView):
    """Rows of words with any number of tags each."""

    def __init__(
        self,
        rows: Sequence[Row],
        predictions: Sequence[TagPrediction],
        tags: Sequence[str],
        separator: str,
    ):
        """Holds rows against predictions, see `TaggingView`; `separator` stands between the tags of a word."""
        super().__init__(rows, predictions, tags, "plain")
        self._separator = separator
        self.kind = "tagging with several tags a word"
        expected, predicted = (
            [self._sets(tags) for tags in sentences] for sentences in (self._expected, self._predicted)
        )
        self.scored = MultiLabelTaggingRows(expected, predicted)

    def _set(self, joined: str) -> frozenset[str]:
        return frozenset(joined.split(self._separator)) if joined else frozenset()

    def _sets(self, tags: Sequence[str]) -> list[frozenset[str]]:
        return [self._set(joined) for joined in tags]

    def _same(self, expected: str, predicted: str) -> bool:
        return self._set(expected) == self._set(predicted)

    def _tag_section(self) -> Section:
        expected, predicted = self._sets(list(chain(*self._expected))), self._sets(list(chain(*self._predicted)))
        names = [*self._tags, *sorted({tag for tags in expected for tag in tags} - set(self._tags))]
        has, gets = (np.array([[name in tags for name in names] for tags in words]) for words in (expected, predicted))
        return Section("tags", "Tags", tables=(class_table("Scores of each tag", "tag", names, has, gets),))


def _without(tags: Sequence[str], others: Sequence[str]) -> list[_Entity]:
    """Entities of tags that are not those of others, in the order of the text."""
    found = set(get_entities(list(others)))
    return [entity for entity in get_entities(list(tags)) if entity not in found]


def _marked_entities(words: Sequence[str], tags: Sequence[str], wrong: set[_Entity]) -> tuple[Mark, ...]:
    """A text in runs of words, its entities marked."""
    parts, position = [], 0
    for entity in get_entities(list(tags)):
        label, first, last = entity
        if first > position:
            parts.append(Mark(" ".join(words[position:first])))
        parts.append(Mark(" ".join(words[first : last + 1]), label, entity in wrong))
        position = last + 1
    if position < len(words):
        parts.append(Mark(" ".join(words[position:])))
    return tuple(parts)


def _marked_words(words: Sequence[str], tags: Sequence[str], wrong: set[int]) -> tuple[Mark, ...]:
    """A text in words, those with wrong tags marked."""
    return tuple(
        Mark(word, (tag or "no tag") if index in wrong else "", index in wrong)
        for index, (word, tag) in enumerate(zip(words, tags, strict=True))
    )


def _as_json(values: Sequence[tuple[str, ...]]) -> str:
    return json.dumps(values, ensure_ascii=False)
