"""What a model card says of the task of its model."""

import dataclasses
from collections.abc import Mapping

OPTIMIZATION = (
    "epochs",
    "batch_size",
    "learning_rate",
    "schedule",
    "weight_decay",
    "gradient_clip_norm",
    "layer_rate_factor",
    "early_stopping_patience",
)
"""Fields of any training that a card shows."""
TRAINING = (*OPTIMIZATION, "best_by", "gradual_unfreezing", "max_seq_len", "chunk_pieces", "gradient_pieces")
HEAD = ("hidden_size", "dropout", "batch_norm", "pooled_pieces")
"""Those of the sections `training` and `head`."""


@dataclasses.dataclass(frozen=True)
class TaskCard:
    """What a card says of a task.

    Attributes:
        lead: The sentence that says what the model does.
        limits: Sentences on what a user has to know before trusting an answer.
        code: Lines of Python that print `answers`, the outputs of the signature `serving_default` for one text.
        command: Of `ulmfit-tfx`, that answers a text; "" where none does.
        hyperparameters: By section of the configuration, the fields that the training followed.
        labels: What its labels are called.
        counted: What the rows of the data are counted by.
        facts: Further facts, by name.
        temperature: What logits are divided by; None where the model has no probabilities.
    """

    lead: str
    limits: tuple[str, ...]
    code: str
    command: str
    hyperparameters: Mapping[str, tuple[str, ...]]
    labels: str = "labels"
    counted: str = "rows by label"
    facts: Mapping[str, str] = dataclasses.field(default_factory=dict)
    temperature: float | None = None
