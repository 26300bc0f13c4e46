"""The closing words of a run: what came in, how good the model is, is it blessed, where it lies, what to do next."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow_model_analysis as tfma
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ulmfit_tfx.components.corpus_ingest.accounting import Accounting
from ulmfit_tfx.components.held_out_scorer.scores import REPORT_FILE, Accuracy, HeldOutReport
from ulmfit_tfx.pipeline.cli.predictions import prediction_table
from ulmfit_tfx.pipeline.eval_config import ACCURACY, AUC
from ulmfit_tfx.pipeline.local_runner import StageResult
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.config import PipelineConfig
from ulmfit_tfx.schemas.errors import ExitCode
from ulmfit_tfx.schemas.feature_names import LENGTH_BUCKET
from ulmfit_tfx.trainer_modules.export.loaded_model import Classifier, find_model

Results = Mapping[str, StageResult]


def show_summary(
    console: Console, config: PipelineConfig, results: Results, seconds: float, log_file: Path
) -> ExitCode:
    """Prints the summary.

    Returns:
        OK, or NOT_BLESSED.
    """
    accounting = Accounting.from_json(
        results["CorpusIngest"].outputs[specs.EXAMPLES].custom_properties[specs.ACCOUNTING].string_value
    )
    blessed = results["ClassEvaluator"].outputs["blessing"].custom_properties["blessed"].int_value == 1
    trained = find_model(Path(results["Trainer"].outputs[specs.MODEL].uri) / "Format-Serving")
    pushed = results["Pusher"].outputs["pushed_model"].custom_properties.get("pushed_destination")

    table = Table(box=box.SIMPLE, show_header=False, title=f"{config.name}: {config.task}", title_justify="left")
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    _add_rows_of_data(table, accounting, results)
    _add_metrics(table, config, results["ClassEvaluator"])
    if "HeldOutScorer" in results:
        _add_held_out(table, results["HeldOutScorer"])
    table.add_row("blessed", "[green]yes[/green]" if blessed else f"[red]no: {_why_not(config)}, so not pushed[/red]")
    model = Path(pushed.string_value) if pushed else trained
    table.add_row("model", escape(str(_from_here(model))) + (_standing(model) if pushed else ""))
    table.add_row("stages", _stage_seconds(results))
    table.add_row("wall time", f"{seconds:.1f} s")
    console.print()
    console.print(table)
    if config.sample_texts:
        console.print(prediction_table(Classifier(trained).predict(config.sample_texts)))
        console.print()
    if accounting.quarantined:
        quarantine = Path(results["CorpusIngest"].outputs[specs.EXAMPLES].uri) / "quarantine"
        console.print(f"Quarantined rows: {_from_here(quarantine)}\n", markup=False)
    _show_next(console, _from_here(model), next(iter(config.sample_texts), "a text of yours"), log_file)
    return ExitCode.OK if blessed else ExitCode.NOT_BLESSED


def _why_not(config: PipelineConfig) -> str:
    thresholds = config.evaluation.thresholds.model_dump().values()
    return (
        "below a threshold"
        if any(threshold is not None for threshold in thresholds)
        else ("evaluation.thresholds sets none")
    )


def _standing(pushed: Path) -> str:
    """What became of a pushed version since: a run from cache pushes nothing anew."""
    if not pushed.exists():
        return "  [red](removed since)[/red]"
    newest = find_model(pushed.parent)
    return "" if newest == pushed else f"  [red](version {newest.name} was pushed since)[/red]"


def _add_rows_of_data(table: Table, accounting: Accounting, results: Results) -> None:
    rows = accounting.rows
    out = ", ".join(f"{count:,} {split}" for split, count in rows.items())
    table.add_row("rows in", f"{accounting.rows_in:,}")
    table.add_row("examples", f"{sum(rows.values()):,} ({out})")
    for rule, count in accounting.dropped.items():
        table.add_row(rule, f"{count:,}")
    reasons = "; ".join(f"{reason}: {count:,}" for reason, count in accounting.quarantined.items())
    table.add_row("quarantined", f"{sum(accounting.quarantined.values()):,}" + (f" ({reasons})" if reasons else ""))
    (tokenizer,) = (stage.outputs[specs.TOKENIZER] for stage in results.values() if specs.TOKENIZER in stage.outputs)
    vocabulary = next(Path(tokenizer.uri).glob("*.vocab"))
    pieces = vocabulary.read_bytes().count(b"\n")  # splitlines would also split at pieces such as U+2028
    table.add_row("vocabulary", f"{pieces:,} pieces ({vocabulary.stem})")


def _add_metrics(table: Table, config: PipelineConfig, evaluator: StageResult) -> None:
    result = tfma.load_eval_result(evaluator.outputs["evaluation"].uri)
    thresholds = config.evaluation.thresholds.model_dump()
    by_slice = {slice_key: _flat(metrics) for slice_key, metrics in result.slicing_metrics}
    overall = by_slice[()]
    for name in (ACCURACY, AUC):
        threshold = thresholds[name]
        demanded = f"  (threshold {threshold:g})" if threshold is not None else ""
        table.add_row(f"eval {name}", f"{overall[name]:.4f}{demanded}")
    lengths = {key[0][1]: metrics for key, metrics in by_slice.items() if key and key[0][0] == LENGTH_BUCKET}
    for index, (bucket, metrics) in enumerate(sorted(lengths.items())):
        title = "" if index else "  accuracy by length"
        table.add_row(title, f"{metrics[ACCURACY]:.4f}  {bucket}  ({metrics['example_count']:,.0f} rows)")


def _flat(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Metrics of one slice by name: TFMA nests them by output, class and aggregation."""
    return {
        name: value["doubleValue"]
        for by_class in metrics.values()
        for by_name in by_class.values()
        for name, value in by_name.items()
        if "doubleValue" in value
    }


def _add_held_out(table: Table, scorer: StageResult) -> None:
    report = HeldOutReport.from_json((Path(scorer.outputs[specs.REPORT].uri) / REPORT_FILE).read_text())
    table.add_row("test accuracy", f"[bold]{_with_interval(report.model)}[/bold]  {report.rows:,} rows, 95 % interval")
    table.add_row("  majority class", _with_interval(report.majority))
    table.add_row("  TF-IDF + logistic", _with_interval(report.tfidf) if report.tfidf else "no terms to count")


def _with_interval(accuracy: Accuracy) -> str:
    return f"{accuracy.value:.4f} ({accuracy.low:.3f}..{accuracy.high:.3f})"


def _stage_seconds(results: Results) -> str:
    if all(result.cached for result in results.values()):
        return "all from cache"
    return "\n".join(
        f"{result.seconds:6.1f} s  {result.name}{'  (cache)' if result.cached else ''}" for result in results.values()
    )


def _show_next(console: Console, model: Path, text: str, log_file: Path) -> None:
    console.print("Next:", style="bold")
    for command in (["predict", str(model), text], ["show", str(model)]):
        console.print(f"  ulmfit-tfx {shlex.join(command)}", markup=False)
    console.print(f"Log: {_from_here(log_file)}", style="dim", markup=False)


def _from_here(path: Path) -> Path:
    """The path relative to the current folder where it lies below it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
