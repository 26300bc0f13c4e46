"""CorpusIngest: text files in, split and counted tf.Examples out."""
