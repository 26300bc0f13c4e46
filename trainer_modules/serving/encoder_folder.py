"""Writes and reads a pretrained encoder as a folder.

folder/
    encoder.json                                 `EncoderRecord`
    keras_weights/language_model.weights.h5      encoder and head; encoder.weights.h5 where there is no head
    saved_model/                                 the encoder's signatures, see `ulmfit_tfx.trainer_modules.serving`
    spm_model/NAME-sp8k.model, .vocab            the tokenizer, see `ulmfit_tfx.transforms.tokenizer_layout`
"""

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import h5py
import keras
import pydantic
from pydantic import NonNegativeInt, PositiveInt

import ulmfit_tfx
from ulmfit_tfx.schemas.config.encoder import EncoderConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.trainer_modules.models.encoder import build_encoder
from ulmfit_tfx.trainer_modules.models.language_model import build_language_model
from ulmfit_tfx.trainer_modules.serving.language_model_signatures import language_model_signatures
from ulmfit_tfx.trainer_modules.serving.model_info import ENCODER, LANGUAGE_MODEL, ModelDescription
from ulmfit_tfx.trainer_modules.serving.saved_model import BACKWARD, save
from ulmfit_tfx.trainer_modules.serving.signatures import encoder_signatures
from ulmfit_tfx.transforms.tokenization import Tokenizer
from ulmfit_tfx.transforms.tokenizer_files import write_tokenizer

RECORD = "encoder.json"
WEIGHTS = "keras_weights"
SAVED_MODEL = "saved_model"
SPM_MODEL = "spm_model"

CONVENTIONS = {
    "padding": "masked; its id is tokenizer.special_ids.pad",
    "awd_lstm gates": "input, forget, candidate, output",
    "qrnn gates": "candidate, forget, output, input",
    "qrnn window": "rows of x[t] before those of x[t-1]",
}

Head = Literal["tied", "untied"]


@pydantic.dataclasses.dataclass(frozen=True)
class EncoderRecord:
    """What `encoder.json` says, beside the tokenizer, the conventions and the version of ulmfit-tfx.

    Attributes:
        encoder: Sizes, direction, dropouts.
        vocab_size: Pieces.
        pad_id: Id of padding.
        head: Of the language model; None where only the encoder is there.
        fixed_seq_len: T of the SavedModel's encoder signatures; None: the longest text of the batch.
        max_seq_len: Bound of T where `fixed_seq_len` is None.
        source: Where the weights come from.
    """

    encoder: EncoderConfig
    vocab_size: PositiveInt
    pad_id: NonNegativeInt
    head: Head | None
    fixed_seq_len: PositiveInt | None
    max_seq_len: PositiveInt
    source: Mapping[str, Any]


def build(record: EncoderRecord) -> tuple[keras.Model, keras.Model]:
    """The encoder with fresh weights, and the language model around it, or the encoder again where it has no head."""
    encoder = build_encoder(record.encoder, record.vocab_size, record.pad_id)
    if record.head is None:
        return encoder, encoder
    return encoder, build_language_model(encoder, tied=record.head == "tied")


@dataclasses.dataclass(frozen=True)
class PretrainedModel:
    """An encoder with its weights, and what it is.

    Attributes:
        encoder: As `build_encoder` makes it.
        model: The language model around it, or the encoder again, as `build` gives them.
        record: What `encoder.json` says.
    """

    encoder: keras.Model
    model: keras.Model
    record: EncoderRecord


def write_encoder(
    folder: Path, encoder: keras.Model, model: keras.Model, tokenizer: Tokenizer, record: EncoderRecord
) -> None:
    """Writes the folder.

    Args:
        folder: Where to; made if missing.
        encoder: With its weights.
        model: The language model around it, or the encoder again, as `build` gives them.
        tokenizer: The one that it was trained with.
        record: What it is.
    """
    pretrained = PretrainedModel(encoder, model, record)
    write_weights(folder, pretrained, tokenizer)
    write_tokenizer(str(folder / SPM_MODEL), tokenizer.model, tokenizer.config, tokenizer.cleaning)
    save_pretrained(str(folder / SAVED_MODEL), [pretrained], tokenizer)


def write_weights(folder: Path, pretrained: PretrainedModel, tokenizer: Tokenizer) -> None:
    """Writes `encoder.json` and Keras' weights, the part of the folder that Keras models are loaded from."""
    weights = folder / WEIGHTS
    weights.mkdir(parents=True, exist_ok=True)
    pretrained.model.save_weights(weights / f"{pretrained.model.name}.weights.h5")
    content = {
        "version": ulmfit_tfx.__version__,
        **dataclasses.asdict(pretrained.record),
        "encoder": pretrained.record.encoder.model_dump(mode="json"),
        "tokenizer": tokenizer.describe(),
        "cleaning": tokenizer.cleaning.model_dump(mode="json"),
        "conventions": CONVENTIONS,
    }
    (folder / RECORD).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def save_pretrained(folder: str, models: Sequence[PretrainedModel], tokenizer: Tokenizer) -> None:
    """Writes one SavedModel, with the encoder's signatures and, where there is a head, the language model's.

    Args:
        folder: Where to, local or remote.
        models: One, or a forward and a backward one: the encoder's signatures are those of the first.
        tokenizer: The one that they were trained with.
    """
    first = models[0]
    record = first.record
    signatures = encoder_signatures(first.encoder, tokenizer, record.fixed_seq_len, record.max_seq_len)
    if record.head is not None:
        by_direction = {pretrained.record.encoder.direction: pretrained.model for pretrained in models}
        signatures |= language_model_signatures(by_direction, tokenizer, record.max_seq_len)
    description = ModelDescription(
        task=ENCODER if record.head is None else LANGUAGE_MODEL,
        encoder=record.encoder,
        max_seq_len=record.max_seq_len,
        fixed_seq_len=record.fixed_seq_len,
        directions=tuple(pretrained.record.encoder.direction for pretrained in models),
    )
    by_prefix = {prefix: pretrained.model for prefix, pretrained in zip(("", BACKWARD), models, strict=False)}
    save(folder, by_prefix, tokenizer, signatures, description)


def read_record(folder: str | Path) -> EncoderRecord:
    """Reads `encoder.json`.

    Raises:
        DataError: It is missing, or not what `write_encoder` writes.
    """
    path = Path(folder) / RECORD
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        values = {field.name: content[field.name] for field in dataclasses.fields(EncoderRecord)}
        return EncoderRecord(**values | {"encoder": EncoderConfig.model_validate(values["encoder"])})
    except FileNotFoundError:
        raise DataError(
            f"{folder}: has no {RECORD}, expected a folder that `ulmfit-tfx import-encoder` wrote."
        ) from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{path}: is not what `ulmfit-tfx import-encoder` writes: {error}.") from None


def load_encoder(folder: str | Path) -> keras.Model:
    """The encoder of a folder, as `build_encoder` makes it.

    Raises:
        DataError: The folder is incomplete or damaged.
    """
    return _load(folder)[0]


def load_language_model(folder: str | Path) -> keras.Model:
    """The language model of a folder, as `build_language_model` makes it.

    Raises:
        DataError: The folder is incomplete or damaged, or holds an encoder without a head.
    """
    encoder, model = _load(folder)
    if model is encoder:
        raise DataError(f"{folder}: holds an encoder without a language-model head, as its source did.")
    return model


def _load(folder: str | Path) -> tuple[keras.Model, keras.Model]:
    encoder, model = build(read_record(folder))
    path = Path(folder) / WEIGHTS / f"{model.name}.weights.h5"
    if not path.is_file():
        raise DataError(f"{path}: no such file.")
    _check_hdf5(path, model)
    try:
        model.load_weights(path)
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path}: cannot be read into the encoder of {RECORD}: {str(error).splitlines()[0]}") from None
    return encoder, model


def _check_hdf5(path: Path, model: keras.Model) -> None:
    """Refuses what would make HDF5 read other files, or more than the model has: Keras reads before it compares.

    Raises:
        DataError: The file has that.
    """
    largest = max(math.prod(weight.shape) for weight in model.weights)

    def check(group: h5py.Group) -> None:
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise DataError(f"{path}: {group.name}/{name} is a link, expected weights.")
            item = group[name]
            if isinstance(item, h5py.Group):
                check(item)
            elif item.external or item.is_virtual or item.size > largest:
                raise DataError(f"{path}: {item.name} lies in another file or is larger than any weight.")

    try:
        with h5py.File(path, "r") as file:
            check(file)
    except (OSError, RuntimeError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None
