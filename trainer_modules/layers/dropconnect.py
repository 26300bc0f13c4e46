"""DropConnect (Wan et al. 2013), the weight dropout of AWD-LSTM (Merity et al. 2018, section 2)."""

import keras

from ulmfit_tfx.trainer_modules.layers.time_scan import Tensor


def dropconnect(kernel: Tensor, rate: float, seed: keras.random.SeedGenerator) -> Tensor:
    """A copy of a kernel with each weight dropped with probability `rate` and the others scaled up.

    The kernel itself stays as it is, so that the raw weights are what is trained, saved and exported.
    """
    return keras.random.dropout(keras.ops.convert_to_tensor(kernel), rate, seed=seed)
