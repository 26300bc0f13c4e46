"""Language models of random weights, in the layouts of fastai and of the old Keras package, and what they compute."""

import collections
import itertools
from collections.abc import Sequence
from typing import Literal

import numpy as np
from slow_recurrences import slow_lstm, slow_qrnn

PAD = 1


class RandomLanguageModel:
    """An AWD-LSTM or, with windows, a QRNN of fastai.

    Attributes:
        embeddings: [vocab, sizes[0]].
        layers: Weights of each layer in the layout of Keras.
        head_kernel: [vocab, units]; the embeddings where the head is tied, None where there is no head.
        head_bias: [vocab].
    """

    def __init__(
        self,
        vocab: int,
        sizes: Sequence[int],
        windows: Sequence[int] | None = None,
        head: Literal["tied", "untied", None] = "tied",
        seed: int = 0,
    ):
        """Draws the weights.

        Args:
            vocab: Pieces.
            sizes: Of the embeddings and of each layer.
            windows: Of each QRNN layer.
            head: Of the language model.
            seed: Of the weights.
        """
        self._rng = np.random.default_rng(seed)
        self.sizes, self.windows = sizes, windows
        self.embeddings = self._normal(vocab, sizes[0])
        self.layers = [self._layer(number) for number in range(len(sizes) - 1)]
        self.head_kernel = {"tied": self.embeddings, "untied": self._normal(vocab, sizes[-1]), None: None}[head]
        self.head_bias = self._normal(vocab)

    def state_dict(self) -> dict[str, np.ndarray]:
        """Tensors by name, as `learner.save` and `save_encoder` of fastai 2 write them."""
        prefix = "" if self.head_kernel is None else "0."
        tensors = collections.OrderedDict()
        tensors[f"{prefix}encoder.weight"] = tensors[f"{prefix}encoder_dp.emb.weight"] = self.embeddings
        for number, layer in enumerate(self.layers):
            tensors |= {f"{prefix}rnns.{number}.{name}": value for name, value in self._torch_layer(layer).items()}
        if self.head_kernel is not None:
            tensors |= {"1.decoder.weight": self.head_kernel, "1.decoder.bias": self.head_bias}
        return tensors

    def checkpoint(self) -> dict[str, np.ndarray]:
        """Variables by name, as the old package's checkpoints have them. The head is tied."""
        variables = {"layer_with_weights-0/embeddings": self.embeddings}
        for number, layer in enumerate(self.layers, start=1):
            variables |= {f"layer_with_weights-{number}/cell/{name}": value for name, value in layer.items()}
        return variables | {f"layer_with_weights-{len(self.layers) + 1}/layer/tied_bias": self.head_bias}

    def saved_model(self) -> dict[str, np.ndarray]:
        """Variables by name, as the old package's SavedModels have them. The head is tied."""
        values = [value for layer in self.layers for value in layer.values()]
        numbered = {f"encoder_num/variables/{number}": value for number, value in enumerate(values, start=1)}
        embeddings = {"encoder_num/layer_with_weights-0/embeddings": self.embeddings}
        return embeddings | numbered | {"lm_head_biases": self.head_bias}

    def hidden(self, ids: np.ndarray) -> np.ndarray:
        """Output of the last layer, float64 [batch, time, units], zero at padding."""
        mask = ids != PAD
        states = self.embeddings[ids].astype("float64")
        for number, (layer, (inputs, units)) in enumerate(
            zip(self.layers, itertools.pairwise(self.sizes), strict=True)
        ):
            weights = [value.astype("float64") for value in layer.values()]
            zeros = np.zeros((len(ids), units))
            if self.windows is None:
                states, _ = slow_lstm(states, *weights, mask, [zeros, zeros.copy()])
                continue
            window = self.windows[number]
            before = np.zeros((len(ids), (window - 1) * inputs))
            states, _ = slow_qrnn(
                states, *weights, mask, [zeros, before], window=window, pooling="fo", convention="fastai"
            )
        return states

    def logits(self, ids: np.ndarray) -> np.ndarray:
        """Of the piece after each, float64 [batch, time, vocab]."""
        return self.hidden(ids) @ self.head_kernel.astype("float64").T + self.head_bias

    def _normal(self, *shape: int) -> np.ndarray:
        """float32, in steps of 1/1024: sums of two are exact."""
        return (np.round(self._rng.normal(0, 0.4, shape) * 1024) / 1024).astype("float32")

    def _layer(self, number: int) -> dict[str, np.ndarray]:
        inputs, units = self.sizes[number : number + 2]
        if self.windows is None:
            kernel, recurrent_kernel = self._normal(inputs, 4 * units), self._normal(units, 4 * units)
            return {"kernel": kernel, "recurrent_kernel": recurrent_kernel, "bias": self._normal(4 * units)}
        weights = self._normal(self.windows[number] * inputs, 3 * units)
        return {"fused_gate_weights": weights, "fused_gate_biases": self._normal(3 * units)}

    def _torch_layer(self, layer: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        if self.windows is not None:
            weights, biases = layer.values()
            return {"layers.0.linear.weight_raw": weights.T, "layers.0.linear.module.bias": biases}
        bias_ih = self._normal(*layer["bias"].shape)
        return {
            "weight_hh_l0_raw": layer["recurrent_kernel"].T,
            "module.weight_ih_l0": layer["kernel"].T,
            "module.bias_ih_l0": bias_ih,
            "module.bias_hh_l0": layer["bias"] - bias_ih,
        }
