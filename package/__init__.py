"""ULMFiT and MultiFiT text models as TFX pipelines."""

__version__ = "0.1.0"
