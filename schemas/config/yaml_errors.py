"""Says where a YAML file went wrong: where a quotation mark was opened and not closed, not where that was noticed."""

from typing import NamedTuple

import yaml

_BRACKETS = {"while parsing a flow sequence": "[", "while parsing a flow mapping": "{"}
_CLOSING = {"[": "]", "{": "}"}
_QUOTED = "while scanning a quoted scalar"


class Fault(NamedTuple):
    """What is wrong with a YAML file.

    Attributes:
        line: Where, from 1; None where that is not known.
        reason: In words, without a period.
    """

    line: int | None
    reason: str


def fault_of(error: Exception, text: str) -> Fault:
    """Explains an error of PyYAML.

    Args:
        error: What was raised; a `ValueError` that is none of PyYAML's is for a value such as a date.
        text: Of the file.
    """
    if not isinstance(error, yaml.MarkedYAMLError):
        return Fault(None, str(error))
    noticed = None if error.problem_mark is None else error.problem_mark.line + 1
    opened = None if error.context_mark is None else error.context_mark.line + 1
    if error.context == _QUOTED and opened is not None:
        return Fault(opened, "the quotation mark that opens there is never closed")
    if noticed is not None and (quote := _spanning_quote(text, noticed)) is not None:
        first, last = quote
        return Fault(
            first, f"the quotation mark that opens there is closed on line {last}, where another one was to open"
        )
    if noticed is not None and _stands_after_a_quote(error, text):
        return Fault(
            noticed,
            "text goes on after a closing quotation mark. Within marks of one kind write the other kind, "
            "or the same one twice: 'it''s'",
        )
    if opened != noticed and (bracket := _BRACKETS.get(str(error.context))) is not None:
        return Fault(noticed, f"expected {_CLOSING[bracket]} for the {bracket} that opens on line {opened}")
    return Fault(noticed, str(error.problem))


def _spanning_quote(text: str, noticed: int) -> tuple[int, int] | None:
    """First and last line of a quoted value over several lines that ends where an error was noticed."""
    last = None
    try:
        for token in yaml.scan(text, yaml.SafeLoader):
            if isinstance(token, yaml.ScalarToken) and token.style in ("'", '"'):
                last = token.start_mark.line + 1, token.end_mark.line + 1
            if token.start_mark.line + 1 > noticed:
                break
    except yaml.YAMLError:
        pass
    return last if last is not None and last[0] < last[1] == noticed else None


def _stands_after_a_quote(error: yaml.MarkedYAMLError, text: str) -> bool:
    mark = error.problem_mark
    if mark is None or "'<scalar>'" not in str(error.problem):
        return False
    before = text.splitlines()[mark.line][: mark.column].rstrip()
    return before.endswith(("'", '"'))
