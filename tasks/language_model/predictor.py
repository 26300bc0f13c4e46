"""Asks an exported language model. Importing this loads no TensorFlow."""

import dataclasses
from pathlib import Path

from ulmfit_tfx.schemas.errors import ConfigError
from ulmfit_tfx.tasks.language_model.model_info import LanguageModelInfo
from ulmfit_tfx.trainer_modules.serving import signature_names as names
from ulmfit_tfx.trainer_modules.serving.loaded_model import load


@dataclasses.dataclass(frozen=True)
class Completion:
    """A language model's continuation of a text.

    Attributes:
        prompt: The text.
        continuation: What the model adds to it.
        log_probability: Of the pieces that it adds, in nats.
        pieces: Their number, `</s>` counted.
        ended: Whether the model ends the text there.
    """

    prompt: str
    continuation: str
    log_probability: float
    pieces: int
    ended: bool

    @property
    def log_probability_per_piece(self) -> float:
        """The mean of the pieces, by which continuations are ranked."""
        return self.log_probability / self.pieces


class LanguageModel:
    """A loaded language model that reads forward."""

    def __init__(self, model: str | Path, info: LanguageModelInfo):
        """Loads a SavedModel, local or remote.

        Raises:
            ConfigError: It does not load, or only reads backward.
        """
        import sentencepiece
        import tensorflow as tf

        self.signatures = load(model)
        self.info = info
        if names.NEXT_PIECE not in self.signatures:
            raise ConfigError(
                f"{model}: is a language model that reads backward, expected a language model that reads forward."
            )
        [asset] = [name for name in tf.io.gfile.listdir(f"{model}/assets") if name.endswith(".model")]
        with tf.io.gfile.GFile(f"{model}/assets/{asset}", "rb") as file:
            self._processor = sentencepiece.SentencePieceProcessor(model_proto=file.read())

    def complete(self, text: str, beams: int = 5, pieces: int = 12) -> list[Completion]:
        """Continues a text by beam search.

        The text stays as it is, and what is added is as the model writes: of a model that lower-cases, lower case.
        `<unk>`, `<pad>` and `<s>` are never added.

        Args:
            text: Also an empty one.
            beams: Continuations that are looked for.
            pieces: Where a continuation stops if the text does not end before.

        Returns:
            At most `beams`, the highest mean log probability of a piece first.
        """
        from ulmfit_tfx.tasks.language_model.beam_search import beam_search

        prefix = self._pieces(text)
        eos, forbidden = self._ends()
        return [
            Completion(
                prompt=text,
                continuation=self._continuation(text, prefix, found.ids),
                log_probability=found.log_probability,
                pieces=len(found.ids),
                ended=found.ended,
            )
            for found in beam_search(self._next_log_probabilities, prefix, beams, pieces, eos, forbidden)
        ]

    def _pieces(self, text: str) -> list[int]:
        import tensorflow as tf

        outputs = self.signatures[names.NEXT_PIECE](**{names.STRING_INPUTS: tf.constant([text])})
        length = int(outputs[names.LENGTHS][0])
        return outputs[names.NUMERICALIZED][0, :length].numpy().tolist()

    def _next_log_probabilities(self, ids):
        import tensorflow as tf

        next_piece = self.signatures[names.NEXT_PIECE_NUMERICALIZED]
        return next_piece(**{names.NUMERICALIZED: tf.constant(ids)})[names.LOG_PROBABILITIES].numpy()

    def _ends(self) -> tuple[int | None, list[int]]:
        """Id of `</s>`, None where the model has not seen texts end, and the ids that are never added."""
        special = self.info.tokenizer.special_ids
        eos = special["eos"] if self.info.tokenizer.add_eos else None
        return eos, [piece for piece in special.values() if piece >= 0 and piece != eos]

    def _continuation(self, text: str, prefix: list[int], added: tuple[int, ...]) -> str:
        # Decoded alone, the first word would lose the space before it.
        continuation = self._processor.decode([*prefix, *added])[len(self._processor.decode(prefix)) :]
        return continuation.lstrip() if text[-1:].isspace() else continuation
