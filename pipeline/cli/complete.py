"""`ulmfit-tfx complete`: continues a text with a language model."""

import dataclasses
import json
from typing import Annotated

import typer

from ulmfit_tfx.pipeline.console import output
from ulmfit_tfx.pipeline.run_log import silence_libraries
from ulmfit_tfx.schemas.errors import DataError, ExitCode
from ulmfit_tfx.tasks import load_language_model
from ulmfit_tfx.trainer_modules.serving.loaded_model import find_model

NAME = "complete"
EXAMPLE = 'Example: `ulmfit-tfx complete runs/lm/serving/lm "The limits of my"`'


def command(
    model_dir: Annotated[
        str,
        typer.Argument(
            metavar="MODEL_DIR",
            help="A SavedModel, a folder of versions, or a folder that a language model was written to.",
        ),
    ],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The text to continue.")],
    beams: Annotated[int, typer.Option(min=1, max=1000, help="Continuations that are looked for.")] = 5,
    pieces: Annotated[
        int, typer.Option(min=1, max=10_000, help="Pieces after which a continuation stops, if not before.")
    ] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON Lines.")] = False,
) -> ExitCode:
    """Continue a text with a language model: the most probable continuations, found by beam search."""
    model = find_model(model_dir)
    _check_encoding(text)
    silence_libraries()
    completions = load_language_model(model).complete(text, beams, pieces)
    if as_json:
        for completion in completions:
            per_piece = {"log_probability_per_piece": completion.log_probability_per_piece}
            typer.echo(json.dumps(dataclasses.asdict(completion) | per_piece, ensure_ascii=False))
    else:
        from ulmfit_tfx.tasks.language_model.terminal import completion_table

        output.print(completion_table(completions))
    return ExitCode.OK


def _check_encoding(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise DataError("TEXT: is not UTF-8.") from None
