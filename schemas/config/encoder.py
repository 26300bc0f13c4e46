"""The section `encoder`: sizes, kind and dropout of the recurrent encoder."""

from typing import Any, Literal

from pydantic import Field, PositiveInt, model_validator
from typing_extensions import override

from ulmfit_tfx.schemas.section import Direction, Probability, Section


class EncoderDropoutConfig(Section):
    """Dropout rates of the encoder, AWD-LSTM section 4."""

    embedding: Probability = Field(0.1, description="whole words")
    input: Probability = Field(0.25, description="embedded input, one mask for all steps")
    hidden: Probability = Field(0.15, description="between recurrent layers, one mask for all steps")
    output: Probability = Field(0.1, description="after the last recurrent layer, one mask for all steps")
    weight: Probability = Field(0.2, description="DropConnect: recurrent kernel (AWD-LSTM), kernel (QRNN)")


class EncoderSizesConfig(Section):
    """Kind and sizes of the encoder."""

    architecture: Literal["qrnn", "awd_lstm"] = "qrnn"
    embedding_size: PositiveInt = 100
    hidden_sizes: tuple[PositiveInt, ...] = Field(
        (200, 100),
        min_length=1,
        description="units of each layer. null: those of published models, 1552,1552,1552,400 (qrnn) or 1152,1152,400 "
        "(awd_lstm), whose embedding_size is 400",
    )
    qrnn_windows: tuple[PositiveInt, ...] = Field(
        (2, 1), min_length=1, description="kernel window of each QRNN layer; the last one stands for those that follow"
    )
    qrnn_pooling: Literal["f", "fo", "ifo"] = "fo"
    forget_convention: Literal["fastai", "paper"] = Field(
        "fastai", description="fastai: c = f*z + (1-f)*c_before; paper: c = f*c_before + (1-f)*z"
    )

    @model_validator(mode="before")
    @classmethod
    def _published_sizes(cls, values: Any) -> Any:
        if not isinstance(values, dict) or values.get("hidden_sizes", ()) is not None:
            return values
        is_lstm = values.get("architecture") == "awd_lstm"
        return values | {"hidden_sizes": (1152, 1152, 400) if is_lstm else (1552, 1552, 1552, 400)}

    def window(self, layer: int) -> int:
        """Kernel window of a QRNN layer, counted from 0."""
        return self.qrnn_windows[min(layer, len(self.qrnn_windows) - 1)]


class ImportedEncoderConfig(Section):
    """An encoder that is imported: the checkpoint says its sizes."""

    zoneout: Probability = Field(0.0, description="QRNN: share of the units that keep their state at a step")
    dropout: EncoderDropoutConfig = EncoderDropoutConfig()

    @classmethod
    @override
    def why_no(cls, field: str) -> str | None:
        if field in EncoderConfig.model_fields:
            return "and pretrained are both set, and the checkpoint says the sizes"
        return None


class UndirectedEncoderConfig(ImportedEncoderConfig, EncoderSizesConfig):
    """The encoder of a language model, which says in which direction it reads."""

    @classmethod
    @override
    def why_no(cls, field: str) -> str | None:
        if field == "direction":
            return "is set, and with a language model it is language_model.direction"
        return None


class EncoderConfig(UndirectedEncoderConfig):
    """The recurrent encoder."""

    direction: Direction = Field(
        "forward", description="backward: texts are read from their end; the output stays in the order of the text"
    )
