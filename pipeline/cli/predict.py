"""`ulmfit-tfx predict`: asks an exported model."""

import contextlib
import dataclasses
import itertools
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ulmfit_tfx.pipeline.console import output
from ulmfit_tfx.pipeline.run_log import silence_libraries
from ulmfit_tfx.schemas.errors import ConfigError, DataError, ExitCode
from ulmfit_tfx.tasks import labelled_task, load_predictor
from ulmfit_tfx.tasks.tagging.predictor import Tagger
from ulmfit_tfx.trainer_modules.serving.loaded_model import Predictor, find_model

NAME = "predict"
EXAMPLE = 'Example: `ulmfit-tfx predict runs/reviews/serving/reviews "A quiet film that stays with you."`'

_LINES_AT_A_TIME = 256
_STANDARD_INPUT = "standard input"


def command(
    model_dir: Annotated[str, typer.Argument(metavar="MODEL_DIR", help="A SavedModel, or a folder of versions.")],
    texts: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TEXT...]", help="Texts. Without any: one a line from standard input, or a prompt."),
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", metavar="FILE", help="A file with a text a line.")] = None,
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
    model = find_model(model_dir)
    if interactive or not (texts or file or not sys.stdin.isatty()):
        return _converse(model, as_json, words)
    chunks = _chunks(_checked(texts) if texts else _lines_of(file))
    first = next(chunks, None)
    if first is None:
        source = "TEXT" if texts else file or _STANDARD_INPUT
        raise ConfigError(f"there is no text to label: {source} is empty.")
    silence_libraries()
    predictor = _load(model, words)
    for number, chunk in enumerate(itertools.chain([first], chunks)):
        predictions = _predict(predictor, chunk, words)
        if as_json:
            _print_json(predictions)
        else:
            task = labelled_task(predictor.info.task)
            task.show_answers(output, predictions, predictor.info, with_header=number == 0)
    return ExitCode.OK


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
    for line in prompted_lines(history_file()) if is_terminal else _lines_of(None):
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


def _chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    iterator = iter(texts)
    while chunk := list(itertools.islice(iterator, _LINES_AT_A_TIME)):
        yield chunk


def _checked(texts: Sequence[str]) -> Iterator[str]:
    for number, text in enumerate(texts, start=1):
        try:
            text.encode()
        except UnicodeEncodeError:
            raise DataError(f"TEXT {number}: is not UTF-8.") from None
        if text.strip():
            yield text


def _lines_of(file: Path | None) -> Iterator[str]:
    """Lines of a file, or of standard input, but for blank ones."""
    try:
        with open(file, "rb") if file else contextlib.nullcontext(sys.stdin.buffer) as stream:
            for number, line in enumerate(stream, start=1):
                try:
                    text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
                except UnicodeDecodeError:
                    raise DataError(f"{file or _STANDARD_INPUT}, line {number}: is not UTF-8.") from None
                if text:
                    yield text
    except OSError as error:
        raise ConfigError(f"{file or _STANDARD_INPUT}: cannot be read: {error.strerror}.") from None
