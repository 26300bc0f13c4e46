"""Labels that rows may have, and the names that they go by."""

from collections.abc import Collection, Mapping

from ulmfit_tfx.schemas.config.sources.labelled_texts import ClassifiedTextsConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.schemas.labels import composed
from ulmfit_tfx.transforms.records.lines import excerpt
from ulmfit_tfx.transforms.records.record import RowError

UNLISTED = "label not listed"
"""The rule by which rows are left out whose label `labels` does not list."""


class UnlistedLabelError(Exception):
    """A label that is in order and not among those that are kept.

    Attributes:
        label: As it is in the file.
    """

    def __init__(self, label: str):
        super().__init__(label)
        self.label = label


class LabelNames:
    """`labels` and `label_names` of a source."""

    def __init__(self, labels: Collection[str] | None, names: Mapping[str, str] = {}):
        self.allowed = None if labels is None else frozenset(labels)
        self.listed = excerpt(", ".join(labels or ()))
        self.names = names
        self.given = {name: label for label, name in names.items()}
        self.grouped_as: str | None = None
        self.keeps_listed = False

    @classmethod
    def of_texts(cls, config: ClassifiedTextsConfig) -> "LabelNames":
        """Those of a source that is to keep the listed labels and leave the others out, or group them."""
        names = cls(config.labels, config.label_names)
        names.keeps_listed = True
        names.grouped_as = config.rare_label_name if config.rare_labels == "group" else None
        return names

    def name(self, label: str, kind: str = "label") -> str:
        """Name of a label.

        Args:
            label: As the file has it.
            kind: What it is called in the refusal.

        Raises:
            RowError: It is not among the labels that are allowed.
            UnlistedLabelError: It is not among those that are kept.
            DataError: Another label was given it as a name.
        """
        label = composed(label)
        if self.allowed is not None and label not in self.allowed:
            if self.grouped_as is not None:
                return self.grouped_as
            if self.keeps_listed:
                raise UnlistedLabelError(label)
            raise RowError(f"unknown {kind}", f"'{excerpt(label)}', expected one of {self.listed}")
        if label in self.given and label not in self.names:
            raise DataError(
                f"data.label_names: the name '{label}' of label '{self.given[label]}' is also a label of the data: two "
                "classes would become one. Give it another name."
            )
        return self.names.get(label, label)
