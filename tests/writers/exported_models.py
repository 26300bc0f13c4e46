"""Exports small models of every task with random weights, by the functions that export trained ones."""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.encoder import EncoderConfig
from ulmfit_tfx.schemas.config.head import HeadConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.tasks.classification.model import build_classifier
from ulmfit_tfx.tasks.classification.model_info import ClassificationDetails
from ulmfit_tfx.tasks.classification.signatures import classifier_signatures
from ulmfit_tfx.tasks.regression.model import build_regressor
from ulmfit_tfx.tasks.regression.model_info import RegressionDetails
from ulmfit_tfx.tasks.regression.signatures import regressor_signatures
from ulmfit_tfx.tasks.tagging.model import build_tagger
from ulmfit_tfx.tasks.tagging.model_info import TaggingDetails
from ulmfit_tfx.tasks.tagging.section import TaggingConfig
from ulmfit_tfx.tasks.tagging.signatures import tagger_signatures
from ulmfit_tfx.trainer_modules.models.encoder import build_encoder
from ulmfit_tfx.trainer_modules.serving.encoder_folder import EncoderRecord, PretrainedModel, build, save_pretrained
from ulmfit_tfx.trainer_modules.serving.model_info import ModelDescription
from ulmfit_tfx.trainer_modules.serving.saved_model import save
from ulmfit_tfx.trainer_modules.serving.signatures import encoder_signatures, text_outputs
from ulmfit_tfx.transforms.tokenization import Tokenizer

MODELS = ("classifier", "multi_label", "regressor", "several_targets", "tagger", "language_model")
LABELS = ("bad", "good", "plain")
TAGS = ("O", "B-PER", "I-PER")
MAX_SEQ_LEN = 40

_ENCODER = EncoderConfig(embedding_size=8, hidden_sizes=(10, 8))


def export_model(kind: str, folder: Path | str, spm_model: bytes, fixed_seq_len: int | None = None) -> str:
    """Writes a SavedModel; returns its folder.

    Args:
        kind: One of `MODELS`.
        folder: Where to, local or remote.
        spm_model: SentencePiece model.
        fixed_seq_len: T of the encoder signatures.
    """
    tokenizer = Tokenizer(spm_model, TokenizerConfig(), CleaningConfig(lower_case=True))
    if kind == "language_model":
        _export_language_model(str(folder), tokenizer, fixed_seq_len)
        return str(folder)
    encoder = build_encoder(_ENCODER, tokenizer.vocab_size, tokenizer.special_ids.pad)
    model, task, signatures, labels, details = _task_model(kind, encoder, tokenizer)
    signatures = encoder_signatures(encoder, tokenizer, fixed_seq_len, MAX_SEQ_LEN) | signatures
    info = ModelDescription(
        task=task,
        encoder=_ENCODER,
        max_seq_len=MAX_SEQ_LEN,
        fixed_seq_len=fixed_seq_len,
        labels=labels,
        details=details,
    )
    save(str(folder), model, tokenizer, signatures, info)
    return str(folder)


def _task_model(kind, encoder, tokenizer):
    """The model, its task, its signatures, its labels and its details."""
    if kind in {"classifier", "multi_label"}:
        several = ("|", 0.5) if kind == "multi_label" else None
        model = _randomized(build_classifier(encoder, HeadConfig(), len(LABELS)))
        signatures = classifier_signatures(text_outputs(model, tokenizer, MAX_SEQ_LEN), tokenizer, LABELS, 0.7, several)
        details = ClassificationDetails(label_separator=several[0] if several else None, temperature=0.7)
        return model, "classification", signatures, LABELS, details
    if kind == "tagger":
        tagging = TaggingConfig(context_layer=4, decoder="softmax")
        tagger = build_tagger([encoder], _ENCODER, HeadConfig(), tagging, len(TAGS))
        signatures = tagger_signatures(
            tagger.emissions,
            lambda emissions, mask: (None, tf.nn.softmax(emissions)),
            tokenizer,
            TAGS,
            tagging,
            MAX_SEQ_LEN,
        )
        return _randomized(tagger.model), "tagging", signatures, TAGS, TaggingDetails.of(tagging)
    targets = ("stars",) if kind == "regressor" else ("stars", "price")
    mean, scale = [3.0, 80.0][: len(targets)], [1.5, 20.0][: len(targets)]
    model = _randomized(build_regressor(encoder, HeadConfig(), len(targets)))
    signatures = regressor_signatures(text_outputs(model, tokenizer, MAX_SEQ_LEN), tokenizer, targets, mean, scale)
    details = RegressionDetails(targets=targets, mean=mean, scale=scale)
    return model, "regression", signatures, (), details


def _export_language_model(folder, tokenizer, fixed_seq_len):
    pad_id = tokenizer.special_ids.pad
    record = EncoderRecord(_ENCODER, tokenizer.vocab_size, pad_id, "tied", fixed_seq_len, MAX_SEQ_LEN, {})
    encoder, model = build(record)
    _randomized(model)
    save_pretrained(folder, [PretrainedModel(encoder, model, record)], tokenizer)


def _randomized(model: keras.Model) -> keras.Model:
    """Some weights begin at zero, and all texts would have one answer."""
    generator = np.random.default_rng(0)
    for weight in model.trainable_weights:
        weight.assign(generator.normal(0, 0.5, weight.shape))
    return model
