"""The published encoders by name: their sizes, vocabularies and corpora.

They are the English and Polish language models that were published with the TensorFlow 2 port of ULMFiT (Howard and
Ruder 2018, https://arxiv.org/abs/1801.06146) and MultiFiT (Eisenschlos et al. 2019, https://arxiv.org/abs/1909.04761).
"""

import dataclasses
import difflib
import os
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Literal

from ulmfit_tfx.schemas.config.encoder import EncoderConfig
from ulmfit_tfx.schemas.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class Preset:
    """A published encoder.

    Attributes:
        name: Family, language, vocabulary in thousands and case, as in `multifit-pl-sp50k-cased`; `-poleval` after it
            where that is the corpus.
        language: ISO 639-1 code.
        corpus: What it was trained on.
        vocab_size: Pieces of its SentencePiece model.
        lower_case: Whether texts are lower-cased before they are tokenized.
        encoder: Cell and sizes.
    """

    name: str
    language: Literal["en", "pl"]
    corpus: Literal["wikitext", "poleval-2018"]
    vocab_size: int
    lower_case: bool
    encoder: EncoderConfig


_ULMFIT = EncoderConfig(architecture="awd_lstm", embedding_size=400, hidden_sizes=(1152, 1152, 400))
_MULTIFIT = EncoderConfig(
    architecture="qrnn",
    embedding_size=400,
    hidden_sizes=(1552, 1552, 1552, 400),
    qrnn_windows=(2, 1, 1, 1),
    qrnn_pooling="fo",
    forget_convention="fastai",
)


def _published() -> Iterator[Preset]:
    for family, encoder in (("ulmfit", _ULMFIT), ("multifit", _MULTIFIT)):
        for case in ("cased", "uncased"):
            yield Preset(f"{family}-en-sp35k-{case}", "en", "wikitext", 35_000, case == "uncased", encoder)
        for thousands in (35, 50):
            name, size = f"{family}-pl-sp{thousands}k-cased", thousands * 1000
            yield Preset(name, "pl", "wikitext", size, False, encoder)
            yield Preset(f"{name}-poleval", "pl", "poleval-2018", size, False, encoder)


PRESETS: Mapping[str, Preset] = MappingProxyType({preset.name: preset for preset in _published()})
"""Every preset, by name."""

# Archives and weights as they were published; a browser marks a second download, `NAME (1).tar.gz` or `NAME(1).tar.gz`.
_DOWNLOAD = re.compile(r"(?P<name>.+?)(?: ?\(\d+\))?(?:\.tar|\.tar\.gz|\.tgz|\.zip|\.pth)?", re.IGNORECASE)


def preset(name: str) -> Preset:
    """The preset of a name.

    Raises:
        ConfigError: There is none. The message has the names most like it, and all.
    """
    if name in PRESETS:
        return PRESETS[name]
    near = difflib.get_close_matches(name.lower(), PRESETS, n=3)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    raise ConfigError(f"'{name}' is not a preset.{hint} Presets: {', '.join(PRESETS)}.")


def preset_of_file(path: str | os.PathLike[str]) -> Preset | None:
    """The preset that a downloaded file or unpacked folder is named after, or None.

    `multifit-pl-sp50k-cased (1).tar.gz` is `multifit-pl-sp50k-cased`, `my-multifit-pl-sp50k-cased.tar.gz` is none.

    The Polish encoders trained on PolEval-2018 were published under the names of those trained on Wikitext: a file so
    named gives the latter. Vocabulary size and encoder are the same in both, and only `corpus` may be wrong.

    Args:
        path: Only its last part is looked at; the file need not exist.
    """
    match = _DOWNLOAD.fullmatch(os.path.basename(os.fspath(path).rstrip("/")))
    return PRESETS.get(match["name"].lower()) if match else None
