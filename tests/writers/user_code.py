"""Code of a user's own, as it may lie beside a configuration."""

AUDIT = """
import tensorflow as tf
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts

from ulmfit_tfx.schemas.errors import DataError


@component
def Audit(
    examples: InputArtifact[standard_artifacts.Examples],
    counts: OutputArtifact[standard_artifacts.ModelEvaluation],
    fewest: Parameter[int] = 1,
) -> None:
    files = tf.io.gfile.glob(f"{examples.uri}/Split-train/*.gz")
    rows = sum(1 for _ in tf.data.TFRecordDataset(files, "GZIP"))
    tf.io.gfile.GFile(f"{counts.uri}/rows.txt", "w").write(f"{rows} rows")
    if rows < fewest:
        raise DataError(f"there are {rows} rows to train on, expected at least {fewest}.")
"""

TRAINING = """
from ulmfit_tfx.tasks.classification.trainer import run_fn as train


def run_fn(fn_args):
    print("trained by the user's code")
    train(fn_args)
"""

METRICS = '''
import apache_beam as beam
import tensorflow_model_analysis as tfma


class MeanConfidence(tfma.metrics.Metric):
    """The mean of the highest probability."""

    def __init__(self, name="mean_confidence"):
        super().__init__(computations, name=name)


def computations(name, model_names=None):
    keys = [tfma.metrics.MetricKey(name=name, model_name=model) for model in model_names or [""]]
    return [tfma.metrics.MetricComputation(keys=[key], preprocessors=None, combiner=Mean(key)) for key in keys]


class Mean(beam.CombineFn):
    def __init__(self, key):
        self.key = key

    def create_accumulator(self):
        return 0.0, 0

    def add_input(self, accumulator, element):
        outputs = element.get_predictions(model_name=self.key.model_name or None)
        return accumulator[0] + float(outputs["probabilities"].max()), accumulator[1] + 1

    def merge_accumulators(self, accumulators):
        totals, counts = zip(*accumulators)
        return sum(totals), sum(counts)

    def extract_output(self, accumulator):
        return {self.key: accumulator[0] / max(1, accumulator[1])}
'''


def write_user_code(folder, prefix):
    """Writes PREFIX_audit.py, PREFIX_training.py and PREFIX_metrics.py, names that no other test uses."""
    for name, text in (("audit", AUDIT), ("training", TRAINING), ("metrics", METRICS)):
        (folder / f"{prefix}_{name}.py").write_text(text)
