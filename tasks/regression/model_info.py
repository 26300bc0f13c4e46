"""What a regressor says of itself."""

from typing import Literal

from ulmfit_tfx.trainer_modules.serving.model_info import Details, ModelInfo


class RegressionDetails(Details):
    """What only regressors have to say.

    Attributes:
        targets: Names of the numbers, in the order of the scores.
        bounds: Lowest and highest answer. None: any.
        mean: What is added to each number of the model's, once it is multiplied.
        scale: What each is multiplied by.
    """

    targets: tuple[str, ...]
    bounds: tuple[float, float] | None = None
    mean: tuple[float, ...]
    scale: tuple[float, ...]


class RegressionInfo(ModelInfo):
    """Of a regressor."""

    task: Literal["regression"]
    details: RegressionDetails
