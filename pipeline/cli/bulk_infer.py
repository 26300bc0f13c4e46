"""`ulmfit-tfx bulk-infer`: asks a model about many texts, on Beam."""

import hashlib
import itertools
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from ulmfit_tfx.components.corpus_ingest.source_files import check_source
from ulmfit_tfx.components.reports.accounting import Accounting
from ulmfit_tfx.pipeline.cli.run import Overrides, Root, Verbose, run_and_show
from ulmfit_tfx.pipeline.config_reading import load_bulk_inference_config
from ulmfit_tfx.pipeline.console import output
from ulmfit_tfx.pipeline.run_folder import RunFolder
from ulmfit_tfx.pipeline.running import check_workers_see_folder
from ulmfit_tfx.pipeline.stages import StageResults
from ulmfit_tfx.schemas.config.bulk_inference import BulkInferenceConfig
from ulmfit_tfx.schemas.errors import ExitCode
from ulmfit_tfx.tasks import labelled_task_of, read_model_info
from ulmfit_tfx.trainer_modules.serving.loaded_model import find_model

if TYPE_CHECKING:
    from tfx.orchestration.pipeline import Pipeline

NAME = "bulk-infer"
EXAMPLE = "Example: `ulmfit-tfx bulk-infer examples/bulk_inference.yaml`"

PREDICTIONS_FILE = "predictions.jsonl"
_SHOWN = 5


def command(
    config: Annotated[Path, typer.Argument(metavar="CONFIG.yaml", help="Model, texts and output folder.")],
    overrides: Overrides = None,
    root: Root = None,
    verbose: Verbose = False,
) -> ExitCode:
    """Predict many texts with an exported model, and write JSON Lines with the keys of `predict --json`."""
    checked = load_bulk_inference_config(config, overrides or ())
    model = find_model(Path(checked.model))
    labelled_task_of(model, read_model_info(model))
    check_workers_see_folder(checked.beam)
    check_source(checked.data)
    folder = RunFolder((root or Path("runs") / checked.name).resolve())
    target = Path(checked.output or folder.predictions) / PREDICTIONS_FILE

    def build() -> "Pipeline":
        from ulmfit_tfx.pipeline.bulk_inference import build_bulk_inference
        from ulmfit_tfx.pipeline.surroundings import LocalSurroundings

        surroundings = LocalSurroundings(folder, checked.name)
        return build_bulk_inference(checked, surroundings, str(model), folder_digest(model))

    def conclude(results: StageResults, seconds: float, log_file: Path) -> ExitCode:
        from ulmfit_tfx.pipeline.bulk_inference import WRITER

        write_predictions(Path(results[WRITER].outputs["predictions"].uri), target)
        _show_summary(checked, results, target, seconds, log_file)
        return ExitCode.OK

    return run_and_show(f"{checked.name}: {config}", folder, verbose, build, conclude)


def folder_digest(folder: Path) -> str:
    """Digest of the names and the content of a folder's files."""
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(str(file.relative_to(folder)).encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def write_predictions(artifact: Path, target: Path) -> None:
    """Writes the files of PredictionWriter as one. The file of an earlier run is there until then."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        for shard in sorted(artifact.glob("*.jsonl")):
            with shard.open("rb") as part:
                shutil.copyfileobj(part, file)
    unfinished.replace(target)


def _show_summary(
    config: BulkInferenceConfig, results: StageResults, target: Path, seconds: float, log_file: Path
) -> None:
    from ulmfit_tfx.pipeline.bulk_inference import INFERRER, INGEST

    examples = results[INGEST].outputs["examples"]
    accounting = Accounting.from_json(examples.custom_properties["accounting"].string_value)
    model = find_model(config.model)
    info = read_model_info(model)
    task = labelled_task_of(model, info)

    table = Table(box=box.SIMPLE, show_header=False, title=f"{config.name}: {task.name}", title_justify="left")
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("rows in", f"{accounting.rows_in:,}")
    for rule, count in accounting.dropped.items():
        table.add_row(f"  {rule}", f"{count:,}")
    table.add_row("  quarantined", _quarantined(accounting, Path(examples.uri)))
    table.add_row("predictions", f"{sum(accounting.rows.values()):,}")
    table.add_row("model", escape(str(model)))
    table.add_row("JSON Lines", escape(str(target)))
    table.add_row("PredictionLogs", escape(results[INFERRER].outputs["inference_result"].uri))
    table.add_row("wall time", f"{seconds:.1f} s")
    output.print()
    output.print(table)
    with target.open(encoding="utf-8") as lines:
        answers = [task.predictor.from_json(json.loads(line)) for line in itertools.islice(lines, _SHOWN)]
    task.show_answers(output, answers, info)
    output.print(f"\nLog: {log_file}", style="dim", markup=False)


def _quarantined(accounting: Accounting, examples: Path) -> str:
    rows = sum(accounting.quarantined.values())
    reasons = "; ".join(f"{reason}: {count:,}" for reason, count in accounting.quarantined.items())
    return f"{rows:,} ({reasons}), in {escape(str(examples / 'quarantine'))}" if rows else "0"
