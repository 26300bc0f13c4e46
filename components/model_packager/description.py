"""What a card says of a model in words and facts: what it is, what it is for, how it was trained."""

from collections.abc import Iterator, Sequence
from typing import Any

from ulmfit_tfx.components.model_packager.scores import number, perplexities
from ulmfit_tfx.components.model_packager.sources import CardSources, file_name
from ulmfit_tfx.tasks.language_model.card import HYPERPARAMETERS

Facts = list[tuple[str, str]]

_ARCHITECTURES = {"qrnn": "QRNN (MultiFiT)", "awd_lstm": "AWD-LSTM (ULMFiT)"}


def model_facts(sources: CardSources) -> Facts:
    """Task, sizes, tokenizer and labels."""
    info, card = sources.info, sources.card
    encoder, tokenizer = info.encoder, info.tokenizer
    sizes = ", ".join(f"{size:,}" for size in encoder.hidden_sizes)
    directions = " and ".join(info.directions)
    facts = [
        ("task", info.task.replace("_", " ")),
        ("encoder", f"{_ARCHITECTURES[encoder.architecture]}, reads {directions}"),
        (
            "recurrent layers",
            f"{len(encoder.hidden_sizes)}, of {sizes} units, on embeddings of {encoder.embedding_size}",
        ),
        ("parameters", f"{sources.parameters:,}"),
        ("tokenizer", f"SentencePiece, {tokenizer.model_type}, {tokenizer.vocab_size:,} pieces"),
    ]
    cleaning = [name.replace("_", " ") for name, is_on in info.cleaning.model_dump().items() if is_on]
    if cleaning:
        facts.append(("cleaning, part of the model", ", ".join(cleaning)))
    if info.labels:
        facts.append((card.labels, ", ".join(info.labels)))
    return [*facts, *card.facts.items()]


def limits(sources: CardSources) -> Iterator[str]:
    """What a user has to know before trusting an answer."""
    yield from sources.card.limits
    if sources.evaluation is None and sources.rows is not None and (warning := sources.rows.recut_warning()):
        yield warning  # of a scored model it stands among the warnings of the scores
    if sources.info.cleaning.lower_case:
        yield "Upper and lower case are the same to it."
    yield (
        "Its languages are those of its training texts; the run did not record which these are. Nor was it examined "
        "for bias against groups of people."
    )
    yield _origin_of_the_scored_rows(sources)


def _origin_of_the_scored_rows(sources: CardSources) -> str:
    source = sources.source
    if files := [file_name(source[key]) for key in ("eval_path", "test_path") if source.get(key)]:
        return f"It was scored on rows of files of their own ({', '.join(files)}). Other texts may differ from these."
    if source.get("split_column"):
        return f"It was scored on rows that the data set apart in the column {source['split_column']}."
    return (
        "It was scored on rows of the same files as it was trained on, set apart by chance. Texts of another origin or "
        "time may differ more from these than the scores tell."
    )


def origin(sources: CardSources) -> str:
    """What the training began with."""
    pretrained, language_model = sources.config["pretrained"], sources.config["language_model"]
    parts = []
    if pretrained is not None:
        parts.append(f"The encoder was imported from {file_name(pretrained['checkpoint'])}.")
    if language_model is not None and sources.is_of_rows:
        corpus = file_name(sources.config["corpus"]["path"])
        began = "then trained further" if pretrained is not None else "first trained"
        measured = ""
        if sources.perplexity is not None:
            found = "; ".join(f"{title}: {number(value)}" for title, value in perplexities(sources.perplexity.overall))
            measured = f", with this on its eval split: {found}" if found else ""
        parts.append(f"The encoder was {began} as a language model on {corpus}{measured}.")
    return " ".join(parts) or "All weights were trained from scratch."


def hyperparameters(sources: CardSources) -> Facts:
    """Fields of the configuration that the training followed, by their names in it; those without a value left out."""
    fields: dict[str, tuple[str, ...]] = {}
    if sources.config["language_model"] is not None:
        fields["language_model"] = HYPERPARAMETERS
    facts = [("seed", str(sources.config["seed"]))]
    for section, names in {**fields, **sources.card.hyperparameters}.items():
        values = sources.config[section]
        facts += [(f"{section}.{name}", _shown(values[name])) for name in names if name in values]
    return [(name, value) for name, value in facts if value]


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return ", ".join(f"{key}: {inner}" for key, inner in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def kept_epochs(sources: CardSources) -> str:
    """Which epoch's weights the model has; "" where that is not known."""
    epochs = sources.best_epochs
    if len(epochs) == 1:
        return f"The weights are those after epoch {next(iter(epochs.values()))}, the best on the eval split."
    each = ", ".join(f"epoch {epoch} reading {direction}" for direction, epoch in epochs.items())
    return f"The weights are those after {each}, the best on the eval split." if each else ""


def temperature(sources: CardSources) -> str:
    """What calibration did; "" where the model has no probabilities."""
    fitted = sources.card.temperature
    if fitted is None:
        return ""
    if not sources.config["training"]["calibrate"]:
        return "The probabilities are not calibrated."
    return (
        f"The probabilities are calibrated: logits are divided by {fitted:.4f}, a temperature fitted on the eval split."
    )
