"""The YAML configuration of a pipeline, as validated data.

Every field stands here with its default, its bounds and what it means; `docs/configuration.md` is written from it.
"""

import json
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveInt,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo

Probability = Annotated[float, Field(ge=0, lt=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Direction = Literal["forward", "backward"]
BestBy = Literal["loss", "accuracy"]


def _known_encoding(name: str) -> str:
    try:
        " ".encode(name)  # unlike codecs.lookup, refuses codecs that are no text encodings, such as hex
    except LookupError:
        raise ValueError("is not an encoding that Python knows, such as utf-8 or latin-1") from None
    return name


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), coerce_numbers_to_str=True)


def section_of(field: FieldInfo) -> type[BaseModel] | None:
    """The section that a field holds, or None where it holds a value."""
    for choice in (field.annotation, *get_args(field.annotation)):
        if isinstance(choice, type) and get_origin(choice) is None and issubclass(choice, BaseModel):
            return choice
    return None


class SplitsConfig(_Section):
    """Shares of the rows that go to each split. A row's split follows from a hash of its text."""

    train: Share = Field(0.8, description="fitted on")
    eval: Share = Field(0.1, description="early stopping and the gates of the Evaluator")
    test: Share = Field(0.1, description="scored once, at the end")

    @model_validator(mode="after")
    def _sum_to_one(self):
        total = self.train + self.eval + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"train + eval + test is {total:g}, expected 1")
        return self


class SourceConfig(_Section):
    """Where text comes from and which rows are taken."""

    path: str = Field(
        min_length=1,
        description="file or glob; relative to the configuration file. `package://NAME/FILE` is a file that an "
        "installed Python package ships",
    )
    format: Literal["csv", "tsv", "text"] = Field(description="csv and tsv have a header line; text is one row a line")
    encoding: Annotated[str, AfterValidator(_known_encoding)] = Field("utf-8", description="any name Python knows")
    text_column: str = Field("text", description="column with the text (csv, tsv)")
    sample_fraction: float = Field(1.0, gt=0, le=1, description="share of the rows taken, chosen by a seeded hash")
    splits: SplitsConfig = SplitsConfig()
    max_bad_fraction: Share = Field(0.01, description="stop where a larger share of the rows is quarantined")
    max_row_bytes: int = Field(1_000_000, gt=0, le=100_000_000, description="longer rows are quarantined")
    length_buckets: tuple[PositiveInt, ...] = Field(
        (50, 200, 500), description="upper bounds, in words, of the length buckets that evaluation is sliced by"
    )

    @model_validator(mode="after")
    def _ascending_buckets(self):
        if list(self.length_buckets) != sorted(set(self.length_buckets)):
            raise ValueError(f"length_buckets is {list(self.length_buckets)}, expected ascending numbers")
        return self


class LabelledSourceConfig(SourceConfig):
    """Labelled rows of a task."""

    format: Literal["csv", "tsv"] = Field(description="both have a header line")
    label_column: str = Field("label", description="column with the label")
    train_fraction: float = Field(
        1.0,
        gt=0,
        le=1,
        description="share of the train split that is used, chosen by a seeded hash: what few labels are worth",
    )
    labels: tuple[str, ...] | None = Field(
        None, description="allowed values of the label column; other rows are quarantined. null: whatever occurs"
    )
    label_names: dict[str, str] = Field({}, description="names shown instead of the values, such as {0: negative}")

    @model_validator(mode="after")
    def _distinct_labels(self):
        if self.labels is not None and len(set(self.labels)) < 2:
            raise ValueError(f"labels is {list(self.labels)}, expected two or more different values")
        if unknown := sorted(set(self.label_names) - set(self.labels or self.label_names)):
            raise ValueError(f"label_names names '{unknown[0]}', which is not among labels")
        if len(set(self.label_names.values())) < len(self.label_names):
            raise ValueError("label_names gives two labels the same name")
        return self


def source_from_json(text: str) -> SourceConfig:
    """Reads a dumped `SourceConfig` or `LabelledSourceConfig`, whichever it was."""
    is_labelled = "label_column" in json.loads(text)
    return (LabelledSourceConfig if is_labelled else SourceConfig).model_validate_json(text)


class CleaningConfig(_Section):
    """Cleaning that is part of the model's graph, the same in training and in serving."""

    strip_html: bool = Field(False, description="tags become spaces, common entities their characters")
    lower_case: bool = Field(False, description="Unicode lower case")


class TokenizerConfig(_Section):
    """SentencePiece. Special ids are `<unk>`=0, `<pad>`=1, `<s>`=2, `</s>`=3."""

    prefix: str = Field("spm", pattern=r"^[\w.-]+$", description="file name: {prefix}-sp{N}k.model")
    vocab_size: int = Field(8000, ge=16, le=1_000_000)
    model_type: Literal["bpe", "unigram"] = "bpe"
    character_coverage: float = Field(0.9995, gt=0.9, le=1)
    user_defined_symbols: tuple[str, ...] = Field(("?", "!"), description="always pieces of their own")
    sample_texts: PositiveInt = Field(1_000_000, description="train on at most so many texts, chosen by a seeded hash")
    add_bos: bool = Field(True, description="begin each text with <s>")
    add_eos: bool = Field(True, description="end each text with </s>")

    @field_validator("user_defined_symbols")
    @classmethod
    def _symbols_can_be_pieces(cls, symbols: tuple[str, ...]) -> tuple[str, ...]:
        if "" in symbols or len(set(symbols)) < len(symbols):
            raise ValueError("holds an empty or a repeated symbol")
        return symbols

    @property
    def file_stem(self) -> str:
        """File name without suffix: `spm-sp8k`, or the exact size below a thousand pieces, `spm-sp500`."""
        size = f"{self.vocab_size // 1000}k" if self.vocab_size >= 1000 else str(self.vocab_size)
        return f"{self.prefix}-sp{size}"


class EncoderDropoutConfig(_Section):
    """Dropout rates of the encoder, AWD-LSTM section 4."""

    embedding: Probability = Field(0.02, description="whole words")
    input: Probability = Field(0.25, description="embedded input, one mask for all steps")
    hidden: Probability = Field(0.15, description="between recurrent layers, one mask for all steps")
    output: Probability = Field(0.1, description="after the last recurrent layer, one mask for all steps")
    weight: Probability = Field(0.2, description="DropConnect: recurrent kernel (AWD-LSTM), kernel (QRNN)")


class EncoderConfig(_Section):
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


class PretrainedConfig(_Section):
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
    add_bos: bool | None = Field(None, description="begin each text with <s>. null: as the checkpoint says, or true")
    add_eos: bool | None = Field(None, description="end each text with </s>. null: as the checkpoint says, or true")
    direction: Direction | None = Field(
        None, description="in which texts were read in pretraining. null: as the checkpoint says, or forward"
    )


class HeadConfig(_Section):
    """The task head on the concat-pooled encoder output."""

    hidden_size: PositiveInt = 50
    dropout: tuple[Probability, Probability] = Field((0.2, 0.1), description="before the first and the last layer")
    batch_norm: bool = Field(True, description="as in fastai")
    pooled_pieces: PositiveInt | None = Field(
        None, description="pool over the last so many pieces of a text, as they are read. null: over all"
    )


class OptimizationConfig(_Section):
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
        "early stopping. With few labels the loss rises while the accuracy still does too",
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


class ExportConfig(_Section):
    """Shape of the exported encoder signatures."""

    fixed_seq_len: int | None = Field(
        70,
        ge=2,
        description="texts are cut and padded to this length, as in the published models. null: as long as "
        "the longest text of the batch, up to training.max_seq_len",
    )


class ThresholdsConfig(_Section):
    """Bounds on the eval split that bless a model. Without any, no model is blessed."""

    accuracy: Share | None = None
    auc: Share | None = Field(None, description="area under the ROC curve, the mean over classes against the rest")
    perplexity: float | None = Field(
        None, gt=1, description="highest perplexity a piece of the language model, on the corpus' eval split"
    )
    word_perplexity: float | None = Field(None, gt=1, description="the same restated a word")


class EvaluationConfig(_Section):
    """What the Evaluator demands."""

    thresholds: ThresholdsConfig = ThresholdsConfig()
    compare_from_scratch: bool = Field(
        False, description="train the same classifier without pretraining too, and show both on the test split"
    )


class SchemaConfig(_Section):
    """The TFDV schema that rows are held against. An anomaly stops the run."""

    path: str | None = Field(
        None, description="a schema .pbtxt, relative to the configuration file. null: the curated one of the task"
    )


class PushConfig(_Section):
    """Where blessed models go."""

    directory: str | None = Field(
        None, description="relative to the configuration file. null: ROOT/serving/NAME. Each push is a version below it"
    )


class BeamConfig(_Section):
    """How Beam runs."""

    pipeline_args: tuple[str, ...] = Field(
        ("--runner=DirectRunner", "--direct_running_mode=in_memory", "--direct_num_workers=1"),
        description="passed to every Beam component",
    )


class PipelineConfig(_Section):
    """A whole pipeline: the sections of the YAML file."""

    name: str = Field(pattern=r"^[A-Za-z][\w-]*$", description="names the run's folder and the served model")
    task: Literal["classification", "language_model"] = "classification"
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
    training: TrainingConfig = TrainingConfig()
    export: ExportConfig = ExportConfig()
    data_schema: SchemaConfig = SchemaConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    push: PushConfig = PushConfig()
    beam: BeamConfig = BeamConfig()
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
        return self

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
        if self.evaluation.compare_from_scratch and self.data is not None and not self.data.splits.test:
            raise ValueError("evaluation.compare_from_scratch is set, and data.splits.test is 0: both are scored on it")
        return self

    @model_validator(mode="after")
    def _thresholds_of_what_is_evaluated(self):
        of_language_model = {"perplexity", "word_perplexity"}
        for name, threshold in self.evaluation.thresholds.model_dump().items():
            is_evaluated = self.language_model is not None if name in of_language_model else self.data is not None
            if threshold is not None and not is_evaluated:
                what = "language model" if name in of_language_model else "task model"
                raise ValueError(f"evaluation.thresholds.{name} is set, and there is no {what} to hold against it")
        return self

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
