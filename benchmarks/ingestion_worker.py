"""One measurement of ingestion in a process of its own, so that time and memory are its own. Prints JSON.

python benchmarks/ingestion_worker.py sentencepiece TEXTS MODEL
python benchmarks/ingestion_worker.py pipeline TEXTS TOKENIZER FOLDER [BEAM ARGUMENT]...
"""

import hashlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

_BATCH = 1000


def measured(work: Callable[[], Any]) -> dict[str, float]:
    """Seconds of a piece of work, on the clock and of all processors."""
    clock, processors = time.perf_counter(), _processor_seconds()
    work()
    return {"seconds": time.perf_counter() - clock, "processor_seconds": _processor_seconds() - processors}


def _processor_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def sentencepiece_alone(texts: str, model: str) -> dict[str, Any]:
    """Reads and encodes the lines of a file with the sentencepiece package, in batches, on one thread."""
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(model_file=model)
    pieces = 0

    def encode() -> None:
        nonlocal pieces
        for batch in _batches(texts):
            pieces += sum(map(len, processor.encode(batch, num_threads=1, add_bos=True, add_eos=True)))

    return measured(encode) | {"pieces": pieces}


def _batches(path: str) -> Iterator[list[str]]:
    batch: list[str] = []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if text := line.strip():
                batch.append(text)
            if len(batch) == _BATCH:
                yield batch
                batch = []
    yield batch


def pipeline(texts: str, tokenizer: str, folder: str, *beam_arguments: str) -> dict[str, Any]:
    """Runs CorpusIngest and TextTransform as a language model's pipeline does."""
    from tfx.types import standard_artifacts
    from tfx.types import standard_component_specs as standard

    from ulmfit_tfx.components.corpus_ingest.component import CorpusIngest
    from ulmfit_tfx.components.corpus_ingest.executor import Executor as Ingest
    from ulmfit_tfx.components.text_transform.component import TextTransform
    from ulmfit_tfx.components.text_transform.executor import Executor as Transform
    from ulmfit_tfx.schemas import component_specs as specs
    from ulmfit_tfx.schemas.beam_arguments import unstaged
    from ulmfit_tfx.schemas.config.curated_schema import curated_schema
    from ulmfit_tfx.schemas.config.sources.texts import text_source
    from ulmfit_tfx.tasks import LANGUAGE_MODEL

    def artifact(kind: type, name: str) -> Any:
        made = kind()
        made.uri = f"{folder}/{name}"
        return made

    def context(executor: type) -> Any:
        return executor.Context(beam_pipeline_args=unstaged(beam_arguments), tmp_dir=f"{folder}/tmp", unique_id="1")

    source = text_source(path=texts, format="text")
    ingest = CorpusIngest(source, seed=42, input_fingerprint="")
    examples = artifact(standard_artifacts.Examples, "examples")
    result = {
        "CorpusIngest": measured(
            lambda: Ingest(context(Ingest)).Do({}, {specs.EXAMPLES: [examples]}, dict(ingest.exec_properties))
        )
    }
    schema = artifact(standard_artifacts.Schema, "schema")
    os.makedirs(schema.uri)
    with open(f"{schema.uri}/schema.pbtxt", "w") as file:
        file.write(curated_schema(LANGUAGE_MODEL.schema(source), source))
    model = artifact(standard_artifacts.Model, "")
    model.uri = tokenizer
    transform = TextTransform(
        examples=ingest.outputs[specs.EXAMPLES],
        schema=_channel(standard_artifacts.Schema),
        tokenizer=_channel(standard_artifacts.Model),
        preprocessing_fn="ulmfit_tfx.tasks.language_model.preprocessing.preprocessing_fn",
        custom_config={},
        has_vocabulary=False,
    )
    transformed = artifact(standard_artifacts.Examples, "transformed")
    outputs = {
        standard.TRANSFORM_GRAPH_KEY: [artifact(standard_artifacts.TransformGraph, "graph")],
        standard.TRANSFORMED_EXAMPLES_KEY: [transformed],
    }
    inputs = {standard.EXAMPLES_KEY: [examples], standard.SCHEMA_KEY: [schema], specs.TOKENIZER: [model]}
    result["TextTransform"] = measured(
        lambda: Transform(context(Transform)).Do(inputs, outputs, dict(transform.exec_properties))
    )
    peak = {who: resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)}
    return result | {
        "peak_mib": peak[resource.RUSAGE_SELF],
        "peak_mib_of_a_worker": peak[resource.RUSAGE_CHILDREN],
        "records": {name: _digests(f"{folder}/{name}") for name in ("examples", "transformed")},
    }


def _channel(kind: type) -> Any:
    from tfx.types import Channel

    return Channel(type=kind)


def _digests(artifact: str) -> dict[str, str]:
    """A digest of the sorted records of each split."""
    import tensorflow as tf

    digests = {}
    for split in sorted(tf.io.gfile.glob(f"{artifact}/Split-*")):
        records = tf.data.TFRecordDataset(sorted(tf.io.gfile.glob(f"{split}/*")), compression_type="GZIP")
        hashes = sorted(hashlib.blake2b(_canonical(record)).digest() for record in records.as_numpy_iterator())
        digests[os.path.basename(split)] = hashlib.blake2b(b"".join(hashes), digest_size=8).hexdigest()
    return digests


def _canonical(record: bytes) -> bytes:
    import tensorflow as tf

    return tf.train.Example.FromString(record).SerializeToString(deterministic=True)


if __name__ == "__main__":
    name, *arguments = sys.argv[1:]
    print(json.dumps({"sentencepiece": sentencepiece_alone, "pipeline": pipeline}[name](*arguments)))
