"""`ulmfit-tfx predict`: asks an exported model."""

import dataclasses
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ulmfit_tfx.pipeline.asking import ROWS_AT_ONCE, Account, answered, place_of
from ulmfit_tfx.pipeline.cli.asked_file import AskedFile, Encoding, Format, IdColumn, SecondTextColumn, TextColumn
from ulmfit_tfx.pipeline.console import errors, output
from ulmfit_tfx.pipeline.pushed_model import find_pushed_model
from ulmfit_tfx.pipeline.run_log import silence_libraries
from ulmfit_tfx.schemas.errors import ConfigError, DataError, ExitCode
from ulmfit_tfx.tasks import labelled_task, load_predictor, read_model_info
from ulmfit_tfx.tasks.tagging.predictor import Tagger
from ulmfit_tfx.trainer_modules.serving.answer_values import answer_kinds, answer_values
from ulmfit_tfx.trainer_modules.serving.loaded_model import Predictor
from ulmfit_tfx.transforms.answered_rows.answered import AnsweredRow, flat, to_json
from ulmfit_tfx.transforms.answered_rows.asked import AskedRow
from ulmfit_tfx.transforms.answered_rows.files import is_table, rows_file
from ulmfit_tfx.transforms.answered_rows.layout import Layout

NAME = "predict"
EXAMPLE = 'Example: `ulmfit-tfx predict runs/reviews/serving/reviews "A quiet film that stays with you."`'

_SHOWN_AT_ONCE = 256
_STANDARD_INPUT = "standard input"


def command(
    model_dir: Annotated[
        str, typer.Argument(metavar="MODEL_DIR", help="A SavedModel, a folder of versions, or a run's folder.")
    ],
    texts: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TEXT...]", help="Texts. Without any: one a line from standard input, or a prompt."),
    ] = None,
    file: Annotated[
        str | None,
        typer.Option("--file", metavar="FILE", help="A file of texts: lines, CSV, TSV, JSON Lines, ... by its suffix."),
    ] = None,
    format: Format = None,
    text_column: TextColumn = None,
    second_text_column: SecondTextColumn = None,
    id_column: IdColumn = None,
    encoding: Encoding = None,
    output_file: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="FILE",
            help="Write .csv, .tsv, .jsonl or .parquet: all columns of the input, a row for each of its rows.",
        ),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print JSON Lines: all probabilities and scores, words and spans with offsets."),
    ] = False,
    words: Annotated[
        bool, typer.Option("--words", help="Of a tagger: texts are words already split, with white space between.")
    ] = False,
    interactive: Annotated[
        bool, typer.Option("--interactive", "-i", help="Answer each line at once, at a prompt on a terminal.")
    ] = False,
) -> ExitCode:
    """Classify, score or tag texts with an exported model: the newest version below MODEL_DIR."""
    if len([given for given in (texts, file, interactive) if given]) > 1:
        raise ConfigError("TEXT, --file and --interactive exclude each other. Which one is meant?")
    asked = AskedFile.of(file, format, text_column, second_text_column, id_column, encoding)
    if output_file is not None:
        if as_json or texts or interactive:
            raise ConfigError("--output writes the rows of --file, or of standard input, and prints none of them.")
        is_table(output_file)
    model = find_pushed_model(model_dir)
    if interactive or not (texts or file or not sys.stdin.isatty()):
        return _converse(model, as_json, words)
    if texts:
        return _answer_arguments(model, list(_checked(texts)), as_json, words)
    if asked is None:
        # What is not buffered gives what is there, and does not wait for more.
        asked = AskedFile.lines_of(getattr(sys.stdin.buffer, "raw", sys.stdin.buffer), _STANDARD_INPUT)
    return _answer_file(model, asked, output_file, as_json, words)


def _answer_arguments(model: str, texts: Sequence[str], as_json: bool, words: bool) -> ExitCode:
    if not texts:
        raise ConfigError("there is no text to label: TEXT is empty.")
    silence_libraries()
    predictor = _load(model, words)
    predictions = _predict(predictor, texts, words)
    if as_json:
        _print_json(predictions)
    else:
        labelled_task(predictor.info.task).show_answers(output, predictions, predictor.info)
    return ExitCode.OK


def _answer_file(model: str, asked: AskedFile, target: Path | None, as_json: bool, words: bool) -> ExitCode:
    """Answers a file row by row, and says at the end how many rows were refused."""
    if asked.has_pairs:
        silence_libraries()
        asked = asked.for_model(model, read_model_info(model))
    columns = asked.columns()
    account = Account()
    rows = asked.first_with_text(account)
    silence_libraries()
    predictor = _load(model, words)
    as_table = target is not None and is_table(target)
    kinds = answer_kinds(type(predictor), predictor.info, as_table)
    layout = Layout(columns, kinds, asked.id_column, with_file=asked.has_several_files)
    if as_json or target is not None:
        _say_what_is_renamed(asked.name, layout)
    rows_at_once = _SHOWN_AT_ONCE if target is None else ROWS_AT_ONCE
    chunks = answered(rows, lambda texts: _predict(predictor, texts, words), rows_at_once)
    if target is None:
        _show(chunks, predictor, layout, as_json)
    else:
        with rows_file(target, layout) as written:
            for chunk in chunks:
                written.write(_with_values(chunk, predictor, as_table))
        output.print(f"{target}: {account.rows:,} rows", markup=False)
    if account.refused:
        refused = f"{account.refused.total():,} of {account.rows:,} rows have no prediction"
        errors.print(f"{refused}: {account.reasons()}.", markup=False)
    return ExitCode.OK


def _say_what_is_renamed(source: str, layout: Layout) -> None:
    if renamed := {own: name for own, name in layout.names.items() if own != name}:
        said = ", ".join(f"'{own}' is '{name}'" for own, name in renamed.items())
        errors.print(f"{source} has columns of the same names as what is added: {said}.", markup=False)


_Answered = list[tuple[AskedRow, Any | None]]


def _with_values(chunk: _Answered, predictor: Predictor[Any, Any], as_table: bool) -> list[AnsweredRow]:
    answers = [answer for _, answer in chunk if answer is not None]
    values = iter(answer_values(type(predictor), answers, predictor.info, as_table))
    return [AnsweredRow(row, None if answer is None else next(values)) for row, answer in chunk]


def _show(chunks: Iterable[_Answered], predictor: Predictor[Any, Any], layout: Layout, as_json: bool) -> None:
    """Prints rows as they are answered."""
    task = labelled_task(predictor.info.task)
    with_header = True
    for chunk in chunks:
        if as_json:
            for row in _with_values(chunk, predictor, as_table=False):
                typer.echo(to_json(flat(row, layout)))
            continue
        for answers, refused in _runs(chunk):
            if answers:
                task.show_answers(output, answers, predictor.info, with_header=with_header)
                with_header = False
            if refused is not None:
                output.print(f"({place_of(refused)}: {refused.error})", style="dim", markup=False)


def _runs(chunk: _Answered) -> Iterator[tuple[list[Any], AskedRow | None]]:
    """Answers that follow one another, and the refused row after them."""
    answers: list[Any] = []
    for row, answer in chunk:
        if answer is not None:
            answers.append(answer)
            continue
        yield answers, row
        answers = []
    yield answers, None


def _converse(model: str, as_json: bool, words: bool) -> ExitCode:
    """Answers line by line."""
    from ulmfit_tfx.pipeline.cli.prompt import history_file, prompted_lines

    is_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    if is_terminal:
        output.print(f"Loading {model}", style="dim", markup=False)
    silence_libraries()
    predictor = _load(model, words)
    if is_terminal:
        output.print("Type a text and press Enter. Ctrl-D ends.", style="dim")
    for line in prompted_lines(history_file()) if is_terminal else _lines_of_standard_input():
        [prediction] = _predict(predictor, [line], words)
        if as_json:
            _print_json([prediction])
        else:
            labelled_task(predictor.info.task).show_answer(output, prediction, predictor.info)
    return ExitCode.OK


def _load(model: str, words: bool) -> Predictor[Any, Any]:
    predictor = load_predictor(model)
    if words and not isinstance(predictor, Tagger):
        raise ConfigError(f"--words: {model} is a model for {predictor.info.task}, expected a tagger.")
    return predictor


def _predict(predictor: Predictor[Any, Any], texts: Sequence[str], words: bool) -> Sequence[Any]:
    if words and isinstance(predictor, Tagger):
        return predictor.answer_words([text.split() for text in texts])
    return predictor.answer(texts)


def _print_json(predictions: Iterable[Any]) -> None:
    for prediction in predictions:
        typer.echo(json.dumps(dataclasses.asdict(prediction), ensure_ascii=False))


def _checked(texts: Sequence[str]) -> Iterator[str]:
    for number, text in enumerate(texts, start=1):
        try:
            text.encode()
        except UnicodeEncodeError:
            raise DataError(f"TEXT {number}: is not UTF-8.") from None
        if text.strip():
            yield text


def _lines_of_standard_input() -> Iterator[str]:
    """Its lines, but for blank ones."""
    for number, line in enumerate(sys.stdin.buffer, start=1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
        except UnicodeDecodeError:
            raise DataError(f"{_STANDARD_INPUT}, line {number}: is not UTF-8.") from None
        if text:
            yield text
