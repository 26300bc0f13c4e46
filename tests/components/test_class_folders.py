"""Folders of texts, a folder a class."""

import zipfile

import pytest
from sources import labelled_texts

from ulmfit_tfx.components.corpus_ingest.source_files import check_source, readable
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records.drop import Drop
from ulmfit_tfx.transforms.records.formats import parse
from ulmfit_tfx.transforms.records.record import Refusal, Row


@pytest.fixture
def put(tmp_path):
    def write(*names, content=None):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f" text of {name}\n" if content is None else content, encoding="utf-8")

    return write


def source(path, **config):
    return labelled_texts(path=str(path), format="class_folders", **config)


def read(config):
    records = []
    for file in check_source(config):
        with readable(file, config) as stream:
            records += parse(stream, file, config)
    return records


def test_label_is_the_name_of_the_folder(tmp_path, put):
    put("train/bad/1.txt", "train/good/1.txt", "train/good/2.txt")
    expected = [("bad/1.txt", "bad"), ("good/1.txt", "gut"), ("good/2.txt", "gut")]
    assert read(source(tmp_path / "train", label_names={"good": "gut"})) == [
        Row(f"text of train/{name}", label) for name, label in expected
    ]


def test_files_beside_the_folders_and_folders_that_are_not_among_the_labels_are_left_out(tmp_path, put):
    put("pos/1.txt", "neg/1.txt", "unsup/1.txt", "imdb.vocab")
    assert read(source(tmp_path, labels=["neg", "pos"])) == [
        Drop("file in no class folder"),
        Row("text of neg/1.txt", "neg"),
        Row("text of pos/1.txt", "pos"),
        Drop("folder not among labels"),
    ]


def test_file_without_text_is_refused_and_line_ends_stay(tmp_path, put):
    put("a/1.txt", content=" \n")
    put("b/1.txt", content="First.\n\n  Second.\n")
    refusal, row = read(source(tmp_path))
    assert refusal == Refusal(str(tmp_path / "a/1.txt"), 1, "empty text", "the file is empty", "")
    assert row == Row("First.\n\n  Second.", "b")


def test_folders_of_splits_are_answered_with_what_to_set_and_that_reads_them(tmp_path, put):
    put("train/pos/1.txt", "train/neg/1.txt", "test/pos/2.txt", "test/neg/2.txt", "README")
    with pytest.raises(DataError) as error:
        check_source(source(tmp_path))
    assert str(error.value) == (
        f"{tmp_path}: has folders of splits. Set path: {tmp_path}/train and test_path: {tmp_path}/test."
    )
    files = check_source(source(tmp_path / "train", test_path=str(tmp_path / "test")))
    assert list(files.values()) == [None, None, "test", "test"]


def test_one_folder_or_folders_in_several_places_are_an_error(tmp_path, put):
    put("a/x/1.txt")
    with pytest.raises(DataError, match=r"expected two or more folders with the names of the labels.* There is one, x"):
        check_source(source(tmp_path))
    put("b/x/1.txt")
    with pytest.raises(DataError, match=r"the folders of classes lie in several folders \(.*/a, .*/b\)"):
        check_source(source(tmp_path))


def test_folders_in_an_archive_and_by_a_pattern_are_classes(tmp_path, put):
    put("data/a/1.txt", "data/b/1.txt", "data/b/1.html")
    expected = [Row("text of data/a/1.txt", "a"), Row("text of data/b/1.txt", "b")]
    assert read(source(tmp_path / "data/*/*.txt")) == expected
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        for name in ("a/1.txt", "b/1.txt", "about.txt"):
            archive.writestr(name, f"text of data/{name}")
    assert read(source(tmp_path / "data.zip")) == [expected[0], Drop("file in no class folder"), expected[1]]
