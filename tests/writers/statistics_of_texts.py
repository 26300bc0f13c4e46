"""Statistics of some texts, as CorpusStatistics writes them, without Beam."""

import numpy as np
import tensorflow as tf

from ulmfit_tfx.components.corpus_statistics.counts import Counts
from ulmfit_tfx.components.corpus_statistics.executor import statistics_of
from ulmfit_tfx.schemas.config.corpus_statistics import CorpusStatisticsConfig


def write_statistics(folder, tokenizer, texts):
    """Writes them to a folder; returns its path."""
    config = CorpusStatisticsConfig(vector_size=12, topics=8, pair_buckets=512)
    counts = Counts.nothing(config, tokenizer.vocab_size)
    counts.count([ids.numpy().astype(np.int32) for ids in tokenizer.tokenize(tf.constant(texts))])
    statistics_of(counts, seed=1).write(str(folder))
    return str(folder)
