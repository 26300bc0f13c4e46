"""Reads sources that were dumped as JSON, whatever kind of rows they are of."""

import json
from collections.abc import Callable

from ulmfit_tfx.schemas.config.sources.asked_texts import asked_texts
from ulmfit_tfx.schemas.config.sources.labelled_texts import ClassifiedTextsConfig, NumberedTextsConfig
from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.schemas.config.sources.tagged_words import tagged_words
from ulmfit_tfx.schemas.config.sources.taught_texts import TaughtTextsConfig
from ulmfit_tfx.schemas.config.sources.texts import text_source

_KINDS: dict[str, Callable[..., SourceConfig]] = {
    "probabilities": TaughtTextsConfig,
    "label_column": ClassifiedTextsConfig,
    "target_columns": NumberedTextsConfig,
    "eval_path": tagged_words,
    "id_column": asked_texts,
    "path": text_source,
}
"""By a field that all of a kind have, and none of those below."""


def source_from_json(text: str) -> SourceConfig:
    """Reads a dumped source as the class that it was of."""
    values = json.loads(text)
    kind = next(kind for field, kind in _KINDS.items() if field in values)
    return kind(**values)
