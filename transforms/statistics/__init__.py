"""Statistics of the pieces of a corpus: counts, word vectors from co-occurrence, topics."""
