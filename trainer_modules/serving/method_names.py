"""Says in a SavedModel which API of TensorFlow Serving each signature is for."""

import tensorflow as tf
from tensorflow.python.saved_model import fingerprinting_utils

from ulmfit_tfx.trainer_modules.serving.signature_defs import signature_defs
from ulmfit_tfx.trainer_modules.serving.signature_names import METHOD_NAMES


def set_method_names(folder: str) -> None:
    """Names the methods of the signatures for TensorFlow Serving's Classify and Regress APIs, see `METHOD_NAMES`.

    `tf.saved_model.save` calls all methods `tensorflow/serving/predict`. A model without these signatures stays as is.

    Args:
        folder: Of the SavedModel, local or remote. Its `saved_model.pb` and the fingerprint of that are written anew.
    """
    found = METHOD_NAMES.keys() & signature_defs(folder).keys()
    if not found:
        return
    updater = tf.compat.v1.saved_model.signature_def_utils.MethodNameUpdater(folder)
    for name in found:
        updater.replace_method_name(name, METHOD_NAMES[name], tf.saved_model.SERVING)
    updater.save()
    fingerprinting_utils.write_fingerprint(folder)  # it holds a checksum of the signatures
