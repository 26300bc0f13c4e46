"""From the tensors that a reader has recognized by name to the recurrent layers, complete and in order."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ulmfit_tfx.components.encoder_importer.pickle_reader import shown
from ulmfit_tfx.components.encoder_importer.source_layers import SourceLayer
from ulmfit_tfx.components.encoder_importer.source_tensor import SourceTensor
from ulmfit_tfx.schemas.errors import DataError

_MOST_NAMES = 5


@dataclass(frozen=True)
class LayerSlot:
    """The place of one tensor: a field of a layer."""

    number: int
    cell: type[SourceLayer]
    field: str


def assemble_layers(
    file: str, tensors: Mapping[LayerSlot, SourceTensor], inputs: int, expected_name: Callable[[LayerSlot], str]
) -> tuple[SourceLayer, ...]:
    """Builds the layers, each on the output of the one before.

    Args:
        file: For messages.
        tensors: The tensors by their places; layers are counted from 0.
        inputs: Features that the first layer gets: the embedding size.
        expected_name: How the file would call the tensor of a place, for the message where it is missing.

    Raises:
        DataError: Layers or tensors are missing, a layer has tensors of two kinds of cell, or sizes do not fit.
    """
    numbers = sorted({slot.number for slot in tensors})
    missing = sorted(set(range(len(numbers))) - set(numbers))
    if missing:
        absent = expected_name(dataclasses.replace(next(iter(tensors)), number=missing[0]))
        raise DataError(f"{file}: a recurrent layer is missing between others: it has no {absent}.")
    layers: list[SourceLayer] = []
    for number in numbers:
        of_layer = {slot: tensor for slot, tensor in tensors.items() if slot.number == number}
        layers.append(_layer(file, of_layer, inputs, expected_name))
        inputs = layers[-1].units
    return tuple(layers)


def unknown_tensors(file: str, names: Iterable[str]) -> DataError:
    """The error for tensors that no reader knows."""
    listed = [shown(name) for name in sorted(names)]
    rest = f" and {len(listed) - _MOST_NAMES:,} more" if len(listed) > _MOST_NAMES else ""
    return DataError(
        f"{file}: has tensors that are not of an AWD-LSTM or QRNN language model: "
        f"{', '.join(listed[:_MOST_NAMES])}{rest}. Other models cannot be imported."
    )


def _layer(
    file: str,
    tensors: Mapping[LayerSlot, SourceTensor],
    inputs: int,
    expected_name: Callable[[LayerSlot], str],
) -> SourceLayer:
    first = next(iter(tensors))
    for slot, tensor in tensors.items():
        if slot.cell is not first.cell:
            raise DataError(
                f"{file}: layer {slot.number} has tensors of an LSTM and of a QRNN: "
                f"{tensors[first].name} and {tensor.name}."
            )
    by_field: dict[str, Any] = {slot.field: tensor for slot, tensor in tensors.items()}
    for field in dataclasses.fields(first.cell):  # type: ignore[arg-type]  # every final layer is a dataclass
        if field.name == "features":
            by_field["features"] = inputs
        elif field.name not in by_field and field.default is dataclasses.MISSING:
            expected = expected_name(dataclasses.replace(first, field=field.name))
            raise DataError(f"{file}: layer {first.number} is incomplete: {expected} is missing.")
    return first.cell(**by_field)
