"""Announces stages as they run."""

from rich.console import Console

from ulmfit_tfx.components.corpus_ingest.accounting import Accounting
from ulmfit_tfx.pipeline.local_runner import StageResult
from ulmfit_tfx.schemas import component_specs as specs

_DOES = {
    "CorpusIngest": "reads rows, refuses malformed ones, splits",
    "CorpusIngestUnlabelled": "reads the unlabelled corpus",
    "StatisticsGen": "computes statistics",
    "ImportSchemaGen": "takes the schema",
    "ImportSchemaGenUnlabelled": "takes the schema of unlabelled texts",
    "StrictExampleValidator": "holds the rows against the schema",
    "SentencePieceTrainer": "trains the tokenizer",
    "EncoderImporter": "imports the pretrained encoder and its tokenizer",
    "TextTransform": "turns texts into token ids",
    "TextTransformUnlabelled": "turns the corpus into token ids",
    "LearningRateFinder": "looks for the language model's learning rate",
    "LanguageModelTrainer": "trains and exports the language model",
    "PerplexityGate": "measures the language model, and stops the run where it is not good enough",
    "Trainer": "trains and exports the model",
    "TrainerFromScratch": "trains the same model without pretraining, for comparison",
    "BaselineResolver": "takes the model in service to compare with",
    "TaskEvaluator": "evaluates and blesses",
    "EvaluationReport": "writes the report",
    "ModelPackager": "writes the model card",
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

    def stage_started(self, name: str, number: int, of: int) -> None:
        """Announces a stage."""
        self.console.print(f"[{number:>2}/{of}] {name}: {_DOES.get(name, 'runs')}", markup=False)

    def stage_finished(self, result: StageResult) -> None:
        """Says how long the stage took and, of an ingestion, how many rows there are."""
        how = "from cache" if result.cached else f"{result.seconds:.1f} s"
        details = ""
        examples = result.outputs.get(specs.EXAMPLES)
        if examples is not None and specs.ACCOUNTING in examples.custom_properties:
            details = "  " + describe(Accounting.from_json(examples.custom_properties[specs.ACCOUNTING].string_value))
        self.console.print(f"        {how}{details}", style="dim", markup=False)


def describe(accounting: Accounting) -> str:
    """Counts in one line: rows in = rows out + quarantined + dropped by rule."""
    parts = [f"{count:,} {split}" for split, count in accounting.rows.items()]
    parts.append(f"{sum(accounting.quarantined.values()):,} quarantined")
    parts += [f"{count:,} {rule}" for rule, count in accounting.dropped.items()]
    return f"{accounting.rows_in:,} rows in = {' + '.join(parts)}"
