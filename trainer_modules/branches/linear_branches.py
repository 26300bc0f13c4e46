"""The linear branches: their features in the train split, and the graph that answers by them."""

import abc
import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import scipy.sparse
import tensorflow as tf

from ulmfit_tfx.trainer_modules.branches.comparison import (
    compared_matrices,
    compared_size,
    compared_terms,
    compared_vectors,
)
from ulmfit_tfx.trainer_modules.branches.features import (
    CHARACTERS,
    PIECES,
    WORDS,
    TextReader,
    averages,
    computed,
    counted,
    own_idf,
    weighted,
)
from ulmfit_tfx.transforms.statistics.layout import CorpusStatistics
from ulmfit_tfx.transforms.statistics.vectors import sif_weights
from ulmfit_tfx.transforms.terms import Tfidf, tfidf

Tables = Mapping[str, Any]
"""Numbers by name, as arrays or as the variables that are served."""
WEIGHTS = "weights"


@dataclasses.dataclass(frozen=True)
class Part:
    """What a graph adds up: outputs that are linear in what is counted in a text.

    Attributes:
        tables: Arrays by name; `weights` are [..., outputs].
        outputs: From a reader, texts, string [batch], and tables to float32 [batch, outputs].
    """

    tables: Mapping[str, np.ndarray]
    outputs: Callable[[TextReader, tf.Tensor, Tables], tf.Tensor]

    def __add__(self, other: "Part") -> "Part":
        """This one with the weights of another one added, which is the same but for these."""
        return dataclasses.replace(self, tables={**self.tables, WEIGHTS: self.tables[WEIGHTS] + other.tables[WEIGHTS]})


class TrainTexts:
    """Texts of the train split and their terms."""

    def __init__(self, reader: TextReader, texts: np.ndarray, statistics: CorpusStatistics | None):
        """Takes texts.

        Args:
            reader: Of them.
            texts: bytes [texts].
            statistics: Whose document frequencies are those of pieces. None: the texts' own.
        """
        self.reader = reader
        self.texts = texts
        self._statistics = statistics
        self._idf: dict[str, np.ndarray] = {}
        self._last: tuple[str, scipy.sparse.csr_matrix] | None = None

    def tfidf(self, space: str) -> scipy.sparse.csr_matrix:
        """TF-IDF, float32 [texts, terms]; of pairs compared, see `compared_terms`. That of one space is kept."""
        if self._last is None or self._last[0] != space:
            self._last = space, self._computed(space)
        return self._last[1]

    def part(self, space: str, weights: np.ndarray) -> Part:
        """What answers by the columns of `tfidf` with weights, [columns, outputs]."""
        return Part({"idf": self._idf[space], WEIGHTS: weights}, functools.partial(_by_terms, space))

    def width(self, space: str) -> int:
        """Columns of `tfidf`."""
        size = self.reader.spaces[space].size
        return compared_size(size) if self.reader.reads_pairs else size

    def _computed(self, space: str) -> scipy.sparse.csr_matrix:
        sides = [counted(self.reader.spaces[space], side) for side in self._sides()]
        if space == PIECES and self._statistics is not None:
            self._idf[space] = self._statistics.inverse_document_frequencies
        else:
            self._idf[space] = own_idf(scipy.sparse.vstack(sides, format="csr"))
        found = [weighted(side, self._idf[space]) for side in sides]
        return compared_matrices(*found) if self.reader.reads_pairs else found[0]

    def _sides(self) -> list[np.ndarray]:
        return [side.numpy() for side in self.reader.sides(tf.constant(self.texts, tf.string))]


class LinearBranch(abc.ABC):
    """A branch that is linear in features of a text.

    Attributes:
        tables: Arrays that are served beside the weights, by name.
    """

    tables: Mapping[str, np.ndarray] = {}

    @abc.abstractmethod
    def features(self) -> Any:
        """Of the train texts: float [texts, features], sparse or dense."""

    @abc.abstractmethod
    def parts(self, weights: np.ndarray) -> Mapping[str, Part]:
        """What answers by weights, [features, outputs]. Parts of one name can be added."""


@dataclasses.dataclass(frozen=True)
class TermBranch(LinearBranch):
    """Terms of some spaces."""

    texts: TrainTexts
    spaces: Sequence[str]

    def features(self) -> scipy.sparse.csr_matrix:
        """TF-IDF."""
        found = [self.texts.tfidf(space) for space in self.spaces]
        return found[0] if len(found) == 1 else scipy.sparse.hstack(found, format="csr")

    def parts(self, weights: np.ndarray) -> Mapping[str, Part]:
        """One a space."""
        bounds = np.cumsum([self.texts.width(space) for space in self.spaces])[:-1]
        of_spaces = zip(self.spaces, np.split(weights, bounds), strict=True)
        return {space: self.texts.part(space, of_space) for space, of_space in of_spaces}


@dataclasses.dataclass(frozen=True)
class TopicBranch(LinearBranch):
    """Latent semantic analysis. It folds into weights of terms."""

    texts: TrainTexts
    statistics: CorpusStatistics

    def features(self) -> np.ndarray:
        """What there is of each topic."""
        return self.texts.tfidf(PIECES) @ self.statistics.topics

    def parts(self, weights: np.ndarray) -> Mapping[str, Part]:
        """Of pieces and their pairs."""
        return {PIECES: self.texts.part(PIECES, self.statistics.topics @ weights)}


class VectorBranch(LinearBranch):
    """Averages of the pieces' vectors, plain and by smooth inverse frequency. It folds into weights of pieces."""

    def __init__(self, texts: TrainTexts, statistics: CorpusStatistics):
        """Makes the table of what is averaged, [vocab, 2 * size]."""
        self._texts = texts
        self._table = np.concatenate([statistics.vectors, _sif_vectors(statistics)], axis=1)

    def features(self) -> np.ndarray:
        """The averages."""
        reader, table = self._texts.reader, tf.constant(self._table)
        return computed(lambda texts: averages(reader.ids(texts), table), self._texts.texts)

    def parts(self, weights: np.ndarray) -> Mapping[str, Part]:
        """An average of weights."""
        return {"vectors": Part({WEIGHTS: self._table @ weights}, _by_averages)}


class ComparingBranch(LinearBranch):
    """A vector of each text of a pair, compared."""

    def __init__(
        self,
        texts: TrainTexts,
        name: str,
        tables: Mapping[str, np.ndarray],
        vectors: Callable[[TextReader, tf.Tensor, Tables], tf.Tensor],
    ):
        """Describes the vectors.

        Args:
            texts: Of the train split.
            name: Of the branch.
            tables: Arrays that `vectors` takes.
            vectors: From a reader, texts, string [batch], and the tables to float32 [batch, size].
        """
        self._texts = texts
        self._name = name
        self.tables = tables
        self._vectors = vectors

    def features(self) -> np.ndarray:
        """See `compared_vectors`."""
        held = {name: tf.constant(table) for name, table in self.tables.items()}
        reader = self._texts.reader
        return computed(lambda texts: self._compared(reader, texts, held), self._texts.texts)

    def parts(self, weights: np.ndarray) -> Mapping[str, Part]:
        """The same, and a product."""
        return {
            self._name: Part(
                {**self.tables, WEIGHTS: weights},
                lambda reader, texts, tables: self._compared(reader, texts, tables) @ tables[WEIGHTS],
            )
        }

    def _compared(self, reader: TextReader, texts: tf.Tensor, tables: Tables) -> tf.Tensor:
        return compared_vectors(*(self._vectors(reader, side, tables) for side in reader.sides(texts)))


def linear_branches(
    names: Iterable[str], texts: TrainTexts, statistics: CorpusStatistics | None
) -> Mapping[str, LinearBranch]:
    """Branches by name, those first that read the same terms.

    Args:
        names: Of those that are wanted; `recurrent` is none of them.
        texts: Of the train split.
        statistics: Of the corpus, for `vectors` and `topics`.
    """
    made: dict[str, LinearBranch] = {}
    if statistics is not None and texts.reader.reads_pairs:
        vocab = statistics.vocab_size
        averaged = {"table": _sif_vectors(statistics)}
        # Without pairs of pieces: they tell short texts apart no better, and their table is the largest of all.
        of_pieces = {"idf": statistics.inverse_document_frequencies[:vocab], "table": statistics.topics[:vocab]}
        made["topics"] = ComparingBranch(texts, "topics", of_pieces, _topics_of_pieces)
        made["vectors"] = ComparingBranch(texts, "vectors", averaged, _average)
    elif statistics is not None:
        made["topics"] = TopicBranch(texts, statistics)
        made["vectors"] = VectorBranch(texts, statistics)
    made["pieces"] = TermBranch(texts, (PIECES,))
    made["words"] = TermBranch(texts, (WORDS, CHARACTERS))
    order = ("topics", "pieces", "vectors", "words")
    return {name: made[name] for name in order if name in names}


def _sif_vectors(statistics: CorpusStatistics) -> np.ndarray:
    return statistics.vectors * sif_weights(statistics.piece_counts)[:, None]


def _average(reader: TextReader, texts: tf.Tensor, tables: Tables) -> tf.Tensor:
    return averages(reader.ids(texts), tables["table"])


def _topics_of_pieces(reader: TextReader, texts: tf.Tensor, tables: Tables) -> tf.Tensor:
    found = tfidf(tf.cast(reader.ids(texts), tf.int64), tables["idf"])
    return _summed(found, tables["table"], tf.shape(texts, tf.int64)[0])


def _by_averages(reader: TextReader, texts: tf.Tensor, tables: Tables) -> tf.Tensor:
    return averages(reader.ids(texts), tables[WEIGHTS])


def _by_terms(space: str, reader: TextReader, texts: tf.Tensor, tables: Tables) -> tf.Tensor:
    of_space = reader.spaces[space]
    sides = [tfidf(of_space.terms(side), tables["idf"]) for side in reader.sides(texts)]
    found = compared_terms(sides[0], sides[1], of_space.size) if reader.reads_pairs else sides[0]
    return _summed(found, tables[WEIGHTS], tf.shape(texts, tf.int64)[0])


def _summed(found: Tfidf, table: tf.Tensor, texts: tf.Tensor) -> tf.Tensor:
    """Product of TF-IDF, [texts, terms], and a table, [terms, numbers]."""
    return tf.math.unsorted_segment_sum(found.values[:, None] * tf.gather(table, found.terms), found.rows, texts)
