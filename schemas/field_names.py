"""What a field may be called that is looked for under another name, or in another section."""

import difflib
from collections.abc import Iterable, Mapping, Sequence

SYNONYMS: Mapping[str, Sequence[str]] = {
    "lr": ("learning_rate",),
    "bs": ("batch_size",),
    "batch": ("batch_size",),
    "epoch": ("epochs",),
    "num_epochs": ("epochs",),
    "n_epochs": ("epochs",),
    "num_train_epochs": ("epochs",),
    "max_len": ("max_seq_len",),
    "max_length": ("max_seq_len",),
    "seq_len": ("max_seq_len",),
    "train": ("training",),
    "trainer_args": ("training",),
    "model": ("encoder", "head"),
    "dataset": ("data",),
    "eval": ("evaluation",),
    "f1": ("macro_f1", "micro_f1", "entity_f1"),
    "precision": ("entity_precision",),
    "recall": ("entity_recall",),
    "ece": ("calibration_error",),
    "acc": ("accuracy",),
    "file": ("path",),
    "text": ("text_column",),
    "label": ("label_column",),
    "target": ("label_column", "target_columns"),
    "patience": ("early_stopping_patience",),
    "dropout": ("dropout", "dropouts"),
}
"""Names that other programs use, with ours."""
_MOST = 3


def likely(name: str, fields: Iterable[str], below: Mapping[str, Iterable[str]]) -> list[str]:
    """Fields that may be meant by a name that is none.

    >>> likely("lr", ["epochs", "learning_rate"], {})
    ['learning_rate']
    >>> likely("epochs", ["name", "training", "export"], {"training": ["epochs"]})
    ['training.epochs']
    >>> likely("trainig", ["training"], {})
    ['training']

    Args:
        name: As it was written.
        fields: Of the section.
        below: Fields of the sections in it, dotted where they are further below, by the names of these, the likeliest
            section first. No more than three of them are named.
    """
    here = list(fields)
    meant = (name, *SYNONYMS.get(name.lower(), ()))
    if known := [field for field in meant if field in here]:
        return known
    elsewhere = [f"{section}.{field}" for section, found in below.items() for field in found if _last(field) in meant]
    if elsewhere:
        return elsewhere[:_MOST]
    return difflib.get_close_matches(name, here, n=1, cutoff=0.5)


def _last(field: str) -> str:
    return field.rpartition(".")[2]
