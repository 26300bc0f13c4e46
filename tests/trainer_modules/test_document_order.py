import numpy as np
import pytest

from ulmfit_tfx.trainer_modules.data.document_order import DocumentOrder


def order_of(count, seed=1, epoch=0):
    return DocumentOrder(count, seed, epoch)[:].tolist()


@pytest.mark.parametrize("count", [1, 2, 3, 7, 64, 1000])
def test_every_document_has_one_position(count):
    for epoch in range(3):
        assert sorted(order_of(count, epoch=epoch)) == list(range(count))


@pytest.mark.parametrize("seed", [0, 42, 2**31 - 1, 2**40])
def test_order_repeats_and_differs_by_epoch_and_seed(seed):
    first = order_of(100, seed)
    assert first == order_of(100, seed)
    assert first != order_of(100, seed, epoch=1)
    assert first != order_of(100, seed + 1)
    assert first != list(range(100))


def test_part_of_the_order_is_that_part_of_the_whole():
    order = DocumentOrder(50, seed=3, epoch=2)
    whole = order[:].tolist()
    assert order[10:30].tolist() == whole[10:30]
    assert order[40:90].tolist() == whole[40:]
    assert order[50:60].tolist() == []


def test_without_a_seed_documents_stay_in_order():
    assert DocumentOrder(5, None)[1:9].tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("count", [3, 10])
def test_each_document_comes_first_about_as_often_as_any_other(count):
    epochs = 100 * count
    firsts = np.bincount([int(DocumentOrder(count, 7, epoch)[:1][0]) for epoch in range(epochs)], minlength=count)
    expected, deviation = epochs / count, np.sqrt(epochs / count)
    assert np.abs(firsts - expected).max() < 5 * deviation
