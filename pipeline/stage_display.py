"""Announces stages as they run. TFX is not imported before a stage of its runner ends: a replay does without it."""

from rich.console import Console

from ulmfit_tfx.components.reports.accounting import Accounting
from ulmfit_tfx.pipeline.stages import StageResult

_DOES = {
    "CorpusIngest": "reads rows, refuses malformed ones, splits",
    "CorpusIngestUnlabelled": "reads the unlabelled corpus",
    "CorpusIngestTransfer": "reads the teacher's rows, refuses malformed ones",
    "TransferMerge": "joins labelled rows and the teacher's, drops texts of eval and test",
    "StatisticsGen": "computes statistics",
    "SchemaImporter": "takes the schema",
    "SchemaImporterUnlabelled": "takes the schema of unlabelled texts",
    "SchemaImporterTransfer": "takes the schema of labelled rows and the teacher's",
    "StrictExampleValidator": "holds the rows against the schema",
    "SentencePieceTrainer": "trains the tokenizer",
    "EncoderImporter": "imports the pretrained encoder and its tokenizer",
    "TextTransform": "turns texts into token ids",
    "TextTransformUnlabelled": "turns the corpus into token ids",
    "CorpusStatistics": "counts pieces and their neighbours, makes vectors and topics of the counts",
    "LearningRateFinder": "looks for the language model's learning rate",
    "LanguageModelTrainer": "trains and exports the language model",
    "PerplexityGate": "measures the language model, and stops the run where it is not good enough",
    "Trainer": "trains and exports the model",
    "TrainerFromScratch": "trains the same model without pretraining, for comparison",
    "BaselineResolver": "takes the model in service to compare with",
    "TaskEvaluator": "evaluates and blesses",
    "EvaluationReport": "writes the report",
    "ModelPackager": "writes the model card and warm-up requests",
    "InfraCheck": "loads the model as a server would, and sends it the warm-up requests",
    "Pusher": "pushes a blessed model",
    "ModelImporter": "takes the model",
    "BulkInferrer": "asks the model about each text",
    "PredictionWriter": "writes the predictions as JSON Lines",
    "HeldOutScorer": "scores the test split, and the baselines",
}


class StageDisplay:
    """Prints a line when a stage begins and one when it ends."""

    def __init__(self, console: Console):
        self.console = console

    def waits_for_cleaning(self) -> None:
        """Says so."""
        self.console.print("Waiting for `ulmfit-tfx clean`, which removes files there", style="dim", markup=False)

    def shares_folder(self) -> None:
        """Says so."""
        said = "Another run is under way in this folder. Both go on, each with stages of its own; --root sets another"
        self.console.print(said, style="yellow", markup=False)

    def loads_libraries(self) -> None:
        """Says so."""
        self.console.print("Starting TensorFlow and TFX", style="dim")

    def stage_started(self, name: str, number: int, of: int) -> None:
        """Announces a stage."""
        self.console.print(f"[{number:>2}/{of}] {name}: {_DOES.get(name, 'runs')}", markup=False)

    def stage_finished(self, result: StageResult) -> None:
        """Says how long the stage took and, of an ingestion, how many rows there are."""
        from ulmfit_tfx.schemas import component_specs as specs

        examples, accounting = result.outputs.get(specs.EXAMPLES), None
        if examples is not None and specs.ACCOUNTING in examples.custom_properties:
            accounting = examples.custom_properties[specs.ACCOUNTING].string_value
        self.show_end(result.seconds, result.cached, accounting)

    def show_end(self, seconds: float, cached: bool, accounting: str | None) -> None:
        """Says how a stage ended.

        Args:
            seconds: It took.
            cached: Whether it came from the cache.
            accounting: Of an ingestion, its counts, as JSON.
        """
        how = "from cache" if cached else f"{seconds:.1f} s"
        counts = None if accounting is None else Accounting.from_json(accounting)
        details = "" if counts is None else f"  {describe(counts)}"
        self.console.print(f"        {how}{details}", style="dim", markup=False)
        if counts is not None and (warning := counts.recut_warning()):
            self.console.print(f"        {warning}", style="yellow", markup=False)


def describe(accounting: Accounting) -> str:
    """Counts in one line: rows in = rows out + quarantined + dropped by rule."""
    parts = [f"{count:,} {split}" for split, count in accounting.rows.items()]
    parts.append(f"{sum(accounting.quarantined.values()):,} quarantined")
    parts += [f"{count:,} {rule}" for rule, count in accounting.dropped.items()]
    split_off = f" + {accounting.split_off:,} split off" if accounting.split_off else ""
    return f"{accounting.rows_in:,} rows in{split_off} = {' + '.join(parts)}"
