"""What the card of a classifier says of its task."""

from ulmfit_tfx.evaluation.task_card import HEAD, TRAINING, TaskCard
from ulmfit_tfx.tasks.classification.model_info import ClassificationInfo

_CODE = """print("label:", answers["label"][0].numpy().decode())
for name, probability in zip(answers["all_classes"][0].numpy(), answers["probabilities"][0].numpy()):
    print(name.decode(), probability)"""


def task_card(info: ClassificationInfo) -> TaskCard:
    """What the card of a classifier says.

    Args:
        info: What the model says of itself.
    """
    has_one_label = info.details.label_separator is None
    number_of = "one" if has_one_label else "any number"
    return TaskCard(
        lead=f"A text classifier: it gives a text {number_of} of {len(info.labels)} labels, with probabilities.",
        limits=(
            f"Of a text only the first {info.max_seq_len:,} pieces count.",
            "Any text gets one of the labels, also one that none of them fits."
            if has_one_label
            else f"A label is given from a probability of {info.details.threshold:g} on, which may be none at all.",
        ),
        code=_CODE,
        command="predict",
        hyperparameters={
            "training": TRAINING,
            "head": HEAD,
            "classification": ("class_weights", "label_smoothing"),
        },
        temperature=info.details.temperature,
    )
