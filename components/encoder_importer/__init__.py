"""EncoderImporter: reads pretrained encoders of fastai and of the old Keras package, without running their code."""
