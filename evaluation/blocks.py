"""What the report is put together from: charts, tables and marked texts, as data without any HTML."""

import dataclasses

MINUS = "\u2212"
NONE = "\u2013"
"""Stands where there is no number."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: What it says.
        share: Length of a bar below it, 0 to 1; None for no bar.
        is_number: Whether it is set as a number.
    """

    text: str
    share: float | None = None
    is_number: bool = False


@dataclasses.dataclass(frozen=True)
class Table:
    """A table. The first column names the rows."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    emphasized_row: int | None = None


@dataclasses.dataclass(frozen=True)
class Chart:
    """A chart.

    Attributes:
        title: What it shows.
        svg: An `svg` element without identifiers that occur in another chart, its colours as variables of the page.
        alternative: What it says to those who do not see it.
        width: In which its text is as large as the page's, in inches of 72 points.
        caption: What a reader has to know.
    """

    title: str
    svg: str
    alternative: str
    width: float
    caption: str = ""


@dataclasses.dataclass(frozen=True)
class Section:
    """A part of the report under a heading."""

    anchor: str
    title: str
    lead: str = ""
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclasses.dataclass(frozen=True)
class Fact:
    """Something about an error: `expected` `negative` `0.03`."""

    name: str
    value: str
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Mark:
    """A part of a text with what is said of it.

    Attributes:
        text: The part.
        label: Said of it; "" where nothing is.
        is_wrong: Whether expected and predicted differ in it.
    """

    text: str
    label: str = ""
    is_wrong: bool = False


@dataclasses.dataclass(frozen=True)
class MarkedText:
    """A text in parts, under a name such as `expected`."""

    name: str
    parts: tuple[Mark, ...]


@dataclasses.dataclass(frozen=True)
class ShownError:
    """A row that the model got wrong.

    Attributes:
        text: Its text.
        facts: Expected and predicted.
        marked: The text with what is expected in it above what is predicted, in place of the plain text.
        place: Where it comes from, in words; "" where that is not known.
    """

    text: str
    facts: tuple[Fact, ...] = ()
    marked: tuple[MarkedText, ...] = ()
    place: str = ""


def number(value: float) -> str:
    """A number in a readable length, with a minus sign.

    >>> number(0.87654), number(123.456), number(12345.6)
    ('0.877', '123.5', '12,346')
    """
    digits = 3 if abs(value) < 100 else 1 if abs(value) < 10_000 else 0
    return f"{value:,.{digits}f}".replace("-", MINUS)


def signed(value: float) -> str:
    """A difference.

    >>> signed(0.0123), signed(0.0)
    ('+0.012', '±0.000')
    """
    text = number(abs(value))
    if not text.strip("0."):
        return f"±{text}"
    return f"{MINUS if value < 0 else '+'}{text}"


def number_cell(value: float | None, with_bar: bool = False) -> Cell:
    """A cell with a number, if there is one, and a bar from 0 to 1 where that is what it is."""
    if value is None:
        return Cell(NONE, is_number=True)
    return Cell(number(value), share=value if with_bar and 0 <= value <= 1 else None, is_number=True)


def count_cell(value: int) -> Cell:
    """A cell with a count."""
    return Cell(f"{value:,}", is_number=True)
