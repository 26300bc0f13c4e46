import numpy as np
import pytest
import tensorflow as tf
from exported_models import LABELS, export_model
from tensorflow.core.protobuf import fingerprint_pb2
from tensorflow.python.saved_model.pywrap_saved_model import fingerprinting

from ulmfit_tfx.trainer_modules.serving.loaded_model import load
from ulmfit_tfx.trainer_modules.serving.method_names import set_method_names
from ulmfit_tfx.trainer_modules.serving.signature_defs import signature_defs

PREDICT = "tensorflow/serving/predict"
TEXTS = ["a great film", "", "Tedious, naïve and a dull story " * 20]


def examples(texts):
    def example(text):
        value = tf.train.Feature(bytes_list=tf.train.BytesList(value=[text.encode()]))
        return tf.train.Example(features=tf.train.Features(feature={"text": value})).SerializeToString()

    return tf.constant([example(text) for text in texts])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("classifier", {"classify": "tensorflow/serving/classify"}),
        ("multi_label", {"classify": "tensorflow/serving/classify"}),
        ("regressor", {"regress": "tensorflow/serving/regress"}),
        ("several_targets", {}),
        ("tagger", {}),
        ("language_model", {}),
    ],
)
def test_method_names_are_those_that_tensorflow_serving_looks_for(exported_model, kind, expected):
    found = {name: signature.method_name for name, signature in signature_defs(str(exported_model(kind))).items()}
    assert found == dict.fromkeys(found, PREDICT) | expected


@pytest.mark.parametrize("kind", ["classifier", "multi_label"])
def test_classify_gives_the_classes_and_probabilities_of_serving_default(exported_model, kind):
    signatures = load(exported_model(kind))
    found = signatures["classify"](inputs=examples(TEXTS))
    probabilities = signatures["serving_default"](string_inputs=tf.constant(TEXTS))["probabilities"]
    np.testing.assert_allclose(found["scores"], probabilities, atol=1e-6)
    assert found["classes"].numpy().tolist() == [[label.encode() for label in LABELS]] * len(TEXTS)


def test_regress_gives_the_number_of_serving_default(exported_model):
    signatures = load(exported_model("regressor"))
    found = signatures["regress"](inputs=examples(TEXTS))["outputs"]
    scores = signatures["serving_default"](string_inputs=tf.constant(TEXTS))["scores"]
    assert found.shape == (len(TEXTS),)
    assert len(set(found.numpy())) == len(TEXTS)
    np.testing.assert_allclose(found, scores[:, 0], atol=1e-6)


def test_fingerprint_is_that_of_the_file_with_the_names(exported_model):
    folder = str(exported_model("classifier"))
    expected = fingerprint_pb2.FingerprintDef.FromString(fingerprinting.CreateFingerprintDef(folder))
    found = tf.saved_model.experimental.read_fingerprint(folder)
    for field in ("saved_model_checksum", "graph_def_program_hash", "signature_def_hash"):
        assert getattr(found, field) == getattr(expected, field), field


def test_names_are_set_in_a_folder_given_by_its_url(tmp_path, spm_model):
    folder = export_model("classifier", f"file://{tmp_path}/model", spm_model)
    assert signature_defs(folder)["classify"].method_name == "tensorflow/serving/classify"


def test_model_of_other_signatures_stays_as_it_is(exported_model):
    file = exported_model("tagger") / "saved_model.pb"
    before = file.stat().st_mtime_ns
    set_method_names(str(exported_model("tagger")))
    assert file.stat().st_mtime_ns == before
