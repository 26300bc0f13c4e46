"""Labels that rows may have, and the names that they go by."""

from collections.abc import Collection, Mapping

from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.schemas.labels import composed
from ulmfit_tfx.transforms.records.lines import excerpt
from ulmfit_tfx.transforms.records.record import RowError


class LabelNames:
    """`labels` and `label_names` of a source."""

    def __init__(self, labels: Collection[str] | None, names: Mapping[str, str] = {}):
        self.allowed = None if labels is None else frozenset(labels)
        self.listed = excerpt(", ".join(labels or ()))
        self.names = names
        self.given = {name: label for label, name in names.items()}

    def name(self, label: str, kind: str = "label") -> str:
        """Name of a label.

        Args:
            label: As the file has it.
            kind: What it is called in the refusal.

        Raises:
            RowError: It is not among the labels that are allowed.
            DataError: Another label was given it as a name.
        """
        label = composed(label)
        if self.allowed is not None and label not in self.allowed:
            raise RowError(f"unknown {kind}", f"'{excerpt(label)}', expected one of {self.listed}")
        if label in self.given and label not in self.names:
            raise DataError(
                f"data.label_names: the name '{label}' of label '{self.given[label]}' is also a label of the data: two "
                "classes would become one. Give it another name."
            )
        return self.names.get(label, label)
