"""What the card of a language model says of its task."""

from ulmfit_tfx.evaluation.task_card import OPTIMIZATION, TaskCard
from ulmfit_tfx.tasks.language_model.model_info import LanguageModelInfo

HYPERPARAMETERS = (*OPTIMIZATION, "direction", "mode", "softmax", "negatives", "label_smoothing")
"""Fields of the section `language_model`, which a pipeline of another task may have too."""

_CODE = """mean = answers["negative_log_likelihood"] / tf.cast(answers["predicted_pieces"], tf.float32)
print("perplexity a piece:", tf.exp(mean).numpy()[0])"""


def task_card(info: LanguageModelInfo) -> TaskCard:
    """What the card of a language model says.

    Args:
        info: What the model says of itself.
    """
    return TaskCard(
        lead="A language model: it says how probable a text is, and which piece of text may stand next.",
        limits=(f"What follows a text is predicted from {info.max_seq_len:,} pieces at most.",),
        code=_CODE,
        command="complete" if "forward" in info.directions else "",  # what reads backward continues nothing
        hyperparameters={"language_model": HYPERPARAMETERS},
    )
