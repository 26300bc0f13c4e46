"""Writes what TextTransform hands to a `run_fn`, without Beam: transformed examples, label vocabulary, tokenizer."""

from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import tensorflow as tf

from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.tasks import labelled_task
from ulmfit_tfx.transforms.records.record import Row
from ulmfit_tfx.transforms.tokenization import Tokenizer
from ulmfit_tfx.transforms.tokenizer_files import write_tokenizer
from ulmfit_tfx.transforms.word_features import word_feature_ids
from ulmfit_tfx.transforms.word_pieces import word_pieces

CONFIG = {
    "name": "tiny",
    "data": {"path": "rows", "format": "tsv"},
    "encoder": {"embedding_size": 12, "hidden_sizes": [16, 12]},
    "training": {"epochs": 2, "batch_size": 16, "max_seq_len": 48, "learning_rate": 0.02},
}


def write_inputs(folder: Path, tokenizer: Tokenizer, config: PipelineConfig, train: list[Row], evaluation: list[Row]):
    """Writes the files of a training and returns its `FnArgs`, with the `custom_config` that the graph gives it.

    Of the head's branches there is the recurrent one alone, where the configuration names none.
    """
    # A fresh one: that of the training before is gone, see `Tokenizer.op`.
    tokenizer = Tokenizer(tokenizer.model, tokenizer.config, tokenizer.cleaning)
    labels = _labels(config, train)
    (folder / "transform_fn" / "assets").mkdir(parents=True)
    (folder / "transform_fn" / "assets" / "labels").write_text("".join(f"{label}\n" for label in labels))
    model = tokenizer.model
    write_tokenizer(str(folder / "tokenizer"), model, tokenizer.config, tokenizer.cleaning)
    for name, rows in (("train", train), ("eval", evaluation)):
        with tf.io.TFRecordWriter(str(folder / f"{name}.gz"), "GZIP") as writer:
            for row, pieces in zip(rows, _pieces(config, tokenizer, rows), strict=True):
                features = _features(config, tokenizer, labels, row, pieces)
                writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    sections = ("encoder", "head", "training", "export")
    custom_config = {name: getattr(config, name).model_dump(mode="json") for name in sections}
    if "branches" in custom_config["head"]:
        custom_config["head"]["branches"] = custom_config["head"]["branches"] or ["recurrent"]
    custom_config |= labelled_task(config.task).training_config(config)
    return SimpleNamespace(
        custom_config=custom_config | {"seed": config.seed, "checkpoints": str(folder / "checkpoints")},
        transform_graph_path=str(folder),
        train_files=[str(folder / "train.gz")],
        eval_files=[str(folder / "eval.gz")],
        base_model=None,
        model_run_dir=str(folder / "model_run"),
        serving_model_dir=str(folder / "model"),
    )


def _labels(config: PipelineConfig, rows: list[Row]) -> list[str]:
    counts: Counter = Counter()
    for row in rows:
        counts.update(row.labels or ([row.label] if row.label else []))
        counts.update(label for tag in row.tags for label in _split(tag, config.tagging.tag_separator))
    return [label for label, _ in counts.most_common()]


def _pieces(config, tokenizer, rows):
    """Ids of the pieces of each row, of each word where it has words."""
    if rows and rows[0].words:
        return word_pieces(tokenizer, tf.ragged.constant([row.words for row in rows]))
    return tokenizer.tokenize(tf.constant([row.text for row in rows], tf.string), config.training.max_seq_len)


def _features(config, tokenizer, labels, row, pieces):
    if row.words:
        several = [_split(tag, config.tagging.tag_separator) for tag in row.tags]
        more = {"tag_counts": _ints(map(len, several))} if config.tagging.tag_separator else {}
        if config.tagging.word_features is not None:
            of_words = word_feature_ids(tf.constant(row.words), tokenizer.cleaning)
            more["word_feature_ids"] = _ints(of_words.numpy().ravel())
        return more | {
            "token_ids": _ints(pieces.flat_values.numpy()),
            "piece_counts": _ints(pieces.row_lengths().numpy()),
            "tag_ids": _ints(labels.index(tag) if tag in labels else -1 for tags in several for tag in tags),
        }
    text = tf.train.Feature(bytes_list=tf.train.BytesList(value=[row.text.encode()]))
    features = {"token_ids": _ints(pieces.numpy()), "text": text}
    if row.label is not None:
        features["label_id"] = _ints([labels.index(row.label) if row.label else -1])
    if row.labels is not None:
        features["label_ids"] = _ints(labels.index(label) for label in row.labels)
    if row.targets:
        features["targets"] = _floats(row.targets)
    if row.teacher_probabilities:
        features["teacher_probabilities"] = _floats(row.teacher_probabilities)
        features["is_transfer"] = _ints([row.is_transfer])
    if row.weight is not None:
        features["weight"] = _floats([row.weight])
    return features


def _split(tag, separator):
    return [part for part in tag.split(separator) if part] if separator else [tag]


def _ints(values):
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def _floats(values):
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))
