"""A tagger beside its baselines: the most frequent tag of each word, and a structured perceptron."""

import dataclasses
from collections import Counter
from collections.abc import Sequence

from ulmfit_tfx.evaluation import catalogue
from ulmfit_tfx.evaluation.contest import Contest, most_frequent
from ulmfit_tfx.evaluation.scores import Rows
from ulmfit_tfx.schemas.config.tags import TagScheme
from ulmfit_tfx.tasks.tagging.perceptron import StructuredPerceptron
from ulmfit_tfx.tasks.tagging.predictor import TagPrediction
from ulmfit_tfx.tasks.tagging.scores import MultiLabelTaggingRows, TaggingRows
from ulmfit_tfx.transforms.records.record import Row


@dataclasses.dataclass(frozen=True)
class Tagging(Contest):
    """Words with tags, which are the answers; several tags of a word joined by `tag_separator`."""

    scheme: TagScheme
    tag_separator: str | None

    @property
    def leading(self) -> str:
        """See `Contest`."""
        if self.tag_separator is not None:
            return "micro_f1"
        return "accuracy" if self.scheme == "plain" else "entity_f1"

    def of_model(self, predictions: Sequence[TagPrediction]) -> list[list[str]]:
        """Tags of the rows' own words."""
        return [[word.tag for word in prediction.words] for prediction in predictions]

    def of_baselines(self, train: Sequence[Row], rows: Sequence[Row], seed: int) -> dict[str, list[list[str]] | None]:
        """The most frequent tag of each word, and a perceptron, for which several tags of a word are one."""
        words, tags = [row.words for row in train], [row.tags for row in train]
        asked = [row.words for row in rows]
        perceptron = StructuredPerceptron(words, tags, seed)
        return {
            catalogue.MOST_FREQUENT_TAG: most_frequent_tags(words, tags, asked),
            catalogue.PERCEPTRON: [perceptron.answer(sentence) for sentence in asked],
        }

    def scored(self, rows: Sequence[Row], answers: Sequence[Sequence[str]]) -> Rows:
        """Holds tags against tags."""
        expected = [row.tags for row in rows]
        if self.tag_separator is None:
            return TaggingRows(expected, answers, self.scheme)
        return MultiLabelTaggingRows(self._sets(expected), self._sets(answers))

    def _sets(self, rows: Sequence[Sequence[str]]) -> list[list[set[str]]]:
        return [[set(tags.split(self.tag_separator)) if tags else set() for tags in row] for row in rows]


def most_frequent_tags(
    train_words: Sequence[Sequence[str]], train_tags: Sequence[Sequence[str]], words: Sequence[Sequence[str]]
) -> list[list[str]]:
    """Answers each word with the tag that it most often has in training, an unseen one with the most frequent tag.

    Args:
        train_words: The words of each row of training.
        train_tags: Their tags; several tags of a word joined into one string.
        words: The words of the rows to tag.
    """
    by_word: dict[str, Counter[str]] = {}
    for row_words, row_tags in zip(train_words, train_tags, strict=True):
        for word, tag in zip(row_words, row_tags, strict=True):
            by_word.setdefault(word, Counter())[tag] += 1
    tag_of = {word: most_frequent(tags) for word, tags in by_word.items()}
    overall = most_frequent(Counter(tag for row_tags in train_tags for tag in row_tags))
    return [[tag_of.get(word, overall) for word in row] for row in words]
