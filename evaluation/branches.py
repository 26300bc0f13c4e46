"""The branches of a model, wherever they are shown: in the terminal, in the report, in the model card."""

from collections.abc import Iterator, Sequence

from ulmfit_tfx.trainer_modules.serving.model_info import BranchInfo

HEADER = ("branch", "weight", "parameters", "loss alone")
MEANING = (
    "An answer is the sum of what the branches say, each multiplied by its weight. The loss is of a branch alone, on "
    "train rows that it was not fitted on; a weight of 0 means that the others say it better."
)


def table_rows(branches: Sequence[BranchInfo]) -> Iterator[tuple[str, str, str, str]]:
    """A row a branch, the one that counts most first."""
    for branch in sorted(branches, key=lambda branch: -branch.weight):
        yield branch.name, f"{branch.weight:.2f}", f"{branch.parameters:,}", f"{branch.loss:.4f}"


def line(branches: Sequence[BranchInfo]) -> str:
    """All in one line.

    >>> line([BranchInfo(name="words", weight=0.64, loss=0.4, parameters=9)])
    'words 0.64'
    """
    return ", ".join(f"{name} {weight}" for name, weight, *_ in table_rows(branches))
