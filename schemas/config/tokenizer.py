"""The section `tokenizer`: a SentencePiece model that is trained."""

import re
from typing import Literal

from pydantic import Field, PositiveInt, field_validator, model_validator
from typing_extensions import override

from ulmfit_tfx.schemas.section import Section

PAIR_SEPARATOR = "[SEP]"
"""Stands between the two texts of a pair where the configuration names no separator."""

_SPECIAL_PIECES = ("<unk>", "<pad>", "<s>", "</s>")
_BYTES = 256
_BYTE_PIECE = re.compile("<0x[0-9A-F]{2}>")
# \u2581 is SentencePiece's sign for a space. Surrogates are no characters.
_NOT_IN_A_SYMBOL = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2581\ud800-\udfff]")


class SentencePieceConfig(Section):
    """SentencePiece. Special ids are `<unk>`=0, `<pad>`=1, `<s>`=2, `</s>`=3."""

    prefix: str = Field("spm", pattern=r"^[\w.-]+$", description="file name: {prefix}-sp{N}k.model")
    vocab_size: int | None = Field(
        None, ge=16, le=1_000_000, description="pieces. null: as many as the texts can teach, 8,000 at most"
    )
    model_type: Literal["bpe", "unigram"] = Field("bpe", description="how pieces are found")
    character_coverage: float = Field(0.9995, gt=0.9, le=1, description="share of all characters that get a piece")
    user_defined_symbols: tuple[str, ...] = Field(("?", "!"), description="always pieces of their own")
    byte_fallback: bool = Field(
        False,
        description="characters without a piece become pieces of bytes, of which there are 256, and never `<unk>`",
    )
    normalization: Literal["nmt_nfkc", "nfkc", "nmt_nfkc_cf", "nfkc_cf", "identity"] = Field(
        "nmt_nfkc",
        description="part of the model: nfkc: Unicode's compatibility forms are composed; nmt: and white space and "
        "control characters become spaces or go; cf: and case is folded; identity: nothing",
    )
    split_digits: bool = Field(False, description="each digit is a piece of its own")
    sample_texts: PositiveInt = Field(1_000_000, description="train on at most so many texts, chosen by a seeded hash")
    sample_bytes: PositiveInt = Field(
        50_000_000,
        description="and on so many bytes of them: memory is a multiple of it, whatever the corpus; see "
        "docs/tokenizer.md",
    )
    add_bos: bool = Field(True, description="begin each text with `<s>`")
    add_eos: bool = Field(True, description="end each text with `</s>`")

    @classmethod
    @override
    def why_no(cls, field: str) -> str | None:
        return "is set, and a tagger has no use for it" if field in TokenizerConfig.model_fields else None

    @field_validator("user_defined_symbols")
    @classmethod
    def _symbols_can_be_pieces(cls, symbols: tuple[str, ...]) -> tuple[str, ...]:
        if "" in symbols or len(set(symbols)) < len(symbols):
            raise ValueError("holds an empty or a repeated symbol")
        for symbol in symbols:
            if symbol in _SPECIAL_PIECES:
                raise ValueError(
                    f"holds {symbol}, which is a special piece: a text could not hold it without becoming marked"
                )
            if _NOT_IN_A_SYMBOL.search(symbol):
                raise ValueError(f"holds {symbol!r}, with white space, a control character or \u2581 in it")
        return symbols

    @model_validator(mode="after")
    def _room_for_more_than_the_given_pieces(self):
        given = len(_SPECIAL_PIECES) + len(self.user_defined_symbols) + _BYTES * self.byte_fallback
        if self.vocab_size is not None and self.vocab_size <= given:
            of_bytes = f", {_BYTES} of byte_fallback" if self.byte_fallback else ""
            raise ValueError(
                f"vocab_size is {self.vocab_size}, expected more than {given}: there are {len(_SPECIAL_PIECES)} "
                f"special pieces{of_bytes} and {len(self.user_defined_symbols)} of user_defined_symbols"
            )
        return self

    @model_validator(mode="after")
    def _no_piece_of_bytes_twice(self):
        for symbol in self.user_defined_symbols:
            if self.byte_fallback and _BYTE_PIECE.fullmatch(symbol):
                raise ValueError(f"user_defined_symbols holds {symbol}, which is a piece of byte_fallback")
        return self

    @property
    def file_stem(self) -> str:
        """File name without suffix: `spm-sp8k`, below a thousand pieces `spm-sp500`, of a size not known yet `spm`."""
        if self.vocab_size is None:
            return self.prefix
        size = f"{self.vocab_size // 1000}k" if self.vocab_size >= 1000 else str(self.vocab_size)
        return f"{self.prefix}-sp{size}"


class TokenizerConfig(SentencePieceConfig):
    """SentencePiece, and how texts are cut into parts. Special ids are `<unk>`=0, `<pad>`=1, `<s>`=2, `</s>`=3."""

    separator: str | None = Field(
        None,
        min_length=1,
        description="such as `[SEP]`: where it stands, a text is cut into parts, each with its own `<s>` and `</s>`. "
        "null: [SEP] where there is a second_text_column, else none",
    )
