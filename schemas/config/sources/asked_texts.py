"""Texts that a model is asked about: the section `data` of a bulk inference, and the options of `predict --file`."""

from typing import Annotated, Any, get_args

from pydantic import Field, TypeAdapter, model_validator

from ulmfit_tfx.schemas.config.sources.by_format import by_format, formats_of
from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.schemas.config.sources.texts import (
    ConllTextConfig,
    ConlluTextConfig,
    MediawikiConfig,
    PlainTextConfig,
    TextColumnsConfig,
)


class AskedColumnsConfig(TextColumnsConfig):
    """Texts in columns. All columns are kept beside what the model says."""

    second_text_column: str | None = Field(
        None, description="column with a second text, of a model of pairs; joined to the first by the model's separator"
    )
    id_column: str | None = Field(
        None, description="column that tells rows apart. It has to be there, and stands first in what is written"
    )

    @model_validator(mode="after")
    def _two_texts(self):
        if self.second_text_column == self.text_column:
            raise ValueError(f"text_column and second_text_column are both '{self.text_column}'")
        return self


_Asked = PlainTextConfig | AskedColumnsConfig | ConllTextConfig | ConlluTextConfig | MediawikiConfig
AskedTexts = Annotated[_Asked, Field(discriminator="format"), by_format(_Asked)]

_ADAPTER: TypeAdapter[SourceConfig] = TypeAdapter(AskedTexts)

ASKED_FORMATS = formats_of(get_args(_Asked))
"""All that there are."""
COLUMN_FORMATS = formats_of([AskedColumnsConfig])
"""Those with named columns."""


def asked_texts(**fields: Any) -> SourceConfig:
    """A source of texts that a model is asked about, of the class of its format.

    >>> asked_texts(path="texts.csv", format="csv").text_column
    'text'

    Raises:
        ValidationError: A field is unknown, missing or wrong.
    """
    return _ADAPTER.validate_python(fields)
