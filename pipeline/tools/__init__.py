"""Tools beside pipelines: examine an installation, clean up, train tokenizers, find skew in served texts."""
