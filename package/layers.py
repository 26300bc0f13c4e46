"""Keras layers of this package, to build models of one's own with. They stand wherever layers of Keras do."""

from ulmfit_tfx.trainer_modules.layers.awd_lstm import AWDLSTM
from ulmfit_tfx.trainer_modules.layers.numericalizer import SentencePieceNumericalizer
from ulmfit_tfx.trainer_modules.layers.pooling import ConcatPooling
from ulmfit_tfx.trainer_modules.layers.qrnn import QRNN, QRNNCell
from ulmfit_tfx.trainer_modules.layers.weight_drop_lstm_cell import WeightDropLSTMCell

__all__ = ["AWDLSTM", "QRNN", "ConcatPooling", "QRNNCell", "SentencePieceNumericalizer", "WeightDropLSTMCell"]
