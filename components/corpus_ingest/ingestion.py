"""What CorpusIngest is configured with, as one JSON parameter."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from ulmfit_tfx.schemas.config.sources.asked_texts import AskedColumnsConfig
from ulmfit_tfx.schemas.config.sources.dumped import source_from_json
from ulmfit_tfx.schemas.config.sources.labelled_texts import LabelledTextsConfig
from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.schemas.config.sources.taught_texts import TaughtTextsConfig
from ulmfit_tfx.schemas.config.tags import TagsConfig

_TAGS, _SEPARATOR, _ASKED, _WEIGHTED = "tags", "separator", "asked", "weighted_labels"
_CLASS_NAMES = "class_names"


@dataclasses.dataclass(frozen=True)
class Ingestion:
    """A source, and what it takes from other sections.

    Attributes:
        source: Where text comes from.
        tagging: Of words with tags. None: rows are texts.
        separator: What stands between a text and that of `second_text_column`, None for the default.
        asked: Whether a model is to be asked about the rows: their place and all their columns are kept, and of a blank
            line it is said that it is one.
        class_names: Of a teacher's rows: names of the values that `data` has in place of labels.
        classes: Of a teacher's rows: the classes, in order of their names. They are known when labelled rows are read.
        weighted_labels: Labels that another section gives weights: they and no others have to be in the train split.
            None: none are.
    """

    source: SourceConfig
    tagging: TagsConfig | None = None
    separator: str | None = None
    asked: bool = False
    weighted_labels: tuple[str, ...] | None = None
    class_names: Mapping[str, str] = dataclasses.field(default_factory=dict)
    classes: tuple[str, ...] = ()

    @property
    def class_places(self) -> Mapping[str, int]:
        """The place of each class, by its name and by the value that has it."""
        places = {name: place for place, name in enumerate(self.classes)}
        return {value: places[name] for value, name in self.class_names.items() if name in places} | places

    @property
    def tag_separator(self) -> str | None:
        """What stands between several tags of a word, where a word may have several."""
        return None if self.tagging is None else self.tagging.tag_separator

    def reading(self, path: str) -> "Ingestion":
        """The same of another `path`."""
        return dataclasses.replace(self, source=self.source.model_copy(update={"path": path}))

    def to_json(self) -> str:
        """As JSON: the source's, and beside its fields what there is of the others and matters to it."""
        extra: dict[str, Any] = {}
        if self.tagging is not None:
            # The other fields of the section are the trainer's: a change of them reads no file again.
            extra[_TAGS] = self.tagging.model_dump(mode="json", include=set(TagsConfig.model_fields))
        if self.separator is not None and _has_pairs(self.source):
            extra[_SEPARATOR] = self.separator
        if self.asked:
            extra[_ASKED] = True
        if self.weighted_labels is not None:
            extra[_WEIGHTED] = self.weighted_labels
        if self.class_names:
            extra[_CLASS_NAMES] = dict(self.class_names)
        source = self.source.model_dump_json()
        return json.dumps(json.loads(source) | extra, ensure_ascii=False) if extra else source

    @classmethod
    def from_json(cls, text: str) -> "Ingestion":
        """Reads what `to_json` wrote."""
        values = json.loads(text)
        tagging, separator, asked = values.pop(_TAGS, None), values.pop(_SEPARATOR, None), values.pop(_ASKED, False)
        weighted = values.pop(_WEIGHTED, None)
        tagging = None if tagging is None else TagsConfig.model_validate(tagging)
        weighted = None if weighted is None else tuple(weighted)
        names = values.pop(_CLASS_NAMES, {})
        return cls(source_from_json(json.dumps(values)), tagging, separator, asked, weighted, names)


def _has_pairs(source: SourceConfig) -> bool:
    with_pairs = LabelledTextsConfig | AskedColumnsConfig | TaughtTextsConfig
    return isinstance(source, with_pairs) and source.second_text_column is not None
