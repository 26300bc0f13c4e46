"""With batching, TensorFlow Serving joins requests along the first axis, and cuts the answers apart there."""

import numpy as np
import pytest
import tensorflow as tf

from ulmfit_tfx.trainer_modules.serving.loaded_model import load

SHORT = ["a dull plot", "warm music."]
LONG = ["a tender and moving story and a brilliant cast and a funny ending.", ""]
FLAT = "string_encoder_flat"
"""Its outputs have a row for each piece: a server that batches refuses them."""


@pytest.fixture(scope="module", params=("classifier", "tagger", "language_model"))
def signatures(request, exported_model):
    """Signatures whose input is one string a row, by name: what asks each of texts."""

    def asking(function):
        [(name, _)] = function.structured_input_signature[1].items()
        return lambda texts: {
            key: value.numpy()
            for key, value in function(
                **{name: tf.constant(texts if name == "string_inputs" else examples(texts))}
            ).items()
        }

    found = {}
    for name, function in load(exported_model(request.param)).items():
        [spec] = function.structured_input_signature[1].values()
        if spec.dtype == tf.string and spec.shape.rank == 1:
            found[name] = asking(function)
    return found


def examples(texts):
    features = [tf.train.Feature(bytes_list=tf.train.BytesList(value=[text.encode()])) for text in texts]
    return [
        tf.train.Example(features=tf.train.Features(feature={"text": feature})).SerializeToString()
        for feature in features
    ]


def test_answers_to_joined_requests_are_those_to_each_but_for_padding(signatures):
    assert len(signatures) >= 4
    for signature in signatures.keys() - {FLAT}:
        joined, alone = signatures[signature](SHORT + LONG), signatures[signature](SHORT)
        for name, expected in alone.items():
            assert len(joined[name]) == len(SHORT + LONG), f"{signature}/{name}"
            part = joined[name][tuple(slice(size) for size in expected.shape)]
            if expected.dtype.kind == "f":
                np.testing.assert_allclose(part, expected, atol=1e-5, err_msg=f"{signature}/{name}")
            else:
                np.testing.assert_array_equal(part, expected, err_msg=f"{signature}/{name}")


def test_flat_form_cannot_be_cut_apart(signatures):
    answers = signatures[FLAT](SHORT + LONG)
    assert len(answers["output_rows"]) == len(SHORT + LONG) != len(answers["output_flat"])
