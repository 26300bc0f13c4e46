import ast
import gc
import itertools
import random
import tracemalloc
from collections import defaultdict

import apache_beam as beam
import numpy as np
import pytest

from ulmfit_tfx.components.corpus_ingest import deduplication
from ulmfit_tfx.components.corpus_ingest.deduplication import (
    DUPLICATE,
    NEAR,
    RELABELLED,
    Duplicates,
    LeftOut,
    Occurrence,
    key_of,
    position_of,
)
from ulmfit_tfx.components.corpus_ingest.shards import Shard
from ulmfit_tfx.schemas.config.sources.corpus_cleanup import RowCleanupConfig

ONE = ["--runner=DirectRunner", "--direct_running_mode=in_memory", "--direct_num_workers=1"]
TWO = ["--runner=DirectRunner", "--direct_running_mode=multi_processing", "--direct_num_workers=2"]
WORDS = [f"word{number}" for number in range(5000)]


@pytest.fixture
def left_out(tmp_path):
    """Finds the rows that `Duplicates` leaves out.

    Of rows by shard, a text or a text and its label's hash each, it returns the reasons by shard and row.
    """

    def find(shards, mode, arguments=ONE, similarity=0.8):
        occurrences = {
            (shard.number, row): Occurrence(
                position_of(shard, row), *((of_row, 0) if isinstance(of_row, str) else of_row)
            )
            for shard, rows in shards.items()
            for row, of_row in enumerate(rows)
        }
        config = RowCleanupConfig(deduplicate=mode, near_similarity=similarity)
        with beam.Pipeline(argv=arguments) as pipeline:
            _ = (
                pipeline
                | beam.Create(random.Random(0).sample(list(occurrences.values()), len(occurrences)))
                | beam.Reshuffle()
                | Duplicates(config)
                | beam.Map(repr)
                | beam.io.WriteToText(str(tmp_path / "found"), shard_name_template="")
            )
        found = defaultdict(list)
        for line in (tmp_path / "found").read_text().splitlines():
            shard, of_shard = ast.literal_eval(line)
            found[shard].append(of_shard)
        of_shards = {shard.number: LeftOut(found[key_of(shard)]) for shard in shards}
        reasons = {place: of_shards[place[0]].reason(occurrence) for place, occurrence in occurrences.items()}
        return {place: reason for place, reason in reasons.items() if reason is not None}

    return find


@pytest.fixture(params=[1 << 14, 7])
def batch_rows(request, monkeypatch):
    """All rows in one batch, and in batches of a few."""
    monkeypatch.setattr(deduplication, "_BATCH_ROWS", request.param)


def shard(number: int, split: str | None = None) -> Shard:
    return Shard(number, f"file{number}", split)


def text_of(words: list[str]) -> str:
    return " ".join(words)


def edited(words: list[str], edits: int, rng: random.Random) -> list[str]:
    """Words, some of them replaced."""
    words = list(words)
    for place in rng.sample(range(len(words)), edits):
        words[place] = rng.choice(WORDS)
    return words


def jaccard(one: list[str], two: list[str]) -> float:
    """Of sequences of five words."""
    sets = [{tuple(words[start : start + 5]) for start in range(len(words) - 4)} for words in (one, two)]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def random_rows(rng: random.Random, shards: int, rows: int) -> dict[Shard, list]:
    """Rows of few different texts and labels."""
    splits = [None, "eval", "test"]
    return {
        shard(number, splits[number % 3]): [(f"text {rng.randrange(40)}", rng.randrange(2)) for _ in range(rows)]
        for number in range(shards)
    }


@pytest.mark.parametrize("mode", ["exact", "near"])
def test_of_equal_texts_the_first_stays(left_out, mode):
    shards = {shard(0): ["one", "two", "one"], shard(1): ["three", "two", "one", "One"]}
    found = left_out(shards, mode)
    assert {place for place, reason in found.items() if reason == DUPLICATE} == {(0, 2), (1, 1), (1, 2)}


def test_rows_of_test_files_stay_before_those_of_eval_files_and_these_before_others(left_out):
    shards = {shard(0): ["a", "b", "c"], shard(1, "eval"): ["a", "b"], shard(2, "test"): ["a"]}
    assert set(left_out(shards, "exact")) == {(0, 0), (0, 1), (1, 0)}


def test_positions_order_shards_by_rank_then_number_then_row():
    shards = [shard(9, "test"), shard(8, "eval"), shard(0), shard(1), shard((1 << 24) - 1)]
    positions = [position_of(one, row) for one in shards for row in (0, 1, (1 << 36) - 1)]
    assert positions == sorted(set(positions))
    assert positions[-1] < 2**63


def test_equal_texts_with_another_label_are_told_apart(left_out):
    shards = {shard(0): [("a", 2), ("a", 1), ("b", 1)], shard(1): [("a", 2), ("a", 3), ("b", 1)]}
    assert left_out(shards, "exact") == {
        (0, 1): RELABELLED,
        (1, 0): DUPLICATE,
        (1, 1): RELABELLED,
        (1, 2): DUPLICATE,
    }


@pytest.mark.parametrize("seed", range(4))
def test_exact_finds_what_a_loop_over_all_rows_finds(left_out, batch_rows, seed):
    shards = random_rows(random.Random(seed), shards=4, rows=30)
    expected, labels = {}, {}
    for split, one in itertools.product(["test", "eval", None], shards):
        for row, (text, label) in enumerate(shards[one] if one.split == split else []):
            if text in labels:
                expected[one.number, row] = DUPLICATE if labels[text] == label else RELABELLED
            labels.setdefault(text, label)
    assert left_out(shards, "exact") == expected


@pytest.mark.parametrize("seed", range(2))
def test_near_finds_what_a_loop_over_all_pairs_finds(left_out, batch_rows, seed):
    rng = random.Random(seed)
    rows = []
    for _ in range(8):
        words = rng.choices(WORDS, k=rng.choice([400, 800]))
        # Far from the threshold on either side, where an estimate suffices.
        rows += [words, *(edited(words, edits, rng) for edits in (1, 2, 150, 300))]
    rng.shuffle(rows)
    pairs = itertools.combinations(range(len(rows)), 2)
    similarities = {(one, two): jaccard(rows[one], rows[two]) for one, two in pairs}
    assert not any(0.6 < similarity < 0.92 for similarity in similarities.values())
    expected = {divmod(later, 10) for (_, later), similarity in similarities.items() if similarity >= 0.8}
    shards = {shard(number): list(map(text_of, rows[10 * number : 10 * number + 10])) for number in range(4)}
    assert left_out(shards, "near") == dict.fromkeys(expected, NEAR)


def test_near_tells_twins_from_other_rows_of_one_template(left_out):
    rng = random.Random(0)
    template = rng.choices(WORDS, k=60)
    rows = [[*template, *rng.choices(WORDS, k=50)] for _ in range(1000)]
    assert jaccard(rows[0], rows[1]) < 0.4
    twins = {place: edited(rows[place], 1, rng) for place in range(900, 1000, 10)}
    assert all(jaccard(rows[place], twin) > 0.8 for place, twin in twins.items())
    found = left_out({shard(0): list(map(text_of, [*rows, *twins.values()]))}, "near", similarity=0.6)
    assert found == {(0, 1000 + number): NEAR for number in range(len(twins))}


def test_case_and_punctuation_make_no_other_text(left_out):
    shards = {shard(0): ["It rained, all day.", "it rained all day", "It rained all night."]}
    assert left_out(shards, "near") == {(0, 1): NEAR}
    assert left_out(shards, "exact") == {}


@pytest.mark.parametrize(("order", "expected"), [("ABC", {1, 2}), ("BAC", {1, 2}), ("ACB", {2}), ("CAB", {2})])
def test_a_row_is_left_out_for_an_earlier_one_that_is_left_out_itself(left_out, order, expected):
    rng = random.Random(1)
    words = rng.choices(WORDS, k=1000)
    chain = {"A": words, "B": [*edited(words[:500], 14, rng), *words[500:]]}
    chain["C"] = [*chain["B"][:500], *edited(words[500:], 14, rng)]
    assert min(jaccard(chain["A"], chain["B"]), jaccard(chain["B"], chain["C"])) > 0.86
    assert jaccard(chain["A"], chain["C"]) < 0.77
    found = left_out({shard(0): [text_of(chain[name]) for name in order]}, "near")
    assert found == {(0, row): NEAR for row in expected}


def test_the_first_of_equal_texts_is_left_out_as_near_and_others_as_equal(left_out, batch_rows):
    words = WORDS[:100]
    near, text = text_of([*words[:-1], "other"]), text_of(words)
    shards = {shard(0): [text, near, near], shard(1, "eval"): [("else", 0)], shard(2): [(near, 1)]}
    assert left_out(shards, "near") == {(0, 1): NEAR, (0, 2): DUPLICATE, (2, 0): RELABELLED}


def test_an_earlier_similar_row_of_a_test_file_leaves_the_training_row_out(left_out):
    words = WORDS[:100]
    shards = {shard(0): [text_of(words)], shard(1, "test"): [text_of([*words[:-1], "other"])]}
    assert left_out(shards, "near") == {(0, 0): NEAR}


def test_texts_without_words_are_left_out_where_they_are_equal_alone(left_out):
    shards = {shard(0): ["?!", "...", "", " "], shard(1): ["?!", "", "!?"]}
    assert left_out(shards, "near") == {(1, 0): DUPLICATE, (1, 1): DUPLICATE}


def test_a_text_of_a_megabyte_is_compared_like_others(left_out):
    rng = random.Random(0)
    words = rng.choices(WORDS, k=120_000)
    other = rng.choices(WORDS, k=120_000)
    texts = [text_of(words), "short", text_of(other), text_of(edited(words, 1000, rng))]
    assert len(texts[0]) > 1_000_000
    assert left_out({shard(0): texts}, "near") == {(0, 3): NEAR}


def test_a_threshold_near_one_leaves_almost_equal_texts(left_out):
    words = WORDS[:400]
    texts = [words, [*words[:-1], "a"], [*words[:100], "a", *words[101:200], "a", *words[201:300], "a", *words[301:]]]
    assert jaccard(texts[0], texts[1]) > 0.99
    assert 0.9 < jaccard(texts[0], texts[2]) < 0.93
    assert left_out({shard(0): list(map(text_of, texts))}, "near", similarity=0.97) == {(0, 1): NEAR}


def test_bands_are_those_of_the_first_of_equal_texts_alone():
    [signed] = deduplication._packed([Occurrence(5, "It rained.", 0), Occurrence(6, "It snowed.", 0)], True)[1]
    later = {signed[0]: [np.array([6]).tobytes()]}
    packed = b"".join(block for _, block in deduplication._bands(signed, later, 0.8))
    assert np.frombuffer(packed, deduplication._BAND)["position"].tolist() == [5] * 14


def test_no_rows_are_no_duplicates(left_out):
    assert left_out({shard(0): []}, "near") == {}


@pytest.fixture
def cycles_collected_early():
    """Beam's objects refer to each other: what waits for the collector would count as memory in use."""
    thresholds = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield
    gc.set_threshold(*thresholds)


@pytest.mark.usefixtures("cycles_collected_early")
@pytest.mark.parametrize("mode", ["exact", "near"])
def test_memory_does_not_depend_on_how_often_a_text_repeats(mode, monkeypatch):
    monkeypatch.setattr(deduplication, "_BATCH_ROWS", 200)

    def peak(rows: int) -> int:
        def repeated(shard: Shard):
            return (Occurrence(position_of(shard, row), "The same line again.", 0) for row in range(rows))

        found = []
        gc.collect()
        tracemalloc.start()
        with beam.Pipeline(argv=ONE) as pipeline:
            created = pipeline | beam.Create([shard(0), shard(1)]) | beam.FlatMap(repeated)
            _ = created | Duplicates(RowCleanupConfig(deduplicate=mode)) | beam.Map(len) | beam.Map(found.append)
        memory = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return memory

    peak(100)
    assert peak(10_000) < peak(500) + 300_000


@pytest.mark.beam_workers
@pytest.mark.parametrize("mode", ["exact", "near"])
def test_rows_left_out_are_those_of_one_worker(left_out, mode):
    rng = random.Random(0)
    shards = random_rows(rng, shards=6, rows=100)
    for rows in shards.values():
        words = rng.choices(WORDS, k=100)
        rows += [(text_of(edited(words, edits, rng)), 0) for edits in range(20)]
        rows += [(text_of(edited(WORDS[:100], edits, rng)), 0) for edits in range(20)]
        rng.shuffle(rows)
    one, two = (left_out(shards, mode, arguments) for arguments in (ONE, TWO))
    assert one == two
    reasons = {DUPLICATE, RELABELLED} | ({NEAR} if mode == "near" else set())
    assert set(one.values()) == reasons
