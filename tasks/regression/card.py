"""What the card of a regressor says of its task."""

from ulmfit_tfx.evaluation.task_card import HEAD, TRAINING, TaskCard
from ulmfit_tfx.tasks.regression.model_info import RegressionInfo

_CODE = """for name, score in zip(answers["all_targets"][0].numpy(), answers["scores"][0].numpy()):
    print(name.decode(), score)"""


def task_card(info: RegressionInfo) -> TaskCard:
    """What the card of a regressor says.

    Args:
        info: What the model says of itself.
    """
    bounds = info.details.bounds
    return TaskCard(
        lead=f"A text regressor: it gives a text a number for {', '.join(info.details.targets)}.",
        limits=(
            f"Of a text only the first {info.max_seq_len:,} pieces count.",
            *(() if bounds is None else (f"Answers lie between {bounds[0]:g} and {bounds[1]:g}.",)),
        ),
        code=_CODE,
        command="predict",
        hyperparameters={
            "training": TRAINING,
            "head": HEAD,
            "regression": ("loss", "normalize", "bounds", "balance"),
        },
    )
