"""What stands in the files of a tokenizer. Without TensorFlow: `tokenizer_files` writes and reads them anywhere.

folder/
    NAME-sp8k.model      the SentencePiece model
    NAME-sp8k.vocab      its pieces and scores, for people
    tokenizer.json       configuration of the tokenizer and of the cleaning before it
    sample.json          how many of how many texts it was trained on
"""

import dataclasses
import json

import sentencepiece

from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.transforms.splitting import SampleCounts

CONFIG_FILE = "tokenizer.json"
SAMPLE_FILE = "sample.json"


def contents(
    model: bytes, config: TokenizerConfig, cleaning: CleaningConfig, counts: SampleCounts | None = None
) -> dict[str, bytes]:
    """The files of a tokenizer, by name.

    Args:
        model: The SentencePiece model.
        config: That it was trained with.
        cleaning: Before it.
        counts: Of the texts that it was trained on. None: there is no `sample.json`, as of an imported one.
    """
    config = with_size(config, model)
    parts = {"tokenizer": config.model_dump(mode="json"), "cleaning": cleaning.model_dump(mode="json")}
    files = {
        f"{config.file_stem}.model": model,
        f"{config.file_stem}.vocab": vocabulary(model).encode(),
        CONFIG_FILE: json.dumps(parts, indent=2).encode(),
    }
    if counts is not None:
        files[SAMPLE_FILE] = json.dumps(dataclasses.asdict(counts), indent=2).encode()
    return files


def with_size(config: TokenizerConfig, model: bytes) -> TokenizerConfig:
    """A configuration that says of how many pieces a model is, where that was left to the texts."""
    if config.vocab_size is not None:
        return config
    return config.model_copy(
        update={"vocab_size": sentencepiece.SentencePieceProcessor(model_proto=model).vocab_size()}
    )


def vocabulary(model: bytes) -> str:
    """Pieces and scores of a SentencePiece model, one a line, as SentencePiece's own `.vocab` files hold them."""
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    ids = range(processor.vocab_size())
    return "".join(f"{processor.id_to_piece(index)}\t{processor.get_score(index):g}\n" for index in ids)


def is_config(text: str) -> bool:
    """Whether a file is a `tokenizer.json` of ours: other packages have files of this name too."""
    try:
        parts = json.loads(text)
    except ValueError:
        return False
    return isinstance(parts, dict) and {"tokenizer", "cleaning"} <= set(parts)


def parse_config(text: str) -> tuple[TokenizerConfig, CleaningConfig]:
    """Reads `tokenizer.json`.

    Raises:
        ValueError: A section is wrong.
    """
    parts = json.loads(text)
    return TokenizerConfig.model_validate(parts["tokenizer"]), CleaningConfig.model_validate(parts["cleaning"])
