"""What all sections of a configuration have in common."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from ulmfit_tfx.schemas.field_names import likely

Probability = Annotated[float, Field(ge=0, lt=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Direction = Literal["forward", "backward"]

UNKNOWN_FIELD = "unknown_field"
NO_USE = "no_use"
"""Types of the errors whose message goes on where the name of the field ends: `data.splits` `is set, and ...`."""
_LIKELIEST = ("data", "training", "encoder", "head", "evaluation")
"""Sections whose fields are looked for elsewhere first."""


class Section(BaseModel):
    """A section: unknown fields are errors, and nothing changes after validation.

    A section may stand where another kind of section is expected. It is then taken for a section of that kind with the
    same fields, and with the defaults for those that it lacks.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), coerce_numbers_to_str=True)

    @classmethod
    def why_no(cls, field: str) -> str | None:
        """Why there is no field of that name, where a user may expect one: `is set, and a tagger has no use for it`."""
        return None

    @classmethod
    def why_needed(cls, field: str) -> str:
        """What a required field is for, where its name does not tell: `, the columns with the numbers to predict`."""
        return ""

    @classmethod
    def explained(cls, error: ErrorDetails) -> InitErrorDetails:
        """An error in this section, or in one below it, with what can be said of it here."""
        location, kind = error["loc"], error["type"]
        name = str(location[0]) if len(location) == 1 else ""
        if name and kind == "extra_forbidden":
            if reason := cls.why_no(name):
                return said_of(error, NO_USE, reason)
            return said_of(error, UNKNOWN_FIELD, f"is not a known field.{_hint(name, cls)}")
        if name and kind == "missing":
            allowed = choices(cls.model_fields[name]) if name in cls.model_fields else ()
            expected = f", expected {listed(allowed)}" if allowed else ""
            return said_of(error, NO_USE, f"is missing{cls.why_needed(name) or expected}")
        return repeated(error)

    @model_validator(mode="wrap")
    @classmethod
    def _of_this_kind(cls, values: Any, handler: ModelWrapValidatorHandler[Any]) -> Any:
        if isinstance(values, Section) and type(values) is not cls:
            values = values.model_dump(include=set(cls.model_fields)) | values.model_dump(exclude_unset=True)
        try:
            return handler(values)
        except ValidationError as errors:
            raise with_errors(errors, [cls.explained(error) for error in errors.errors()]) from None


def with_errors(errors: ValidationError, changed: list[InitErrorDetails]) -> ValidationError:
    """The same with other errors in it."""
    return ValidationError.from_exception_data(errors.title, changed)


def said_of(error: ErrorDetails, kind: str, message: str) -> InitErrorDetails:
    """An error in the same place with another message, which goes on where the name of the field ends."""
    return {"type": PydanticCustomError(kind, message), "loc": error["loc"], "input": error["input"]}


def repeated(error: ErrorDetails) -> InitErrorDetails:
    """An error as it was raised."""
    if error["type"] in (UNKNOWN_FIELD, NO_USE):
        return said_of(error, error["type"], error["msg"])
    return {"type": error["type"], "loc": error["loc"], "input": error["input"], "ctx": error.get("ctx", {})}


def listed(values: tuple[str, ...]) -> str:
    """Values that are allowed, in words.

    >>> listed(("csv", "tsv", "jsonl"))
    "'csv', 'tsv' or 'jsonl'"
    """
    *others, last = map(repr, values)
    return f"{', '.join(others)} or {last}" if others else last


def choices(field: FieldInfo) -> tuple[str, ...]:
    """What a field may be, where it is one of some words."""
    return get_args(field.annotation) if get_origin(field.annotation) is Literal else ()


def sections_of(annotation: Any) -> Iterator[type[Section]]:
    """The kinds of sections that a field holds, one or several, by name or in a row, of which it has one annotation."""
    if isinstance(annotation, type) and get_origin(annotation) is None:
        if issubclass(annotation, Section):
            yield annotation
        return
    for part in get_args(annotation):
        yield from sections_of(part)


def _hint(name: str, section: type[Section]) -> str:
    below = {field: list(_fields_below(described.annotation)) for field, described in section.model_fields.items()}
    first = dict.fromkeys(field for field in _LIKELIEST if field in below)
    near = tuple(dict.fromkeys(likely(name, section.model_fields, {field: below[field] for field in first | below})))
    return f"{f' Did you mean {listed(near)}?' if near else ''} Allowed: {', '.join(section.model_fields)}"


def _fields_below(annotation: Any) -> Iterator[str]:
    """Dotted names of the fields of the sections that a field holds, and of the sections in these."""
    for kind in sections_of(annotation):
        for name, described in kind.model_fields.items():
            yield name
            yield from (f"{name}.{inner}" for inner in _fields_below(described.annotation))
