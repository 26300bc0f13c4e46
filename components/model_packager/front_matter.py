"""The metadata of a model card, as the Hugging Face Hub reads them.

Keys: https://github.com/huggingface/hub-docs/blob/main/modelcard.md. There is no `language` and no `license`: a run
does not know them.
"""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from ulmfit_tfx.components.model_packager.scores import perplexities
from ulmfit_tfx.components.model_packager.sources import CardSources, file_name
from ulmfit_tfx.evaluation.catalogue import MODEL, SCORES

_LIBRARY = "tensorflow"
"""What loads the model. Under the Hub's names `keras` and `tf-keras` it shows code that loads Keras models, which a
SavedModel without Keras is not; of a library that it does not know it shows none."""


def front_matter(sources: CardSources) -> str:
    """The YAML between the card's lines `---`."""
    results = _results(sources)
    values: dict[str, Any] = {"library_name": _LIBRARY}
    if sources.card.command:
        values["pipeline_tag"] = sources.task.hub_tag
    values["tags"] = ["ulmfit-tfx", "ulmfit", sources.info.encoder.architecture.replace("_", "-"), "saved-model"]
    if results:
        values["metrics"] = list(dict.fromkeys(metric["type"] for metric in results["metrics"]))
        values["model-index"] = [{"name": sources.config["name"], "results": [results]}]
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)


def _results(sources: CardSources) -> dict[str, Any] | None:
    """On the test split, or where it was not scored on the eval split, as is then said."""
    path, split = sources.source["path"], "eval"
    scores: Mapping[str, Any] = {}
    if sources.held_out is not None:
        path, split = sources.source.get("test_path") or path, "test"
        scores = sources.held_out.systems[MODEL]
    elif sources.evaluation is not None:
        path, scores = sources.source.get("eval_path") or path, sources.evaluation.scores
    metrics = [
        {"type": SCORES[name].hub_metric, "value": score.value, "name": SCORES[name].title}
        for name, score in scores.items()
    ]
    if sources.own_perplexity is not None:
        metrics = [
            {"type": SCORES["perplexity"].hub_metric, "value": value, "name": title}
            for title, value in perplexities(sources.own_perplexity.overall)
        ]
    if not metrics:
        return None
    return {
        "task": {"type": sources.task.hub_tag, "name": sources.info.task.replace("_", " ")},
        "dataset": {"type": _identifier(path, sources.config["name"]), "name": file_name(path), "split": split},
        "metrics": metrics,
    }


def _identifier(path: str, otherwise: str) -> str:
    """The Hub demands one of a data set; that of a file is its name without suffix."""
    return re.sub(r"[^\w-]+", "-", file_name(path).partition(".")[0]).strip("-") or otherwise
