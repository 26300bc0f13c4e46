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
from ulmfit_tfx.components.perplexity_gate.report import REPORT_FILE as REPORT_FILE_OF_PERPLEXITY
from ulmfit_tfx.components.perplexity_gate.report import PerplexityReport
from ulmfit_tfx.pipeline.cli.completions import completion_table
from ulmfit_tfx.pipeline.cli.predictions import prediction_table
from ulmfit_tfx.pipeline.eval_config import ACCURACY, AUC
from ulmfit_tfx.pipeline.local_runner import StageResult
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.config import PipelineConfig
from ulmfit_tfx.schemas.errors import ExitCode
from ulmfit_tfx.schemas.feature_names import LENGTH_BUCKET
from ulmfit_tfx.trainer_modules.export.loaded_model import Classifier, LanguageModel, find_model

Results = Mapping[str, StageResult]

_EVALUATED_BY = {
    "classification": ("ClassEvaluator", "Trainer"),
    "language_model": ("PerplexityGate", "LanguageModelTrainer"),
}
"""By task, the stages that evaluate and train what is pushed."""

_THRESHOLDS = {"classification": {"accuracy", "auc"}, "language_model": {"perplexity", "word_perplexity"}}
_BEAMS, _PIECES = 5, 12


def show_summary(
    console: Console, config: PipelineConfig, results: Results, seconds: float, log_file: Path
) -> ExitCode:
    """Prints the summary.

    Returns:
        OK, or NOT_BLESSED.
    """
    evaluator, trainer = _EVALUATED_BY[config.task]
    blessed = results[evaluator].outputs["blessing"].custom_properties["blessed"].int_value == 1
    trained = find_model(Path(results[trainer].outputs[specs.MODEL].uri) / "Format-Serving")
    pushed = results["Pusher"].outputs["pushed_model"].custom_properties.get("pushed_destination")
    ingests = [result for name, result in results.items() if name.startswith("CorpusIngest")]

    table = Table(box=box.SIMPLE, show_header=False, title=f"{config.name}: {config.task}", title_justify="left")
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for ingest in ingests:
        _add_rows_of_data(table, ingest, "unlabelled " if ingest.name.endswith("Unlabelled") else "")
    _add_vocabulary(table, results)
    if "PerplexityGate" in results:
        _add_perplexity(table, config, results["PerplexityGate"])
        table.add_row("language model", escape(str(_from_here(_language_model(results)))))
    if "ClassEvaluator" in results:
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
    _show_samples(console, config, trained)
    for ingest in ingests:
        if _accounting(ingest).quarantined:
            quarantine = Path(ingest.outputs[specs.EXAMPLES].uri) / "quarantine"
            console.print(f"Quarantined rows: {_from_here(quarantine)}\n", markup=False)
    _show_next(console, config, _from_here(model), results, log_file)
    return ExitCode.OK if blessed else ExitCode.NOT_BLESSED


def _show_samples(console: Console, config: PipelineConfig, model: Path) -> None:
    if not config.sample_texts:
        return
    if config.task == "language_model":
        if not _continues_texts(config):
            return
        reader = LanguageModel(model)
        best = [reader.complete(text, _BEAMS, _PIECES)[0] for text in config.sample_texts]
        console.print(completion_table(best))
    else:
        console.print(prediction_table(Classifier(model).predict(config.sample_texts)))
    console.print()


def _continues_texts(config: PipelineConfig) -> bool:
    """Whether there is a language model that reads forward: a backward one knows what comes before a text."""
    return config.language_model is not None and "forward" in config.language_model.directions


def _why_not(config: PipelineConfig) -> str:
    thresholds = config.evaluation.thresholds.model_dump()
    counted = thresholds.keys() & _THRESHOLDS[config.task]
    return (
        "below a threshold"
        if any(thresholds[name] is not None for name in counted)
        else "evaluation.thresholds sets none"
    )


def _standing(pushed: Path) -> str:
    """What became of a pushed version since: a run from cache pushes nothing anew."""
    if not pushed.exists():
        return "  [red](removed since)[/red]"
    newest = find_model(pushed.parent)
    return "" if newest == pushed else f"  [red](version {newest.name} was pushed since)[/red]"


def _accounting(ingest: StageResult) -> Accounting:
    return Accounting.from_json(ingest.outputs[specs.EXAMPLES].custom_properties[specs.ACCOUNTING].string_value)


def _add_rows_of_data(table: Table, ingest: StageResult, kind: str) -> None:
    accounting = _accounting(ingest)
    rows = accounting.rows
    out = ", ".join(f"{count:,} {split}" for split, count in rows.items())
    table.add_row(f"{kind}rows in", f"{accounting.rows_in:,}")
    table.add_row(f"{kind}examples", f"{sum(rows.values()):,} ({out})")
    for rule, count in accounting.dropped.items():
        table.add_row(f"  {rule}", f"{count:,}")
    reasons = "; ".join(f"{reason}: {count:,}" for reason, count in accounting.quarantined.items())
    table.add_row("  quarantined", f"{sum(accounting.quarantined.values()):,}" + (f" ({reasons})" if reasons else ""))


def _add_vocabulary(table: Table, results: Results) -> None:
    (tokenizer,) = (stage.outputs[specs.TOKENIZER] for stage in results.values() if specs.TOKENIZER in stage.outputs)
    vocabulary = next(Path(tokenizer.uri).glob("*.vocab"))
    pieces = vocabulary.read_bytes().count(b"\n")  # splitlines would also split at pieces such as U+2028
    table.add_row("vocabulary", f"{pieces:,} pieces ({vocabulary.stem})")


def _add_perplexity(table: Table, config: PipelineConfig, gate: StageResult) -> None:
    report = PerplexityReport.from_json((Path(gate.outputs["evaluation"].uri) / REPORT_FILE_OF_PERPLEXITY).read_text())
    thresholds = config.evaluation.thresholds
    for direction, measured in report.overall.perplexity.items():
        which = f" ({direction})" if len(report.overall.perplexity) > 1 else ""
        table.add_row(f"eval perplexity{which}", _bounded(measured.piece, thresholds.perplexity, "piece"))
        table.add_row("", _bounded(measured.word, thresholds.word_perplexity, "word"))


def _bounded(value: float | None, threshold: float | None, unit: str) -> str:
    measured = "nothing to predict" if value is None else f"{value:,.2f} a {unit}"
    return measured + (f"  (threshold {threshold:g})" if threshold is not None else "")


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
    if report.from_scratch is not None:
        table.add_row("  without pretraining", _with_interval(report.from_scratch))
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


def _language_model(results: Results) -> Path:
    return Path(results["LanguageModelTrainer"].outputs[specs.MODEL].uri)


def _show_next(console: Console, config: PipelineConfig, model: Path, results: Results, log_file: Path) -> None:
    console.print("Next:", style="bold")
    text = next(iter(config.sample_texts), "a text of yours")
    commands = [["predict", str(model), text]] if config.task == "classification" else []
    if _continues_texts(config):
        commands.append(["complete", str(_from_here(_language_model(results))), text])
    for command in [*commands, ["show", str(model)]]:
        console.print(f"  ulmfit-tfx {shlex.join(command)}", markup=False)
    console.print(f"Log: {_from_here(log_file)}", style="dim", markup=False)


def _from_here(path: Path) -> Path:
    """The path relative to the current folder where it lies below it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
