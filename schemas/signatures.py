"""The public contract of an exported SavedModel: signature, input and output names.

Clients of published models rely on these names, shapes and dtypes, so a change here is a breaking change.
B is the batch size, T the padded length, D the encoder's output size, C the number of classes.
"""

MODEL_INFO_FILE = "assets.extra/ulmfit_tfx.json"
"""File in a SavedModel that says what the model is."""

STRING_INPUTS = "string_inputs"
NUMERICALIZED = "numericalized"
OUTPUT = "output"
MASK = "mask"
LENGTHS = "lengths"
EXAMPLES = "examples"
LABEL = "label"
PROBABILITIES = "probabilities"
ALL_CLASSES = "all_classes"

STRING_ENCODER = "string_encoder"
"""string [B] -> output float32 [B,T,D], numericalized int32 [B,T], mask bool [B,T], lengths int32 [B]."""
NUMERICALIZED_ENCODER = "numericalized_encoder"
"""int32 [B,T] -> output float32 [B,T,D], mask bool [B,T]."""
SPM_PROCESSOR = "spm_processor"
"""string [B] -> numericalized int32 [B,T], mask bool [B,T]."""
STRING_ENCODER_FLAT = "string_encoder_flat"
"""string [B] -> output_flat float32 [sum of lengths, D], output_rows int32 [B], and the same for numericalized.

Only where `fixed_seq_len` is null: TF Serving cannot return ragged tensors, so rows come end to end with their lengths.
"""
SERVING_DEFAULT = "serving_default"
"""Classifier: string [B] -> label string [B], probabilities float32 [B,C], all_classes string [B,C]."""
SERVING_EXAMPLES = "serving_examples"
"""Classifier: serialized tf.Example string [B] -> label string [B,1], probabilities [B,C], all_classes [B,C].

Strings have rank 2 because BulkInferrer fails on rank 1.
"""
