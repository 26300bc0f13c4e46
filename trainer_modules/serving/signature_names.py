"""The public contract of an exported SavedModel: signature, input and output names.

Clients of published models rely on these names, shapes and dtypes, so a change here is a breaking change.
B is the batch size, T the padded length, D the encoder's output size, C the number of classes, V the vocabulary size,
N the number of targets of a regressor, W the largest number of words of a text in the batch, S that of its spans, K the
number of tags.
"""

MODEL_INFO_FILE = "assets.extra/ulmfit_tfx.json"
"""File in a SavedModel that says what the model is."""
WARMUP_FILE = "assets.extra/tf_serving_warmup_requests"
"""File in a SavedModel whose requests TensorFlow Serving runs when it loads the model."""

STRING_INPUTS = "string_inputs"
NUMERICALIZED = "numericalized"
OUTPUT = "output"
MASK = "mask"
LENGTHS = "lengths"
EXAMPLES = "examples"
INPUTS = "inputs"
OUTPUTS = "outputs"
LABEL = "label"
PROBABILITIES = "probabilities"
ALL_CLASSES = "all_classes"
CLASSES = "classes"
SCORES = "scores"
ALL_TARGETS = "all_targets"
TAGS = "tags"
ALL_TAGS = "all_tags"
TAG_PROBABILITIES = "tag_probabilities"
WORD_COUNTS = "word_counts"
WORD_START_BYTES = "word_start_bytes"
WORD_END_BYTES = "word_end_bytes"
WORD_START_CHARS = "word_start_chars"
WORD_END_CHARS = "word_end_chars"
SPAN_LABELS = "span_labels"
SPAN_TEXTS = "span_texts"
SPAN_SCORES = "span_scores"
SPAN_COUNTS = "span_counts"
SPAN_START_WORDS = "span_start_words"
SPAN_END_WORDS = "span_end_words"
SPAN_START_BYTES = "span_start_bytes"
SPAN_END_BYTES = "span_end_bytes"
SPAN_START_CHARS = "span_start_chars"
SPAN_END_CHARS = "span_end_chars"
LOG_PROBABILITIES = "log_probabilities"
NEGATIVE_LOG_LIKELIHOOD = "negative_log_likelihood"
NEGATIVE_LOG_LIKELIHOOD_BACKWARD = "negative_log_likelihood_backward"
PREDICTED_PIECES = "predicted_pieces"
WORDS = "words"

STRING_ENCODER = "string_encoder"
"""string [B] -> output float32 [B,T,D], numericalized int32 [B,T], mask bool [B,T], lengths int32 [B]."""
NUMERICALIZED_ENCODER = "numericalized_encoder"
"""int32 [B,T] -> output float32 [B,T,D], mask bool [B,T]."""
SPM_PROCESSOR = "spm_processor"
"""string [B] -> numericalized int32 [B,T], mask bool [B,T]."""
STRING_ENCODER_FLAT = "string_encoder_flat"
"""string [B] -> output_flat float32 [sum of lengths, D], output_rows int32 [B], and the same for numericalized.

Only where `fixed_seq_len` is null: TF Serving cannot return ragged tensors, so rows come end to end with their lengths.
"""
NEXT_PIECE = "next_piece"
"""Language model that reads forward: string [B] -> log_probabilities float32 [B,V] of the piece that follows each text,
numericalized int32 [B,T] and lengths int32 [B] of the pieces that this is given: `<s>` where configured, no `</s>`.

T is the longest of the batch; of a text longer than the model's `max_seq_len` the last pieces are taken.
"""
NEXT_PIECE_NUMERICALIZED = "next_piece_numericalized"
"""The same from pieces: int32 [B,T], padded on the right -> log_probabilities float32 [B,V].

The piece after a row that holds nothing is given by the head's bias alone.
"""
PREVIOUS_PIECE = "previous_piece"
"""Language model that reads backward: as `next_piece`, of the piece that precedes each text. Texts have `</s>` where
configured and no `<s>`; of a long one the first pieces are taken."""
PREVIOUS_PIECE_NUMERICALIZED = "previous_piece_numericalized"
"""As `next_piece_numericalized`, of the piece that precedes. Pieces stand in the order of the text."""
SERVING_DEFAULT = "serving_default"
"""Classifier: string [B] -> label string [B], probabilities float32 [B,C], all_classes string [B,C].

Of a classifier with several labels a text, the probabilities are of each class by itself, and `label` is those from the
threshold on, the most probable first, joined by the separator; "" where there is none.

Regressor: string [B] -> scores float32 [B,N], all_targets string [B,N].

Tagger: string [B] -> what follows, padded with "" and 0 to W words and S spans.

- `words` string [B,W], `word_counts` int32 [B], and where the words are in the text: `word_start_bytes`,
  `word_end_bytes`, `word_start_chars`, `word_end_chars` int32 [B,W], the end being after the last one. Characters are
  Unicode code points.
- `tags` string [B,W], `scores` float32 [B,W], the probability of the tag. With several tags a word these are joined by
  the separator, and the score is the lowest of their probabilities, or that there is none.
- `tag_probabilities` float32 [B,W,K], `all_tags` string [B,K].
- `span_labels`, `span_texts` string [B,S], `span_scores` float32 [B,S], the mean of the words' scores, `span_counts`
  int32 [B], and where the spans are: `span_start_words`, `span_end_words` and bytes and characters as above, int32
  [B,S]. A span is an entity, as conlleval reads BIO tags; of plain tags a run of words with the same one, but not `O`.

Language model: string [B] -> negative_log_likelihood float32 [B], predicted_pieces int32 [B], words int32 [B].

- `negative_log_likelihood` is of the whole text, however long, in nats: the sum over its pieces but the first that is
  read, which has nothing before it. That is `<s>`, or read backward `</s>`, where texts are configured to have it.
- `predicted_pieces` are the pieces of that sum. Perplexity is exp(sum of the first / sum of the second).
- `words` are those of the cleaned text between white space, plus one where the mark at the other end, `</s>` or read
  backward `<s>`, is predicted. Perplexity a word is exp(sum of the first / sum of the third).
- A model of both directions has `negative_log_likelihood_backward` float32 [B] too, and the words of the forward one.
"""
SERVING_EXAMPLES = "serving_examples"
"""Classifier: serialized tf.Example string [B] -> label string [B,1], probabilities [B,C], all_classes [B,C].

Strings have rank 2 because BulkInferrer fails on rank 1.

Regressor: the outputs of `serving_default`.

Tagger: the outputs of `serving_default`, counts [B,1]. An Example with `words` is tagged as by `tag_words`, one without
as its `text`.

Language model: serialized tf.Example string [B] -> the outputs of `serving_default`, [B,1] each.
"""

TAG_WORDS = "tag_words"
"""Tagger, of words already split: words string [B,W], padded with "" -> as `serving_default`.

Bytes and characters are counted in the words joined by single spaces.
"""

CLASSIFY = "classify"
"""Classifier, TensorFlow Serving's Classify API: serialized tf.Example string [B] -> classes string [B,C], scores
float32 [B,C], which are `all_classes` and `probabilities` of `serving_default`.

Of a classifier with several labels a text the scores are of each class by itself, and do not sum to 1.
"""
REGRESS = "regress"
"""Regressor of one target, TensorFlow Serving's Regress API: serialized tf.Example string [B] -> outputs float32 [B].

That API gives a text one number, so a regressor of several targets has no such signature.
"""

METHOD_NAMES = {CLASSIFY: "tensorflow/serving/classify", REGRESS: "tensorflow/serving/regress"}
"""By signature, what a SavedModel says of how it is called; of all others `tensorflow/serving/predict`.

The Predict API calls these two as well. TensorFlow Serving's `enable_signature_method_name_check` looks at the names.
"""
