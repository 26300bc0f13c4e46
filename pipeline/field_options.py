"""Options of a command that are the fields of a section of the configuration: their names, defaults, bounds and help.

What is typed is checked by the section alone, so that an option allows what the field allows.
"""

import dataclasses
import functools
import inspect
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import typer
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from ulmfit_tfx.schemas.errors import ConfigError
from ulmfit_tfx.schemas.section import NO_USE, Section

_Section = TypeVar("_Section", bound=Section)
_NAMES_OF_TYPES = {int: "INTEGER", float: "FLOAT"}
_BOUNDS = ("ge", "gt", "le", "lt")


class OptionsOf:
    """Marks the parameter of a command that stands for the options of a section's fields, and is `Typed`."""

    def __init__(
        self,
        *sections: type[Section],
        panel: str | None = None,
        names: Mapping[str, str] | None = None,
        without: Collection[str] = (),
    ):
        """Says which options there are.

        Args:
            *sections: With the fields. Where several have the same, it is that of the first one.
            panel: Heading of the options in the help.
            names: Options, by field, that are not called as the field is. After a slash stands what sets a field to
                false, or to nothing where it holds several values: `--user-symbol/--no-user-symbols`.
            without: Fields that are no options.
        """
        fields = {name: field for kind in reversed(sections) for name, field in kind.model_fields.items()}
        self.fields = {name: field for name, field in fields.items() if name not in without}
        self._panel = panel
        self._names = dict(names or {})

    def option(self, field: str) -> str:
        """What sets a field, as it is typed."""
        return self._declared(field)[0]

    def parameters(self) -> Iterator[inspect.Parameter]:
        """Parameters of typer's for the options."""
        for name, field in self.fields.items():
            option, *other = self._declared(name)
            kind, text = _plain_type(field), help_of(field)
            if kind is bool:
                declared = "/".join([option, *other]) if field.default is not False else option
                annotation: Any = bool if field.default is not None else bool | None
                yield self._parameter(name, annotation, field.default, declared, help=text)
                continue
            metavar = _metavar(field)
            if not _holds_several(field):
                yield self._parameter(name, str | None, _as_typed(field), option, help=text, metavar=metavar)
                continue
            yield self._parameter(
                name, list[str], _as_typed(field), option, help=f"{text} Repeatable.", metavar=metavar
            )
            yield self._parameter(f"no_{name}", bool, False, *other, help="None of them.")

    def typed(self, values: dict[str, Any]) -> "Typed":
        """Takes what was typed for the options out of the values of all parameters.

        Raises:
            ConfigError: Values are given and refused at the same time.
        """
        given = {}
        for name, field in self.fields.items():
            value, none = values.pop(name), values.pop(f"no_{name}", False)
            changed = value != _as_typed(field)
            if changed and none:
                raise ConfigError(f"{' and '.join(self._declared(name))} exclude each other. Which one is meant?")
            if changed or none:
                given[name] = () if none else tuple(value) if isinstance(value, list) else value
        return Typed(self, given)

    def _declared(self, field: str) -> list[str]:
        words = field.replace("_", "-")
        return self._names.get(field, f"--{words}/--no-{words}").split("/")

    def _parameter(self, name: str, kind: Any, default: Any, *options: str, **shown: Any) -> inspect.Parameter:
        # typer would show None, or the second name of a flag.
        option = typer.Option(*options, rich_help_panel=self._panel, show_default=default is not None, **shown)
        annotation = Annotated[kind, option]
        return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


@dataclasses.dataclass(frozen=True)
class Typed:
    """What was typed for the options of fields.

    Attributes:
        options: Which there are.
        values: By field, those that are not the fields' defaults.
    """

    options: OptionsOf
    values: dict[str, Any]

    def of(self, fields: Collection[str]) -> "Typed":
        """Those of some fields."""
        return Typed(self.options, {name: value for name, value in self.values.items() if name in fields})

    def section(self, kind: Callable[..., _Section], **others: Any) -> _Section:
        """The section.

        Args:
            kind: Makes it.
            **others: Values of fields that are no options.

        Raises:
            ConfigError: With a line for each option that is wrong.
        """
        try:
            return kind(**self.values, **others)
        except ValidationError as error:
            raise ConfigError("\n".join(map(self._complaint, error.errors()))) from None

    def words(self) -> list[str]:
        """The options, as they are typed again; none of them is a flag or holds several values."""
        return [word for name, value in self.values.items() for word in (self.options.option(name), value)]

    def _complaint(self, problem: Any) -> str:
        message = problem["msg"].removeprefix("Value error, ")
        field = next((part for part in problem["loc"] if part in self.options.fields), None)
        if field is None:
            return f"{' '.join(map(str, problem['loc']))}: {message}.".removeprefix(": ")
        if problem["type"] == NO_USE:
            return f"{self.options.option(field)} {message}."
        got = problem["input"]
        of_words = _plain_type(self.options.fields[field]) not in _NAMES_OF_TYPES
        shown = ", ".join(map(repr, got)) if isinstance(got, tuple) else repr(got) if of_words else got
        return f"{self.options.option(field)} is {shown}: {message}."


def with_field_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """A command whose parameters that are annotated with `OptionsOf` are replaced by the options, for typer."""
    signature = inspect.signature(command, eval_str=True)
    groups = {
        name: marker
        for name, parameter in signature.parameters.items()
        for marker in get_args(parameter.annotation)
        if isinstance(marker, OptionsOf)
    }

    @functools.wraps(command)
    def with_sections(**values: Any) -> Any:
        sections = {name: options.typed(values) for name, options in groups.items()}
        return command(**values, **sections)

    parameters: list[inspect.Parameter] = []
    for name, parameter in signature.parameters.items():
        parameters += groups[name].parameters() if name in groups else [parameter]
    with_sections.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    with_sections.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return with_sections


def help_of(field: FieldInfo) -> str:
    """A field's description as a sentence of a command's help.

    >>> help_of(FieldInfo(description="such as [SEP]. null: none"))
    'Such as [SEP]. Without it: none.'
    """
    text = (field.description or "").replace("null:", "Without it:")
    if not re.match(r"\w+(, \w+)*:", text):  # names of formats, or of values, stay as they are written
        text = text[:1].upper() + text[1:]
    return f"{text}." if text else ""


def _choices(field: FieldInfo) -> tuple[str, ...]:
    """The words that a field may be, or none where it may be others."""
    kind = _plain_type(field)
    return get_args(kind) if get_origin(kind) is Literal else ()


def _plain_type(field: FieldInfo) -> Any:
    """Type of a field without None and bounds."""
    kind: Any = field.annotation
    if get_origin(kind) in (Union, UnionType):
        [kind] = [each for each in get_args(kind) if each is not NoneType]
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _holds_several(field: FieldInfo) -> bool:
    return get_origin(_plain_type(field)) is tuple


def _as_typed(field: FieldInfo) -> Any:
    """A field's default as the value that typer gives where nothing is typed."""
    if field.default is None or isinstance(field.default, bool):
        return field.default
    return list(field.default) if _holds_several(field) else str(field.default)


def _metavar(field: FieldInfo) -> str:
    if words := _choices(field):
        return f"[{'|'.join(words)}]"
    bounds = {name: getattr(rule, name) for rule in field.metadata for name in _BOUNDS if hasattr(rule, name)}
    lowest = "".join(f"{bounds[name]:.10g}{sign}" for name, sign in (("ge", "<="), ("gt", "<")) if name in bounds)
    highest = "".join(f"{sign}{bounds[name]:.10g}" for name, sign in (("le", "<="), ("lt", "<")) if name in bounds)
    name = _NAMES_OF_TYPES.get(_plain_type(field), "TEXT")
    return f"{name} [{lowest}x{highest}]" if bounds else name
