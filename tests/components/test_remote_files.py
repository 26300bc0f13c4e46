"""Components whose inputs and outputs lie in Google Cloud Storage, here a fake one, as on a cluster."""

import gzip
import json
import uuid

import pytest
import tensorflow as tf
from sources import labelled_texts
from tfx.types import standard_artifacts

from ulmfit_tfx.components.corpus_ingest import executor as corpus_ingest
from ulmfit_tfx.components.corpus_ingest.ingestion import Ingestion
from ulmfit_tfx.components.corpus_ingest.source_files import (
    check_source,
    find_files,
    fingerprint,
    readable,
    source_fingerprint,
)
from ulmfit_tfx.components.example_rows import read_rows
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.beam_arguments import IN_PROCESS, unstaged
from ulmfit_tfx.schemas.errors import DataError

ROWS = [
    f"{word} film number {number}\t{label}" for number in range(60) for word, label in [("great", "g"), ("dull", "b")]
]


@pytest.fixture
def bucket(gcs):
    return f"gs://{uuid.uuid4()}"


def write(path, content):
    with tf.io.gfile.GFile(path, "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())


def read(path):
    with tf.io.gfile.GFile(path) as file:
        return file.read()


def table(rows):
    return "\n".join(["text\tlabel", *rows]) + "\n"


def source(bucket, **settings):
    values = {"path": f"{bucket}/data/rows-*", "format": "tsv", "label_file": f"{bucket}/labels.txt"}
    return labelled_texts(**values | {"max_bad_fraction": 0.1} | settings)


@pytest.fixture
def data(bucket):
    """Two files of rows, one of them compressed, with a malformed row, and a file of labels."""
    write(f"{bucket}/data/rows-0.tsv", table([*ROWS[:60], "no label"]))
    write(f"{bucket}/data/rows-1.tsv.gz", gzip.compress(table(ROWS[60:]).encode()))
    write(f"{bucket}/data/notes.txt", "none of them")
    write(f"{bucket}/labels.txt", "g\nb\n")
    return bucket


def test_rows_of_a_remote_glob_become_remote_examples(data):
    artifact = standard_artifacts.Examples()
    artifact.uri = f"{data}/artifacts/examples"
    config = source(data)
    properties = {specs.CONFIG: Ingestion(config).to_json(), "path": config.path, specs.SEED: 1}
    context = corpus_ingest.Executor.Context(
        beam_pipeline_args=unstaged(IN_PROCESS), tmp_dir=f"{data}/tmp", unique_id="1"
    )
    corpus_ingest.Executor(context).Do({}, {specs.EXAMPLES: [artifact]}, properties)
    texts = [f"{row.text}\t{row.label}" for split in ("train", "eval", "test") for row in read_rows(artifact, split)]
    assert sorted(texts) == sorted(ROWS)
    assert json.loads(read(f"{artifact.uri}/accounting.json"))["quarantined"] == {"wrong number of columns": 1}
    [refused] = [json.loads(read(path)) for path in tf.io.gfile.glob(f"{artifact.uri}/quarantine/rows*")]
    assert (refused["source"], refused["line"]) == (f"{data}/data/rows-0.tsv", 62)


def test_remote_source_is_found_and_checked(data):
    assert list(check_source(source(data))) == [f"{data}/data/rows-{name}" for name in ("0.tsv", "1.tsv.gz")]
    with pytest.raises(DataError, match="no such file"):
        find_files(f"{data}/data/columns-*")
    with pytest.raises(DataError, match=r"rows-0\.tsv:1: there is no column 'stars'"):
        check_source(source(data, label_column="stars"))


def test_truncated_compressed_file_is_named_and_not_taken_for_a_short_one(data):
    packed = gzip.compress(table(ROWS * 50).encode())
    write(f"{data}/data/rows-1.tsv.gz", packed[: len(packed) // 2])
    with pytest.raises(DataError, match=r"rows-1\.tsv\.gz: cannot be read"):
        list(read_all(source(data), f"{data}/data/rows-1.tsv.gz"))


def read_all(config, path):
    with readable(path, config) as stream:
        yield from stream


def test_fingerprint_of_remote_files_follows_their_changes(data):
    before = source_fingerprint(source(data)), fingerprint(f"{data}/data/rows-*")
    assert (source_fingerprint(source(data)), fingerprint(f"{data}/data/rows-*")) == before
    write(f"{data}/labels.txt", "g\nb\nother\n")
    assert source_fingerprint(source(data)) != before[0]
    assert fingerprint(f"{data}/data/rows-*") == before[1]
    write(f"{data}/data/rows-0.tsv", table(ROWS[:61]))
    assert fingerprint(f"{data}/data/rows-*") != before[1]
