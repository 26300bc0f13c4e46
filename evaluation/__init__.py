"""How good a model is: scores on arrays, the same as TFMA metrics, intervals, their catalogue, parts of reports."""
