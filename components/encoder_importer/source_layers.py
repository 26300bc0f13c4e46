"""Recurrent layers as the imported files hold them: their own weight layouts and conventions, and the way to ours.

Each layer gives its weights in our layout and, apart from that, computes itself in float64 by its source's conventions:
what an import is held against.
"""

import abc
from dataclasses import dataclass
from typing import ClassVar, Literal, final

import numpy as np

from ulmfit_tfx.components.encoder_importer.source_tensor import SourceTensor
from ulmfit_tfx.schemas.errors import DataError

_LSTM_GATES = 4
_QRNN_GATES = 3


class SourceLayer(abc.ABC):
    """A recurrent layer of an imported file. Its fields are its tensors; they fit each other, or it is not made."""

    architecture: ClassVar[Literal["awd_lstm", "qrnn"]]

    @property
    def source_tensors(self) -> tuple[SourceTensor, ...]:
        """The layer's tensors, the one that tells the inputs first."""
        return tuple(value for value in vars(self).values() if isinstance(value, SourceTensor))

    @property
    def tensors(self) -> dict[str, np.ndarray]:
        """The layer's arrays by their full names in the file."""
        return {tensor.name: tensor.array for tensor in self.source_tensors}

    def error(self, complaint: str) -> DataError:
        """The error that names the file and the tensor that tells the inputs, with its shape."""
        tensor = self.source_tensors[0]
        return tensor.error(f"{list(tensor.shape)} {complaint}")

    @property
    @abc.abstractmethod
    def units(self) -> int:
        """Size of the state and of the output."""

    @property
    @abc.abstractmethod
    def inputs(self) -> int:
        """Features of a step's input."""

    @property
    def window(self) -> int:
        """Tokens that a step sees. An LSTM sees its own."""
        return 1

    @abc.abstractmethod
    def weights(self) -> dict[str, np.ndarray]:
        """The weights, float32, by name and in the layout of our layer of this architecture.

        `ulmfit_tfx.trainer_modules.layers.awd_lstm.AWDLSTM`: kernel [inputs, 4 * units], recurrent_kernel
        [units, 4 * units], bias [4 * units], gates i, f, c, o. `...qrnn.QRNN`: kernel [window * inputs, 3 * units],
        bias [3 * units], gates z, f, o, rows of x[t] before those of x[t-1].
        """

    @abc.abstractmethod
    def forward(self, sequence: np.ndarray) -> np.ndarray:
        """Computes the layer from its tensors as they stand in the file, slowly, from a state of zeros.

        Args:
            sequence: float64 [batch, time, inputs].

        Returns:
            float64 [batch, time, units].
        """


@final
@dataclass(frozen=True, eq=False)
class TorchLSTM(SourceLayer):
    """An LSTM of PyTorch.

    Attributes:
        weight_ih: [4 * units, inputs], gates i, f, g, o.
        weight_hh: [4 * units, units].
        bias_ih: [4 * units].
        bias_hh: [4 * units]; both biases are added.
    """

    weight_ih: SourceTensor
    weight_hh: SourceTensor
    bias_ih: SourceTensor
    bias_hh: SourceTensor

    architecture = "awd_lstm"

    def __post_init__(self):
        _check_lstm(self.weight_ih, self.weight_hh, (self.bias_ih, self.bias_hh), gates_axis=0)

    @property
    def units(self) -> int:
        """Columns of `weight_hh`."""
        return self.weight_hh.shape[1]

    @property
    def inputs(self) -> int:
        """Columns of `weight_ih`."""
        return self.weight_ih.shape[1]

    def weights(self) -> dict[str, np.ndarray]:
        """Transposed, the biases added. PyTorch's order of gates (i, f, g, o) is Keras' (i, f, c, o)."""
        return {
            "kernel": self.weight_ih.float32.T,
            "recurrent_kernel": self.weight_hh.float32.T,
            "bias": (self.bias_ih.float64 + self.bias_hh.float64).astype(np.float32),
        }

    def forward(self, sequence: np.ndarray) -> np.ndarray:
        """The equations of `torch.nn.LSTM`'s documentation."""
        weight_ih, weight_hh = self.weight_ih.float64, self.weight_hh.float64
        bias_ih, bias_hh = self.bias_ih.float64, self.bias_hh.float64
        hidden = cell = np.zeros((len(sequence), self.units))
        outputs = []
        for step in range(sequence.shape[1]):
            gates = sequence[:, step] @ weight_ih.T + bias_ih + hidden @ weight_hh.T + bias_hh
            input_gate, forget_gate, candidate, output_gate = np.split(gates, _LSTM_GATES, axis=-1)
            cell = _sigmoid(forget_gate) * cell + _sigmoid(input_gate) * np.tanh(candidate)
            hidden = _sigmoid(output_gate) * np.tanh(cell)
            outputs.append(hidden)
        return np.stack(outputs, axis=1)


@final
@dataclass(frozen=True, eq=False)
class KerasLSTM(SourceLayer):
    """An LSTM of Keras.

    Attributes:
        kernel: [inputs, 4 * units], gates i, f, c, o.
        recurrent_kernel: [units, 4 * units].
        bias: [4 * units].
    """

    kernel: SourceTensor
    recurrent_kernel: SourceTensor
    bias: SourceTensor

    architecture = "awd_lstm"

    def __post_init__(self):
        _check_lstm(self.kernel, self.recurrent_kernel, (self.bias,), gates_axis=1)

    @property
    def units(self) -> int:
        """Rows of `recurrent_kernel`."""
        return self.recurrent_kernel.shape[0]

    @property
    def inputs(self) -> int:
        """Rows of `kernel`."""
        return self.kernel.shape[0]

    def weights(self) -> dict[str, np.ndarray]:
        """As they are."""
        return {
            "kernel": self.kernel.float32,
            "recurrent_kernel": self.recurrent_kernel.float32,
            "bias": self.bias.float32,
        }

    def forward(self, sequence: np.ndarray) -> np.ndarray:
        """The step of `keras.layers.LSTMCell`."""
        kernel, recurrent_kernel, bias = self.kernel.float64, self.recurrent_kernel.float64, self.bias.float64
        hidden = carry = np.zeros((len(sequence), self.units))
        outputs = []
        for step in range(sequence.shape[1]):
            gates = sequence[:, step] @ kernel + hidden @ recurrent_kernel + bias
            input_gate, forget_gate, candidate, output_gate = np.split(gates, _LSTM_GATES, axis=-1)
            carry = _sigmoid(forget_gate) * carry + _sigmoid(input_gate) * np.tanh(candidate)
            hidden = _sigmoid(output_gate) * np.tanh(carry)
            outputs.append(hidden)
        return np.stack(outputs, axis=1)


@final
@dataclass(frozen=True, eq=False)
class TorchQRNN(SourceLayer):
    """A QRNN of fastai or Salesforce: one linear layer on x[t], x[t-1], ...; `fo` pooling.

    Attributes:
        weight: [3 * units, window * inputs], gates z, f, o, columns of x[t] before those of x[t-1].
        bias: [3 * units].
        features: Of a step's input; the weight alone does not tell.
    """

    weight: SourceTensor
    bias: SourceTensor
    features: int

    architecture = "qrnn"

    def __post_init__(self):
        self.weight.check_rank(2)
        _check_qrnn_weight(self.weight, gates_axis=0, features=self.features)
        self.bias.check_shape((_QRNN_GATES * self.units,), f"{self.weight.name} is {list(self.weight.shape)}")

    @property
    def units(self) -> int:
        """A third of the rows of `weight`."""
        return self.weight.shape[0] // _QRNN_GATES

    @property
    def window(self) -> int:
        """Groups of columns, one a token."""
        return self.weight.shape[1] // self.features

    @property
    def inputs(self) -> int:
        """As the layer before told."""
        return self.features

    def weights(self) -> dict[str, np.ndarray]:
        """Transposed."""
        return {"kernel": self.weight.float32.T, "bias": self.bias.float32}

    def forward(self, sequence: np.ndarray) -> np.ndarray:
        """The forget gate weighs the candidate, as in fastai; in the paper it weighs the state before."""
        weight, bias = self.weight.float64, self.bias.float64
        hidden = np.zeros((len(sequence), self.units))
        outputs = []
        for step in range(sequence.shape[1]):
            gates = _seen(sequence, step, self.window) @ weight.T + bias
            candidate, forget_gate, output_gate = np.split(gates, _QRNN_GATES, axis=-1)
            hidden = _sigmoid(forget_gate) * np.tanh(candidate) + (1 - _sigmoid(forget_gate)) * hidden
            outputs.append(_sigmoid(output_gate) * hidden)
        return np.stack(outputs, axis=1)


@final
@dataclass(frozen=True, eq=False)
class KerasQRNN(SourceLayer):
    """A QRNN of our own layout, which is the old package's too.

    Attributes:
        fused_gate_weights: [window * inputs, gates * units], gates z, f, o, i, rows of x[t] before those of x[t-1].
        fused_gate_biases: [gates * units].
        features: Of a step's input; the weights alone do not tell.
        pooling: Of the paper's section 2.1; the old package imports `fo` alone.
        forget_convention: Whether the forget gate weighs the candidate (fastai, the old package) or the state before.
    """

    fused_gate_weights: SourceTensor
    fused_gate_biases: SourceTensor
    features: int
    pooling: Literal["f", "fo", "ifo"] = "fo"
    forget_convention: Literal["fastai", "paper"] = "fastai"

    architecture = "qrnn"

    def __post_init__(self):
        self.fused_gate_weights.check_rank(2)
        _check_qrnn_weight(self.fused_gate_weights, 1, self.features, self._gates)
        self.fused_gate_biases.check_shape(
            (self._gates * self.units,), f"{self.fused_gate_weights.name} is {list(self.fused_gate_weights.shape)}"
        )

    @property
    def _gates(self) -> int:
        return 1 + len(self.pooling)

    @property
    def units(self) -> int:
        """Columns of `fused_gate_weights` for each gate."""
        return self.fused_gate_weights.shape[1] // self._gates

    @property
    def window(self) -> int:
        """Groups of rows, one a token."""
        return self.fused_gate_weights.shape[0] // self.features

    @property
    def inputs(self) -> int:
        """As the layer before told."""
        return self.features

    def weights(self) -> dict[str, np.ndarray]:
        """As they are."""
        return {"kernel": self.fused_gate_weights.float32, "bias": self.fused_gate_biases.float32}

    def forward(self, sequence: np.ndarray) -> np.ndarray:
        """The cell's step: the inputs that the window still needs are a part of the state."""
        fused_gate_weights, fused_gate_biases = self.fused_gate_weights.float64, self.fused_gate_biases.float64
        memory = np.zeros((len(sequence), self.units))
        past_inputs = np.zeros((len(sequence), (self.window - 1) * self.inputs))
        outputs = []
        for step in range(sequence.shape[1]):
            merged = np.concatenate([sequence[:, step], past_inputs], axis=-1)
            candidate, *gates = np.split(merged @ fused_gate_weights + fused_gate_biases, self._gates, axis=-1)
            forget_gate, *other_gates = (_sigmoid(gate) for gate in gates)
            keep = 1 - forget_gate if self.forget_convention == "fastai" else forget_gate
            write = other_gates[1] if self.pooling == "ifo" else 1 - keep
            memory = write * np.tanh(candidate) + keep * memory
            past_inputs = merged[:, : past_inputs.shape[1]]
            outputs.append(memory if self.pooling == "f" else memory * other_gates[0])
        return np.stack(outputs, axis=1)


def _check_lstm(
    of_inputs: SourceTensor, recurrent: SourceTensor, biases: tuple[SourceTensor, ...], gates_axis: int
) -> None:
    for weight in (recurrent, of_inputs):
        weight.check_rank(2)
    units = recurrent.shape[1 - gates_axis]
    gates, side = _LSTM_GATES * units, ("columns", "rows")[gates_axis]
    reason = f"{recurrent.name} has {units} {side}, so the layer has {units} units and 4 gates"
    for weight in (recurrent, of_inputs):
        others = weight.shape[1 - gates_axis]
        weight.check_shape((gates, others) if gates_axis == 0 else (others, gates), reason)
    for bias in biases:
        bias.check_shape((gates,), reason)


def _check_qrnn_weight(weight: SourceTensor, gates_axis: int, features: int, gates: int = _QRNN_GATES) -> None:
    columns, rows = weight.shape[gates_axis], weight.shape[1 - gates_axis]
    pooling = {2: "f", 3: "fo", 4: "ifo"}[gates]
    if columns % gates:
        raise weight.error(f"is {list(weight.shape)}: {columns} is not {gates} gates of a QRNN with {pooling}-pooling")
    if rows % features:
        raise weight.error(
            f"is {list(weight.shape)}, expected {rows} to be a multiple of {features}, the features that come in. "
            f"Only QRNNs with {gates} gates ({pooling}-pooling) can be imported"
        )


def _seen(sequence: np.ndarray, step: int, window: int) -> np.ndarray:
    """x[t], x[t-1], ... side by side, zeros before the first step: [batch, window * inputs]."""
    nothing = np.zeros_like(sequence[:, 0])
    return np.concatenate(
        [sequence[:, step - back] if back <= step else nothing for back in range(window)],
        axis=-1,
    )


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(0.5 * logits))
