"""Writes SavedModels of the three tasks that answer by simple rules, with the signatures of a trained model.

What they answer can be said without them: a class by the words that are its name, a score by the length of the text, a
tag by the word's first character.
"""

from pathlib import Path

import tensorflow as tf
from model_infos import write_info

from ulmfit_tfx.trainer_modules.serving.method_names import set_method_names

CLASSES = ("bad", "good", "plain")
TARGETS = ("characters", "rows", "longest")
TAGS = ("O", "B-PER", "B-NUM")

_STRINGS = tf.TensorSpec([None], tf.string, name="string_inputs")
_SERIALIZED = tf.TensorSpec([None], tf.string, name="examples")
_INPUTS = tf.TensorSpec([None], tf.string, name="inputs")
_WORDS = tf.TensorSpec([None, None], tf.string, name="words")


def write_classifier(folder: Path, label_separator: str | None = None) -> Path:
    """A class is as probable as its name is frequent in the text; one label, or all of probability 1/2 and more."""

    def classify(texts):
        words = tf.strings.split(texts).to_tensor()
        counts = tf.reduce_sum(tf.cast(words[:, :, None] == tf.constant(CLASSES), tf.float32), axis=1)
        all_classes = tf.tile(tf.constant([CLASSES]), [tf.shape(texts)[0], 1])
        if label_separator is None:
            probabilities = (counts + 1) / tf.reduce_sum(counts + 1, axis=1, keepdims=True)
            label = tf.gather(tf.constant(CLASSES), tf.argmax(probabilities, axis=1))
        else:
            probabilities = counts / (counts + 1)
            order = tf.argsort(probabilities, direction="DESCENDING", stable=True)
            given = tf.gather(probabilities, order, batch_dims=1) >= 0.5
            names = tf.ragged.boolean_mask(tf.gather(tf.constant(CLASSES), order), given)
            label = tf.strings.reduce_join(names, axis=1, separator=label_separator)
        return {"label": label, "probabilities": probabilities, "all_classes": all_classes}

    def of_examples(outputs):
        return outputs | {"label": outputs["label"][:, None]}

    @tf.function(input_signature=[_INPUTS])
    def classes_and_scores(inputs):
        outputs = classify(_texts(inputs))
        return {"classes": outputs["all_classes"], "scores": outputs["probabilities"]}

    details = {"label_separator": label_separator, "threshold": 0.5, "temperature": 1.25}
    return _write(folder, "classification", CLASSES, details, classify, of_examples, classify=classes_and_scores)


def write_regressor(folder: Path) -> Path:
    """The scores are the text's characters, and the rows and the longest text of the batch that it came in."""

    def score(texts):
        characters = tf.cast(tf.strings.length(texts, "UTF8_CHAR"), tf.float32)
        rows = tf.size(texts)
        batch = tf.stack([tf.cast(rows, tf.float32), tf.reduce_max(characters)])
        scores = tf.concat([characters[:, None], tf.tile(batch[None], [rows, 1])], axis=1)
        return {"scores": scores, "all_targets": tf.tile(tf.constant([TARGETS]), [rows, 1])}

    return _write(folder, "regression", (), {"targets": list(TARGETS)}, score, dict)


def write_tagger(folder: Path) -> Path:
    """Words stand between single spaces. One that begins with a capital is a PER, one of digits a NUM, each a span."""

    def tag(words):
        is_word = words != ""
        tags = tf.where(tf.strings.regex_full_match(words, r"\p{Lu}.*"), "B-PER", "O")
        tags = tf.where(tf.strings.regex_full_match(words, "[0-9]+"), "B-NUM", tags)
        tags = tf.where(is_word, tags, "")
        scores = tf.where(tags == "O", 0.875, 0.75) * tf.cast(is_word, tf.float32)
        probabilities = tf.cast(tags[:, :, None] == tf.constant(TAGS), tf.float32) * scores[:, :, None]
        positions = {}
        for unit, name in (("BYTE", "bytes"), ("UTF8_CHAR", "chars")):
            lengths = tf.strings.length(words, unit)
            starts = tf.cumsum(lengths + 1, axis=1, exclusive=True) * tf.cast(is_word, tf.int32)
            positions |= {f"start_{name}": starts, f"end_{name}": starts + lengths}
        index = tf.broadcast_to(tf.range(tf.shape(words)[1])[None], tf.shape(words))
        spans = {
            "labels": tf.strings.regex_replace(tags, "^B-", ""),
            "texts": words,
            "scores": scores,
            "start_words": index,
            "end_words": index + 1,
            **positions,
        }
        is_entity = is_word & (tags != "O")
        return {
            "words": words,
            "word_counts": tf.reduce_sum(tf.cast(is_word, tf.int32), axis=1),
            **{f"word_{name}": value for name, value in positions.items()},
            "tags": tags,
            "scores": tf.identity(scores),
            "tag_probabilities": probabilities,
            "all_tags": tf.tile(tf.constant([TAGS]), [tf.shape(words)[0], 1]),
            "span_counts": tf.reduce_sum(tf.cast(is_entity, tf.int32), axis=1),
            **{f"span_{name}": tf.ragged.boolean_mask(value, is_entity).to_tensor() for name, value in spans.items()},
        }

    def of_texts(texts):
        return tag(tf.strings.split(texts).to_tensor())

    def of_examples(outputs):
        return outputs | {name: outputs[name][:, None] for name in ("word_counts", "span_counts")}

    details = {"scheme": "bio", "tag_separator": None, "threshold": 0.5, "decoder": "crf", "temperature": 1.0}
    return _write(folder, "tagging", TAGS, details, of_texts, of_examples, tag_words=tf.function(tag, [_WORDS]))


def _write(folder, task, labels, details, of_texts, of_examples, **more) -> Path:
    @tf.function(input_signature=[_STRINGS])
    def serving_default(string_inputs):
        return of_texts(string_inputs)

    @tf.function(input_signature=[_SERIALIZED])
    def serving_examples(examples):
        return of_examples(of_texts(_texts(examples)))

    signatures = {"serving_default": serving_default, "serving_examples": serving_examples, **more}
    tf.saved_model.save(tf.Module(), str(folder), signatures=signatures)
    set_method_names(str(folder))
    write_info(folder, task, labels, details)
    return folder


def _texts(examples):
    return tf.io.parse_example(examples, {"text": tf.io.FixedLenFeature([], tf.string)})["text"]
