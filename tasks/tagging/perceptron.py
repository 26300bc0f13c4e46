"""A structured perceptron: the linear model of sequences that taggers are held against.

Collins 2002, "Discriminative Training Methods for Hidden Markov Models: Theory and Experiments with Perceptron
Algorithms". It is a linear-chain conditional random field's kin, of the same features and transitions, fitted by
updates where the best sequence is wrong; no maintained library of such fields is among our requirements.
"""

from collections.abc import Sequence

import numpy as np
import scipy.sparse
from sklearn.feature_extraction import FeatureHasher

from ulmfit_tfx.tasks.tagging.word_features import word_features

EPOCHS = 8
MOST_WORDS = 300_000
"""Of the train split that a perceptron is fitted on: sentences beyond are left out by chance."""
_MOST_STEPS = 3_000_000_000
"""Words times pairs of tags, likewise: what finding the best sequences takes."""
_MOST_FEATURES = 2**18
_MOST_WEIGHTS = 2**24
"""Features times tags."""


class StructuredPerceptron:
    """Scores of words by features and of pairs of tags; answers with the best sequence.

    Attributes:
        tags: In alphabetical order.
        emissions: What a feature says of a tag, float64 [features, tags], averaged over all updates.
        transitions: What a tag says of the next one, float64 [tags + 1, tags]; the last row, where a sentence begins.
    """

    def __init__(self, words: Sequence[Sequence[str]], tags: Sequence[Sequence[str]], seed: int, epochs: int = EPOCHS):
        """Fits a perceptron.

        Args:
            words: Of each sentence.
            tags: Theirs, one a word.
            seed: Of the order of sentences.
            epochs: Over the sentences.
        """
        generator = np.random.default_rng(seed)
        self.tags = sorted({tag for of_words in tags for tag in of_words})
        sentences = _bounded(words, generator.permutation(len(words)), len(self.tags))
        ids = {tag: index for index, tag in enumerate(self.tags)}
        self._hasher = FeatureHasher(_features_for(len(self.tags)), alternate_sign=False)
        examples = [
            (self._features(words[sentence]), np.array([ids[tag] for tag in tags[sentence]], int))
            for sentence in sentences
            if words[sentence]
        ]
        self._fit(examples, epochs, generator)

    def _fit(
        self, examples: list[tuple[scipy.sparse.csr_matrix, np.ndarray]], epochs: int, generator: np.random.Generator
    ) -> None:
        count = len(self.tags)
        emissions, transitions = np.zeros((self._hasher.n_features, count)), np.zeros((count + 1, count))
        # The mean of the weights after each step is the last ones less each update times the share of steps before it.
        early_emissions, early_transitions = np.zeros_like(emissions), np.zeros_like(transitions)
        steps = 1
        for _ in range(epochs):
            for example in generator.permutation(len(examples)):
                features, expected = examples[example]
                found = best_sequence(features @ emissions, transitions)
                for tags, sign in ((expected, 1.0), (found, -1.0)) if (found != expected).any() else ():
                    rows = np.repeat(np.arange(len(tags)), np.diff(features.indptr))
                    of_words = (features.indices, tags[rows])
                    of_pairs = (np.concatenate([[count], tags[:-1]]), tags)
                    np.add.at(emissions, of_words, sign * features.data)
                    np.add.at(early_emissions, of_words, sign * steps * features.data)
                    np.add.at(transitions, of_pairs, sign)
                    np.add.at(early_transitions, of_pairs, sign * steps)
                steps += 1
        self.emissions = emissions - early_emissions / steps
        self.transitions = transitions - early_transitions / steps

    def answer(self, words: Sequence[str]) -> list[str]:
        """Tags of the words of a sentence."""
        if not words:
            return []
        return [self.tags[tag] for tag in best_sequence(self._features(words) @ self.emissions, self.transitions)]

    def _features(self, words: Sequence[str]) -> scipy.sparse.csr_matrix:
        return self._hasher.transform(word_features(words, index) for index in range(len(words)))


def best_sequence(emissions: np.ndarray, transitions: np.ndarray) -> np.ndarray:
    """The sequence of tags with the highest score, by Viterbi's algorithm.

    Args:
        emissions: Of each tag for each word, float64 [words, tags], one word at least.
        transitions: From each tag to each, float64 [tags + 1, tags]; the last row is of the beginning.

    Returns:
        int [words].
    """
    scores = emissions[0] + transitions[-1]
    origins = []
    for of_word in emissions[1:]:
        before = scores[:, np.newaxis] + transitions[:-1]
        origins.append(before.argmax(axis=0))
        scores = before.max(axis=0) + of_word
    sequence = [int(scores.argmax())]
    for origin in reversed(origins):
        sequence.append(int(origin[sequence[-1]]))
    return np.array(sequence[::-1])


def _bounded(words: Sequence[Sequence[str]], order: np.ndarray, tags: int) -> list[int]:
    """Sentences from the beginning of an order, as many as the bounds allow, one at least."""
    most = min(MOST_WORDS, _MOST_STEPS // tags**2)
    total = np.cumsum([len(words[sentence]) for sentence in order])
    return order[: max(int(np.searchsorted(total, most, side="right")), 1)].tolist()


def _features_for(tags: int) -> int:
    """A power of two, as large as `_MOST_WEIGHTS` allow."""
    return min(_MOST_FEATURES, 1 << (_MOST_WEIGHTS // tags).bit_length() - 1)
