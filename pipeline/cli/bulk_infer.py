"""`ulmfit-tfx bulk-infer`: asks a model about many texts, on Beam."""

import hashlib
import itertools
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from ulmfit_tfx.components.corpus_ingest.source_files import check_source
from ulmfit_tfx.components.reports.accounting import Accounting
from ulmfit_tfx.components.reports.written_rows import Written, read_rows, row_files
from ulmfit_tfx.pipeline.cli.run import Overrides, Root, Verbose, run_and_show
from ulmfit_tfx.pipeline.config_reading import load_bulk_inference_config
from ulmfit_tfx.pipeline.console import output
from ulmfit_tfx.pipeline.pushed_model import find_pushed_model
from ulmfit_tfx.pipeline.run_folder import RunFolder
from ulmfit_tfx.pipeline.running import check_workers_see_folder
from ulmfit_tfx.pipeline.stages import StageResults
from ulmfit_tfx.schemas.config.bulk_inference import BulkInferenceConfig
from ulmfit_tfx.schemas.config.sources.asked_texts import AskedColumnsConfig
from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.schemas.errors import ConfigError, ExitCode
from ulmfit_tfx.tasks import labelled_task, labelled_task_of, read_model_info
from ulmfit_tfx.trainer_modules.serving.answer_values import answer_kinds, answer_values
from ulmfit_tfx.trainer_modules.serving.model_info import ModelInfo
from ulmfit_tfx.transforms.answered_rows.answered import AnsweredRow
from ulmfit_tfx.transforms.answered_rows.asked import TEXT
from ulmfit_tfx.transforms.answered_rows.files import JSON_LINES, SUFFIXES, is_table, rows_file

if TYPE_CHECKING:
    from tfx.orchestration.pipeline import Pipeline

NAME = "bulk-infer"
EXAMPLE = "Example: `ulmfit-tfx bulk-infer examples/bulk_inference.yaml`"

PREDICTIONS_FILE = "predictions.jsonl"
_SHOWN = 5
_ROWS_AT_ONCE = 4096


def command(
    config: Annotated[Path, typer.Argument(metavar="CONFIG.yaml", help="Model, texts and output folder.")],
    overrides: Overrides = None,
    root: Root = None,
    output_file: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="Write .csv, .tsv, .jsonl or .parquet there; else as `output`."),
    ] = None,
    verbose: Verbose = False,
) -> ExitCode:
    """Predict many texts with an exported model: all columns of the input, a row for each of its rows."""
    checked = load_bulk_inference_config(config, overrides or ())
    model = Path(find_pushed_model(checked.model))
    info = read_model_info(model)
    labelled_task_of(model, info)
    assert info is not None
    separator = _separator(checked.data, model, info)
    check_workers_see_folder(checked.beam)
    check_source(checked.data)
    folder = RunFolder((root or Path("runs") / checked.name).resolve())
    target = output_file or _target(Path(checked.output or folder.predictions))
    is_table(target)

    def build() -> "Pipeline":
        from ulmfit_tfx.pipeline.bulk_inference import build_bulk_inference
        from ulmfit_tfx.pipeline.surroundings import LocalSurroundings

        surroundings = LocalSurroundings(folder, checked.name)
        return build_bulk_inference(checked, surroundings, str(model), folder_digest(model), separator)

    def conclude(results: StageResults, seconds: float, log_file: Path) -> ExitCode:
        from ulmfit_tfx.pipeline.bulk_inference import WRITER

        predictions = Path(results[WRITER].outputs["predictions"].uri)
        write_predictions(predictions, target, checked.data, info)
        _show_summary(checked, model, info, results, target, seconds)
        _show_first(predictions, checked.data, info)
        output.print(f"\nLog: {log_file}", style="dim", markup=False)
        return ExitCode.OK

    return run_and_show(f"{checked.name}: {config}", folder, verbose, build, conclude)


def folder_digest(folder: Path) -> str:
    """Digest of the names and the content of a folder's files."""
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(str(file.relative_to(folder)).encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _target(output: Path) -> Path:
    """The file that an `output` names, which has the suffix of a format, or the one in the folder that it names."""
    return output if output.suffix.lower() in SUFFIXES and not output.is_dir() else output / PREDICTIONS_FILE


def _separator(source: SourceConfig, model: Path, info: ModelInfo) -> str | None:
    if not isinstance(source, AskedColumnsConfig) or source.second_text_column is None:
        return None
    if info.tokenizer.separator is None:
        raise ConfigError(f"data.second_text_column: {model} was trained on single texts, not on pairs.")
    return info.tokenizer.separator


def write_predictions(artifact: Path, target: Path, source: SourceConfig, info: ModelInfo) -> None:
    """Writes the files of PredictionWriter as one, of the format of its name. An earlier file is there until then.

    Args:
        artifact: Of PredictionWriter.
        target: File that is written.
        source: Where the rows come from.
        info: What the model says of itself.
    """
    if target.suffix.lower() == JSON_LINES:
        _join(row_files(artifact), target)
        return
    predictor = labelled_task(info.task).predictor
    written = Written.read(artifact)
    layout = written.layout(answer_kinds(predictor, info, as_table=True), source)
    rows = read_rows(artifact, written.layout(answer_kinds(predictor, info, as_table=False), source))
    with rows_file(target, layout) as file:
        while chunk := list(itertools.islice(rows, _ROWS_AT_ONCE)):
            answers = [_answer(row, info) for row in chunk if row.answer is not None]
            values = iter(answer_values(predictor, answers, info, as_table=True))
            file.write([AnsweredRow(row.asked, None if row.answer is None else next(values)) for row in chunk])


def _join(parts: Sequence[Path], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        for part in parts:
            with part.open("rb") as lines:
                shutil.copyfileobj(lines, file)
    unfinished.replace(target)


def _answer(row: AnsweredRow, info: ModelInfo, text: str = "") -> Any:
    return labelled_task(info.task).predictor.from_json({"text": text, **(row.answer or {})})


def _show_first(artifact: Path, source: SourceConfig, info: ModelInfo) -> None:
    """Shows the first answers beside their texts."""
    task = labelled_task(info.task)
    layout = Written.read(artifact).layout(answer_kinds(task.predictor, info, as_table=False), source)
    column = source.text_column if isinstance(source, AskedColumnsConfig) else TEXT
    answered = (row for row in read_rows(artifact, layout) if row.answer is not None)
    first = [_answer(row, info, str(row.asked.columns[column])) for row in itertools.islice(answered, _SHOWN)]
    task.show_answers(output, first, info)


def _show_summary(
    config: BulkInferenceConfig, model: Path, info: ModelInfo, results: StageResults, target: Path, seconds: float
) -> None:
    from ulmfit_tfx.pipeline.bulk_inference import INFERRER, INGEST

    examples = results[INGEST].outputs["examples"]
    accounting = Accounting.from_json(examples.custom_properties["accounting"].string_value)
    task = labelled_task(info.task)
    table = Table(box=box.SIMPLE, show_header=False, title=f"{config.name}: {task.name}", title_justify="left")
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("rows in", f"{accounting.rows_in:,}")
    for rule, count in accounting.dropped.items():
        table.add_row(f"  {rule}", f"{count:,}")
    table.add_row("  quarantined", _quarantined(accounting, Path(examples.uri)))
    table.add_row("predictions", f"{sum(accounting.rows.values()):,}")
    table.add_row("model", escape(str(model)))
    table.add_row("written to", escape(str(target)))
    table.add_row("PredictionLogs", escape(results[INFERRER].outputs["inference_result"].uri))
    table.add_row("wall time", f"{seconds:.1f} s")
    output.print()
    output.print(table)


def _quarantined(accounting: Accounting, examples: Path) -> str:
    rows = sum(accounting.quarantined.values())
    reasons = "; ".join(f"{reason}: {count:,}" for reason, count in accounting.quarantined.items())
    return f"{rows:,} ({reasons}), in {escape(str(examples / 'quarantine'))}" if rows else "0"
