"""Reads tokenizers: folders that this package wrote, and SentencePiece models from anywhere. Without TensorFlow."""

import dataclasses
import json
from pathlib import Path

import sentencepiece

from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.schemas.errors import ConfigError, DataError
from ulmfit_tfx.transforms.splitting import SampleCounts
from ulmfit_tfx.transforms.tokenizer_layout import CONFIG_FILE, SAMPLE_FILE, is_config, parse_config

_FOLDERS_OF_TOKENIZERS = (".", "tokenizer", "spm_model")
"""In a tokenizer's own folder, in a transform graph's, in an imported encoder's."""


@dataclasses.dataclass(frozen=True)
class LoadedTokenizer:
    """A SentencePiece model, and what stands beside it.

    Attributes:
        path: Of the model.
        model: The serialized model.
        processor: The model, to encode with.
        config: That it was trained with. None: it is not from here.
        cleaning: Of texts, before it. None: it is not from here.
        counts: Of the texts that it was trained on, where they are known.
    """

    path: Path
    model: bytes
    processor: sentencepiece.SentencePieceProcessor
    config: TokenizerConfig | None
    cleaning: CleaningConfig | None
    counts: SampleCounts | None


def load_tokenizer(path: Path) -> LoadedTokenizer:
    """Reads a tokenizer.

    Args:
        path: A `.model`, or a folder with one: a tokenizer, a transform graph, or an imported encoder.

    Raises:
        ConfigError: Nothing is there, or more than one model.
        DataError: It is no SentencePiece model, or what stands beside it is damaged.
    """
    file = _model_file(path)
    try:
        model = file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}.") from None
    config, cleaning = _config_beside(file)
    return LoadedTokenizer(file, model, _processor(file, model), config, cleaning, _counts_beside(file))


def _model_file(path: Path) -> Path:
    if not path.exists():
        raise ConfigError(f"{path}: no such file.")
    if not path.is_dir():
        return path
    for folder in _FOLDERS_OF_TOKENIZERS:
        models = sorted((path / folder).glob("*.model"))
        if len(models) > 1:
            names = ", ".join(model.name for model in models)
            raise ConfigError(f"{path / folder}: holds {len(models)} SentencePiece models, {names}. Name one of them.")
        if models:
            return models[0]
    raise ConfigError(f"{path}: holds no SentencePiece .model file.")


def _processor(file: Path, model: bytes) -> sentencepiece.SentencePieceProcessor:
    if not model:  # sentencepiece takes it for one that is loaded later, and asking that for its ids crashes Python
        raise DataError(f"{file}: is empty, expected a SentencePiece model.")
    try:
        return sentencepiece.SentencePieceProcessor(model_proto=model)
    except RuntimeError:
        raise DataError(f"{file}: is no SentencePiece model.") from None


def _config_beside(file: Path) -> tuple[TokenizerConfig | None, CleaningConfig | None]:
    text = _read_beside(file, CONFIG_FILE)
    if text is None or not is_config(text):  # other packages have files of this name
        return None, None
    try:
        return parse_config(text)
    except ValueError as error:
        raise DataError(f"{file.with_name(CONFIG_FILE)}: {error}.") from None


def _counts_beside(file: Path) -> SampleCounts | None:
    text = _read_beside(file, SAMPLE_FILE)
    try:
        return None if text is None else SampleCounts(**json.loads(text))
    except (ValueError, TypeError) as error:
        raise DataError(f"{file.with_name(SAMPLE_FILE)}: {error}.") from None


def _read_beside(file: Path, name: str) -> str | None:
    path = file.with_name(name)
    try:
        return path.read_text(encoding="utf-8") if path.is_file() else None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}.") from None
