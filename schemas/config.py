"""The YAML configuration of a pipeline, as validated data.

Every field stands here with its default, its bounds and what it means; `docs/configuration.md` is written from it.
"""

import re
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import (
    BaseModel,
    Field,
    NonNegativeInt,
    PositiveInt,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo

from ulmfit_tfx.schemas import beam_arguments
from ulmfit_tfx.schemas.kubeflow_config import KubeflowConfig
from ulmfit_tfx.schemas.section import Section
from ulmfit_tfx.schemas.serving_config import PushConfig, ServingConfig
from ulmfit_tfx.schemas.source_config import (
    TAGGED_FORMATS,
    TEXT_ROW_FORMATS,
    LabelledSourceConfig,
    Share,
    SourceConfig,
)
from ulmfit_tfx.schemas.user_code_config import ComponentConfig, MetricConfig, TrainerConfig

Probability = Annotated[float, Field(ge=0, lt=1)]
Direction = Literal["forward", "backward"]
BestBy = Literal["loss", "accuracy", "micro_f1"]
Task = Literal["classification", "regression", "tagging", "language_model"]
TagScheme = Literal["bio", "bioes", "plain"]

PAIR_SEPARATOR = "[SEP]"
"""Stands between the two texts of a pair where the configuration names no separator."""
LANGUAGE_MODEL_MEASURES = ("perplexity", "word_perplexity")

_SPECIAL_PIECES = ("<unk>", "<pad>", "<s>", "</s>")
_BYTES = 256
_BYTE_PIECE = re.compile("<0x[0-9A-F]{2}>")
# \u2581 is SentencePiece's sign for a space. Surrogates are no characters.
_NOT_IN_A_SYMBOL = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2581\ud800-\udfff]")


def section_of(field: FieldInfo, in_items: bool = False) -> type[BaseModel] | None:
    """The section that a field holds, or None where it holds a value.

    Args:
        field: Of a section.
        in_items: Of a field with several sections, by name or in a row, that of each.
    """
    if not in_items and get_origin(field.annotation) in (dict, tuple):
        return None
    for choice in (field.annotation, *get_args(field.annotation)):
        if isinstance(choice, type) and get_origin(choice) is None and issubclass(choice, BaseModel):
            return choice
    return None


class CleaningConfig(Section):
    """Cleaning that is part of the model's graph, the same in training and in serving."""

    strip_html: bool = Field(
        False, description="tags, comments and scripts go, common entities become their characters"
    )
    nfkc: bool = Field(False, description="Unicode's compatibility forms, such as full-width letters, are composed")
    separate_punctuation: bool = Field(
        False,
        description="a space on either side of punctuation marks, but those inside words and numbers, as in don't",
    )
    lower_case: bool = Field(False, description="Unicode lower case")


class TokenizerConfig(Section):
    """SentencePiece. Special ids are `<unk>`=0, `<pad>`=1, `<s>`=2, `</s>`=3."""

    prefix: str = Field("spm", pattern=r"^[\w.-]+$", description="file name: {prefix}-sp{N}k.model")
    vocab_size: int = Field(8000, ge=16, le=1_000_000, description="pieces")
    model_type: Literal["bpe", "unigram"] = Field("bpe", description="how pieces are found")
    character_coverage: float = Field(0.9995, gt=0.9, le=1, description="share of all characters that get a piece")
    user_defined_symbols: tuple[str, ...] = Field(("?", "!"), description="always pieces of their own")
    byte_fallback: bool = Field(
        False,
        description="characters without a piece become pieces of bytes, of which there are 256, and never `<unk>`",
    )
    normalization: Literal["nmt_nfkc", "nfkc", "nmt_nfkc_cf", "nfkc_cf", "identity"] = Field(
        "nmt_nfkc",
        description="part of the model: nfkc: Unicode's compatibility forms are composed; nmt: and white space and "
        "control characters become spaces or go; cf: and case is folded; identity: nothing",
    )
    split_digits: bool = Field(False, description="each digit is a piece of its own")
    sample_texts: PositiveInt = Field(1_000_000, description="train on at most so many texts, chosen by a seeded hash")
    sample_bytes: PositiveInt = Field(
        50_000_000,
        description="and on so many bytes of them: memory is a multiple of it, whatever the corpus; see "
        "docs/tokenizer.md",
    )
    add_bos: bool = Field(True, description="begin each text with `<s>`")
    add_eos: bool = Field(True, description="end each text with `</s>`")
    separator: str | None = Field(
        None,
        min_length=1,
        description="such as `[SEP]`: where it stands, a text is cut into parts, each with its own `<s>` and `</s>`. "
        "null: [SEP] where there is a second_text_column, else none",
    )

    @field_validator("user_defined_symbols")
    @classmethod
    def _symbols_can_be_pieces(cls, symbols: tuple[str, ...]) -> tuple[str, ...]:
        if "" in symbols or len(set(symbols)) < len(symbols):
            raise ValueError("holds an empty or a repeated symbol")
        for symbol in symbols:
            if symbol in _SPECIAL_PIECES:
                raise ValueError(
                    f"holds {symbol}, which is a special piece: a text could not hold it without becoming marked"
                )
            if _NOT_IN_A_SYMBOL.search(symbol):
                raise ValueError(f"holds {symbol!r}, with white space, a control character or \u2581 in it")
        return symbols

    @model_validator(mode="after")
    def _room_for_more_than_the_given_pieces(self):
        given = len(_SPECIAL_PIECES) + len(self.user_defined_symbols) + _BYTES * self.byte_fallback
        if self.vocab_size <= given:
            of_bytes = f", {_BYTES} of byte_fallback" if self.byte_fallback else ""
            raise ValueError(
                f"vocab_size is {self.vocab_size}, expected more than {given}: there are {len(_SPECIAL_PIECES)} "
                f"special pieces{of_bytes} and {len(self.user_defined_symbols)} of user_defined_symbols"
            )
        return self

    @model_validator(mode="after")
    def _no_piece_of_bytes_twice(self):
        for symbol in self.user_defined_symbols:
            if self.byte_fallback and _BYTE_PIECE.fullmatch(symbol):
                raise ValueError(f"user_defined_symbols holds {symbol}, which is a piece of byte_fallback")
        return self

    @property
    def file_stem(self) -> str:
        """File name without suffix: `spm-sp8k`, or the exact size below a thousand pieces, `spm-sp500`."""
        size = f"{self.vocab_size // 1000}k" if self.vocab_size >= 1000 else str(self.vocab_size)
        return f"{self.prefix}-sp{size}"


class EncoderDropoutConfig(Section):
    """Dropout rates of the encoder, AWD-LSTM section 4."""

    embedding: Probability = Field(0.02, description="whole words")
    input: Probability = Field(0.25, description="embedded input, one mask for all steps")
    hidden: Probability = Field(0.15, description="between recurrent layers, one mask for all steps")
    output: Probability = Field(0.1, description="after the last recurrent layer, one mask for all steps")
    weight: Probability = Field(0.2, description="DropConnect: recurrent kernel (AWD-LSTM), kernel (QRNN)")


class EncoderConfig(Section):
    """The recurrent encoder."""

    architecture: Literal["qrnn", "awd_lstm"] = "qrnn"
    embedding_size: PositiveInt = 400
    hidden_sizes: tuple[PositiveInt, ...] | None = Field(
        None, min_length=1, description="units of each layer. null: 1552,1552,1552,400 (qrnn), 1152,1152,400 (awd_lstm)"
    )
    qrnn_windows: tuple[PositiveInt, ...] = Field(
        (2, 1), min_length=1, description="kernel window of each QRNN layer; the last one stands for those that follow"
    )
    qrnn_pooling: Literal["f", "fo", "ifo"] = "fo"
    forget_convention: Literal["fastai", "paper"] = Field(
        "fastai", description="fastai: c = f*z + (1-f)*c_before; paper: c = f*c_before + (1-f)*z"
    )
    zoneout: Probability = Field(0.0, description="QRNN: share of the units that keep their state at a step")
    direction: Direction = Field(
        "forward", description="backward: texts are read from their end; the output stays in the order of the text"
    )
    dropout: EncoderDropoutConfig = EncoderDropoutConfig()

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Units of each recurrent layer."""
        if self.hidden_sizes is not None:
            return self.hidden_sizes
        return (1552, 1552, 1552, 400) if self.architecture == "qrnn" else (1152, 1152, 400)

    def window(self, layer: int) -> int:
        """Kernel window of a QRNN layer, counted from 0."""
        return self.qrnn_windows[min(layer, len(self.qrnn_windows) - 1)]


class PretrainedConfig(Section):
    """A pretrained encoder to import."""

    checkpoint: str = Field(
        min_length=1,
        description="fastai .pth, checkpoint or SavedModel of the old package, a folder that import-encoder wrote, or "
        "an archive of one of these",
    )
    format: Literal["auto", "fastai", "keras", "saved-model"] = Field("auto", description="auto: found out")
    tokenizer: str | None = Field(
        None, description="SentencePiece .model of the new encoder. null: the one that the checkpoint brings along"
    )
    source_tokenizer: str | None = Field(
        None,
        description="SentencePiece .model that the checkpoint was trained with, where `tokenizer` is another one: "
        "embeddings go to the pieces of the same text, new pieces get the mean",
    )
    lower_case: bool | None = Field(
        None, description="texts are lower-cased. null: as the checkpoint says, or the preset that its name is of"
    )
    add_bos: bool | None = Field(None, description="begin each text with `<s>`. null: as the checkpoint says, or true")
    add_eos: bool | None = Field(None, description="end each text with `</s>`. null: as the checkpoint says, or true")
    direction: Direction | None = Field(
        None, description="in which texts were read in pretraining. null: as the checkpoint says, or forward"
    )
    separator: str | None = Field(None, min_length=1, description="as tokenizer.separator")


class HeadConfig(Section):
    """The task head on the concat-pooled encoder output."""

    hidden_size: PositiveInt = 50
    dropout: tuple[Probability, Probability] = Field((0.2, 0.1), description="before the first and the last layer")
    batch_norm: bool = Field(True, description="as in fastai")
    pooled_pieces: PositiveInt | None = Field(
        None, description="pool over the last so many pieces of a text, as they are read. null: over all"
    )
    pairs: bool | None = Field(
        None,
        description="read and pool what stands before and after the first separator apart, and compare: both, their "
        "difference and their product. null: where there is a data.second_text_column",
    )


class ClassificationConfig(Section):
    """What a classifier learns from."""

    class_weights: Literal["balanced"] | dict[str, Annotated[float, Field(ge=0)]] | None = Field(
        None,
        description="of each class in the loss, by its name; balanced: rows / (classes * rows of the class). "
        "Not with several labels a row",
    )
    label_smoothing: Probability = Field(0.0, description="share of the target spread over all classes")
    threshold: float = Field(0.5, gt=0, lt=1, description="several labels a row: probability from which one is given")


class RegressionConfig(Section):
    """What a regressor learns from."""

    loss: Literal["mse", "mae", "huber"] = "mse"
    huber_delta: float = Field(1.0, gt=0, description="huber: where it becomes linear, in units of the learned numbers")
    normalize: Literal["standard", "range", "off"] = Field(
        "standard",
        description="what is learned: standard: numbers of mean 0 and deviation 1; range: from 0 to 1. Undone when "
        "serving",
    )
    bounds: tuple[float, float] | None = Field(
        None, description="lowest and highest answer, such as [1, 5]: a scaled sigmoid keeps answers between. null: any"
    )
    balance: Literal["off", "weights", "oversample"] = Field(
        "off",
        description="where some numbers dominate: rows of rare ones count more (weights) or occur more often "
        "(oversample), by bins of the first target",
    )
    balance_bins: int = Field(10, ge=2, le=1000, description="bins of equal width between the lowest and the highest")
    balance_limit: float = Field(10.0, ge=1, description="most that a row counts, or occurs, beside one that is common")

    @model_validator(mode="after")
    def _bounds_in_order(self):
        if self.bounds is not None and self.bounds[0] >= self.bounds[1]:
            raise ValueError(f"bounds is {list(self.bounds)}, expected the lower one first")
        return self


class TaggingConfig(Section):
    """What a tagger learns from, and how it cuts raw text into words."""

    scheme: TagScheme = Field(
        "bio",
        description="of the tags: bio (B-, I-, O), bioes (B-, I-, O, E-, S-) or plain, such as parts of speech. "
        "Formats with spans get tags of this scheme; others have to have them",
    )
    alignment: Literal["all_pieces", "first_piece"] = Field(
        "all_pieces",
        description="all_pieces: each piece of a word has its tag; first_piece: the first one, those that follow the "
        "tag inside the same entity",
    )
    decoder: Literal["softmax", "crf"] = "softmax"
    tag_separator: str | None = Field(
        None, min_length=1, description="a word has several tags, or none, with this between them: sigmoids. plain only"
    )
    threshold: float = Field(0.5, gt=0, lt=1, description="several tags a word: probability from which one is given")
    words: Literal["punctuation", "whitespace"] = Field(
        "punctuation",
        description="how raw text is cut into words: at white space, or at white space and around punctuation",
    )
    window_overlap: NonNegativeInt = Field(
        32, description="pieces that windows of training.max_seq_len share, where a sentence is longer"
    )
    context_layer: PositiveInt | None = Field(
        100,
        description="units, a direction, of a layer that reads the encoder's output in both directions: without it a "
        "word's tag knows nothing of the words after it, unless the encoder has both directions. null: none",
    )


class OptimizationConfig(Section):
    """What every training has."""

    epochs: PositiveInt = 4
    batch_size: PositiveInt = Field(32, description="rows of a step, shared out among the GPUs")
    learning_rate: float = Field(3e-3, gt=0, le=10, description="peak of the schedule")
    schedule: Literal["one_cycle", "slanted_triangular", "constant"] = "one_cycle"
    warm_up: float | None = Field(
        None,
        ge=0,
        le=1,
        description="share of the steps before the peak. null: 0.25 (one_cycle), 0.1 (slanted_triangular)",
    )
    momentum: tuple[Probability, Probability] | None = Field(
        None,
        description="one_cycle: Adam's beta_1 at the beginning and end, and at the peak, both below 1; fastai: 0.95, "
        "0.85. null: 0.9 throughout, as with the other schedules",
    )
    beta_2: Probability = Field(0.999, description="Adam's; fastai: 0.99")
    epsilon: float = Field(1e-7, gt=0, lt=1, description="Adam's; fastai: 1e-5")
    weight_decay: float = Field(0.01, ge=0, le=1, description="decoupled")
    gradient_clip_norm: float | None = Field(1.0, gt=0, description="of all gradients together")
    layer_rate_factor: float | None = Field(
        None,
        ge=1,
        le=100,
        description="each layer group learns so many times slower than the one above it. null: 2.6 for what starts "
        "from a pretrained encoder, else 1",
    )
    mixed_precision: Literal["auto", "off", "float16", "bfloat16"] = Field(
        "auto", description="of the layers' products; weights are float32. auto: float16 where there is a GPU, else off"
    )
    early_stopping_patience: PositiveInt | None = Field(
        None, description="stop after so many epochs none of which was the best so far. null: never"
    )
    checkpoint_seconds: float = Field(30.0, ge=0, description="least time between checkpoints; a killed run goes on")

    @field_validator("momentum")
    @classmethod
    def _momentum_lowest_at_the_peak(cls, momentum: tuple[float, float] | None) -> tuple[float, float] | None:
        if momentum is not None and momentum[0] < momentum[1]:
            raise ValueError("is in ascending order, expected the higher one first, such as [0.95, 0.85]")
        return momentum

    @property
    def warm_up_share(self) -> float:
        """Share of the steps before the peak of the schedule."""
        if self.warm_up is not None:
            return self.warm_up
        return 0.1 if self.schedule == "slanted_triangular" else 0.25


class TrainingConfig(OptimizationConfig):
    """Training of the task model."""

    max_seq_len: int = Field(256, ge=3, description="pieces; what is longer is cut")
    best_by: BestBy = Field(
        "loss",
        description="the epoch with the lowest eval loss, or with the highest eval accuracy, is kept, and counts for "
        "early stopping. With few labels the loss rises while the accuracy still does too. micro_f1: in place of the "
        "accuracy where a row or a word has several labels",
    )
    gradual_unfreezing: bool = Field(
        False, description="train the head alone in the first epoch, then one more layer group each epoch, top down"
    )
    chunk_pieces: PositiveInt | None = Field(
        None,
        description="read texts in chunks of so many pieces, the state carried over, so that memory does not grow with "
        "the length of the text. null: texts are read whole",
    )
    gradient_pieces: PositiveInt | None = Field(
        None, description="with chunk_pieces: gradients flow through the last so many pieces of a text. null: all"
    )
    calibrate: bool = Field(
        True, description="scale the probabilities by a temperature that is fitted on the eval split"
    )
    shuffle_buffer: PositiveInt = Field(20_000, description="texts held in memory for shuffling")

    @model_validator(mode="after")
    def _gradients_are_cut_between_chunks(self):
        if self.gradient_pieces is not None and self.chunk_pieces is None:
            raise ValueError("gradient_pieces is set and chunk_pieces is not")
        return self


class LanguageModelConfig(OptimizationConfig):
    """Pretraining of a language model on `corpus`, or fine-tuning of the imported one to it."""

    epochs: PositiveInt = 10
    batch_size: PositiveInt = Field(64, description="rows of a step, shared out among the GPUs")
    learning_rate: float = Field(5e-3, gt=0, le=10, description="peak of the schedule")
    momentum: tuple[Probability, Probability] | None = Field(
        (0.95, 0.85), description="one_cycle: Adam's beta_1 at the beginning and end, and at the peak. null: 0.9"
    )
    beta_2: Probability = Field(0.99, description="Adam's, as in fastai")
    epsilon: float = Field(1e-5, gt=0, lt=1, description="Adam's, as in fastai")
    gradient_clip_norm: float | None = Field(0.4, gt=0, description="of all gradients together")
    checkpoint_seconds: float = Field(300.0, ge=0, description="least time between checkpoints; a killed run goes on")
    direction: Literal["forward", "backward", "both"] = Field(
        "forward", description="of reading; both: two models, one after the other, whose predictions a task averages"
    )
    mode: Literal["stream", "sentences"] = Field(
        "stream",
        description="stream: documents end to end, the state carried from step to step. sentences: each text by itself",
    )
    bptt: int = Field(70, ge=2, description="stream: pieces a step")
    bptt_jitter: bool = Field(False, description="stream: steps of varying length (AWD-LSTM section 5)")
    min_seq_len: int = Field(3, ge=2, description="sentences: shorter ones are left out, in pieces")
    max_seq_len: int = Field(
        256, ge=3, description="sentences: longer ones are cut, in pieces. What the signature next_piece looks at"
    )
    dropout: EncoderDropoutConfig | None = Field(
        None, description="of the language model; null: encoder.dropout, which is then of both"
    )
    ar_alpha: float = Field(2.0, ge=0, description="activation regularization, AWD-LSTM section 4.4")
    tar_beta: float = Field(1.0, ge=0, description="temporal activation regularization")
    label_smoothing: Probability = Field(0.0, description="share of the target spread over all pieces")
    tied: bool | None = Field(None, description="head weights are the embeddings. null: where the sizes allow it")
    max_logits: PositiveInt = Field(
        4_000_000, description="logits in memory at a time: the softmax is computed for some of the positions at once"
    )
    frozen_epochs: NonNegativeInt = Field(
        1, description="fine-tuning: epochs in which the recurrent layers stay as they are"
    )
    find_learning_rate: bool = Field(False, description="a stage before the training looks for learning_rate")

    @model_validator(mode="after")
    def _lengths_in_order(self):
        if self.min_seq_len > self.max_seq_len:
            raise ValueError(f"min_seq_len is {self.min_seq_len}, more than max_seq_len, {self.max_seq_len}")
        return self

    @property
    def directions(self) -> tuple[Direction, ...]:
        """The directions one by one."""
        return ("forward", "backward") if self.direction == "both" else (self.direction,)


class ExportConfig(Section):
    """Shape of the exported encoder signatures."""

    fixed_seq_len: int | None = Field(
        70,
        ge=2,
        description="texts are cut and padded to this length, as in the published models. null: as long as "
        "the longest text of the batch, up to training.max_seq_len",
    )


class ThresholdsConfig(Section):
    """Bounds on the eval split that bless a model: the lowest value allowed, of errors the highest.

    Without any, no model is blessed.
    """

    accuracy: Share | None = Field(None, description="classification with one label a row; tagging: of words")
    auc: Share | None = Field(None, description="area under the ROC curve, the mean over classes against the rest")
    macro_f1: Share | None = Field(None, description="classification: mean over the classes")
    micro_f1: Share | None = Field(None, description="classification with several labels a row, tagging likewise")
    calibration_error: Share | None = Field(None, description="highest expected calibration error (ECE, 15 bins)")
    entity_precision: Share | None = Field(
        None, description="tagging, scheme bio or bioes: of whole entities (seqeval)"
    )
    entity_recall: Share | None = None
    entity_f1: Share | None = None
    mae: float | None = Field(None, ge=0, description="regression: highest mean absolute error, over all targets")
    rmse: float | None = Field(None, ge=0, description="regression: highest root of the mean squared error")
    pearson: float | None = Field(None, ge=-1, le=1, description="regression: lowest correlation of any target")
    spearman: float | None = Field(None, ge=-1, le=1, description="the same of ranks")
    one_minus_wmae: float | None = Field(
        None, le=1, description="regression: KLEJ's 1 - wMAE: mean over the values of the target, scaled to 0..1"
    )
    perplexity: float | None = Field(
        None, gt=1, description="highest perplexity a piece of the language model, on the corpus' eval split"
    )
    word_perplexity: float | None = Field(None, gt=1, description="the same restated a word")


class EvaluationConfig(Section):
    """What the Evaluator demands."""

    thresholds: ThresholdsConfig = ThresholdsConfig()
    compare_with_served: bool = Field(
        True,
        description="evaluate the model in service too: the newest version below push.directory, or after a rollback "
        "the pinned one",
    )
    allowed_drop: dict[str, Annotated[float, Field(ge=0)]] = Field(
        {},
        description="by name of a threshold, how much worse than the model in service a new one may be to be blessed, "
        "such as {accuracy: 0.01}",
    )
    intervals: PositiveInt = Field(1000, description="bootstrap samples behind the intervals of the report")
    metrics: tuple[MetricConfig, ...] = Field((), description="metrics of your own")
    errors_shown: PositiveInt = Field(50, description="rows in the report's table of errors, and its TSV has all")
    compare_from_scratch: bool = Field(
        False, description="train the same classifier without pretraining too, and show both on the test split"
    )


class SchemaConfig(Section):
    """The TFDV schema that labelled rows are held against, where an anomaly stops the run, and drift."""

    path: str | None = Field(
        None, description="a schema .pbtxt, relative to the configuration file. null: the curated one of the task"
    )
    drift_threshold: Share | None = Field(
        0.1,
        description="how far a label, tag, number, length bucket or slice may be distributed otherwise than in the "
        "training of the model in service, see docs/ingestion.md. A `drift_comparator` in the schema goes before it. "
        "null: it is not measured",
    )
    fail_on_drift: bool = Field(False, description="drift stops the run. false: it is reported")

    @model_validator(mode="after")
    def _drift_that_stops_is_measured(self):
        if self.fail_on_drift and self.drift_threshold is None:
            raise ValueError("fail_on_drift is set, and drift_threshold is null: drift is not measured")
        return self


class BeamConfig(Section):
    """How Beam runs."""

    pipeline_args: tuple[str, ...] = Field(
        beam_arguments.IN_PROCESS,
        description="passed to every Beam component, see docs/beam.md",
    )

    @field_validator("pipeline_args")
    @classmethod
    def _can_run(cls, arguments: tuple[str, ...]) -> tuple[str, ...]:
        beam_arguments.check(arguments)
        return arguments


_ROWS: dict[str, tuple[str, ...]] = dict.fromkeys(("classification", "regression"), TEXT_ROW_FORMATS)
_CLASSES: dict[str, tuple[str, ...]] = {"classification": TEXT_ROW_FORMATS}
_SPANS: dict[str, tuple[str, ...]] = {"tagging": ("spans_tsv", "spans_csv")}
_FIELDS_OF_DATA: dict[str, dict[str, tuple[str, ...]]] = {
    "text_column": _ROWS | {"tagging": ("spans_tsv", "spans_csv", "label_studio")},
    "split_column": _ROWS | _SPANS,
    "split_key_column": _ROWS | _SPANS,
    "slice_columns": _ROWS | _SPANS,
    "second_text_column": _ROWS,
    "label_column": _CLASSES,
    "label_separator": _CLASSES,
    "label_names": _CLASSES,
    "labels": _CLASSES | {"tagging": TAGGED_FORMATS},
    "label_file": _CLASSES | {"tagging": TAGGED_FORMATS},
    "target_columns": {"regression": TEXT_ROW_FORMATS},
    "weight_column": _ROWS,
    "text_unit": {},
    "word_column": {"tagging": ("conll",)},
    "tag_column": {"tagging": ("conll",)},
    "tag_field": {"tagging": ("conllu",)},
    "label_map": {"tagging": ("jsonl",)},
    "spans_column": _SPANS,
    "span_label_column": _SPANS,
    "span_label": _SPANS,
    "span_separator": _SPANS,
    "no_span": _SPANS,
}
"""Fields of `data` that not every task and format has a use for: the tasks that do, with the formats."""
_TASK_SECTIONS = ("classification", "regression", "tagging")


class PipelineConfig(Section):
    """A whole pipeline: the sections of the YAML file."""

    name: str = Field(pattern=r"^[A-Za-z][\w-]*$", description="names the run's folder and the served model")
    task: Task = "classification"
    seed: NonNegativeInt = Field(42, lt=2**31, description="of splits, sampling, weights, dropout and shuffling")
    data: LabelledSourceConfig | None = Field(None, description="labelled rows. Required but for a language_model")
    corpus: SourceConfig | None = Field(
        None,
        description="unlabelled text that the tokenizer and the language model are trained on. null: the tokenizer is "
        "trained on the train split of `data`",
    )
    cleaning: CleaningConfig = CleaningConfig()
    tokenizer: TokenizerConfig = TokenizerConfig()
    encoder: EncoderConfig = EncoderConfig()
    pretrained: PretrainedConfig | None = Field(
        None, description="start from an imported encoder; its sizes and its tokenizer then come with it"
    )
    language_model: LanguageModelConfig | None = Field(
        None, description="train a language model on `corpus`, and start the task model from its encoder"
    )
    head: HeadConfig = HeadConfig()
    classification: ClassificationConfig = ClassificationConfig()
    regression: RegressionConfig = RegressionConfig()
    tagging: TaggingConfig = TaggingConfig()
    training: TrainingConfig = TrainingConfig()
    export: ExportConfig = ExportConfig()
    data_schema: SchemaConfig = SchemaConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    push: PushConfig = PushConfig()
    serving: ServingConfig = ServingConfig()
    beam: BeamConfig = BeamConfig()
    kubeflow: KubeflowConfig | None = Field(None, description="run in a cluster")
    trainer: TrainerConfig = TrainerConfig()
    components: tuple[ComponentConfig, ...] = Field((), description="TFX components of your own")
    sample_texts: tuple[str, ...] = Field(
        (), description="texts that the new model labels, or continues, at the end of a run"
    )

    @model_validator(mode="before")
    @classmethod
    def _task_implies_its_section(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("task") == "language_model":
            return values | {"language_model": values.get("language_model") or {}}
        return values

    @model_validator(mode="after")
    def _rows_of_the_task(self):
        if self.task == "language_model":
            if self.data is not None:
                raise ValueError("data is set, and task language_model has no labelled rows: their place is corpus")
        elif self.data is None:
            raise ValueError(f"data is missing, the labelled rows of task {self.task}")
        else:
            self._check_fields_of_data(self.data)
        return self

    def _check_fields_of_data(self, data: LabelledSourceConfig) -> None:
        allowed = TAGGED_FORMATS if self.task == "tagging" else TEXT_ROW_FORMATS
        if data.format not in allowed:
            raise ValueError(f"data.format is {data.format}, and task {self.task} reads {', '.join(allowed)}")
        for name, formats in _FIELDS_OF_DATA.items():
            if name not in data.model_fields_set:
                continue
            if self.task not in formats:
                raise ValueError(f"data.{name} is set, and task {self.task} has no use for it")
            if data.format not in formats[self.task]:
                raise ValueError(f"data.{name} is set, and format {data.format} has no use for it")
        if self.task == "regression" and not data.target_columns:
            raise ValueError("data.target_columns is missing, the columns with the numbers to predict")

    @model_validator(mode="after")
    def _sections_of_the_task(self):
        for name in _TASK_SECTIONS:
            if name in self.model_fields_set and self.task != name:
                raise ValueError(f"{name} is set, and the task is {self.task}")
        if self.task == "classification":
            self._check_classification()
        if self.task == "tagging":
            self._check_tagging()
        return self

    def _check_classification(self) -> None:
        several = self.data is not None and self.data.is_multi_label
        if several and self.classification.class_weights is not None:
            raise ValueError(
                "classification.class_weights is set, and with data.label_separator a row has several classes"
            )
        if not several and "threshold" in self.classification.model_fields_set:
            raise ValueError(
                "classification.threshold is set, and without data.label_separator a row gets its most probable class"
            )

    def _check_tagging(self) -> None:
        tagging = self.tagging
        if tagging.tag_separator is not None and (tagging.scheme, tagging.decoder) != ("plain", "softmax"):
            raise ValueError(
                f"tagging.tag_separator is set, and several tags a word take scheme plain and decoder softmax, not "
                f"{tagging.scheme} and {tagging.decoder}"
            )
        if tagging.tag_separator is None and "threshold" in tagging.model_fields_set:
            raise ValueError(
                "tagging.threshold is set, and without tagging.tag_separator a word gets its most probable tag"
            )
        if tagging.window_overlap >= self.training.max_seq_len - 2:
            raise ValueError(
                f"tagging.window_overlap is {tagging.window_overlap}, and windows of training.max_seq_len = "
                f"{self.training.max_seq_len} hold {self.training.max_seq_len - 2} pieces"
            )
        unused = {
            "cleaning": {"strip_html", "separate_punctuation"},
            "head": {"hidden_size", "batch_norm", "pooled_pieces", "pairs"},
        }
        unused |= {"training": {"chunk_pieces", "gradient_pieces"}}
        unused |= {"tokenizer": {"separator"}, "pretrained": {"separator"}}
        for section, names in unused.items():
            if found := sorted(names & getattr(getattr(self, section), "model_fields_set", set())):
                raise ValueError(f"{section}.{found[0]} is set, and a tagger has no use for it")

    @model_validator(mode="after")
    def _pairs_can_be_told_apart(self):
        if self.reads_pairs and self.separator is None:
            raise ValueError("head.pairs is true, and nothing separates two texts: tokenizer.separator is null")
        section = "tokenizer" if self.pretrained is None else "pretrained"
        if self.reads_pairs and getattr(self, section).add_bos is False:
            raise ValueError(
                f"{section}.add_bos is false, and <s> is where the second text of a pair begins: set head.pairs to "
                "false to read both as one"
            )
        return self

    @model_validator(mode="after")
    def _best_epoch_by_what_is_measured(self):
        measured = {"classification": "accuracy", "tagging": "accuracy", "regression": None}.get(self.task)
        several = self.task == "classification" and self.data is not None and self.data.is_multi_label
        if several or (self.task == "tagging" and self.tagging.tag_separator is not None):
            measured = "micro_f1"
        if self.training.best_by not in ("loss", measured):
            choices = "loss" if measured is None else f"loss or {measured}"
            raise ValueError(f"training.best_by is {self.training.best_by}, and this task has {choices}")
        return self

    @property
    def warmup_texts(self) -> tuple[str, ...]:
        """Texts of the requests that go out with a pushed model."""
        given = self.serving.warmup_texts
        return self.sample_texts if given is None else given

    @property
    def reads_pairs(self) -> bool:
        """Whether two texts are read apart, see `HeadConfig.pairs`."""
        has_pairs = self.data is not None and self.data.second_text_column is not None
        return has_pairs if self.head.pairs is None else self.head.pairs

    @property
    def separator(self) -> str | None:
        """What cuts a text into parts, see `TokenizerConfig.separator`."""
        given = self.pretrained.separator if self.pretrained is not None else self.tokenizer.separator
        has_pairs = self.data is not None and self.data.second_text_column is not None
        return given or (PAIR_SEPARATOR if has_pairs else None)

    @model_validator(mode="after")
    def _language_model_has_a_corpus(self):
        if self.language_model is None:
            return self
        if self.corpus is None:
            raise ValueError("corpus is missing, the text that the language model is trained on")
        if not self.corpus.splits.eval:
            raise ValueError("corpus.splits.eval is 0, the texts that the language model is evaluated on")
        if "direction" in self.encoder.model_fields_set:
            raise ValueError("encoder.direction is set, and with a language model it is language_model.direction")
        sizes = self.encoder.embedding_size, self.encoder.layer_sizes[-1]
        if self.pretrained is None and self.language_model.tied and sizes[0] != sizes[1]:
            raise ValueError(
                f"language_model.tied is true, and it takes equal sizes: encoder.embedding_size is {sizes[0]}, the "
                f"last of encoder.hidden_sizes {sizes[1]}"
            )
        if self.pretrained is not None and self.language_model.direction == "both":
            raise ValueError("language_model.direction is both, and the pretrained encoder reads in one direction")
        return self

    @model_validator(mode="after")
    def _comparison_has_two_sides(self):
        if self.evaluation.compare_from_scratch and (self.language_model is None or self.pretrained is not None):
            raise ValueError("evaluation.compare_from_scratch is set, and it compares with language_model alone")
        if self.evaluation.compare_from_scratch and self.data is not None and not self.data.has_test_split:
            raise ValueError("evaluation.compare_from_scratch is set, and data.splits.test is 0: both are scored on it")
        return self

    @model_validator(mode="after")
    def _thresholds_of_what_is_evaluated(self):
        for name, threshold in self.evaluation.thresholds.model_dump().items():
            if threshold is None:
                continue
            if name in LANGUAGE_MODEL_MEASURES:
                if self.language_model is None:
                    raise ValueError(
                        f"evaluation.thresholds.{name} is set, and there is no language model to hold against it"
                    )
            elif name not in self.measures:
                raise ValueError(
                    f"evaluation.thresholds.{name} is set, and this task is measured by "
                    f"{', '.join(self.measures) or 'perplexity, word_perplexity'}"
                )
        if self.evaluation.allowed_drop and not self.measures:
            raise ValueError(
                "evaluation.allowed_drop is set, and a language model is not compared with the one in service"
            )
        if self.evaluation.allowed_drop and not self.evaluation.compare_with_served:
            raise ValueError("evaluation.allowed_drop is set, and evaluation.compare_with_served is false")
        for name in self.evaluation.allowed_drop:
            if name not in self.measures:
                raise ValueError(
                    f"evaluation.allowed_drop names '{name}', and this task is measured by {', '.join(self.measures)}"
                )
        return self

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of what the task's model is measured by, as in `ThresholdsConfig`; none of a language model."""
        if self.task == "regression":
            return ("mae", "rmse", "pearson", "spearman", "one_minus_wmae")
        if self.task == "classification":
            several = self.data is not None and self.data.is_multi_label
            return ("micro_f1" if several else "accuracy", "auc", "macro_f1", "calibration_error")
        if self.task == "tagging" and self.tagging.tag_separator is not None:
            return ("micro_f1", "macro_f1")
        if self.task == "tagging":
            entities = ("entity_f1", "entity_precision", "entity_recall")
            return ("accuracy",) if self.tagging.scheme == "plain" else (*entities, "accuracy")
        return ()

    @model_validator(mode="after")
    def _pretrained_brings_sizes_and_tokenizer(self):
        if self.pretrained is None:
            return self
        if sizes := sorted(self.encoder.model_fields_set - {"dropout", "zoneout"}):
            raise ValueError(f"encoder.{sizes[0]} and pretrained are both set, and the checkpoint says the sizes")
        for section in ("tokenizer", "corpus"):
            if section == "corpus" and self.language_model is not None:
                continue
            if section in self.model_fields_set and getattr(self, section) is not None:
                raise ValueError(f"{section} and pretrained are both set, and the tokenizer comes with the checkpoint")
        return self
