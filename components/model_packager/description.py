"""What a card says of a model in words and facts: what it is, what it is for, how it was trained."""

from collections.abc import Iterator, Sequence
from typing import Any

from ulmfit_tfx.components.model_packager.scores import number, perplexities
from ulmfit_tfx.components.model_packager.sources import CardSources, file_name
from ulmfit_tfx.schemas.config import EncoderConfig

Facts = list[tuple[str, str]]

_ARCHITECTURES = {"qrnn": "QRNN (MultiFiT)", "awd_lstm": "AWD-LSTM (ULMFiT)"}

_OPTIMIZATION = (
    "epochs",
    "batch_size",
    "learning_rate",
    "schedule",
    "weight_decay",
    "gradient_clip_norm",
    "layer_rate_factor",
    "early_stopping_patience",
)
_HYPERPARAMETERS = {
    "training": (*_OPTIMIZATION, "best_by", "gradual_unfreezing", "max_seq_len", "chunk_pieces", "gradient_pieces"),
    "head": ("hidden_size", "dropout", "batch_norm", "pooled_pieces"),
    "classification": ("class_weights", "label_smoothing"),
    "regression": ("loss", "normalize", "bounds", "balance"),
    "tagging": ("alignment", "decoder", "window_overlap", "context_layer"),
    "language_model": (*_OPTIMIZATION, "direction", "mode", "label_smoothing"),
}
_SECTIONS = {
    "classification": ("training", "head", "classification"),
    "regression": ("training", "head", "regression"),
    "tagging": ("training", "tagging"),
    "language_model": (),
}


def lead(sources: CardSources) -> str:
    """The sentence that says what the model does."""
    labels = len(sources.info["labels"])
    if sources.task == "classification":
        number_of = "one" if sources.details.get("label_separator") is None else "any number"
        return f"A text classifier: it gives a text {number_of} of {labels} labels, with probabilities."
    if sources.task == "regression":
        return f"A text regressor: it gives a text a number for {', '.join(sources.details['targets'])}."
    if sources.task == "tagging":
        number_of = "one" if sources.details.get("tag_separator") is None else "any number"
        spans = "" if sources.details["scheme"] == "plain" else ", and so marks spans of words"
        return f"A sequence tagger: it gives each word of a text {number_of} of {labels} tags{spans}."
    return "A language model: it says how probable a text is, and which piece of text may stand next."


def model_facts(sources: CardSources) -> Facts:
    """Task, sizes, tokenizer and labels."""
    info, tokenizer = sources.info, sources.info["tokenizer"]
    encoder = EncoderConfig.model_validate(info["encoder"])
    sizes = ", ".join(f"{size:,}" for size in encoder.layer_sizes)
    directions = " and ".join(info["directions"])
    facts = [
        ("task", sources.task.replace("_", " ")),
        ("encoder", f"{_ARCHITECTURES[encoder.architecture]}, reads {directions}"),
        (
            "recurrent layers",
            f"{len(encoder.layer_sizes)}, of {sizes} units, on embeddings of {encoder.embedding_size}",
        ),
        ("parameters", f"{sources.parameters:,}"),
        ("tokenizer", f"SentencePiece, {tokenizer['model_type']}, {tokenizer['vocab_size']:,} pieces"),
    ]
    cleaning = [name.replace("_", " ") for name, is_on in info["cleaning"].items() if is_on]
    if cleaning:
        facts.append(("cleaning, part of the model", ", ".join(cleaning)))
    if info["labels"]:
        facts.append(("tags" if sources.task == "tagging" else "labels", ", ".join(info["labels"])))
    if "scheme" in sources.details:
        facts.append(("tag scheme", sources.details["scheme"]))
    return facts


def limits(sources: CardSources) -> Iterator[str]:
    """What a user has to know before trusting an answer."""
    yield from _limits_of_the_task(sources)
    if sources.info["cleaning"]["lower_case"]:
        yield "Upper and lower case are the same to it."
    yield (
        "Its languages are those of its training texts; the run did not record which these are. Nor was it examined "
        "for bias against groups of people."
    )
    yield _origin_of_the_scored_rows(sources)


def _limits_of_the_task(sources: CardSources) -> Iterator[str]:
    longest = sources.info["max_seq_len"]
    if sources.task == "tagging":
        overlap = sources.config["tagging"]["window_overlap"]
        yield (
            f"Texts of more than {longest:,} pieces are tagged in windows of that length, which share {overlap:,}: "
            "a tag depends on what is in its window."
        )
    elif sources.task == "language_model":
        yield f"What follows a text is predicted from {longest:,} pieces at most."
    else:
        yield f"Of a text only the first {longest:,} pieces count."
    if sources.task == "classification" and sources.details.get("label_separator") is None:
        yield "Any text gets one of the labels, also one that none of them fits."
    elif sources.task == "classification":
        yield f"A label is given from a probability of {sources.details['threshold']:g} on, which may be none at all."
    elif sources.task == "regression" and (bounds := sources.config["regression"]["bounds"]):
        yield f"Answers lie between {bounds[0]:g} and {bounds[1]:g}."


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
    if language_model is not None and sources.task != "language_model":
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
    sections = [*(["language_model"] if sources.config["language_model"] is not None else []), *_SECTIONS[sources.task]]
    facts = [("seed", str(sources.config["seed"]))]
    for section in sections:
        values = sources.config[section]
        facts += [(f"{section}.{name}", _shown(values[name])) for name in _HYPERPARAMETERS[section] if name in values]
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
    """What calibration did; "" where the model has no probabilities or a CRF decodes them."""
    if "temperature" not in sources.details:
        return ""
    if not sources.config["training"]["calibrate"]:
        return "The probabilities are not calibrated."
    return (
        f"The probabilities are calibrated: logits are divided by {sources.details['temperature']:.4f}, a temperature "
        "fitted on the eval split."
    )
