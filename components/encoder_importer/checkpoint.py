"""Opens whatever file or folder a pretrained encoder comes in."""

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, get_args

from ulmfit_tfx.components.encoder_importer.archive import (
    ARCHIVE_SUFFIXES,
    FoundModel,
    ModelKind,
    find_checkpoint,
    unpacked,
)
from ulmfit_tfx.components.encoder_importer.fastai_checkpoint import read_fastai
from ulmfit_tfx.components.encoder_importer.keras_checkpoint import (
    read_keras_checkpoint,
    read_saved_model_variables,
    sentencepiece_model,
)
from ulmfit_tfx.components.encoder_importer.language_model_weights import LanguageModelWeights
from ulmfit_tfx.components.encoder_importer.own_model import is_own_saved_model, own_weights
from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.encoder import EncoderConfig
from ulmfit_tfx.schemas.errors import DataError, UserError
from ulmfit_tfx.trainer_modules.serving.saved_model import read_exported

Format = Literal["auto", "fastai", "keras", "saved-model"]

_KINDS: dict[Format, tuple[ModelKind, ...]] = {
    "auto": get_args(ModelKind),
    "fastai": ("fastai",),
    "keras": ("keras",),
    "saved-model": ("saved-model", "ulmfit-tfx"),
}


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A pretrained encoder, read.

    Attributes:
        weights: Of the encoder, and of the head where there is one.
        config: The encoder that the weights go into.
        tokenizer: File of the SentencePiece model that came along.
        cleaning: What is done to texts first, where the checkpoint says so.
        add_bos: False where the checkpoint says that its texts do not begin with `<s>`.
        add_eos: The same of `</s>` at their end.
    """

    weights: LanguageModelWeights
    config: EncoderConfig
    tokenizer: Path | None = None
    cleaning: CleaningConfig | None = None
    add_bos: bool = True
    add_eos: bool = True


@contextlib.contextmanager
def opened(path: str, format: Format) -> Iterator[Checkpoint]:
    """Reads a checkpoint. An archive is unpacked for as long as the context lives.

    Args:
        path: A .pth file, a TensorFlow checkpoint (prefix or `.index`), a SavedModel, a folder that `import-encoder`
            wrote, a folder that holds one of these, or an archive of one.
        format: Whose it is.

    Raises:
        DataError: Nothing of that format is there, or it is damaged.
    """
    if not (Path(path).is_file() and path.lower().endswith(ARCHIVE_SUFFIXES)):
        yield _read(_found(Path(path), format))
        return
    with unpacked(path) as folder:
        try:
            yield _read(_found(folder, format))
        except UserError as error:  # of the importing too: its messages name files of the folder, which is gone then
            raise type(error)(str(error).replace(str(folder), path)) from None


def _found(path: Path, format: Format) -> FoundModel:
    if path.is_dir():
        return find_checkpoint(path, _KINDS[format])
    if format == "saved-model":
        raise DataError(f"{path}: is no folder, as a SavedModel is.")
    if format == "auto":
        is_keras = path.suffix == ".index" or path.with_name(f"{path.name}.index").is_file()
        return FoundModel("keras" if is_keras else "fastai", path)
    return FoundModel(format, path)


def _read(found: FoundModel) -> Checkpoint:
    if found.kind == "ulmfit-tfx":
        return _read_saved_model(found.path / "saved_model")
    if found.kind == "saved-model":
        return _read_saved_model(found.path)
    weights = read_fastai(found.path) if found.kind == "fastai" else read_keras_checkpoint(found.path)
    return Checkpoint(weights, weights.encoder_config())


def _read_saved_model(folder: Path) -> Checkpoint:
    tokenizer = sentencepiece_model(folder)
    if not is_own_saved_model(folder):
        weights = read_saved_model_variables(folder)
        return Checkpoint(weights, weights.encoder_config(), tokenizer)
    exported = read_exported(str(folder))
    return Checkpoint(
        own_weights(folder, exported),
        exported.encoder,
        tokenizer,
        exported.cleaning,
        exported.add_bos,
        exported.add_eos,
    )
