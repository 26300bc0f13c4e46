"""Shared fixtures: small data of our own, and one pipeline run that several tests look at."""

import os
import random
from pathlib import Path

import pytest
import yaml

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

WORDS = {
    "good": "great lovely moving brilliant tender funny warm superb delightful charming".split(),
    "bad": "dull awful clumsy tedious boring stale weak horrid painful dreadful".split(),
    "plain": "long blue early northern wooden square quiet daily annual paper".split(),
}
NOUNS = "film story cast plot scene music ending script camera director".split()


def review_rows(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """Texts and labels that a small model can tell apart."""
    rng = random.Random(seed)
    rows = []
    for _ in range(count):
        label = rng.choice(sorted(WORDS))
        words = [f"{rng.choice(WORDS[label])} {rng.choice(NOUNS)}" for _ in range(rng.randint(2, 12))]
        rows.append((" and a ".join(words) + rng.choice([".", "!", "?"]), label))
    return rows


def write_tsv(path: Path, rows: list[tuple[str, str]], header: tuple[str, str] = ("review", "mood")) -> Path:
    lines = ["\t".join(row) for row in [header, *rows]]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def tiny_config(data: Path, **sections) -> dict:
    """A configuration that trains in seconds."""
    config = {
        "name": "tiny",
        "data": {
            "path": str(data),
            "format": "tsv",
            "text_column": "review",
            "label_column": "mood",
            "length_buckets": [10, 20],
        },
        "cleaning": {"lower_case": True},
        "tokenizer": {"vocab_size": 200},
        "encoder": {"embedding_size": 16, "hidden_sizes": [24, 16]},
        "training": {"epochs": 4, "batch_size": 16, "max_seq_len": 64, "learning_rate": 0.02},
        "evaluation": {"thresholds": {"accuracy": 0.8, "auc": 0.85}},
        "sample_texts": ["a brilliant film and a tender story."],
    }
    for name, section in sections.items():
        config[name] = config.get(name, {}) | section if isinstance(section, dict) else section
    return config


def write_config(path: Path, config: dict) -> Path:
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def spm_model() -> bytes:
    """A SentencePiece model of 200 pieces."""
    from ulmfit_tfx.components.sentencepiece_trainer.executor import train
    from ulmfit_tfx.schemas.config import TokenizerConfig

    texts = [text for text, _ in review_rows(300)] + ["Żółć, naïve café — 12,345.67 €?"]
    return train(texts, TokenizerConfig(vocab_size=200), max_text_bytes=10_000)
