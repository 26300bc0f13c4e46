"""What a classifier's signatures promise."""

from collections.abc import Iterator

from ulmfit_tfx.trainer_modules.serving import signature_names as names
from ulmfit_tfx.trainer_modules.serving.signature_contract import SERIALIZED, Spec, answer_specs


def specs() -> Iterator[Spec]:
    """Of its signatures. C is the number of classes."""
    yield from answer_specs(
        {
            names.LABEL: "string B",
            names.PROBABILITIES: "float32 B C",
            names.ALL_CLASSES: "string B C",
        }
    )
    yield names.CLASSIFY, SERIALIZED, {names.CLASSES: "string B C", names.SCORES: "float32 B C"}
