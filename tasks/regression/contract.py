"""What a regressor's signatures promise."""

from collections.abc import Iterator

from ulmfit_tfx.trainer_modules.serving import signature_names as names
from ulmfit_tfx.trainer_modules.serving.signature_contract import SERIALIZED, Spec, answer_specs


def specs(targets: int) -> Iterator[Spec]:
    """Of its signatures. N is the number of targets."""
    yield from answer_specs({names.SCORES: "float32 B N", names.ALL_TARGETS: "string B N"})
    if targets == 1:
        yield names.REGRESS, SERIALIZED, {names.OUTPUTS: "float32 B"}
