"""Texts to ids as a layer: SentencePiece inside a Keras model."""

import base64
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.tokenization import Tokenizer


@keras.saving.register_keras_serializable("ulmfit_tfx")
class SentencePieceNumericalizer(keras.layers.Layer):
    """Cleans, tokenizes and numericalizes texts, and pads with the model's own `<pad>`.

    Call arguments: `texts` string [batch], UTF-8, or a list of str. Returns int32 [batch, time], time being
    `fixed_seq_len` or the pieces of the longest text, at least 1. It is the tokenizer graph of the pipeline
    (`ulmfit_tfx.transforms.tokenization`), and runs eagerly, in a `tf.function`, in `tf.data` and in a Keras model.

    The SentencePiece model is part of the layer's configuration: a saved Keras model does not look for its file again.

    Attributes:
        vocab_size: Number of ids.
        pad_id: Id of padding.
    """

    def __init__(
        self,
        spm_path: str | Path | None = None,
        add_bos: bool = True,
        add_eos: bool = True,
        fixed_seq_len: int | None = None,
        max_seq_len: int | None = None,
        lower_case: bool = False,
        strip_html: bool = False,
        nfkc: bool = False,
        separate_punctuation: bool = False,
        spm_model: str | None = None,
        **kwargs: Any,
    ):
        """Reads the SentencePiece model.

        Args:
            spm_path: The `.model` file.
            add_bos: Begin each text with `<s>`.
            add_eos: End each text with `</s>`.
            fixed_seq_len: Cut and pad texts to so many ids. None: to as many as the longest text of the batch has.
            max_seq_len: Where `fixed_seq_len` is None, cut texts to so many ids, `</s>` with the rest. None: do not.
            lower_case: Lower-case texts first.
            strip_html: Remove HTML first, and make common entities their characters.
            nfkc: Compose Unicode's compatibility forms first.
            separate_punctuation: Put spaces around punctuation marks first, but those inside words and numbers.
            spm_model: The content of a `.model` file in base64, as in `get_config`, in place of `spm_path`.
            **kwargs: Of `keras.layers.Layer`.

        Raises:
            DataError: There is no such file, it is not a SentencePiece model, or it lacks a piece that is needed.
            ValueError: A length is below 1, or not exactly one of `spm_path` and `spm_model` is given.
        """
        super().__init__(**kwargs)
        if (spm_path is None) == (spm_model is None):
            raise ValueError("expected one of spm_path and spm_model")
        for name, length in (("fixed_seq_len", fixed_seq_len), ("max_seq_len", max_seq_len)):
            if length is not None and length < 1:
                raise ValueError(f"{name} is {length}, expected at least 1")
        self.fixed_seq_len = fixed_seq_len
        self.max_seq_len = max_seq_len
        self.tokenizer = _tokenizer(
            _read(spm_path) if spm_path is not None else base64.b64decode(spm_model or ""),
            spm_path or "spm_model",
            TokenizerConfig(add_bos=add_bos, add_eos=add_eos),
            CleaningConfig(
                lower_case=lower_case, strip_html=strip_html, nfkc=nfkc, separate_punctuation=separate_punctuation
            ),
        )
        with tf.init_scope():  # also where the layer is created inside a graph, which would own the resource
            self._op = self.tokenizer.op  # an attribute, so that a SavedModel of the layer finds it
        self.input_spec = keras.layers.InputSpec(ndim=1)
        self.vocab_size = self.tokenizer.vocab_size
        self.pad_id = self.tokenizer.special_ids.pad

    def __call__(self, texts, *args, **kwargs):
        """Keras itself takes no lists."""
        if isinstance(texts, list | tuple):
            texts = tf.constant(texts, tf.string)
        return super().__call__(texts, *args, **kwargs)

    def call(self, texts):
        """Numericalizes, see the class."""
        ids = self.tokenizer.tokenize(texts, self.fixed_seq_len or self.max_seq_len)
        return self.tokenizer.pad(ids, self.fixed_seq_len)

    def mask(self, ids):
        """Where ids, int32 [batch, time], are not padding: bool [batch, time]."""
        return tf.not_equal(ids, self.pad_id)

    def lengths(self, ids):
        """Number of ids before the padding of ids, int32 [batch, time]: int32 [batch]."""
        return tf.reduce_sum(tf.cast(self.mask(ids), tf.int32), axis=-1)

    def compute_output_shape(self, input_shape):
        """Shape of the ids from the shape of the texts."""
        return (*input_shape, self.fixed_seq_len)

    def compute_output_spec(self, texts):
        """Shape and dtype of the ids."""
        return keras.KerasTensor(self.compute_output_shape(texts.shape), dtype="int32")

    def get_config(self):
        """Constructor arguments, the SentencePiece model in place of its path."""
        tokenizer, cleaning = self.tokenizer.config, self.tokenizer.cleaning
        return super().get_config() | {
            "add_bos": tokenizer.add_bos,
            "add_eos": tokenizer.add_eos,
            "fixed_seq_len": self.fixed_seq_len,
            "max_seq_len": self.max_seq_len,
            **cleaning.model_dump(),
            "spm_model": base64.b64encode(self.tokenizer.model).decode("ascii"),
        }


def _read(path: str | Path) -> bytes:
    try:
        with tf.io.gfile.GFile(str(path), "rb") as file:
            return file.read()
    except tf.errors.OpError as error:
        raise DataError(f"{path}: cannot be read: {error.message}") from None


def _tokenizer(model: bytes, origin: str | Path, config: TokenizerConfig, cleaning: CleaningConfig) -> Tokenizer:
    try:
        return Tokenizer(model, config, cleaning)
    except DataError as error:
        raise DataError(f"{origin}: {error}") from None
