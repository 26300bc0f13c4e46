"""The section `pretrained`: a pretrained encoder to import."""

from typing import Literal

from pydantic import Field
from typing_extensions import override

from ulmfit_tfx.schemas.section import Direction, Section


class CheckpointConfig(Section):
    """A pretrained encoder to import."""

    checkpoint: str = Field(
        min_length=1,
        description="fastai .pth, checkpoint or SavedModel of the old package, a folder that import-encoder wrote, or "
        "an archive of one of these",
    )
    format: Literal["auto", "fastai", "keras", "saved-model"] = Field("auto", description="auto: found out")
    tokenizer: str | None = Field(
        None, description="SentencePiece .model of the new encoder. null: the one that the checkpoint brings along"
    )
    source_tokenizer: str | None = Field(
        None,
        description="SentencePiece .model that the checkpoint was trained with, where `tokenizer` is another one: "
        "embeddings go to the pieces of the same text, new pieces get the mean",
    )
    lower_case: bool | None = Field(
        None, description="texts are lower-cased. null: as the checkpoint says, or the preset that its name is of"
    )
    add_bos: bool | None = Field(None, description="begin each text with `<s>`. null: as the checkpoint says, or true")
    add_eos: bool | None = Field(None, description="end each text with `</s>`. null: as the checkpoint says, or true")
    direction: Direction | None = Field(
        None, description="in which texts were read in pretraining. null: as the checkpoint says, or forward"
    )

    @classmethod
    @override
    def why_no(cls, field: str) -> str | None:
        return "is set, and a tagger has no use for it" if field in PretrainedConfig.model_fields else None


class PretrainedConfig(CheckpointConfig):
    """A pretrained encoder to import, and how texts are cut into parts."""

    separator: str | None = Field(None, min_length=1, description="as tokenizer.separator")
