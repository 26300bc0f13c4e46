"""Sources of labelled rows, of the class that their fields are of."""

from ulmfit_tfx.schemas.config.sources.labelled_texts import ClassifiedTextsConfig, NumberedTextsConfig


def labelled_texts(**fields):
    """Texts with numbers where there are columns with these, else with labels."""
    return (NumberedTextsConfig if "target_columns" in fields else ClassifiedTextsConfig)(**fields)
