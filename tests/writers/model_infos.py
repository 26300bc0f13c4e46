"""Information files of models, and what is read from them, for tests that need no model."""

import json
from pathlib import Path
from typing import Any

from ulmfit_tfx.tasks import model_info_of
from ulmfit_tfx.trainer_modules.serving.model_info import ModelInfo


def info_content(task: str, labels=(), details=None, **others) -> dict[str, Any]:
    """What a model's information file says, with small sizes."""
    content = {
        "task": task,
        "encoder": {"architecture": "qrnn", "embedding_size": 16, "hidden_sizes": [24, 16], "direction": "forward"},
        "max_seq_len": 64,
        "fixed_seq_len": None,
        "labels": list(labels),
        "directions": ["forward"],
        "details": details or {},
        "version": "0.1.0",
        "tokenizer": {
            "model_type": "bpe",
            "vocab_size": 200,
            "special_ids": {"unk": 0, "pad": 1, "bos": 2, "eos": 3},
            "add_bos": True,
            "add_eos": True,
            "sha256": "0" * 64,
        },
        "cleaning": {"lower_case": True, "strip_html": False},
        "weights": [],
    }
    if task == "regression":
        targets = content["details"].get("targets", [])
        scaling = {"mean": [0.0] * len(targets), "scale": [1.0] * len(targets)}
        content["details"] = {"targets": targets, "bounds": None, **scaling, **content["details"]}
    return content | others


def model_info(task: str, labels=(), details=None, **others) -> ModelInfo:
    """What is read from `info_content`."""
    return model_info_of(info_content(task, labels, details, **others), "model")


def write_info(folder: Path, task: str, labels=(), details=None, **others) -> None:
    """Writes the information file of a model."""
    file = folder / "assets.extra" / "ulmfit_tfx.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(info_content(task, labels, details, **others)))
