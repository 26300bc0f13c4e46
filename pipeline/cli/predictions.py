"""Shows predictions of the three tasks: many as a table or line by line, one with all that the model says."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from rich.bar import Bar
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ulmfit_tfx.trainer_modules.serving.predictions import (
    Prediction,
    ScorePrediction,
    Span,
    TaggedWord,
    TagPrediction,
    TaskPrediction,
)

_SHOWN = 500
_CLASSES_SHOWN = 10
_BAR_WIDTH = 30
_NO_LABEL = "-"
_COLOURS = ("cyan", "yellow", "green", "magenta", "blue", "red", "bright_cyan", "bright_yellow", "bright_green")


def show_predictions(
    console: Console, predictions: Sequence[TaskPrediction], info: Mapping[str, Any], with_header: bool = True
) -> None:
    """Prints predictions of one model. What is printed in several calls lines up.

    Args:
        console: Where to.
        predictions: Any number of one kind.
        info: The model's information file.
        with_header: Whether a table has its header line.
    """
    if info["task"] == "tagging":
        for prediction in cast(Sequence[TagPrediction], predictions):
            console.print(_tagged(console, prediction, info))
    elif info["task"] == "regression":
        console.print(score_table(cast(Sequence[ScorePrediction], predictions), with_header))
    else:
        console.print(prediction_table(cast(Sequence[Prediction], predictions), with_header))


def show_prediction(console: Console, prediction: TaskPrediction, info: Mapping[str, Any]) -> None:
    """Prints one prediction: probabilities as bars, scores, or the tagged text and a table of its spans."""
    if isinstance(prediction, TagPrediction):
        console.print(_tagged(console, prediction, info))
        if prediction.spans and not _is_plain(info):
            console.print(_span_table(prediction.spans, _styles(info)))
    elif isinstance(prediction, ScorePrediction):
        for target, score in prediction.scores.items():
            console.print(f"{target}  {_score(score)}", markup=False)
    else:
        console.print(probability_bars(prediction))


def prediction_table(predictions: Sequence[Prediction], with_header: bool = True) -> Table:
    """A row a text: its label or labels, their probabilities, and as much of the text as fits on the line."""
    table = Table(box=None, pad_edge=False, header_style="dim", show_header=with_header)
    classes = {name for prediction in predictions for name in prediction.probabilities}
    table.add_column("label", no_wrap=True, min_width=max(map(cell_len, [*classes, "label"])))
    table.add_column("probability", no_wrap=True, min_width=len("probability"))
    table.add_column("text", no_wrap=True, overflow="ellipsis")
    for prediction in predictions:
        probabilities = (f"{prediction.probabilities[label]:.3f}" for label in prediction.labels)
        labels = "\n".join(prediction.labels) or _NO_LABEL
        table.add_row(escape(labels), "\n".join(probabilities), escape(_on_one_line(prediction.text)))
    return table


def score_table(predictions: Sequence[ScorePrediction], with_header: bool = True) -> Table:
    """A row a text: its scores, and as much of the text as fits on the line."""
    table = Table(box=None, pad_edge=False, header_style="dim", show_header=with_header)
    for target in predictions[0].scores if predictions else ():
        table.add_column(escape(target), no_wrap=True, justify="right", min_width=max(cell_len(target), 8))
    table.add_column("text", no_wrap=True, overflow="ellipsis")
    for prediction in predictions:
        table.add_row(*map(_score, prediction.scores.values()), escape(_on_one_line(prediction.text)))
    return table


def probability_bars(prediction: Prediction) -> RenderableType:
    """A bar a class, the most probable first, the labels given in bold. Of many classes the first ten."""
    table = Table.grid(padding=(0, 2))
    ranked = sorted(prediction.probabilities.items(), key=lambda item: -item[1])
    for name, probability in ranked[:_CLASSES_SHOWN]:
        style = "bold green" if name in prediction.labels else ""
        bar = Bar(1, 0, probability, width=_BAR_WIDTH, color="green" if style else "bright_black")
        table.add_row(Text(name, style), Text(f"{probability:.3f}", style), bar)
    parts: list[RenderableType] = [table]
    if not prediction.labels:
        parts.insert(0, Text("no label is probable enough", "dim"))
    if rest := ranked[_CLASSES_SHOWN:]:
        together = sum(probability for _, probability in rest)
        parts.append(Text(f"{len(rest):,} more classes, {together:.3f} together", "dim"))
    return Group(*parts)


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


def _tagged(console: Console, prediction: TagPrediction, info: Mapping[str, Any]) -> Text:
    styles = _styles(info)
    if _is_plain(info):
        return words_over_tags(prediction, styles, console.width)
    return text_with_spans(prediction, styles, console.color_system is not None and not console.no_color)


def _span_table(spans: Sequence[Span], styles: Mapping[str, str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("label", "score", "words", "span"):
        table.add_column(name, no_wrap=True)
    for span in spans:
        label = Text(span.label, styles.get(span.label, "white"))
        words = f"{span.start_word + 1}-{span.end_word}"
        table.add_row(label, f"{span.score:.3f}", words, Text(_blanks_as_spaces(span.text)))
    return table


def _is_plain(info: Mapping[str, Any]) -> bool:
    return info["details"].get("scheme") == "plain"


def _styles(info: Mapping[str, Any]) -> dict[str, str]:
    """A colour for each label of a span, which for plain tags is the tag."""
    tags = [tag for tag in info["labels"] if tag != "O"]
    labels = tags if _is_plain(info) else list(dict.fromkeys(tag.partition("-")[2] for tag in tags))
    return {label: _COLOURS[index % len(_COLOURS)] for index, label in enumerate(labels)}


def _column(word: TaggedWord) -> int:
    return max(cell_len(word.text), cell_len(word.tag or _NO_LABEL))


def _padded(text: str, word: TaggedWord) -> str:
    return text + " " * (_column(word) - cell_len(text) + 1)


def _score(score: float) -> str:
    return f"{score:,.3f}"


def _on_one_line(text: str) -> str:
    return " ".join(text[:_SHOWN].split())


def _blanks_as_spaces(text: str) -> str:
    return "".join(" " if character.isspace() else character for character in text)
