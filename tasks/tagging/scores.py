"""The scores of taggers: of words with one tag each, of entities, and of words with any number of tags."""

import math
from collections.abc import Collection, Sequence

import numpy as np
from seqeval.metrics.sequence_labeling import get_entities

from ulmfit_tfx.evaluation.scores import LabelScores, Matches, Rows, Unit, macro_f1, micro, micro_f1
from ulmfit_tfx.schemas.config.tags import TagScheme


class TaggingRows(Rows):
    """Sentences whose words have a tag each.

    `accuracy` of the words; and of the entities of `bio` and `bioes` tags `entity_precision`, `entity_recall` and
    `entity_f1`, of all types together, as seqeval has them in its default mode, which is conlleval's.
    """

    def __init__(self, expected: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], scheme: TagScheme):
        """Takes the tags of each sentence.

        Raises:
            ValueError: There are no sentences, or their words differ in number.
        """
        super().__init__(len(expected))
        require_same_words(expected, predicted)
        pairs = list(zip(expected, predicted, strict=True))
        self._words = np.array([len(wanted) for wanted, _ in pairs], float)
        self._right = np.array([right_words(wanted, found) for wanted, found in pairs], float)
        self._entities = None if scheme == "plain" else Matches(*_units_of_both(expected, predicted, scheme))

    def _scores(self, counts: np.ndarray) -> dict[str, float]:
        words = counts @ self._words
        scores = {"accuracy": counts @ self._right / words if words else math.nan}
        if self._entities is not None:
            measured = micro(self._entities.counts(counts))
            scores |= {f"entity_{measure}": getattr(measured, measure) for measure in ("precision", "recall", "f1")}
        return scores


class MultiLabelTaggingRows(Rows):
    """Sentences whose words have any number of tags.

    `micro_f1` of all tags together, and `macro_f1`, the mean over the tags that are expected or predicted.
    """

    def __init__(self, expected: Sequence[Sequence[Collection[str]]], predicted: Sequence[Sequence[Collection[str]]]):
        """Takes the tags of each word of each sentence.

        Raises:
            ValueError: There are no sentences, or their words differ in number.
        """
        super().__init__(len(expected))
        require_same_words(expected, predicted)
        self._matches = Matches([word_units(tags) for tags in expected], [word_units(tags) for tags in predicted])

    def _scores(self, counts: np.ndarray) -> dict[str, float]:
        matches = self._matches.counts(counts)
        return {"micro_f1": micro_f1(matches), "macro_f1": macro_f1(matches)}


def tagging_scores(
    expected: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], scheme: TagScheme
) -> dict[str, float]:
    """Scores of `TaggingRows`."""
    return TaggingRows(expected, predicted, scheme).scores()


def multi_label_tagging_scores(
    expected: Sequence[Sequence[Collection[str]]], predicted: Sequence[Sequence[Collection[str]]]
) -> dict[str, float]:
    """Scores of `MultiLabelTaggingRows`."""
    return MultiLabelTaggingRows(expected, predicted).scores()


def entity_table(
    expected: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], scheme: TagScheme
) -> list[LabelScores]:
    """Scores of each entity type, or of each tag where these are plain.

    Returns:
        Those that are expected or predicted, in alphabetical order.

    Raises:
        ValueError: The words of a sentence differ in number.
    """
    require_same_words(expected, predicted)
    return Matches(*_units_of_both(expected, predicted, scheme)).label_scores()


def require_same_words(expected: Sequence[Sequence], predicted: Sequence[Sequence]) -> None:
    """Holds the words of sentences against each other.

    Raises:
        ValueError: Sentences or words differ in number.
    """
    if len(expected) != len(predicted):
        raise ValueError(f"{len(predicted)} sentences are tagged, expected {len(expected)}")
    for index, (wanted, found) in enumerate(zip(expected, predicted, strict=True)):
        if len(wanted) != len(found):
            raise ValueError(f"sentence {index} has {len(found)} predicted tags, expected one a word, {len(wanted)}")


def right_words(expected: Sequence[str], predicted: Sequence[str]) -> int:
    """Number of words of a sentence that have the tag that is expected."""
    return sum(wanted == found for wanted, found in zip(expected, predicted, strict=True))


def word_units(tags: Sequence[Collection[str]]) -> set[Unit]:
    """The tags of a sentence, any number a word, as units."""
    return {(tag, word, word) for word, of_word in enumerate(tags) for tag in of_word}


def entity_units(tags: Sequence[str]) -> set[Unit]:
    """The entities of a sentence with `bio` or `bioes` tags, as units: type, first and last word."""
    return set(get_entities(list(tags)))


def _units_of_both(
    expected: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], scheme: TagScheme
) -> tuple[list[set[Unit]], list[set[Unit]]]:
    def units(tags: Sequence[str]) -> set[Unit]:
        return word_units([[tag] for tag in tags]) if scheme == "plain" else entity_units(tags)

    return [units(tags) for tags in expected], [units(tags) for tags in predicted]
