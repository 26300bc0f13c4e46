"""What a reader of any format gives: the weights of a language model, or of its encoder, that fit together."""

from dataclasses import dataclass
from typing import Literal

from ulmfit_tfx.components.encoder_importer.source_layers import SourceLayer
from ulmfit_tfx.components.encoder_importer.source_tensor import SourceTensor
from ulmfit_tfx.schemas.config.encoder import EncoderConfig
from ulmfit_tfx.schemas.errors import DataError

SourceFormat = Literal["fastai", "keras", "saved-model", "ulmfit-tfx"]


@dataclass(frozen=True, eq=False)
class LanguageModelWeights:
    """Embeddings, recurrent layers and, where the file has one, the language-modelling head.

    Attributes:
        source_format: Who wrote the file.
        embeddings: [vocab, size].
        layers: From the embeddings to the output.
        has_head: Whether the file has a head. Without a `head_kernel` its weights are the embeddings' (tied), without a
            `head_bias` it has no bias.
        head_bias: [vocab].
        head_kernel: [vocab, units of the last layer].
        ignored: Names in the file that are known and not imported.

    Raises:
        DataError: The parts do not fit together.
    """

    source_format: SourceFormat
    embeddings: SourceTensor
    layers: tuple[SourceLayer, ...]
    has_head: bool = False
    head_bias: SourceTensor | None = None
    head_kernel: SourceTensor | None = None
    ignored: tuple[str, ...] = ()

    def __post_init__(self):
        self.embeddings.check_rank(2)
        if not self.layers:
            raise DataError(f"{self.embeddings.file}: has no recurrent layers, expected an AWD-LSTM or QRNN encoder.")
        self._check_cell_types()
        self._check_chain()
        self._check_head()

    @property
    def architecture(self) -> Literal["awd_lstm", "qrnn"]:
        """Kind of the recurrent layers."""
        return self.layers[0].architecture

    @property
    def vocab_size(self) -> int:
        """Pieces of the vocabulary."""
        return self.embeddings.shape[0]

    @property
    def embedding_size(self) -> int:
        """Features of an embedding."""
        return self.embeddings.shape[1]

    def encoder_config(self) -> EncoderConfig:
        """Sizes and conventions of our encoder that these weights go into; dropout rates are the defaults."""
        windows = {"qrnn_windows": tuple(layer.window for layer in self.layers)} if self.architecture == "qrnn" else {}
        return EncoderConfig(
            architecture=self.architecture,
            embedding_size=self.embedding_size,
            hidden_sizes=tuple(layer.units for layer in self.layers),
            forget_convention="fastai",
            **windows,
        )

    def _check_cell_types(self) -> None:
        for number, layer in enumerate(self.layers):
            if layer.architecture != self.architecture:
                raise layer.error(
                    f"makes layer {number} {layer.architecture}, and layer 0 is {self.architecture}: "
                    "cells of both kinds in one encoder cannot be imported"
                )

    def _check_chain(self) -> None:
        before, features = f"{self.embeddings.name} {list(self.embeddings.shape)}", self.embedding_size
        for number, layer in enumerate(self.layers):
            if layer.inputs != features:
                raise layer.error(f"takes {layer.inputs} features, and {before} before it gives {features}")
            before, features = f"layer {number}", layer.units

    def _check_head(self) -> None:
        last = self.layers[-1]
        vocab = f"{self.embeddings.name} has {self.vocab_size:,} pieces"
        if self.head_bias is not None:
            self.head_bias.check_shape((self.vocab_size,), vocab)
        if self.head_kernel is not None:
            self.head_kernel.check_shape(
                (self.vocab_size, last.units), f"{vocab} and the last layer has {last.units} units"
            )
        elif self.has_head and last.units != self.embedding_size:
            raise last.error(
                f"gives {last.units} features, and the head's weights are the embeddings', which have "
                f"{self.embedding_size}"
            )
