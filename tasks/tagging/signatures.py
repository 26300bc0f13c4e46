"""The `tf.function`s behind a tagger's signatures, see `ulmfit_tfx.trainer_modules.serving.signature_names`.

Texts are cut into words, words into pieces, and rows of pieces into windows of the model's length. What the model gives
for these is put together again before it is decoded, so that a CRF finds the best tags of the whole text. Both are done
for some rows at a time, so that a long text takes no more memory than what the model and the decoder give for it.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ulmfit_tfx.schemas import feature_names
from ulmfit_tfx.schemas.config.tags import TagScheme
from ulmfit_tfx.tasks.tagging.section import TaggingConfig
from ulmfit_tfx.trainer_modules.serving import signature_names as names
from ulmfit_tfx.trainer_modules.serving.signatures import SERIALIZED, STRINGS, Signatures
from ulmfit_tfx.transforms.piece_windows import stitch, window_tags, windows_of
from ulmfit_tfx.transforms.tag_schemes import OUTSIDE, spans_of_tags
from ulmfit_tfx.transforms.tokenization import Tokenizer
from ulmfit_tfx.transforms.word_features import word_feature_ids
from ulmfit_tfx.transforms.word_pieces import word_pieces
from ulmfit_tfx.transforms.word_splitting import char_offsets, split_words, substrings

Emissions = Callable[..., tf.Tensor]
Decoder = Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor | None, tf.Tensor]]

MAX_POSITIONS = 16_384
"""Positions of windows that the model reads at a time."""
MAX_DECODED = 262_144
"""Positions of texts that are decoded at a time, unless one text has more."""

Sentences = tuple[tf.Tensor, tf.RaggedTensor, tf.RaggedTensor, tf.RaggedTensor]
"""Texts, string [batch]; their words, string [batch, (words)]; where these begin and end in bytes, int64."""

_WORDS = tf.TensorSpec([None, None], tf.string, name=names.WORDS)
_SENTENCES = [tf.TensorSpec([None], tf.string)] + [
    tf.RaggedTensorSpec([None, None], dtype, ragged_rank=1, row_splits_dtype=tf.int64)
    for dtype in (tf.string, tf.int64, tf.int64)
]


def tagger_signatures(
    emissions: Emissions,
    decode: Decoder,
    tokenizer: Tokenizer,
    labels: Sequence[str],
    tagging: TaggingConfig,
    max_seq_len: int,
    max_positions: int = MAX_POSITIONS,
    max_decoded: int = MAX_DECODED,
) -> Signatures:
    """Signatures of a tagger: of raw text, of words and of tf.Examples with either.

    Several tags of a word are joined the most probable first.

    Args:
        emissions: The model, from ids with `<s>` and `</s>`, int32 [windows, time], to float32 [windows, time, tags].
            With word features these are its second argument, int32 [windows, time, features], `NO_TAG` at marks.
        decode: From emissions without those of `<s>` and `</s>`, float32 [batch, time, tags], and a mask, bool [batch,
            time], that is True at the pieces of each text, at least one, to probabilities, float32 [batch, time, tags],
            and with a CRF the best tags, int32 [batch, time], else None.
        tokenizer: The one that the model was trained with.
        labels: Name of each tag, in the order of the emissions.
        tagging: How words are cut out of raw text, and what tags mean.
        max_seq_len: Longest window, with `<s>` and `</s>`.
        max_positions: Positions of windows, windows times pieces, in memory at a time; at least one window.
        max_decoded: Positions of texts, texts times pieces, that are decoded at a time; at least one text.
    """
    _ = tokenizer.op  # built here: inside a tf.function it would belong to that function's graph alone
    tagger = _Tagger(emissions, decode, tokenizer, tuple(labels), tagging, max_seq_len, max_positions, max_decoded)
    tag = tf.function(tagger.tag, input_signature=_SENTENCES)  # traced once for the three
    features = {
        feature_names.TEXT: tf.io.FixedLenFeature([], tf.string, default_value=""),
        feature_names.WORDS: tf.io.RaggedFeature(tf.string, row_splits_dtype=tf.int64),
    }

    @tf.function(input_signature=[STRINGS])
    def serving_default(string_inputs):
        return tag(*_split(string_inputs, tagging))

    @tf.function(input_signature=[_WORDS])
    def tag_words(words):
        return tag(*_joined(tf.RaggedTensor.from_tensor(words, padding="")))

    @tf.function(input_signature=[SERIALIZED])
    def serving_examples(examples):
        rows = tf.io.parse_example(examples, features)
        words, texts = rows[feature_names.WORDS], rows[feature_names.TEXT]
        has_words = words.row_lengths() > 0
        joined, *given = _joined(words)
        _, *found = _split(tf.where(has_words, "", texts), tagging)
        either = [tf.concat(parts, axis=1) for parts in zip(given, found, strict=True)]
        outputs = tag(tf.where(has_words, joined, texts), *either)
        counts = {name: outputs[name][:, None] for name in (names.WORD_COUNTS, names.SPAN_COUNTS)}
        return outputs | counts

    return {
        names.SERVING_DEFAULT: serving_default,
        names.TAG_WORDS: tag_words,
        names.SERVING_EXAMPLES: serving_examples,
    }


def _split(texts: tf.Tensor, tagging: TaggingConfig) -> Sentences:
    return texts, *split_words(texts, tagging.words)


def _joined(words: tf.RaggedTensor) -> Sentences:
    """Words with single spaces between them."""
    lengths = tf.cast(tf.strings.length(words.flat_values), tf.int64)
    begins = tf.cumsum(lengths + 1, exclusive=True)
    rows = words.value_rowids()
    starts = begins - tf.gather(tf.math.segment_min(begins, rows), rows)
    # The separator of `reduce_join` is left out after empty words at the beginning.
    parts = words.with_values(tf.where(starts > 0, " " + words.values, words.values))
    return tf.strings.reduce_join(parts, axis=1), words, words.with_values(starts), words.with_values(starts + lengths)


@dataclasses.dataclass(frozen=True)
class _Spans:
    """Spans of a batch, in the order of their first words. Words are counted through the batch.

    Attributes:
        labels: string [spans].
        starts: int64 [spans], the first word.
        ends: int64 [spans], the word after the last one.
    """

    labels: tf.Tensor
    starts: tf.Tensor
    ends: tf.Tensor


@dataclasses.dataclass(frozen=True)
class _Tagger:
    """Tags words. Attributes as the arguments of `tagger_signatures`."""

    emissions: Emissions
    decode: Decoder
    tokenizer: Tokenizer
    labels: tuple[str, ...]
    tagging: TaggingConfig
    max_seq_len: int
    max_positions: int
    max_decoded: int

    def tag(
        self, texts: tf.Tensor, words: tf.RaggedTensor, starts: tf.RaggedTensor, ends: tf.RaggedTensor
    ) -> dict[str, Any]:
        """The outputs of the signatures, from `Sentences`."""
        pieces = word_pieces(self.tokenizer, words)
        best, of_pieces = self._decoded(self._emissions_of(pieces, words))
        probabilities = self._of_words(pieces.values, of_pieces)
        if self.tagging.tag_separator is not None:
            tags, scores, spans = self._several_tags(words, probabilities)
        elif best is not None:
            tags, scores, spans = self._one_tag(words, probabilities, tf.gather(best, pieces.values.row_starts()))
        else:
            most_probable = tf.argmax(probabilities, axis=-1, output_type=tf.int32)
            tags, scores, spans = self._one_tag(words, probabilities, most_probable)
        by_word = {
            names.WORDS: words,
            names.TAGS: words.with_values(tags),
            names.SCORES: words.with_values(scores),
            names.TAG_PROBABILITIES: words.with_values(probabilities),
            names.WORD_START_BYTES: starts,
            names.WORD_END_BYTES: ends,
            names.WORD_START_CHARS: char_offsets(texts, starts),
            names.WORD_END_CHARS: char_offsets(texts, ends),
        }
        by_span = _span_outputs(spans, texts, by_word)
        return {name: _padded(output) for name, output in (by_word | by_span).items()} | {
            names.WORD_COUNTS: _counts(words),
            names.SPAN_COUNTS: _counts(by_span[names.SPAN_LABELS]),
            names.ALL_TAGS: tf.tile(tf.constant(self.labels)[None], [tf.shape(texts)[0], 1]),
        }

    def _emissions_of(self, pieces: tf.RaggedTensor, words: tf.RaggedTensor) -> tf.RaggedTensor:
        """float32 [batch, (pieces), tags].

        Args:
            pieces: Ids, int32 [batch, (words), (pieces)].
            words: string [batch, (words)].
        """
        tags, ids = len(self.labels), pieces.merge_dims(1, 2)
        cut, windows = windows_of(ids, self.max_seq_len, self.tagging.window_overlap, self.tokenizer)
        count, time = tf.shape(cut)[0], tf.shape(cut)[1]
        inputs = [cut]
        if self.tagging.word_features is not None:
            of_words = word_feature_ids(words.values, self.tokenizer.cleaning)
            of_pieces = tf.gather(of_words, pieces.values.value_rowids())
            inputs.append(window_tags(ids.with_values(of_pieces), windows))

        def read(chunk: slice) -> list[tf.Tensor]:
            return [tf.reshape(self.emissions(*(of_windows[chunk] for of_windows in inputs)), [-1, tags])]

        (flat,) = _in_chunks(count, self.max_positions // time, read, [tf.TensorSpec([None, tags], tf.float32)])
        return stitch(tf.reshape(flat, [count, time, tags]), windows)

    def _decoded(self, emissions: tf.RaggedTensor) -> tuple[tf.Tensor | None, tf.Tensor]:
        """Best tags of all pieces, int32 [pieces], where there is a CRF, and probabilities, float32 [pieces, tags]."""
        has_crf = self.tagging.decoder == "crf"
        lengths = emissions.row_lengths()
        # Texts without pieces are left out: decoders need not know of such.
        rows = tf.RaggedTensor.from_row_lengths(emissions.values, tf.boolean_mask(lengths, lengths > 0))
        longest = tf.cast(tf.reduce_max(tf.concat([lengths, [1]], axis=0)), tf.int32)

        def read(chunk: slice) -> list[tf.Tensor]:
            scores = rows[chunk]
            mask = tf.sequence_mask(scores.row_lengths())
            best, probabilities = self.decode(scores.to_tensor(), mask)
            return [tf.boolean_mask(output, mask) for output in ([best] if has_crf else []) + [probabilities]]

        specs = [tf.TensorSpec([None], tf.int32)] if has_crf else []
        specs += [tf.TensorSpec([None, len(self.labels)], tf.float32)]
        *best, probabilities = _in_chunks(tf.cast(rows.nrows(), tf.int32), self.max_decoded // longest, read, specs)
        return best[0] if has_crf else None, probabilities

    def _of_words(self, pieces: tf.RaggedTensor, probabilities: tf.Tensor) -> tf.Tensor:
        """Probabilities of words, float32 [words, tags].

        Args:
            pieces: [words, (pieces)].
            probabilities: Of pieces, float32 [pieces, tags].
        """
        if self.tagging.alignment == "first_piece" or self.tagging.decoder == "crf":
            return tf.gather(probabilities, pieces.row_starts())
        return tf.reduce_mean(pieces.with_values(probabilities), axis=1)

    def _one_tag(
        self, words: tf.RaggedTensor, probabilities: tf.Tensor, tag_ids: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, _Spans]:
        """Tag of each word, string [words], its probability, float32 [words], and the spans.

        Args:
            words: [batch, (words)].
            probabilities: float32 [words, tags].
            tag_ids: int32 [words].
        """
        tags = tf.gather(tf.constant(self.labels), tag_ids)
        scores = tf.gather(probabilities, tag_ids, batch_dims=1)
        return tags, scores, _spans_of_tags(tag_ids, self.labels, self.tagging.scheme, words)

    def _several_tags(self, words: tf.RaggedTensor, probabilities: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, _Spans]:
        """Tags of each word, joined, string [words], their score, float32 [words], and the spans.

        Args:
            words: [batch, (words)].
            probabilities: float32 [words, tags].
        """
        is_given = probabilities >= self.tagging.given_from
        order = tf.argsort(probabilities, direction="DESCENDING", stable=True)
        in_order = tf.ragged.boolean_mask(
            tf.gather(tf.constant(self.labels), order), tf.gather(is_given, order, batch_dims=1)
        )
        tags = tf.strings.reduce_join(in_order, axis=-1, separator=self.tagging.tag_separator)
        lowest = tf.reduce_min(tf.where(is_given, probabilities, 1.0), axis=-1)
        of_none = tf.reduce_prod(1.0 - probabilities, axis=-1)
        scores = tf.where(tf.reduce_any(is_given, axis=-1), lowest, of_none)
        return tags, scores, _runs_of_labels(is_given, self.labels, words)


def _in_chunks(
    count: tf.Tensor, size: tf.Tensor, read: Callable[[slice], list[tf.Tensor]], specs: Sequence[tf.TensorSpec]
) -> list[tf.Tensor]:
    """Reads rows some at a time.

    Args:
        count: Of the rows, int32 [].
        size: Rows at a time, int32 []; 0 is taken for 1.
        read: From a slice of the rows to what is wanted of them. Not called where there are no rows.
        specs: Of what it gives. Only the first dimension may be unknown.

    Returns:
        What it gives, end to end.
    """
    size = tf.maximum(size, 1)
    chunks = (count + size - 1) // size
    arrays = [tf.TensorArray(spec.dtype, chunks, element_shape=spec.shape, infer_shape=False) for spec in specs]

    def step(number, *arrays):
        outputs = read(slice(number * size, tf.minimum((number + 1) * size, count)))
        return number + 1, *(array.write(number, output) for array, output in zip(arrays, outputs, strict=True))

    _, *arrays = tf.while_loop(lambda number, *_: number < chunks, step, (0, *arrays), parallel_iterations=1)
    return [array.concat() for array in arrays]


def _spans_of_tags(tag_ids: tf.Tensor, labels: Sequence[str], scheme: TagScheme, words: tf.RaggedTensor) -> _Spans:
    """Spans as `tag_schemes.spans_of_tags` finds them, of one tag a word.

    Args:
        tag_ids: int32 [words].
        labels: Of the tags.
        scheme: Of the tags.
        words: [batch, (words)].
    """
    label_of = [spans[0][0] if spans else "" for spans in (spans_of_tags([tag], scheme) for tag in labels)]
    goes_on = np.array([[_is_one_span([before, tag], scheme) for tag in labels] for before in labels])
    pairs = tf.stack([tf.roll(tag_ids, 1, axis=0), tag_ids], axis=1)
    _, starts, ends = _runs(
        tf.gather(tf.constant([bool(label) for label in label_of]), tag_ids)[None],
        tf.gather_nd(tf.constant(goes_on), pairs)[None],
        words,
    )
    return _Spans(tf.gather(tf.constant(label_of), tf.gather(tag_ids, starts)), starts, ends)


def _is_one_span(tags: Sequence[str], scheme: TagScheme) -> bool:
    """Whether a span reaches over all words. It depends on no other tags than these whether one goes on."""
    return [(start, end) for _, start, end in spans_of_tags(tags, scheme)] == [(0, len(tags))]


def _runs_of_labels(is_given: tf.Tensor, labels: Sequence[str], words: tf.RaggedTensor) -> _Spans:
    """Of each label the runs of words that have it.

    Args:
        is_given: Which tags the words have, bool [words, tags].
        labels: Of the tags.
        words: [batch, (words)].
    """
    is_inside = tf.transpose(is_given & tf.constant([label != OUTSIDE for label in labels]))
    label_ids, starts, ends = _runs(is_inside, tf.roll(is_inside, 1, axis=1), words)
    return _Spans(tf.gather(tf.constant(labels), label_ids), starts, ends)


def _runs(is_inside: tf.Tensor, goes_on: tf.Tensor, words: tf.RaggedTensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Finds runs of words, of several kinds independently.

    Args:
        is_inside: Whether a word is in a run, bool [kinds, words].
        goes_on: Whether a word that is in a run goes on with that of the word before it, bool [kinds, words]. Means
            nothing at the first word of a sentence.
        words: [batch, (words)].

    Returns:
        The kind, the first word and that after the last one of each run, int64 [runs], in the order of the first words.
    """
    is_first = tf.equal(
        tf.range(tf.size(words.flat_values, tf.int64)), tf.gather(words.row_starts(), words.value_rowids())
    )
    goes_on = goes_on & is_inside & ~is_first
    begins = tf.where(is_inside & ~goes_on)
    ends = tf.where(is_inside & ~tf.roll(goes_on, -1, axis=1))  # in the same order: by kind, then by word
    kinds, starts, ends = begins[:, 0], begins[:, 1], ends[:, 1] + 1
    order = tf.argsort(starts * tf.shape(is_inside, tf.int64)[0] + kinds)
    return tf.gather(kinds, order), tf.gather(starts, order), tf.gather(ends, order)


def _span_outputs(spans: _Spans, texts: tf.Tensor, by_word: dict[str, tf.RaggedTensor]) -> dict[str, tf.RaggedTensor]:
    """What is given of spans, [batch, (spans)] each.

    Args:
        spans: Of the batch.
        texts: string [batch].
        by_word: What is given of words, [batch, (words)] each.
    """
    words = by_word[names.WORDS]
    rows = tf.gather(words.value_rowids(), spans.starts)
    labels = tf.RaggedTensor.from_value_rowids(spans.labels, rows, words.nrows())
    row_starts = tf.gather(words.row_starts(), rows)
    scores = tf.gather(by_word[names.SCORES].flat_values, tf.ragged.range(spans.starts, spans.ends))
    outputs = {
        names.SPAN_LABELS: labels,
        names.SPAN_SCORES: labels.with_values(tf.reduce_mean(scores, axis=1)),
        names.SPAN_START_WORDS: labels.with_values(spans.starts - row_starts),
        names.SPAN_END_WORDS: labels.with_values(spans.ends - row_starts),
    }
    for name, word_name, places in (
        (names.SPAN_START_BYTES, names.WORD_START_BYTES, spans.starts),
        (names.SPAN_END_BYTES, names.WORD_END_BYTES, spans.ends - 1),
        (names.SPAN_START_CHARS, names.WORD_START_CHARS, spans.starts),
        (names.SPAN_END_CHARS, names.WORD_END_CHARS, spans.ends - 1),
    ):
        outputs[name] = labels.with_values(tf.gather(by_word[word_name].flat_values, places))
    found = substrings(texts, outputs[names.SPAN_START_BYTES], outputs[names.SPAN_END_BYTES])
    return outputs | {names.SPAN_TEXTS: found}


def _padded(output: tf.RaggedTensor) -> tf.Tensor:
    """[batch, longest, ...], filled up with "" or 0; integers are int32."""
    return (tf.cast(output, tf.int32) if output.dtype.is_integer else output).to_tensor()


def _counts(rows: tf.RaggedTensor) -> tf.Tensor:
    return tf.cast(rows.row_lengths(), tf.int32)
