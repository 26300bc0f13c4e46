"""What CorpusStatistics does."""

from collections.abc import Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import scipy.sparse
import tensorflow as tf
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import artifact_utils

from ulmfit_tfx.components.corpus_statistics.counts import Counts
from ulmfit_tfx.components.corpus_statistics.file_counting import CountFile
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.config.corpus_statistics import CorpusStatisticsConfig
from ulmfit_tfx.transforms.splitting import TRAIN
from ulmfit_tfx.transforms.statistics.layout import CorpusStatistics
from ulmfit_tfx.transforms.statistics.topics import topic_basis
from ulmfit_tfx.transforms.statistics.vectors import piece_vectors
from ulmfit_tfx.transforms.terms import inverse_document_frequencies, piece_terms, tfidf
from ulmfit_tfx.transforms.tokenizer_files import read_tokenizer

_UNFINISHED = "unfinished"
_TEXTS_AT_ONCE = 1000


class Executor(BaseBeamExecutor):
    """Has workers count files, adds up in the order of the files, and decomposes."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Counts."""
        config = CorpusStatisticsConfig.model_validate_json(exec_properties[specs.CONFIG])
        vocab_size = read_tokenizer(artifact_utils.get_single_uri(input_dict[specs.TOKENIZER])).vocab_size
        examples = [*input_dict[specs.EXAMPLES], *input_dict.get(specs.EXAMPLES_UNLABELLED, ())]
        files = [file for artifact in examples for file in sorted(tf.io.gfile.glob(f"{artifact.uri}/Split-{TRAIN}/*"))]
        output = artifact_utils.get_single_uri(output_dict[specs.CORPUS_STATISTICS])
        counts = self._counted(files, config, vocab_size, f"{output}/{_UNFINISHED}")
        statistics_of(counts, exec_properties[specs.SEED]).write(output)

    def _counted(self, files: Sequence[str], config: CorpusStatisticsConfig, vocab_size: int, folder: str) -> Counts:
        tf.io.gfile.makedirs(folder)
        parts = f"{folder}/parts.txt"
        with self._make_beam_pipeline() as pipeline:
            _ = (
                pipeline
                | "Files" >> beam.Create(list(enumerate(files)))
                | "Spread" >> beam.Reshuffle()
                | "Count" >> beam.ParDo(CountFile(config, vocab_size, folder))
                | "Parts" >> beam.io.WriteToText(parts, shard_name_template="")
            )
        with tf.io.gfile.GFile(parts) as lines:
            paths = dict(sorted((int(number), path) for number, path in (line.strip().split(" ", 1) for line in lines)))
        counts = Counts.nothing(config, vocab_size)
        for path in paths.values():
            counts.add(Counts.read(path, config, vocab_size))
        tf.io.gfile.rmtree(folder)
        return counts


def statistics_of(counts: Counts, seed: int) -> CorpusStatistics:
    """Vectors and topics of what was counted.

    Args:
        counts: Of all texts.
        seed: Of the decompositions.
    """
    return CorpusStatistics(
        documents=counts.documents,
        piece_counts=counts.pieces,
        document_frequencies=counts.frequencies,
        vectors=piece_vectors(counts.pairs, counts.config.vector_size, seed),
        topics=topic_basis(_sampled_tfidf(counts), counts.config.topics, seed),
    )


def _sampled_tfidf(counts: Counts) -> scipy.sparse.csr_matrix:
    """TF-IDF of the sampled texts, float32 [texts, terms]."""
    texts, size = counts.texts(), len(counts.frequencies)
    idf = tf.constant(inverse_document_frequencies(counts.frequencies, counts.documents))
    parts = [scipy.sparse.csr_matrix((0, size), dtype=np.float32)]
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        batch = texts[start : start + _TEXTS_AT_ONCE]
        ids = tf.RaggedTensor.from_row_lengths(np.concatenate(batch), [len(text) for text in batch])
        found = tfidf(piece_terms(ids, counts.vocab_size, counts.config.pair_buckets), idf)
        entries = found.values.numpy(), (found.rows.numpy(), found.terms.numpy())
        parts.append(scipy.sparse.csr_matrix(entries, (len(batch), size)))
    return scipy.sparse.vstack(parts, format="csr")
