"""The closing words of a run: what came in, how good the model is, is it blessed, where it lies, what to do next."""

import shlex
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from ulmfit_tfx.components.reports import beaten, drift, held_out
from ulmfit_tfx.components.reports.accounting import Accounting
from ulmfit_tfx.components.reports.infra import REPORT_FILE as INFRA_REPORT
from ulmfit_tfx.components.reports.infra import InfraReport
from ulmfit_tfx.components.reports.perplexity import REPORT_FILE as REPORT_FILE_OF_PERPLEXITY
from ulmfit_tfx.components.reports.perplexity import PerplexityReport
from ulmfit_tfx.components.reports.scores_file import SCORES_FILE, Comparison, EvaluationScores
from ulmfit_tfx.components.served_versions import version_in_service
from ulmfit_tfx.evaluation.branches import line
from ulmfit_tfx.evaluation.catalogue import MODEL, SCORES, SYSTEMS, lower_is_better, title_of
from ulmfit_tfx.evaluation.intervals import Interval
from ulmfit_tfx.pipeline.cli.two_columns import TwoColumns
from ulmfit_tfx.pipeline.graph import PUSHER
from ulmfit_tfx.pipeline.stages import StageResult
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.config.evaluation import LANGUAGE_MODEL_MEASURES, EvaluationConfig
from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.schemas.errors import ExitCode
from ulmfit_tfx.tasks import LabelledTask, load_model, read_model_info, task_named
from ulmfit_tfx.trainer_modules.serving import signature_names as signatures
from ulmfit_tfx.trainer_modules.serving.loaded_model import find_model

Results = Mapping[str, StageResult]

_MOST_SLICES = 8
_KINDS_OF_ROWS = {"Unlabelled": "unlabelled ", "Transfer": "teacher's "}
"""By what ids of their ingestions end with."""


def show_summary(
    console: Console, config: PipelineConfig, results: Results, seconds: float, log_file: Path
) -> ExitCode:
    """Prints the summary.

    Returns:
        OK, or NOT_BLESSED.
    """
    evaluator, trainer = (
        ("TaskEvaluator", "Trainer") if _answers_texts(config) else ("PerplexityGate", "LanguageModelTrainer")
    )
    blessed = results[evaluator].outputs["blessing"].custom_properties["blessed"].int_value == 1
    trained = find_model(Path(results[trainer].outputs[specs.MODEL].uri) / "Format-Serving")
    pushed = results[PUSHER].outputs["pushed_model"].custom_properties.get("pushed_destination")
    ingests = [result for name, result in results.items() if name.startswith("CorpusIngest")]
    scored = Path(results["HeldOutScorer"].outputs[specs.REPORT].uri) if "HeldOutScorer" in results else None

    table = TwoColumns(f"{config.name}: {config.task}")
    if lost := _lost(results):
        table.add_row("not blessed", f"[bold red]{escape(lost)}[/bold red]")
    if scored is not None:
        add_standing(table, scored)
    for ingest in ingests:
        kinds = (kind for suffix, kind in _KINDS_OF_ROWS.items() if ingest.name.endswith(suffix))
        _add_rows_of_data(table, ingest, next(kinds, ""))
    if "TransferMerge" in results:
        _add_merged(table, results["TransferMerge"])
    if "StrictExampleValidator" in results:
        _add_drift(table, results["StrictExampleValidator"])
    _add_vocabulary(table, results)
    if "PerplexityGate" in results:
        _add_perplexity(table, config, results["PerplexityGate"])
        table.add_row("language model", escape(str(_from_here(_language_model(results)))))
    info = read_model_info(trained)
    if info is not None and info.branches:
        table.add_row("branches", line(info.branches))
    scores = comparison = None
    if "EvaluationReport" in results:
        scores = EvaluationScores.from_json((_report(results) / SCORES_FILE).read_text())
        comparison = scores.baseline
        for warning in (warning for warning in scores.warnings if not (lost and lost in warning)):
            table.add_row("note", f"[yellow]{escape(warning)}[/yellow]")
        _add_scores(table, config, scores)
        _add_served(table, config, results, comparison)
    if scored is not None:
        add_held_out(table, config, scored)
    why_not = f"[red]no: {_why_not(config, scores, lost)}, so not pushed[/red]"
    table.add_row("blessed", "[green]yes[/green]" if blessed else why_not)
    is_servable = _add_infra_check(table, results["InfraCheck"])
    model = Path(pushed.string_value) if pushed else trained
    table.add_row("model", escape(str(_from_here(model))) + (_standing(model) if pushed else ""))
    table.add_row("stages", _stage_seconds(results))
    table.add_row("wall time", f"{seconds:.1f} s")
    console.print()
    console.print(table, soft_wrap=True)
    _show_samples(console, config, trained)
    for ingest in ingests:
        if _accounting(ingest).quarantined:
            quarantine = Path(ingest.outputs[specs.EXAMPLES].uri) / "quarantine"
            console.print(f"Quarantined rows: {_from_here(quarantine)}\n", markup=False, soft_wrap=True)
    if "EvaluationReport" in results:
        report = _from_here(_report(results) / "report.html")
        console.print(f"Report: {report}, with errors.tsv beside it\n", markup=False, soft_wrap=True)
    _show_next(console, config, _from_here(model), results, log_file)
    return ExitCode.OK if blessed and is_servable else ExitCode.NOT_BLESSED


def _add_infra_check(table: TwoColumns, check: StageResult) -> bool:
    """Whether the model can be served, and how fast it is."""
    report = InfraReport.from_json((Path(check.outputs[specs.BLESSING].uri) / INFRA_REPORT).read_text())
    if report.reason:
        table.add_row("servable", f"[red]no: {escape(report.reason)}, so not pushed[/red]")
        return False
    shown = f"by TensorFlow Serving {report.tf_serving}"
    if latency := report.latency.get(signatures.SERVING_DEFAULT):
        shown += f"; a text takes {latency.p50_ms:.1f} ms, {latency.p99_ms:.1f} ms at the 99th percentile"
    if report.memory:
        shown += f"; {report.memory.answered_mb:,.0f} MB of memory"
    table.add_row("servable", shown)
    return True


def _show_samples(console: Console, config: PipelineConfig, model: Path) -> None:
    if not config.sample_texts:
        return
    if not _answers_texts(config) and not _continues_texts(config):
        return
    task_named(config.task).show_samples(console, load_model(model), config.sample_texts)
    console.print()


def _answers_texts(config: PipelineConfig) -> bool:
    """Whether the model has learned from labelled rows."""
    return isinstance(task_named(config.task), LabelledTask)


def _continues_texts(config: PipelineConfig) -> bool:
    """Whether there is a language model that reads forward: a backward one knows what comes before a text."""
    return config.language_model is not None and "forward" in config.language_model.directions


def _lost(results: Results) -> str:
    """What there is to say first where the model is behind a simple one that it is held against."""
    if "TaskEvaluator" not in results:
        return ""
    path = Path(results["TaskEvaluator"].outputs["evaluation"].uri) / beaten.REPORT_FILE
    return beaten.BeatenReport.from_json(path.read_text()).lost() if path.exists() else ""


def _why_not(config: PipelineConfig, scores: EvaluationScores | None, lost: str) -> str:
    if lost:
        return f"{lost} (evaluation.beat)"
    comparison = scores.baseline if scores else None
    differences = comparison.differences if comparison else {}
    drops = config.evaluation.allowed_drop if isinstance(config.evaluation, EvaluationConfig) else {}
    for name, allowed in drops.items():
        if name in differences and differences[name].value * (1 if lower_is_better(name) else -1) > allowed:
            return f"{title_of(name)} is worse than the served model's by more than evaluation.allowed_drop"
    thresholds = config.evaluation.thresholds.model_dump()
    if missed := [_missed(name, thresholds[name], scores) for name in config.measures if thresholds[name] is not None]:
        return "; ".join(filter(None, missed)) or "a threshold is not met"
    if not config.measures and any(thresholds[name] is not None for name in LANGUAGE_MODEL_MEASURES):
        return "below a threshold"
    if drops:
        return "evaluation.thresholds sets none, and the model in service does not decide"
    return "evaluation.thresholds sets none"


def _missed(name: str, threshold: float, scores: EvaluationScores | None) -> str:
    """A threshold that is missed, in words: score, value, bound and what lies between them; "" where it is met."""
    found = scores.scores.get(name) if scores else None
    if found is None:
        return f"{title_of(name)} is not defined for these rows, demanded: {threshold:g}"
    gap = (found.value - threshold) * (1 if lower_is_better(name) else -1)
    if gap <= 0:
        return ""
    bound = "at most" if lower_is_better(name) else "at least"
    return f"{title_of(name)} is {found.value:.4f}, demanded: {bound} {threshold:g}, missed by {gap:.4f}"


def _standing(pushed: Path) -> str:
    """What became of a pushed version since: a rollback stays until another model is pushed."""
    in_service = version_in_service(str(pushed.parent))
    return "" if in_service == pushed.name else f"  [red](version {in_service} is in service, by a rollback)[/red]"


def _add_merged(table: TwoColumns, merge: StageResult) -> None:
    """What became of a teacher's rows."""
    accounting = _accounting(merge)
    table.add_row("train rows, taught", "; ".join(accounting.notes))
    for rule, count in accounting.dropped.items():
        table.add_row(f"  {rule}", f"{count:,}")


def _accounting(ingest: StageResult) -> Accounting:
    return Accounting.from_json(ingest.outputs[specs.EXAMPLES].custom_properties[specs.ACCOUNTING].string_value)


def _add_rows_of_data(table: TwoColumns, ingest: StageResult, kind: str) -> None:
    accounting = _accounting(ingest)
    rows = accounting.rows
    out = ", ".join(f"{count:,} {split}" for split, count in rows.items())
    table.add_row(f"{kind}rows in", f"{accounting.rows_in:,}")
    if accounting.split_off:
        table.add_row("  split off, as sentences", f"{accounting.split_off:,}")
    table.add_row(f"{kind}examples", f"{sum(rows.values()):,} ({out})")
    for rule, count in accounting.dropped.items():
        table.add_row(f"  {rule}", f"{count:,}")
    for remark, count in accounting.remarks.items():
        table.add_row(f"  [yellow]{escape(remark)}[/yellow]", f"[yellow]{count:,}[/yellow]")
    reasons = "; ".join(f"{reason}: {count:,}" for reason, count in accounting.quarantined.items())
    table.add_row("  quarantined", f"{sum(accounting.quarantined.values()):,}" + (f" ({reasons})" if reasons else ""))
    if shown := accounting.recut_shown():
        # What a small share means is one of the notes on the scores.
        table.add_row(
            "  words as served", f"[yellow]{escape(shown)}[/yellow]" if accounting.recut_warning() else escape(shown)
        )


def _add_drift(table: TwoColumns, validator: StageResult) -> None:
    path = Path(validator.outputs[specs.ANOMALIES].uri) / drift.REPORT_FILE
    if not path.exists():  # data_schema.drift_threshold is null
        return
    report = drift.DriftReport.from_json(path.read_text())
    shown = escape("\n".join(report.sentences()))
    table.add_row("drift", f"[red]{shown}[/red]" if report.drifted else shown)


def _add_vocabulary(table: TwoColumns, results: Results) -> None:
    (tokenizer,) = (stage.outputs[specs.TOKENIZER] for stage in results.values() if specs.TOKENIZER in stage.outputs)
    vocabulary = next(Path(tokenizer.uri).glob("*.vocab"))
    pieces = vocabulary.read_bytes().count(b"\n")  # splitlines would also split at pieces such as U+2028
    table.add_row("vocabulary", f"{pieces:,} pieces ({vocabulary.stem})")
    if specs.TRAINED_ON in tokenizer.custom_properties:
        table.add_row("  trained on", tokenizer.custom_properties[specs.TRAINED_ON].string_value)


def _add_perplexity(table: TwoColumns, config: PipelineConfig, gate: StageResult) -> None:
    report = PerplexityReport.from_json((Path(gate.outputs["evaluation"].uri) / REPORT_FILE_OF_PERPLEXITY).read_text())
    thresholds = config.evaluation.thresholds
    for direction, measured in report.overall.perplexity.items():
        which = f" ({direction})" if len(report.overall.perplexity) > 1 else ""
        of_pieces = _bounded(measured.piece, thresholds.perplexity, "perplexity")
        table.add_row(f"eval {title_of('perplexity')}{which}", of_pieces)
        table.add_row("", _bounded(measured.word, thresholds.word_perplexity, "word_perplexity"))


def _bounded(value: float | None, threshold: float | None, name: str) -> str:
    measured = "nothing to predict" if value is None else f"{value:,.2f} {SCORES[name].unit}"
    return measured + (f"  (threshold {threshold:g})" if threshold is not None else "")


def _report(results: Results) -> Path:
    return Path(results["EvaluationReport"].outputs[specs.REPORT].uri)


def _add_scores(table: TwoColumns, config: PipelineConfig, scores: EvaluationScores) -> None:
    thresholds = config.evaluation.thresholds.model_dump()
    for name in config.measures:
        if name in scores.scores:
            threshold = thresholds[name]
            demanded = f"  (threshold {threshold:g})" if threshold is not None else ""
            table.add_row(f"eval {title_of(name)}", _with_interval(scores.scores[name]) + demanded)
    leading = config.measures[0]
    for sliced_by, slices in scores.by_slice.items():
        for index, (value, found) in enumerate(list(slices.items())[:_MOST_SLICES]):
            title = "" if index else f"  {title_of(leading)} by {sliced_by}"
            score = f"{found.scores[leading]:.4f}" if leading in found.scores else "-"
            table.add_row(title, escape(f"{score}  {value}  ({found.rows:,} rows)"))
        if len(slices) > _MOST_SLICES:
            table.add_row("", f"and {len(slices) - _MOST_SLICES:,} more in the report")


def _add_served(table: TwoColumns, config: PipelineConfig, results: Results, comparison: Comparison | None) -> None:
    if comparison is not None:
        for name in config.measures:
            if name in comparison.differences:
                difference = comparison.differences[name]
                shown = f"{difference.value:+.4f} ({difference.low:+.3f}..{difference.high:+.3f})"
                better = ", the lower the better" if lower_is_better(name) else ""
                table.add_row("  beside the served model", f"{title_of(name)} {shown}{better}")
                break
    properties = results["TaskEvaluator"].outputs["evaluation"].custom_properties
    if specs.BASELINE_DROPPED in properties:
        table.add_row("  served model", escape(f"not compared: {properties[specs.BASELINE_DROPPED].string_value}"))


def add_standing(table: TwoColumns, folder: Path) -> None:
    """Adds the line that says whether the model is worth having: where it stands beside the strongest baseline.

    Args:
        table: Of two columns.
        folder: Of HeldOutScorer's report.
    """
    if found := _held_out(folder).standing():
        colour = ("green" if found.lead.value > 0 else "red") if found.is_significant else "yellow"
        table.add_row("test, beside baselines", f"[bold {colour}]{found.sentence()}[/bold {colour}]")


def add_held_out(table: TwoColumns, config: PipelineConfig, folder: Path) -> None:
    """Adds what the model and the baselines scored on the test split.

    Args:
        table: Of two columns.
        config: Of the run.
        folder: Of HeldOutScorer's report.
    """
    report = _held_out(folder)
    leading = config.measures[0]
    for name in config.measures:
        if name in report.systems[MODEL]:
            shown = _with_interval(report.systems[MODEL][name])
            rows = f"  {report.rows:,} rows, 95 % interval" if name == leading else ""
            table.add_row(f"test {title_of(name)}", f"[bold]{shown}[/bold]{rows}")
    for name, system in SYSTEMS.items():
        if name != MODEL and leading in report.systems.get(name, {}):
            table.add_row(f"  {system.title}", _with_interval(report.systems[name][leading]))


def _held_out(folder: Path) -> held_out.HeldOutReport:
    return held_out.HeldOutReport.from_json((folder / held_out.REPORT_FILE).read_text())


def _with_interval(score: Interval) -> str:
    return f"{score.value:.4f} ({score.low:.3f}..{score.high:.3f})"


def _stage_seconds(results: Results) -> str:
    if all(result.cached for name, result in results.items() if name != PUSHER):
        return "all from cache but Pusher, which always looks at what is in service"
    return "\n".join(
        f"{result.seconds:6.1f} s  {result.name}{'  (cache)' if result.cached else ''}" for result in results.values()
    )


def _language_model(results: Results) -> Path:
    return Path(results["LanguageModelTrainer"].outputs[specs.MODEL].uri)


def _show_next(console: Console, config: PipelineConfig, model: Path, results: Results, log_file: Path) -> None:
    console.print("Next:", style="bold")
    text = next(iter(config.sample_texts), "a text of yours")
    commands = [["predict", str(model), text]] if _answers_texts(config) else []
    if _continues_texts(config):
        commands.append(["complete", str(_from_here(_language_model(results))), text])
    for command in [*commands, ["show", str(model)]]:
        console.print(f"  ulmfit-tfx {shlex.join(command)}", markup=False, soft_wrap=True)
    console.print(f"Log: {_from_here(log_file)}", style="dim", markup=False, soft_wrap=True)


def _from_here(path: Path) -> Path:
    """The path relative to the current folder where it lies below it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
