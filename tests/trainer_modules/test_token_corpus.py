import json

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.schemas.feature_names import TOKEN_IDS
from ulmfit_tfx.trainer_modules.data import token_corpus
from ulmfit_tfx.trainer_modules.data.token_corpus import TokenCorpus, documents_of, write_corpus

DOCUMENTS = st.lists(st.lists(st.integers(0, 99), max_size=12), min_size=1, max_size=20).filter(any)


def as_arrays(documents):
    return [np.array(ids, np.int64) for ids in documents]


def fingerprint(documents, folder, vocab_size=100):
    return write_corpus(as_arrays(documents), folder / "corpus", vocab_size).fingerprint


@settings(deadline=None, max_examples=40)
@given(documents=DOCUMENTS, data=st.data())
def test_documents_are_read_as_they_were_written_in_any_order(documents, data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpora") / "corpus"
    write_corpus(as_arrays(documents), folder, 100)
    corpus = TokenCorpus.open(folder)
    kept = [ids for ids in documents if ids]
    assert (corpus.documents, corpus.pieces) == (len(kept), sum(map(len, kept)))
    numbers = data.draw(st.lists(st.integers(0, len(kept) - 1), max_size=10))
    read = corpus.read(np.array(numbers, np.int64))
    assert [ids.tolist() for ids in read] == [kept[number] for number in numbers]
    assert all(ids.dtype == np.int32 for ids in read)
    assert corpus.lengths(np.array(numbers, np.int64)).tolist() == [len(kept[number]) for number in numbers]


@pytest.mark.parametrize(("vocab_size", "bytes_an_id"), [(2**16, 2), (2**16 + 1, 4)])
def test_ids_take_two_bytes_where_all_fit(vocab_size, bytes_an_id, tmp_path):
    corpus = write_corpus(as_arrays([[0, vocab_size - 1], [7]]), tmp_path / "corpus", vocab_size)
    assert (tmp_path / "corpus" / "ids.bin").stat().st_size == 3 * bytes_an_id
    assert [ids.tolist() for ids in corpus.read(np.array([1, 0]))] == [[7], [0, vocab_size - 1]]


def test_fingerprint_does_not_depend_on_order_nor_on_the_folder(tmp_path):
    documents = [[5, 6], [7], [], [5, 6], [8, 9, 10]]
    assert fingerprint(documents, tmp_path / "a") == fingerprint(documents[::-1], tmp_path / "b")


@pytest.mark.parametrize(
    "other", [[[5, 6], [8]], [[5, 6]], [[5], [6, 7]], [[6, 5], [7]], [[5, 6], [7], [7]], [[5, 6, 7]]]
)
def test_fingerprint_depends_on_content(other, tmp_path):
    assert fingerprint(other, tmp_path / "other") != fingerprint([[5, 6], [7]], tmp_path / "one")


@pytest.mark.parametrize("counted_together", [1, 4, 100])
def test_pieces_are_counted_however_many_are_read_together(counted_together, tmp_path, monkeypatch):
    monkeypatch.setattr(token_corpus, "_COUNTED_TOGETHER", counted_together)
    corpus = write_corpus([np.array([5, 2, 5]), np.array([2, 2, 9, 0])], tmp_path / "corpus", 11)
    np.testing.assert_array_equal(corpus.counts(11), [1, 0, 3, 0, 0, 2, 0, 0, 0, 1, 0])


def test_interrupted_write_is_not_found_and_the_next_one_is(tmp_path):
    def interrupted():
        yield np.array([5, 6])
        raise KeyboardInterrupt

    folder = tmp_path / "corpus"
    with pytest.raises(KeyboardInterrupt):
        write_corpus(interrupted(), folder, 100)
    assert TokenCorpus.open(folder) is None
    written = write_corpus(as_arrays([[7, 8, 9]]), folder, 100)
    assert TokenCorpus.open(folder) == written
    assert written.read(np.array([0]))[0].tolist() == [7, 8, 9]
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]


def test_interrupted_write_leaves_the_corpus_before_it(tmp_path):
    def interrupted():
        yield np.array([5, 6])
        raise KeyboardInterrupt

    before = write_corpus(as_arrays([[7]]), tmp_path / "corpus", 100)
    with pytest.raises(KeyboardInterrupt):
        write_corpus(interrupted(), tmp_path / "corpus", 100)
    assert TokenCorpus.open(tmp_path / "corpus") == before


@pytest.mark.parametrize("documents", [[], [[]], [[], []]])
def test_corpus_without_ids_is_refused(documents, tmp_path):
    with pytest.raises(DataError, match="no text in its corpus split"):
        write_corpus(as_arrays(documents), tmp_path / "corpus", 100)
    assert TokenCorpus.open(tmp_path / "corpus") is None


def test_folder_holds_what_the_docstring_draws(tmp_path):
    write_corpus(as_arrays([[5, 6], [], [7]]), tmp_path / "corpus", 100)
    folder = tmp_path / "corpus"
    assert np.fromfile(folder / "ids.bin", "<u2").tolist() == [5, 6, 7]
    assert np.fromfile(folder / "ends.bin", "<i8").tolist() == [2, 3]
    facts = json.loads((folder / "corpus.json").read_text())
    assert sorted(facts) == ["documents", "dtype", "fingerprint", "pieces"]


def test_transformed_examples_are_read_from_all_files(tmp_path):
    rng = np.random.default_rng(0)
    documents = [rng.integers(0, 10**5, rng.integers(0, 9)).tolist() for _ in range(700)]
    files = [str(tmp_path / f"shard-{shard}.gz") for shard in range(2)]
    for shard, file in enumerate(files):
        with tf.io.TFRecordWriter(file, "GZIP") as writer:
            for ids in documents[shard * 350 : (shard + 1) * 350]:
                feature = {TOKEN_IDS: tf.train.Feature(int64_list=tf.train.Int64List(value=ids))}
                writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
    assert [ids.tolist() for ids in documents_of(files)] == documents


def test_no_files_hold_no_documents():
    assert list(documents_of([])) == []
