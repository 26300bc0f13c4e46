"""Carries embeddings over to another vocabulary by the text of the pieces, as fastai does."""

import dataclasses

import numpy as np
import sentencepiece

from ulmfit_tfx.components.encoder_importer.language_model_weights import LanguageModelWeights
from ulmfit_tfx.components.encoder_importer.source_tensor import SourceTensor

_SPECIAL = {"unk_id": "<unk>", "pad_id": "<pad>", "bos_id": "<s>", "eos_id": "</s>"}


def pieces(model: bytes) -> list[str]:
    """The pieces of a SentencePiece model in the order of their ids, special ones under their usual names."""
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    texts = [processor.id_to_piece(index) for index in range(processor.vocab_size())]
    for attribute, name in _SPECIAL.items():
        if (index := getattr(processor, attribute)()) >= 0:
            texts[index] = name
    return texts


def map_vocabulary(weights: LanguageModelWeights, old: list[str], new: list[str]) -> tuple[LanguageModelWeights, int]:
    """Rearranges embeddings and head for another vocabulary.

    Args:
        weights: Of the old vocabulary.
        old: Its pieces, by id.
        new: Pieces of the new vocabulary, by id.

    Returns:
        The weights of the new vocabulary, and how many of its pieces are new: these have the mean of all old ones.
    """
    old_ids = {piece: index for index, piece in enumerate(old)}
    ids = np.array([old_ids.get(piece, len(old)) for piece in new])

    def mapped(tensor: SourceTensor) -> SourceTensor:
        with_mean = np.concatenate([tensor.array, tensor.array.mean(axis=0, keepdims=True, dtype="float64")])
        return dataclasses.replace(tensor, array=with_mean[ids].astype(tensor.array.dtype))

    mapped_weights = dataclasses.replace(
        weights,
        embeddings=mapped(weights.embeddings),
        head_bias=weights.head_bias and mapped(weights.head_bias),
        head_kernel=weights.head_kernel and mapped(weights.head_kernel),
    )
    return mapped_weights, int(np.sum(ids == len(old)))
