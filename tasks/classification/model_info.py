"""What a classifier says of itself."""

from typing import Literal

from ulmfit_tfx.trainer_modules.serving.model_info import Details, ModelInfo


class ClassificationDetails(Details):
    """What only classifiers have to say.

    Attributes:
        label_separator: Between the labels of a text that may have several, or none. None: it has one.
        threshold: Probability from which one of several is given.
        temperature: What logits are divided by.
    """

    label_separator: str | None = None
    threshold: float = 0.5
    temperature: float = 1.0


class ClassificationInfo(ModelInfo):
    """Of a classifier."""

    task: Literal["classification"]
    details: ClassificationDetails = ClassificationDetails()
