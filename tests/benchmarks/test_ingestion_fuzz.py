import doctest
import importlib
import sys
import time
from pathlib import Path

import pytest

from ulmfit_tfx.components.corpus_ingest import shard_reading
from ulmfit_tfx.transforms.records.record import Refusal, Row

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SEEDS = range(60)
MODULES = ("ingestion_fuzz", "fuzz_counts", "fuzz_documents", "fuzz_formats", "fuzz_mutations", "contest")


@pytest.fixture(scope="module")
def fuzzer():
    """The benchmark's module, which imports others of its folder, and these are not left to other tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        yield importlib.import_module("ingestion_fuzz")
    for name in MODULES:
        sys.modules.pop(name, None)


@pytest.fixture
def faults(fuzzer, tmp_path):
    """Tries inputs; returns the faults and what was found, by seed."""

    def tried(seeds=SEEDS):
        outcomes = {seed: fuzzer.outcome_of(fuzzer.fuzz_input(seed), tmp_path) for seed in seeds}
        return {seed: (outcome.fault, outcome.detail) for seed, outcome in outcomes.items() if outcome.fault}

    return tried


@pytest.fixture
def parser(monkeypatch):
    """Puts a function of the records of each file in the place of all parsers."""

    def planted(change):
        parse = shard_reading.parse
        monkeypatch.setattr(shard_reading, "parse", lambda *given, **options: change(parse(*given, **options)))

    return planted


def test_mutated_files_are_read_without_a_fault_in_any_format(fuzzer):
    result = fuzzer.fuzz(1500)

    assert result["faults"] == []
    for tally in result["formats"]:
        assert tally["inputs"] == 1500 // len(fuzzer.FORMATS)
        assert min(tally[kind] for kind in ("rows", "refused", "dropped", "errors")) > 0, tally


def test_seed_tells_the_whole_input(fuzzer):
    assert all(fuzzer.fuzz_input(seed) == fuzzer.fuzz_input(seed) for seed in range(100))


def test_parser_that_raises_is_found_and_replayed_by_its_seed(fuzzer, faults, parser):
    def fails_at_the_third(records):
        for number, record in enumerate(records):
            yield record if number < 2 else 1 / 0

    parser(fails_at_the_third)

    found = [fault for fault in fuzzer.fuzz(60)["faults"] if fault["fault"] == fuzzer.CRASH]

    assert {fault["format"] for fault in found} >= {"text, lines", "csv", "jsonl, texts"}
    assert "ZeroDivisionError: division by zero" in found[0]["detail"]
    assert faults([found[0]["seed"]]) == {found[0]["seed"]: (fuzzer.CRASH, found[0]["detail"])}


def test_row_that_is_read_and_neither_kept_nor_counted_is_found(fuzzer, faults, monkeypatch):
    def without_refusals(*arguments):
        return [item for item in shard_reading.read_shard(*arguments) if not isinstance(item, Refusal)]

    monkeypatch.setattr(fuzzer, "read_shard", without_refusals)

    assert fuzzer.MISCOUNT in {fault for fault, _ in faults().values()}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda records: list(records)[:-1], id="lost"),
        pytest.param(lambda records: (twin for record in records for twin in (record, record)), id="doubled"),
    ],
)
def test_record_that_a_parser_loses_or_doubles_is_found_in_each_format(fuzzer, faults, parser, change):
    parser(change)

    found = faults(range(15 * len(fuzzer.FORMATS)))

    miscounted = {fuzzer.fuzz_input(seed).format.name for seed, (fault, _) in found.items() if fault == fuzzer.MISCOUNT}
    assert miscounted == {fuzzed.name for fuzzed in fuzzer.FORMATS}


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        (Row(" "), "the text is empty"),
        (Row("caf\udce9"), "cannot be written in UTF-8"),
        (Row("a b", words=("a", "b"), tags=("O",)), "has not a tag for each word"),
        (Row("a", targets=(float("nan"),)), "has a number that is none"),
        (Row("a", split="training"), "has no such split"),
        (Row("a"), "has no line"),
        (Refusal("a.txt", 0, "reason", "detail", "row"), "there is no such line"),
        (Refusal("a.txt", 1, "reason", "x" * 100_000, "row"), "the reason or the detail is not short"),
        (Refusal("a.txt", 1, "reason", "detail", "other row"), "stands in another line"),
        ("a text", "is neither a row nor a refusal nor dropped"),
    ],
)
def test_row_or_refusal_that_is_none_is_found(fuzzer, faults, parser, monkeypatch, record, problem):
    parser(lambda records: [record] * len(list(records)))
    monkeypatch.setattr(shard_reading, "cleaned_up", lambda row, config: [row])

    found = [detail for fault, detail in faults().values() if fault == fuzzer.BAD_ITEM]

    assert any(detail.startswith(problem) for detail in found)


def test_ranges_that_give_other_rows_than_their_file_are_found(fuzzer, faults, monkeypatch):
    monkeypatch.setattr(fuzzer, "line_ends", lambda shard, source: 0)

    assert fuzzer.RANGES_DIFFER in {fault for fault, _ in faults(range(150)).values()}


def test_input_that_takes_long_three_times_is_a_hang(fuzzer, faults, parser, monkeypatch):
    def is_slow(records):
        time.sleep(0.3)
        return records

    parser(is_slow)
    monkeypatch.setattr(fuzzer, "LONGEST", 0.25)

    [(fault, detail)] = faults([0]).values()

    assert (fault, detail) == (fuzzer.HANG, "took 0.3 s")


def test_input_that_once_takes_long_is_none(fuzzer, faults, parser, monkeypatch):
    waits = iter([0.3])

    def is_slow_once(records):
        time.sleep(next(waits, 0))
        return records

    parser(is_slow_once)
    monkeypatch.setattr(fuzzer, "LONGEST", 0.25)

    assert faults([0]) == {}


def test_input_without_end_is_given_up(fuzzer, faults, parser, monkeypatch):
    def has_no_end(records):
        while True:
            pass

    parser(has_no_end)
    monkeypatch.setattr(fuzzer, "GIVEN_UP_AFTER", 0.2)

    [(fault, detail)] = faults([0]).values()

    assert fault == fuzzer.HANG
    assert detail.startswith("given up after")


def test_second_counts_are_those_of_their_examples(fuzzer):
    result = doctest.testmod(sys.modules["fuzz_counts"])

    assert result.failed == 0
    assert result.attempted > 5
