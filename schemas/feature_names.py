"""Names of the features in tf.Examples, before and after TextTransform."""

TEXT = "text"
"""bytes [1], UTF-8: the text as ingested. Of words with tags: the words with a space between them.

After TextTransform: the same, of rows with labels or numbers.
"""
LENGTH_BUCKET = "length_bucket"
"""bytes [1]: the range of word counts that the text falls in, for evaluation slices."""
LABEL = "label"
"""bytes [1], UTF-8: the class name. Classification with one label a row."""
LABELS = "labels"
"""bytes [any number], UTF-8: the class names. Classification with several labels a row, or none."""
TARGETS = "targets"
"""float [targets]: the numbers to predict, in the order of `target_columns`. Regression."""
WEIGHT = "weight"
"""float [1]: what the row counts in the loss. Where there is a `weight_column`."""
TEACHER_PROBABILITIES = "teacher_probabilities"
"""float32 [classes]: what a teacher says of each class, in the order of the classes' names; none where none does.

After TextTransform: the same.
"""
IS_TRANSFER = "is_transfer"
"""int64 [1]: 1 of a row that has a teacher and no label of its own, 0 or none of others. After TextTransform: the same.
"""
WORDS = "words"
"""bytes [words], UTF-8. Tagging."""
TAGS = "tags"
"""bytes [words], UTF-8: the tag of each word; with several tags a word these, joined by `tag_separator`. Tagging."""
SOURCE_FILE = "source_file"
"""bytes [1], UTF-8: the file that the row comes from. Of rows that a model is asked about."""
SOURCE_LINE = "source_line"
"""int64 [2]: the line that the row begins on, and its number among rows that may have come of one line. Likewise."""
SOURCE_COLUMNS = "source_columns"
"""bytes [1]: all columns of the row, as a JSON object; `null` where the format has none. Likewise."""
SLICE_PREFIX = "slice_"
"""bytes [1], before the name of a column of `slice_columns`: its value."""

TOKEN_IDS = "token_ids"
"""int64 [pieces]: SentencePiece ids, with `<s>` and `</s>` where configured, cut at `max_seq_len`.

Tagging: of words one by one, without `<s>` and `</s>` and not cut.
"""
LABEL_ID = "label_id"
"""int64 []: index of the label in the label vocabulary."""
LABEL_IDS = "label_ids"
"""int64 [any number]: indices of the labels, in a classification with several labels a row."""
PIECE_COUNTS = "piece_counts"
"""int64 [words]: number of pieces of each word, at least 1. Tagging."""
TAG_IDS = "tag_ids"
"""int64 [tags]: index of each word's tag in the tag vocabulary; with several tags a word these end to end. Tagging."""
TAG_COUNTS = "tag_counts"
"""int64 [words]: number of tags of each word. Tagging with several tags a word."""
WORD_FEATURE_IDS = "word_feature_ids"
"""int64 [words * 4]: hashes of the features of each word, word by word. Tagging with `word_features`."""
WORD_FEATURES = ("form", "prefix", "suffix", "shape")
"""What is read of a word beside its pieces, in the order of its hashes, see `ulmfit_tfx.transforms.word_features`."""
LABEL_VOCABULARY = "labels"
"""File name of the label vocabulary in the transform graph, most frequent label first."""
