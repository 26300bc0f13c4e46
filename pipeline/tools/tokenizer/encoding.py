"""Encodes texts into lines of ids or of pieces, the same as the served graph's, and counts their lengths."""

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence

import sentencepiece

from ulmfit_tfx.pipeline.tools.tokenizer.cleaned_texts import batches, cleaned_parts
from ulmfit_tfx.pipeline.tools.tokenizer.length_statistics import LengthStatistics
from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.errors import ConfigError

_WHITE_SPACE = re.compile(r"\s")


class Encoder:
    """Turns texts into lines.

    Attributes:
        statistics: Of the lengths of what was encoded so far.
    """

    def __init__(
        self,
        processor: sentencepiece.SentencePieceProcessor,
        cleaning: CleaningConfig,
        separator: str | None = None,
        add_bos: bool = True,
        add_eos: bool = True,
        as_pieces: bool = False,
    ):
        """Looks up the special ids.

        Args:
            processor: A SentencePiece model.
            cleaning: Of texts, before it.
            separator: Where it stands, a text is cut into parts, each with its own marks.
            add_bos: Begin each part with `<s>`.
            add_eos: End each part with `</s>`.
            as_pieces: Pieces instead of ids.

        Raises:
            ConfigError: The model lacks a mark that is to be added.
        """
        for mark, piece_id, wanted in (("bos", processor.bos_id(), add_bos), ("eos", processor.eos_id(), add_eos)):
            if wanted and piece_id < 0:
                piece = {"bos": "<s>", "eos": "</s>"}[mark]
                raise ConfigError(f"the tokenizer has no {piece} piece. Pass --no-{mark} to encode without it.")
        self.statistics = LengthStatistics()
        self._processor = processor
        self._cleaning = cleaning
        self._separator = separator
        self._add_bos, self._add_eos = add_bos, add_eos
        self._as_pieces = as_pieces
        ids = range(processor.vocab_size())
        self._words = [visible(processor.id_to_piece(index)) if as_pieces else str(index) for index in ids]

    def lines(self, texts: Iterable[str]) -> Iterator[str]:
        """Yields a line for each text, with a space between two ids or pieces, without its end."""
        for batch in batches(texts):
            yield from self._encode(batch)

    def _encode(self, texts: Sequence[str]) -> Iterator[str]:
        parts, parts_of_texts = cleaned_parts(texts, self._cleaning, self._separator)
        ids = self._processor.encode(parts, out_type=int, add_bos=self._add_bos, add_eos=self._add_eos)
        unknown = self._processor.unk_id()
        unknown_of_parts = [ids_of_part.count(unknown) for ids_of_part in ids]
        parts_before = list(itertools.accumulate(parts_of_texts, initial=0))
        spans = list(itertools.pairwise(parts_before))
        self.statistics.add(
            lengths=[sum(map(len, ids[start:stop])) for start, stop in spans],
            words=sum(len(text.split()) for text in texts),
            marks=len(parts) * (self._add_bos + self._add_eos),
            unknown=sum(unknown_of_parts),
        )
        lines = [" ".join(map(self._words.__getitem__, ids_of_part)) for ids_of_part in ids]
        if self._as_pieces:
            places = [place for place, count in enumerate(unknown_of_parts) if count]
            for place, line in zip(places, self._surfaces([parts[place] for place in places]), strict=True):
                lines[place] = line
        for start, stop in spans:
            yield " ".join(lines[start:stop])

    def _surfaces(self, parts: Sequence[str]) -> Iterator[str]:
        """Lines of pieces of texts some of whose pieces are unknown, and stand there as they are written."""
        for pieces in self._processor.encode(parts, out_type=str, add_bos=self._add_bos, add_eos=self._add_eos):
            yield " ".join(map(visible, pieces))


def visible(piece: str) -> str:
    r"""A piece without white space, which would look like the end of a piece or a line.

    >>> visible("a\n")
    'a<0x0A>'
    """
    return _WHITE_SPACE.sub(lambda found: "".join(f"<0x{byte:02X}>" for byte in found[0].encode()), piece)
