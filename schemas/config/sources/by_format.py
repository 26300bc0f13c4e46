"""Sections of several formats, of which each has fields of its own: `format` says which one it is."""

from collections.abc import Sequence
from typing import Any, get_args

from pydantic import ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import ErrorDetails, InitErrorDetails

from ulmfit_tfx.schemas.section import NO_USE, UNKNOWN_FIELD, Section, choices, listed, repeated, said_of
from ulmfit_tfx.schemas.section import with_errors as _with_errors

FORMAT = "format"


def by_format(union: Any) -> WrapValidator:
    """Explains what is wrong with a section of such a union, and where, as if it had one class.

    Args:
        union: Of the sections, discriminated by their `format`.
    """
    kinds: Sequence[type[Section]] = get_args(union)

    def validated(values: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(values)
        except ValidationError as errors:
            raise _with_errors(errors, [_explained(error, kinds) for error in errors.errors()]) from None

    return WrapValidator(validated)


def formats_of(kinds: Sequence[type[Section]]) -> tuple[str, ...]:
    """The formats of some sections, in their order."""
    return tuple(name for kind in kinds for name in choices(kind.model_fields[FORMAT]))


def _explained(error: ErrorDetails, kinds: Sequence[type[Section]]) -> InitErrorDetails:
    allowed = listed(formats_of(kinds))
    if error["type"] == "union_tag_invalid":
        given = error["ctx"]["tag"]
        return {"type": "literal_error", "loc": (FORMAT,), "input": given, "ctx": {"expected": allowed}}
    if error["type"] == "union_tag_not_found":
        return said_of({**error, "loc": (FORMAT,)}, NO_USE, f"is missing, expected {allowed}")
    if not error["loc"]:
        return repeated(error)
    given, *location = error["loc"]
    error = {**error, "loc": tuple(location)}
    is_unknown = error["type"] == UNKNOWN_FIELD and len(location) == 1
    if is_unknown and any(location[0] in kind.model_fields for kind in kinds):
        return said_of(error, NO_USE, f"is set, and format {given} has no use for it")
    return repeated(error)
