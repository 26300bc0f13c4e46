import importlib.util
import random
from pathlib import Path

import pytest

from ulmfit_tfx.transforms.records.record import Row


@pytest.fixture(scope="module")
def tagging_baselines():
    path = Path(__file__).parents[2] / "benchmarks" / "tagging_baselines.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_field_learns_what_the_word_before_and_the_suffix_tell_of_words_that_it_has_not_seen(tagging_baselines):
    pytest.importorskip("sklearn_crfsuite")
    chance = random.Random(0)

    def row():
        """Of tags that no word tells by itself: a name is what follows Mr, a verb what ends in -ing."""
        words, tags = [], []
        for _ in range(6):
            stem = "".join(chance.choices("abcdefghklmop", k=6))
            options = [(["Mr", stem], ["O", "NAME"]), ([f"{stem}ing"], ["VERB"]), ([stem], ["O"])]
            added = chance.choice(options)
            words += added[0]
            tags += added[1]
        return Row(" ".join(words), words=tuple(words), tags=tuple(tags))

    train, test = [row() for _ in range(150)], [row() for _ in range(20)]
    found = tagging_baselines.crf_baseline(train, test)
    assert found == [list(tested.tags) for tested in test]
    assert tagging_baselines.crf_baseline(train, test) == found
