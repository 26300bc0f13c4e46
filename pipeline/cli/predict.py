"""`ulmfit-tfx predict`: asks an exported model."""

import dataclasses
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from ulmfit_tfx.pipeline.cli.console import output
from ulmfit_tfx.pipeline.run_log import silence_libraries
from ulmfit_tfx.schemas.errors import ConfigError, DataError, ExitCode
from ulmfit_tfx.trainer_modules.export.loaded_model import Classifier, find_model

NAME = "predict"
EXAMPLE = 'Example: `ulmfit-tfx predict runs/reviews/serving/reviews "A quiet film that stays with you."`'


def command(
    model_dir: Annotated[Path, typer.Argument(metavar="MODEL_DIR", help="A SavedModel, or a folder of versions.")],
    texts: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TEXT...]", help="Texts. Without any: one a line from standard input."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON Lines, with all probabilities.")] = False,
) -> ExitCode:
    """Label texts with an exported model: the newest version below MODEL_DIR."""
    model = find_model(model_dir)
    texts = texts or _lines_of_standard_input()
    if not texts:
        raise ConfigError("there is no text to label: standard input is empty.")
    silence_libraries()
    predictions = Classifier(model).predict(texts)
    if as_json:
        for prediction in predictions:
            typer.echo(json.dumps(dataclasses.asdict(prediction), ensure_ascii=False))
    else:
        from ulmfit_tfx.pipeline.cli.predictions import prediction_table

        output.print(prediction_table(predictions))
    return ExitCode.OK


def _lines_of_standard_input() -> list[str]:
    texts = []
    for number, line in enumerate(sys.stdin.buffer, start=1):
        try:
            text = line.decode().strip()
        except UnicodeDecodeError:
            raise DataError(f"standard input, line {number}: is not UTF-8.") from None
        if text:
            texts.append(text)
    return texts
