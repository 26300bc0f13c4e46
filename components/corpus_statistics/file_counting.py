"""What a worker does with a file of transformed examples: counts its texts, and writes the counts."""

import uuid
from collections.abc import Iterator

import apache_beam as beam

from ulmfit_tfx.components.record_files import read_batches
from ulmfit_tfx.schemas.config.corpus_statistics import CorpusStatisticsConfig
from ulmfit_tfx.schemas.feature_names import TOKEN_IDS


class CountFile(beam.DoFn):
    """From (number, file) to the number and the path of the counts."""

    def __init__(self, config: CorpusStatisticsConfig, vocab_size: int, folder: str):
        self.config = config
        self.vocab_size = vocab_size
        self.folder = folder

    def process(self, element: tuple[int, str]) -> Iterator[str]:
        """Counts a file."""
        import numpy as np
        import tensorflow as tf

        from ulmfit_tfx.components.corpus_statistics.counts import Counts

        number, file = element
        counts = Counts.nothing(self.config, self.vocab_size)
        features = {TOKEN_IDS: tf.io.RaggedFeature(tf.int64)}
        for records in read_batches(file):
            ids = tf.io.parse_example(records, features)[TOKEN_IDS]
            texts = np.split(ids.flat_values.numpy().astype(np.int32), ids.row_splits.numpy()[1:-1])
            counts.count(texts)
        # A name of its own: a worker that Beam gave up may still write while another does its work again.
        path = f"{self.folder}/{number:05d}-{uuid.uuid4().hex}.npz"
        counts.write(path)
        yield f"{number} {path}"
