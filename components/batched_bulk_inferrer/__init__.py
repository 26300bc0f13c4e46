"""BatchedBulkInferrer: predictions of a model for many examples, in batches that fit into memory."""
