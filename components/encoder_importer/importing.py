"""Imports a pretrained encoder: reads it, builds ours with its weights, holds the two together, writes a folder."""

import dataclasses
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
from pydantic import ValidationError

from ulmfit_tfx.components.encoder_importer.checkpoint import Checkpoint, opened
from ulmfit_tfx.components.encoder_importer.checkpoint_files import fetched, fingerprint
from ulmfit_tfx.components.encoder_importer.file_kinds import looks_like
from ulmfit_tfx.components.encoder_importer.language_model_weights import LanguageModelWeights
from ulmfit_tfx.components.encoder_importer.parity import LayerParity, check_parity
from ulmfit_tfx.components.encoder_importer.vocabulary_mapping import map_vocabulary, pieces
from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.encoder import EncoderConfig
from ulmfit_tfx.schemas.config.presets import Preset, preset_of_file
from ulmfit_tfx.schemas.config.pretrained import PretrainedConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.schemas.errors import ConfigError, DataError
from ulmfit_tfx.schemas.remote_paths import local_path
from ulmfit_tfx.trainer_modules.serving.encoder_folder import RECORD, EncoderRecord, build, write_encoder
from ulmfit_tfx.transforms.tokenization import Tokenizer

DEFAULT_MAX_SEQ_LEN = 512


@dataclasses.dataclass(frozen=True)
class ImportReport:
    """What an import did.

    Attributes:
        record: As in `encoder.json`.
        parity: Layer by layer.
        ignored: Tensors of the source that are known and were not imported.
        new_pieces: Pieces that got the mean embedding, where the vocabulary was mapped; None where it was not.
        preset: Of the checkpoint's name, if any.
    """

    record: EncoderRecord
    parity: list[LayerParity]
    ignored: tuple[str, ...]
    new_pieces: int | None
    preset: Preset | None


def import_encoder(
    config: PretrainedConfig,
    output: str | Path,
    fixed_seq_len: int | None = 70,
    max_seq_len: int = DEFAULT_MAX_SEQ_LEN,
    overwrite: bool = False,
    cleaning: CleaningConfig | None = None,
) -> ImportReport:
    """Imports a pretrained encoder, and its language-model head where it has one.

    Args:
        config: The checkpoint, its format and its tokenizer; remote files are copied first.
        output: Folder of this machine to write, laid out as `ulmfit_tfx.trainer_modules.serving.encoder_folder` says.
            It appears when all of it is written.
        fixed_seq_len: T of the SavedModel's encoder signatures; None: the longest text of the batch.
        max_seq_len: Bound of T where `fixed_seq_len` is None.
        overwrite: Replace an earlier import.
        cleaning: What is to be done to texts beside what the checkpoint demands.

    Raises:
        ConfigError: The output folder is taken or remote, or there is no tokenizer.
        DataError: The checkpoint or the tokenizer cannot be used.
        UserError: The imported model does not compute what its source does.
    """
    output = local_path(output, "the output folder").resolve()
    _check_output(output, overwrite)
    _check_length("fixed_seq_len", fixed_seq_len)
    _check_length("max_seq_len", max_seq_len)
    with fetched(config) as local:
        return _import(local, output, fixed_seq_len, max_seq_len, overwrite, cleaning)


def _import(
    config: PretrainedConfig,
    output: Path,
    fixed_seq_len: int | None,
    max_seq_len: int,
    overwrite: bool,
    cleaning: CleaningConfig | None,
) -> ImportReport:
    """Imports from files of this machine."""
    with opened(config.checkpoint, config.format) as checkpoint:
        preset = preset_of_file(config.checkpoint)
        tokenizer = _tokenizer(config, checkpoint, preset, cleaning or CleaningConfig())
        weights, new_pieces = _fitted(checkpoint.weights, config, checkpoint.tokenizer, tokenizer)
        direction = config.direction or checkpoint.config.direction
        encoder_config = checkpoint.config.model_copy(update={"direction": direction})
        if preset:
            _check_preset(preset, encoder_config, config.checkpoint)
        record = EncoderRecord(
            encoder=encoder_config,
            vocab_size=weights.vocab_size,
            pad_id=tokenizer.special_ids.pad,
            head=None if not weights.has_head else "tied" if weights.head_kernel is None else "untied",
            fixed_seq_len=fixed_seq_len,
            max_seq_len=max_seq_len,
            source=_source(config, weights, preset),
        )
        encoder, model = build(record)
        _assign(model, weights)
        parity = check_parity(weights, encoder, model, record)
    record = dataclasses.replace(
        record, source={**record.source, "parity": {row.layer: row.difference for row in parity}}
    )
    unfinished = _unfinished(output)
    try:
        write_encoder(unfinished, encoder, model, tokenizer, record)
        _check_output(output, overwrite)  # again: the import took its time
        _put_in_place(unfinished, output)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return ImportReport(record, parity, checkpoint.weights.ignored, new_pieces, preset)


def _check_output(output: Path, overwrite: bool) -> None:
    if not output.exists() or (output.is_dir() and not any(output.iterdir())):
        return
    if not (output / RECORD).is_file():
        raise ConfigError(f"{output}: exists and is no imported encoder, expected a new folder.")
    if not overwrite:
        raise ConfigError(f"{output}: holds an imported encoder already. Pass --overwrite to replace it.")


def _unfinished(output: Path) -> Path:
    """A new folder beside the output."""
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        return Path(mkdtemp(prefix=f".{output.name}-", dir=output.parent))
    except OSError as error:
        raise ConfigError(f"{output}: cannot be written: {error.strerror}.") from None


def _check_length(name: str, length: int | None) -> None:
    if length is not None and length < 2:
        raise ConfigError(f"{name} is {length}, expected at least 2.")


def _put_in_place(finished: Path, output: Path) -> None:
    """Renames the folder; an earlier import goes once the new one stands."""
    finished.chmod(0o755)
    if output.exists() and not (output / RECORD).exists():
        output.rmdir()  # it is empty, or this fails
    if not output.exists():
        finished.rename(output)
        return
    replaced = finished.with_name(f"{finished.name}-replaced")
    output.rename(replaced)
    finished.rename(output)
    shutil.rmtree(replaced)


def _tokenizer(
    config: PretrainedConfig, checkpoint: Checkpoint, preset: Preset | None, added: CleaningConfig
) -> Tokenizer:
    path = Path(config.tokenizer) if config.tokenizer else checkpoint.tokenizer
    if path is None:
        raise ConfigError(
            f"{config.checkpoint}: brings no tokenizer along. Pass the SentencePiece .model that it was trained with "
            "(--tokenizer)."
        )
    demanded = checkpoint.cleaning or CleaningConfig(lower_case=bool(preset and preset.lower_case))
    flags = {name: getattr(demanded, name) or getattr(added, name) for name in CleaningConfig.model_fields}
    cleaning = CleaningConfig(**flags)
    if config.lower_case is not None:
        cleaning = cleaning.model_copy(update={"lower_case": config.lower_case})
    model = _read(path)
    add_bos = checkpoint.add_bos if config.add_bos is None else config.add_bos
    add_eos = checkpoint.add_eos if config.add_eos is None else config.add_eos
    listed = _pieces(path, model)
    _check_ends(path, listed, add_bos, add_eos)
    try:
        tokenizer_config = TokenizerConfig(
            prefix=_prefix(path.stem, len(listed)),
            vocab_size=len(listed),
            add_bos=add_bos,
            add_eos=add_eos,
            separator=config.separator,
        )
        return Tokenizer(model, tokenizer_config, cleaning)
    except ValidationError as error:
        raise DataError(f"{path}: has {len(listed):,} pieces: {error.errors()[0]['msg']}.") from None
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def _check_ends(path: Path, listed: list[str], add_bos: bool, add_eos: bool) -> None:
    for piece, is_added, name in (("<s>", add_bos, "bos"), ("</s>", add_eos, "eos")):
        if is_added and piece not in listed:
            raise DataError(
                f"{path}: has no {piece} piece. Pass --no-{name} (add_{name}: false) if the encoder was trained "
                "without it."
            )


def _pieces(path: Path, model: bytes) -> list[str]:
    try:
        return pieces(model)
    except RuntimeError:
        seems = looks_like(model[:512])
        raise DataError(f"{path}: {seems}, expected a SentencePiece model.") from None


def _read(path: Path) -> bytes:
    try:
        model = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}.") from None
    if not model:
        raise DataError(f"{path}: is empty, expected a SentencePiece model.")
    return model


def _prefix(stem: str, size: int) -> str:
    """Prefix for which the tokenizer's file keeps its name: `wiki` for wiki-sp35k."""
    suffix = TokenizerConfig(vocab_size=size).file_stem.removeprefix("spm")
    return re.sub(r"[^\w.-]", "_", stem.removesuffix(suffix)) or "spm"


def _fitted(
    weights: LanguageModelWeights, config: PretrainedConfig, own_tokenizer: Path | None, tokenizer: Tokenizer
) -> tuple[LanguageModelWeights, int | None]:
    """Weights of the tokenizer's vocabulary, mapped where asked."""
    source = Path(config.source_tokenizer) if config.source_tokenizer else None
    if source:
        old = _pieces(source, _read(source))
        if len(old) != weights.vocab_size:
            raise DataError(
                f"{source}: has {len(old):,} pieces, and {config.checkpoint} has embeddings of {weights.vocab_size:,}. "
                "Is it the tokenizer that the checkpoint was trained with?"
            )
        return map_vocabulary(weights, old, pieces(tokenizer.model))
    if tokenizer.vocab_size != weights.vocab_size:
        which = config.tokenizer or own_tokenizer
        raise DataError(
            f"{config.checkpoint}: has embeddings of {weights.vocab_size:,} pieces, and {which} has "
            f"{tokenizer.vocab_size:,}. Pass the tokenizer that it was trained with, or pass that one as "
            "--source-tokenizer to map the embeddings to the new one by the text of the pieces."
        )
    return weights, None


def _check_preset(preset: Preset, encoder: EncoderConfig, checkpoint: str) -> None:
    expected = preset.encoder
    if _sizes(expected) != _sizes(encoder):
        raise DataError(
            f"{checkpoint}: has the name of the published {preset.name}, which is {_sizes(expected)}, and holds "
            f"{_sizes(encoder)}. Rename it if it is another model."
        )


def _sizes(encoder: EncoderConfig) -> str:
    return f"{encoder.architecture} with embeddings of {encoder.embedding_size} and layers {list(encoder.hidden_sizes)}"


def _source(config: PretrainedConfig, weights: LanguageModelWeights, preset: Preset | None) -> Mapping[str, Any]:
    return {
        "file": Path(config.checkpoint).name,
        "sha256": fingerprint(config.checkpoint),
        "format": weights.source_format,
        "preset": preset and preset.name,
        "mapped_from": config.source_tokenizer and Path(config.source_tokenizer).name,
    }


def _assign(model: Any, weights: LanguageModelWeights) -> None:
    """Puts the weights into our model by the names of the variables."""
    values: dict[str, np.ndarray] = {"embedding/embeddings": weights.embeddings.float32}
    cell = {"awd_lstm": "lstm_cell", "qrnn": "qrnn_cell"}[weights.architecture]
    for index, layer in enumerate(weights.layers):
        for name, value in layer.weights().items():
            values[f"{weights.architecture}_{index}/{cell}/{name}"] = value
    if weights.head_bias is not None:
        values["lm_head/bias"] = weights.head_bias.float32
    if weights.head_kernel is not None:
        values["lm_head/kernel"] = weights.head_kernel.float32.T
    for variable in model.weights:
        # A head without a bias in the source keeps ours, zeros.
        if variable.path in values:
            variable.assign(values[variable.path])
