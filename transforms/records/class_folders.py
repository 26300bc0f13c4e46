"""Folders of texts, a folder a class: each file is a text, and the folder that it lies in has the name of its label."""

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from ulmfit_tfx.schemas.config.sources.labelled_texts import ClassifiedTextsConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.schemas.labels import composed
from ulmfit_tfx.transforms.records.drop import Drop
from ulmfit_tfx.transforms.records.label_names import LabelNames
from ulmfit_tfx.transforms.records.line_blocks import read_whole
from ulmfit_tfx.transforms.records.lines import excerpt, is_longer
from ulmfit_tfx.transforms.records.record import Refusal, Row, RowError

CLASS_FOLDERS = "class_folders"
_OF_NO_CLASS = "file in no class folder"
_OTHER_CLASS = "folder not among labels"
_SPLITS = frozenset(("train", "training", "test", "dev", "val", "valid", "validation", "eval"))


def parse(stream: BinaryIO, source: str, config: ClassifiedTextsConfig) -> Iterator[Row | Refusal | Drop]:
    """Parses the file of one text.

    Of `path: train`, the file `train/good/7.txt` gives `Row(its text, label="good")`.

    Args:
        stream: The file's bytes.
        source: The file's path.
        config: Paths, labels, encoding and bounds.

    Yields:
        The row, or a refusal. Of a file that lies right in `path`, and of one in a folder that is not among `labels`,
        a `Drop`.
    """
    if _folder_of(source) in _roots(config):
        yield Drop(_OF_NO_CLASS)
        return
    label = composed(os.path.basename(_folder_of(source)))
    if config.labels is not None and label not in config.labels:
        yield Drop(_OTHER_CLASS)
        return
    blocks = list(read_whole(stream, source, config))
    if not blocks:
        yield Refusal(source, 1, "empty text", "the file is empty", "")
        return
    (block,) = blocks
    if isinstance(block, Refusal):
        yield block
        return
    text = block.text.strip()
    try:
        name = LabelNames(config.labels, config.label_names).name(label)
        if is_longer(text, config.max_row_bytes):
            raise RowError.too_long(config.max_row_bytes)
        yield Row(text, name, line=1)
    except RowError as error:
        yield error.refusal(source, 1, text)


def check_class_folders(path: str, files: Sequence[str], at_least: int = 2) -> None:
    """Demands that the folders of some files lie side by side, and that there are enough of them.

    Args:
        path: As it is configured.
        files: That it names.
        at_least: Folders that there have to be.

    Raises:
        DataError: There are fewer, or they are further below, such as in folders of splits.
    """
    root = _plain(path)
    beside: dict[str, set[str]] = defaultdict(set)
    for file in files:
        folder = _folder_of(file)
        if folder != root:
            beside[os.path.dirname(folder)].add(os.path.basename(folder))
    splits = sorted(parent for parent in beside if os.path.basename(parent).lower() in _SPLITS)
    if len(beside) > 1 and splits:
        train = next((split for split in splits if "train" in os.path.basename(split).lower()), splits[0])
        others = [split for split in splits if split != train]
        fields = [
            f"{'test_path' if 'test' in os.path.basename(split).lower() else 'eval_path'}: {split}" for split in others
        ]
        raise DataError(f"{path}: has folders of splits. Set {' and '.join([f'path: {train}', *fields])}.")
    if len(beside) > 1:
        places = excerpt(", ".join(sorted(beside)))
        raise DataError(
            f"{path}: the folders of classes lie in several folders ({places}), expected side by side. Name one, or "
            "name the files by a pattern."
        )
    classes = sorted(name for names in beside.values() for name in names)
    if len(classes) < at_least:
        found = f"one, {classes[0]}" if classes else "none"
        raise DataError(
            f"{path}: format is {CLASS_FOLDERS}, expected two or more folders with the names of the labels, as in "
            f"{root}/good/1.txt and {root}/bad/1.txt. There is {found}."
        )


def _roots(config: ClassifiedTextsConfig) -> set[str]:
    return {_plain(path) for path in (config.path, config.eval_path, config.test_path) if path is not None}


def _plain(path: str) -> str:
    return path.rstrip("/")


def _folder_of(file: str) -> str:
    """The folder of a file; of a member right in an archive the archive."""
    return os.path.dirname(file).removesuffix("!")
