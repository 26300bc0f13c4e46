"""The section `language_model`: pretraining on the corpus."""

from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from ulmfit_tfx.schemas.config.encoder import EncoderDropoutConfig
from ulmfit_tfx.schemas.config.optimization import OptimizationConfig
from ulmfit_tfx.schemas.section import Direction, Probability

SAMPLED_FROM = 2000
"""Pieces of the smallest vocabulary whose softmax is sampled by default.

At 2,000 and 5,000 pieces it is ahead after equal seconds (docs/benchmarks.md); smaller ones were not measured.
"""
NEGATIVES = 512


class LanguageModelConfig(OptimizationConfig):
    """Pretraining of a language model on `corpus`, or fine-tuning of the imported one to it."""

    epochs: PositiveInt = 10
    batch_size: PositiveInt = Field(64, description="rows of a step, shared out among the GPUs")
    learning_rate: float = Field(5e-3, gt=0, le=10, description="peak of the schedule")
    momentum: tuple[Probability, Probability] | None = Field(
        (0.95, 0.85), description="one_cycle: Adam's beta_1 at the beginning and end, and at the peak. null: 0.9"
    )
    beta_2: Probability = Field(0.99, description="Adam's, as in fastai")
    epsilon: float = Field(1e-5, gt=0, lt=1, description="Adam's, as in fastai")
    gradient_clip_norm: float | None = Field(0.4, gt=0, description="of all gradients together")
    checkpoint_seconds: float = Field(300.0, ge=0, description="least time between checkpoints; a killed run goes on")
    direction: Literal["forward", "backward", "both"] = Field(
        "forward", description="of reading; both: two models, one after the other, whose predictions a task averages"
    )
    mode: Literal["stream", "sentences"] = Field(
        "stream",
        description="stream: documents end to end, the state carried from step to step. sentences: each text by itself",
    )
    bptt: int = Field(70, ge=2, description="stream: pieces a step")
    bptt_jitter: bool = Field(False, description="stream: steps of varying length (AWD-LSTM section 5)")
    min_seq_len: int = Field(3, ge=2, description="sentences: shorter ones are left out, in pieces")
    max_seq_len: int = Field(
        256, ge=3, description="sentences: longer ones are cut, in pieces. What the signature next_piece looks at"
    )
    dropout: EncoderDropoutConfig | None = Field(
        None, description="of the language model; null: encoder.dropout, which is then of both"
    )
    ar_alpha: float = Field(2.0, ge=0, description="activation regularization, AWD-LSTM section 4.4")
    tar_beta: float = Field(1.0, ge=0, description="temporal activation regularization")
    label_smoothing: Probability = Field(0.0, description="share of the target spread over all pieces")
    tied: bool | None = Field(None, description="head weights are the embeddings. null: where the sizes allow it")
    embedding_start: Literal["vectors", "random"] = Field(
        "vectors",
        description="what embeddings begin at where no imported model gives them. vectors: what the corpus says of "
        "pieces near one another (PPMI, factorized), seconds of work that save minutes of training",
    )
    softmax: Literal["auto", "full", "sampled"] = Field(
        "auto",
        description="of training; evaluation is over all pieces. sampled: each step compares with some of the pieces "
        f"(Jean et al. 2015). auto: sampled from {SAMPLED_FROM:,} pieces on, without label_smoothing",
    )
    negatives: PositiveInt | None = Field(
        None,
        description=f"sampled: pieces that all targets of a step are compared with. null: {NEGATIVES:,}, or a quarter "
        "of the vocabulary where that is less",
    )
    max_logits: PositiveInt = Field(
        4_000_000, description="logits in memory at a time: the softmax is computed for some of the positions at once"
    )
    frozen_epochs: NonNegativeInt = Field(
        1, description="fine-tuning: epochs in which the recurrent layers stay as they are"
    )
    find_learning_rate: bool = Field(False, description="a stage before the training looks for learning_rate")

    @model_validator(mode="after")
    def _lengths_in_order(self):
        if self.min_seq_len > self.max_seq_len:
            raise ValueError(f"min_seq_len is {self.min_seq_len}, more than max_seq_len, {self.max_seq_len}")
        return self

    @model_validator(mode="after")
    def _fields_that_the_softmax_has_a_use_for(self):
        if self.softmax == "sampled" and self.label_smoothing:
            raise ValueError(
                f"label_smoothing is {self.label_smoothing}, which spreads over all pieces, and softmax is sampled. "
                "Set one of them to another value: label_smoothing to 0, or softmax to full"
            )
        if self.negatives is not None and (self.softmax == "full" or self.label_smoothing):
            reason = "softmax is full" if self.softmax == "full" else f"label_smoothing is {self.label_smoothing}"
            raise ValueError(f"negatives is {self.negatives}, and {reason}: there is no use for it")
        return self

    def negatives_of(self, vocab_size: int) -> int | None:
        """Pieces that all targets of a step are compared with; None: with the whole vocabulary.

        Raises:
            ValueError: `negatives` is more than the vocabulary has.
        """
        if self.negatives is not None and self.negatives > vocab_size:
            raise ValueError(f"negatives is {self.negatives:,}, more than the vocabulary has pieces, {vocab_size:,}")
        is_full = vocab_size < SAMPLED_FROM or self.label_smoothing > 0
        if self.softmax == "full" or (self.softmax == "auto" and is_full):
            return None
        return self.negatives or min(NEGATIVES, -(-vocab_size // 4))

    @property
    def directions(self) -> tuple[Direction, ...]:
        """The directions one by one."""
        return ("forward", "backward") if self.direction == "both" else (self.direction,)
