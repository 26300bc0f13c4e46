"""Shows what taggers answer on a terminal."""

from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from ulmfit_tfx.tasks.tagging.model_info import TaggingInfo
from ulmfit_tfx.tasks.tagging.predictor import Span, TaggedWord, TagPrediction

_NO_LABEL = "-"
_COLOURS = ("cyan", "yellow", "green", "magenta", "blue", "red", "bright_cyan", "bright_yellow", "bright_green")


def tagged_text(console: Console, prediction: TagPrediction, info: TaggingInfo) -> Text:
    """The text with its tags: spans in it, or of plain tags words over them. In colours where the console has them."""
    styles = _styles(info)
    if _is_plain(info):
        return words_over_tags(prediction, styles, console.width)
    return text_with_spans(prediction, styles, console.color_system is not None and not console.no_color)


def with_span_table(console: Console, prediction: TagPrediction, info: TaggingInfo) -> RenderableType:
    """The same, and below it a table of its spans if it has any."""
    shown = tagged_text(console, prediction, info)
    if not prediction.spans or _is_plain(info):
        return shown
    return Group(shown, _span_table(prediction.spans, _styles(info)))


def text_with_spans(prediction: TagPrediction, styles: Mapping[str, str], has_colours: bool) -> Text:
    """The text with its spans in colour, the label behind each; without colours as `[LABEL span]`."""
    shown, end = Text(), 0
    for span in prediction.spans:
        shown.append(_blanks_as_spaces(prediction.text[end : span.start_char]))
        text = _blanks_as_spaces(prediction.text[span.start_char : span.end_char])
        if has_colours:
            colour = styles.get(span.label, "white")
            shown.append(f" {text} ", f"black on {colour}").append(f" {span.label} ", f"bold {colour} reverse")
        else:
            shown.append(f"[{span.label} {text}]")
        end = span.end_char
    return shown.append(_blanks_as_spaces(prediction.text[end:]))


def words_over_tags(prediction: TagPrediction, styles: Mapping[str, str], width: int) -> Text:
    """Words with the tag of each below it, as many to a line as fit into the width."""
    lines: list[list[TaggedWord]] = [[]]
    used = 0
    for word in prediction.words:
        if lines[-1] and used + _column(word) > width:
            lines.append([])
            used = 0
        lines[-1].append(word)
        used += _column(word) + 1
    shown = Text()
    for line in lines:
        for word in line:
            shown.append(_padded(word.text, word))
        shown.append("\n")
        for word in line:
            shown.append(_padded(word.tag or _NO_LABEL, word), styles.get(word.tag, "dim"))
        shown.append("\n")
    return shown


def _span_table(spans: Sequence[Span], styles: Mapping[str, str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("label", "score", "words", "span"):
        table.add_column(name, no_wrap=True)
    for span in spans:
        label = Text(span.label, styles.get(span.label, "white"))
        words = f"{span.start_word + 1}-{span.end_word}"
        table.add_row(label, f"{span.score:.3f}", words, Text(_blanks_as_spaces(span.text)))
    return table


def _is_plain(info: TaggingInfo) -> bool:
    return info.details.scheme == "plain"


def _styles(info: TaggingInfo) -> dict[str, str]:
    """A colour for each label of a span, which for plain tags is the tag."""
    tags = [tag for tag in info.labels if tag != "O"]
    labels = tags if _is_plain(info) else list(dict.fromkeys(tag.partition("-")[2] for tag in tags))
    return {label: _COLOURS[index % len(_COLOURS)] for index, label in enumerate(labels)}


def _column(word: TaggedWord) -> int:
    return max(cell_len(word.text), cell_len(word.tag or _NO_LABEL))


def _padded(text: str, word: TaggedWord) -> str:
    return text + " " * (_column(word) - cell_len(text) + 1)


def _blanks_as_spaces(text: str) -> str:
    return "".join(" " if character.isspace() else character for character in text)
