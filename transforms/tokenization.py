"""SentencePiece as TensorFlow ops: the one tokenizer graph of training and serving."""

import dataclasses
import functools
import hashlib
from typing import Any

import sentencepiece
import tensorflow as tf
import tensorflow_text

from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.cleaning import clean


@dataclasses.dataclass(frozen=True)
class SpecialIds:
    """Ids of the special pieces, as read from a SentencePiece model."""

    unk: int
    pad: int
    bos: int
    eos: int


class Tokenizer:
    """Cleans, tokenizes and numericalizes texts, as a graph built from a SentencePiece model.

    A cleaned text has the ids that the `sentencepiece` package gives it, whatever it holds, zero bytes and bytes that
    are no UTF-8 included. tensorflow-text brings a SentencePiece of its own, 0.1.96, whose encoder does the same as
    that of the package's 0.2. What both have: a run of characters without a piece takes the square of its length, a
    second for 100 kB and 20 for a megabyte. With byte fallback there are no such characters.

    The TensorFlow op is built at first use and left out of pickles.
    """

    def __init__(self, model: bytes, config: TokenizerConfig, cleaning: CleaningConfig):
        """Reads the special ids.

        Args:
            model: A serialized SentencePiece model.
            config: Whether to add `<s>` and `</s>`.
            cleaning: What is done to texts first.

        Raises:
            DataError: The bytes are no SentencePiece model, or it lacks a special piece that is needed.
        """
        if not model:  # sentencepiece takes it for one that is loaded later, and asking that for its ids crashes Python
            raise DataError("the tokenizer is not a SentencePiece model: it is empty")
        self.model = model
        self.config = config
        self.cleaning = cleaning
        try:
            processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        except RuntimeError as error:
            raise DataError(f"the tokenizer is not a SentencePiece model: {error}") from None
        self.vocab_size: int = processor.vocab_size()
        self.special_ids = SpecialIds(
            unk=processor.unk_id(), pad=processor.pad_id(), bos=processor.bos_id(), eos=processor.eos_id()
        )
        needed = {"<pad>": self.special_ids.pad}
        needed |= {"<s>": self.special_ids.bos} if config.add_bos else {}
        needed |= {"</s>": self.special_ids.eos} if config.add_eos else {}
        if missing := [piece for piece, piece_id in needed.items() if piece_id < 0]:
            raise DataError(
                f"the tokenizer has no {', '.join(missing)} piece. Train it with these pieces, or set "
                "tokenizer.add_bos and tokenizer.add_eos to false where only those are missing."
            )

    @functools.cached_property
    def op(self) -> tensorflow_text.SentencepieceTokenizer:
        """The TensorFlow op. A SavedModel must keep a reference to it, for it owns a resource.

        Setting TensorFlow's random seed removes the resource, so an eager op is built after that.
        """
        return tensorflow_text.SentencepieceTokenizer(
            model=self.model, out_type=tf.int32, add_bos=self.config.add_bos, add_eos=self.config.add_eos
        )

    def describe(self) -> dict[str, Any]:
        """What a model's information file says of its tokenizer."""
        digest = hashlib.sha256(self.model).hexdigest()
        size = {"vocab_size": self.vocab_size, "special_ids": dataclasses.asdict(self.special_ids), "sha256": digest}
        return self.config.model_dump(mode="json") | size

    def __getstate__(self):
        return {key: value for key, value in self.__dict__.items() if key != "op"}

    def tokenize(self, texts: tf.Tensor, max_length: int | None = None) -> tf.RaggedTensor:
        """Numericalizes a batch of texts. At the configured separator they are cut into parts, each with its own marks.

        The parts lose the ASCII white space around them. The ids of a text do not depend on the others in its batch.

        Args:
            texts: string [batch], UTF-8.
            max_length: Pieces beyond it are cut off, `</s>` with them.

        Returns:
            int32 [batch, (pieces)].
        """
        ids = self._tokenize_parts(texts) if self.config.separator else self._tokenize(texts)
        return ids if max_length is None else ids[:, :max_length]

    def _tokenize(self, texts: tf.Tensor) -> tf.RaggedTensor:
        return self.op.tokenize(clean(texts, self.cleaning))

    def _tokenize_parts(self, texts: tf.Tensor) -> tf.RaggedTensor:
        parts = tf.strings.split(texts, self.config.separator)  # before cleaning, which may change the separator
        ids = self._tokenize(tf.strings.strip(parts.flat_values))
        return tf.RaggedTensor.from_row_splits(ids, tf.cast(parts.row_splits, ids.row_splits.dtype)).merge_dims(1, 2)

    def pad(self, ids: tf.RaggedTensor, length: int | None = None) -> tf.Tensor:
        """Pads with `<pad>`, to `length` (cutting what is longer) or to the longest row, at least to one position.

        Returns:
            int32 [batch, length].
        """
        pad_id = self.special_ids.pad
        padded = ids.to_tensor(default_value=pad_id, shape=[None, length])
        if length is not None:
            return padded
        # Texts without a single piece, or no texts: the encoder's loop needs a step to run.
        missing = tf.maximum(1 - tf.shape(padded)[1], 0)
        return tf.pad(padded, [[0, 0], [0, missing]], constant_values=pad_id)
