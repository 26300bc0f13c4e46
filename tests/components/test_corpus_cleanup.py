"""What CorpusIngest makes of shards, clean-up, keys and duplicates, as seen in its artifact."""

import functools
import json

import pytest
from sources import labelled_texts
from tfx.types import standard_artifacts

from ulmfit_tfx.components.corpus_ingest import executor, shards
from ulmfit_tfx.components.corpus_ingest.accounts import account_of, check
from ulmfit_tfx.components.corpus_ingest.executor import Executor
from ulmfit_tfx.components.corpus_ingest.ingestion import Ingestion
from ulmfit_tfx.components.corpus_ingest.shard_reading import ReadCounts
from ulmfit_tfx.components.corpus_ingest.shard_result import ShardResult
from ulmfit_tfx.components.example_rows import read_rows
from ulmfit_tfx.components.record_files import Part
from ulmfit_tfx.components.reports.accounting import Accounting
from ulmfit_tfx.schemas.beam_arguments import IN_PROCESS, unstaged
from ulmfit_tfx.schemas.config.sources.texts import text_source
from ulmfit_tfx.transforms.splitting import SPLITS


def ingest(folder, config, seed=1):
    artifact = standard_artifacts.Examples()
    artifact.uri = str(folder / "examples")
    properties = {"config": Ingestion(config).to_json(), "path": config.path, "seed": seed}
    arguments = unstaged(IN_PROCESS)
    context = Executor.Context(beam_pipeline_args=arguments, tmp_dir=str(folder / "tmp"), unique_id="1")
    Executor(context).Do({}, {"examples": [artifact]}, properties)
    return artifact


def accounting_of(artifact):
    return Accounting.from_json(artifact.get_string_custom_property("accounting"))


def texts_of(artifact):
    return {split: [row.text for row in read_rows(artifact, split)] for split in SPLITS}


def quarantine_of(artifact, folder):
    files = sorted((folder / "examples" / "quarantine").iterdir())
    return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]


def corpus(path, **fields):
    return text_source(path=str(path), **({"format": "text", "max_bad_fraction": 0.5} | fields))


@pytest.fixture
def small_shards(monkeypatch):
    """Files are cut every 2,000 bytes or so."""
    monkeypatch.setattr(executor, "shards_of", functools.partial(shards.shards_of, shard_bytes=2000))


@pytest.mark.parametrize("name", ["text", "tsv", "jsonl"])
def test_file_cut_into_ranges_gives_the_same_rows_in_the_same_order_and_the_same_refusals(name, tmp_path, monkeypatch):
    path = tmp_path / f"rows.{name}"
    texts = [f"\ufeffline {number} żółć" + " and more" * (number % 9) for number in range(600)]
    as_line = {"text": str, "tsv": lambda text: f"x\t{text}", "jsonl": lambda text: json.dumps({"n": 1, "text": text})}
    lines = [as_line[name](text).encode() for text in texts]
    for bad in (3, 300, 599):
        lines[bad] = b"x\t\xff" if name != "jsonl" else b'{"text": "\xff"}'
    header = [b"n\ttext"] if name == "tsv" else []
    path.write_bytes(b"\r\n".join([*header, *lines]))
    whole = ingest(tmp_path / "whole", corpus(path, format=name))
    monkeypatch.setattr(executor, "shards_of", functools.partial(shards.shards_of, shard_bytes=2000))
    cut = ingest(tmp_path / "cut", corpus(path, format=name))
    assert len(shards.shards_of({str(path): None}, corpus(path, format=name), 2000)) > 5
    assert texts_of(cut) == texts_of(whole)
    assert accounting_of(cut) == accounting_of(whole)
    refused = [sorted((row["line"], row["row"]) for row in quarantine_of(one, one_folder)) for one, one_folder in
               ((whole, tmp_path / "whole"), (cut, tmp_path / "cut"))]  # fmt: skip
    assert refused[0] == refused[1]
    assert [line for line, _ in refused[0]] == [number + 1 + len(header) for number in (3, 300, 599)]


def test_compressed_file_and_csv_stay_whole(tmp_path):
    path = tmp_path / "rows.gz"
    path.write_bytes(b"x" * 10_000)
    assert len(shards.shards_of({str(path): None}, corpus(path), 1000)) == 1
    assert len(shards.shards_of({str(path): None}, corpus(path, format="csv"), 1000)) == 1


def test_rows_with_the_same_key_share_a_split_and_those_without_do_not(tmp_path):
    rows = [{"text": f"sentence {number}", "book": f"book {number % 40}"} for number in range(800)]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    books = {row["text"]: row["book"] for row in rows}

    def books_of(**fields):
        found = texts_of(ingest(tmp_path / str(fields), corpus(path, format="jsonl", **fields)))
        return [{books[text] for text in found[split]} for split in SPLITS]

    train, evaluation, test = books_of(split_key_column="book")
    assert not train & evaluation | train & test | evaluation & test
    assert len(train) > len(evaluation) > 0
    assert len(books_of()[0] & books_of()[1]) > 10


def test_sentences_are_rows_and_the_accounting_says_how_many_were_split_off(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("It rained. Dr. Who came. Yes.\n" * 2 + "One more sentence here.\n", encoding="utf-8")
    cleanup = {"sentences": "en", "min_words": 2}
    splits = {"train": 1, "eval": 0, "test": 0}
    artifact = ingest(tmp_path, corpus(path, corpus_cleanup=cleanup, splits=splits))
    assert texts_of(artifact)["train"] == ["It rained.", "Dr. Who came."] * 2 + ["One more sentence here."]
    accounting = accounting_of(artifact)
    assert (accounting.rows_in, accounting.split_off) == (3, 4)
    assert accounting.dropped == {"fewer than 2 words": 2}


def test_markup_goes_before_sentences_are_split(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("<p>It rained.</p><p>Tom &amp; Jerry came.</p>\n<br/>\n", encoding="utf-8")
    splits = {"train": 1, "eval": 0, "test": 0}
    artifact = ingest(tmp_path, corpus(path, corpus_cleanup={"strip_html": True, "sentences": "en"}, splits=splits))
    assert texts_of(artifact)["train"] == ["It rained.", "Tom & Jerry came."]
    assert accounting_of(artifact).dropped == {"empty after clean-up": 1}


def test_of_equal_rows_that_of_the_test_file_stays(tmp_path):
    rows = [(f"text number {number} of many", "ab"[number % 2]) for number in range(60)]
    shared = [("in both files", "a"), ("in both files, labelled anew", "b")]

    def write(name, rows):
        path = tmp_path / name
        path.write_text("\n".join("\t".join(row) for row in [("text", "label"), *rows]), encoding="utf-8")
        return str(path)

    train = write("train.tsv", [*rows, *shared, ("in both files", "a")])
    test = write("test.tsv", [("in both files", "a"), ("in both files, labelled anew", "a"), ("other", "b")])
    config = labelled_texts(path=train, format="tsv", test_path=test, corpus_cleanup={"deduplicate": "exact"})
    artifact = ingest(tmp_path, config)
    found = texts_of(artifact)
    assert found["test"] == ["in both files", "in both files, labelled anew", "other"]
    assert not any("in both files" in text for text in found["train"] + found["eval"])
    assert accounting_of(artifact).dropped == {"duplicate": 2, "duplicate with another label": 1}


def test_quarantine_holds_the_whole_row(tmp_path):
    path = tmp_path / "texts.txt"
    row = "very long " * 100 + "row"
    path.write_bytes(b"fine\n" * 9 + row.encode() + b" \xff\n")
    artifact = ingest(tmp_path, corpus(path, splits={"train": 1, "eval": 0, "test": 0}))
    [refusal] = quarantine_of(artifact, tmp_path)
    assert refusal["row"] == row + " \\udcff"
    assert (refusal["source"], refusal["line"], refusal["reason"]) == (str(path), 10, "not utf-8")


def test_rows_that_were_lost_are_a_fault_that_is_told(tmp_path):
    written = Part("train", 0, 0, "somewhere", 9)
    result = ShardResult(ReadCounts(records=10), {("rows", "train", ""): 9}, parts=[written])
    accounting = account_of([ShardResult.from_json(result.to_json())])
    with pytest.raises(RuntimeError, match="10 rows were read and 0 split off, and 9 were written"):
        check(accounting, Ingestion(corpus(tmp_path)), [])
