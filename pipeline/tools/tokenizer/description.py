"""Says what a tokenizer is, and what becomes of a text."""

import dataclasses
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from sentencepiece import sentencepiece_model_pb2 as sentencepiece_model

from ulmfit_tfx.pipeline.tools.tokenizer.cleaned_texts import cleaned_parts
from ulmfit_tfx.pipeline.tools.tokenizer.encoding import visible
from ulmfit_tfx.pipeline.tools.tokenizer.loading import LoadedTokenizer
from ulmfit_tfx.schemas.config.cleaning import CleaningConfig

_PIECE = sentencepiece_model.ModelProto.SentencePiece
_KINDS = {
    _PIECE.NORMAL: "learned",
    _PIECE.USER_DEFINED: "user symbols",
    _PIECE.CONTROL: "control",
    _PIECE.UNKNOWN: "unknown",
    _PIECE.BYTE: "bytes",
    _PIECE.UNUSED: "unused",
}
_OWN_IDS = {"<unk>": 0, "<pad>": 1, "<s>": 2, "</s>": 3}
_LACKS = {
    "<pad>": "a batch of texts cannot be padded, so no model can be trained with it",
    "<s>": "it works with add_bos: false, --no-bos",
    "</s>": "it works with add_eos: false, --no-eos",
}
_FIRST, _LAST, _SCRIPTS = 20, 10, 8
_WORD_BOUNDARY = "\N{LOWER ONE EIGHTH BLOCK}"


@dataclasses.dataclass(frozen=True)
class EncodedPiece:
    """A piece of a text.

    Attributes:
        text: As it is written in the text, where it is unknown.
        id: In the vocabulary.
        is_unknown: Whether its id is that of `<unk>`.
    """

    text: str
    id: int
    is_unknown: bool


def describe(tokenizer: LoadedTokenizer) -> dict[str, str]:
    """Facts about a tokenizer, by name."""
    model = sentencepiece_model.ModelProto.FromString(tokenizer.model)
    trainer, normalizer = model.trainer_spec, model.normalizer_spec
    learned = [piece.piece for piece in model.pieces if piece.type == _PIECE.NORMAL]
    symbols = [piece.piece for piece in model.pieces if piece.type == _PIECE.USER_DEFINED]
    ids = special_ids(tokenizer)
    facts = {
        "type": sentencepiece_model.TrainerSpec.ModelType.Name(trainer.model_type).lower(),
        "pieces": f"{len(model.pieces):,}: {_counted(_KINDS[piece.type] for piece in model.pieces)}",
        "special ids": ", ".join(f"{piece} {piece_id}" for piece, piece_id in ids.items() if piece_id >= 0),
        "user symbols": " ".join(map(visible, symbols)) or "none",
        "byte fallback": "yes" if trainer.byte_fallback else "no: characters without a piece become <unk>",
        "normalization": _normalization(normalizer),
        "trained with": f"coverage of {trainer.character_coverage:.6g} of all characters",
        "characters": _scripts(learned),
        "first learned": " ".join(map(visible, learned[:_FIRST])),
        "last learned": " ".join(map(visible, learned[-_LAST:])),
    }
    if tokenizer.config is not None:
        marks = (("<s>", tokenizer.config.add_bos), ("</s>", tokenizer.config.add_eos))
        facts["marks"] = " and ".join(mark for mark, is_added in marks if is_added) or "none"
        facts["separator"] = tokenizer.config.separator or "none"
    if tokenizer.cleaning is not None:
        facts["cleaning"] = (
            ", ".join(name for name, is_on in tokenizer.cleaning.model_dump().items() if is_on) or "none"
        )
    if tokenizer.counts is not None:
        facts["trained on"] = str(tokenizer.counts)
    return facts


def special_ids(tokenizer: LoadedTokenizer) -> dict[str, int]:
    """Ids of the special pieces, -1 where there is none."""
    processor = tokenizer.processor
    ids = (processor.unk_id(), processor.pad_id(), processor.bos_id(), processor.eos_id())
    return dict(zip(_OWN_IDS, ids, strict=True))


def remarks(ids: Mapping[str, int]) -> list[str]:
    """What there is to say about the use of a tokenizer in a pipeline: what it lacks, and what has other ids.

    Args:
        ids: As `special_ids` gives them.
    """
    found = [f"it has no {piece} piece: {advice}" for piece, advice in _LACKS.items() if ids[piece] < 0]
    moved = [f"{piece} is {ids[piece]}, not {own}" for piece, own in _OWN_IDS.items() if ids[piece] not in (-1, own)]
    if moved:
        found.append(f"{', '.join(moved)}: no obstacle, ids are read from the model")
    return found or ["nothing is missing"]


def encode(tokenizer: LoadedTokenizer, text: str) -> list[EncodedPiece]:
    """Pieces of a text, cleaned and marked as the tokenizer's configuration says, with the marks that it has."""
    config, processor = tokenizer.config, tokenizer.processor
    ids = special_ids(tokenizer)
    marks = {
        "add_bos": ids["<s>"] >= 0 and (config is None or config.add_bos),
        "add_eos": ids["</s>"] >= 0 and (config is None or config.add_eos),
    }
    parts, _ = cleaned_parts([text], tokenizer.cleaning or CleaningConfig(), config.separator if config else None)
    return [
        EncodedPiece(visible(piece), piece_id, piece_id == ids["<unk>"])
        for part in parts
        for piece, piece_id in zip(
            processor.encode(part, out_type=str, **marks), processor.encode(part, out_type=int, **marks), strict=True
        )
    ]


def _normalization(normalizer: sentencepiece_model.NormalizerSpec) -> str:
    rules = [normalizer.name or ("rules of its own" if normalizer.precompiled_charsmap else "none")]
    rules += ["a space before a text"] if normalizer.add_dummy_prefix else []
    rules += ["no space twice"] if normalizer.remove_extra_whitespaces else []
    return ", ".join(rules)


def _counted(names: Iterable[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in Counter(names).most_common())


def _scripts(pieces: Sequence[str]) -> str:
    """Characters of the pieces, counted by script."""
    characters = set().union(*pieces) - {_WORD_BOUNDARY}
    counts = Counter(map(_script, sorted(characters))).most_common()
    shown = [f"{count:,} {name}" for name, count in counts[:_SCRIPTS]]
    shown += [f"{sum(count for _, count in counts[_SCRIPTS:]):,} of other scripts"] if len(counts) > _SCRIPTS else []
    return f"{len(characters):,}: {', '.join(shown)}"


def _script(character: str) -> str:
    """What a character is counted as: a letter's script, by the first word of its name, and other kinds as such."""
    kind = unicodedata.category(character)[0]
    if kind == "L":
        word = unicodedata.name(character, "unnamed").split()[0].split("-")[0]
        return word if word == "CJK" else word.capitalize()
    return {"N": "digits", "P": "punctuation", "S": "symbols", "M": "combining marks"}.get(kind, "other")
