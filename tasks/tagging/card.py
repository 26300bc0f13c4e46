"""What the card of a tagger says of its task."""

from ulmfit_tfx.evaluation.task_card import TRAINING, TaskCard
from ulmfit_tfx.tasks.tagging.model_info import TaggingInfo

_CODE = """columns = [answers[name][0].numpy() for name in ("words", "tags", "scores")]
for word, tag, score in zip(*columns):
    print(word.decode(), tag.decode(), score)"""


def task_card(info: TaggingInfo) -> TaskCard:
    """What the card of a tagger says.

    Args:
        info: What the model says of itself.
    """
    details = info.details
    number_of = "one" if details.tag_separator is None else "any number"
    spans = "" if details.scheme == "plain" else ", and so marks spans of words"
    return TaskCard(
        lead=f"A sequence tagger: it gives each word of a text {number_of} of {len(info.labels)} tags{spans}.",
        limits=(
            f"Texts of more than {info.max_seq_len:,} pieces are tagged in windows of that length, which share "
            f"{details.window_overlap:,}: a tag depends on what is in its window.",
        ),
        code=_CODE,
        command="predict",
        hyperparameters={
            "training": TRAINING,
            "tagging": ("alignment", "decoder", "window_overlap", "context_layer", "word_features"),
        },
        labels="tags",
        counted="words by tag",
        facts={
            "tag scheme": details.scheme,
            "read of words beside their pieces": ", ".join(details.word_features) or "nothing",
        },
        temperature=details.temperature,
    )
