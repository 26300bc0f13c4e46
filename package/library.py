"""Functions for Python users around the parts that take TensorFlow, which is loaded when one is called."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import ValidationError

from ulmfit_tfx.pipeline.run_log import silence_tensorflow
from ulmfit_tfx.schemas.config.pretrained import PretrainedConfig
from ulmfit_tfx.schemas.errors import ConfigError
from ulmfit_tfx.trainer_modules.serving.loaded_model import find_model

if TYPE_CHECKING:
    import keras

    from ulmfit_tfx.components.encoder_importer.importing import ImportReport
    from ulmfit_tfx.tasks.classification.predictor import Classifier
    from ulmfit_tfx.tasks.language_model.predictor import LanguageModel
    from ulmfit_tfx.tasks.regression.predictor import Regressor
    from ulmfit_tfx.tasks.tagging.predictor import Tagger


def load_model(path: str | Path) -> "Classifier | Regressor | Tagger | LanguageModel":
    """Loads a model as what it says it is.

        model = ut.load_model("runs/reviews/serving/reviews")
        table = model.predict(["A quiet film that stays with you."])

    Args:
        path: A SavedModel that a run exported or pushed, or a folder of numbered versions, of which it is the newest:
            local, or as a string remote.

    Returns:
        A `Classifier`, `Regressor` or `Tagger`, whose `predict` gives a pandas DataFrame, or a `LanguageModel`, whose
        `complete` continues a text.

    Raises:
        ConfigError: There is no model, it is of another kind, or it does not load.
    """
    silence_tensorflow()
    from ulmfit_tfx.tasks import load_model as load

    return load(find_model(str(path)))  # type: ignore[return-value]  # the table of tasks has these four


def load_encoder(folder: str | Path) -> "keras.Model":
    """Loads a pretrained encoder as a Keras model, to build one's own model on.

        encoder = ut.load_encoder("encoders/wikitext")
        hidden, mask = encoder(ids)

    Args:
        folder: As `import_encoder`, or the command `ulmfit-tfx import-encoder`, wrote it.

    Returns:
        A model from ids, int32 [batch, time], to `[hidden, mask]`: float32 [batch, time, units], zero at padding, and
        bool [batch, time], True at tokens. All of its weights are trainable.

    Raises:
        DataError: The folder is incomplete or damaged, or not such a one.
    """
    silence_tensorflow()
    from ulmfit_tfx.trainer_modules.serving.encoder_folder import load_encoder as load

    return load(folder)


def import_encoder(
    checkpoint: str | Path,
    output: str | Path,
    *,
    tokenizer: str | Path | None = None,
    source_tokenizer: str | Path | None = None,
    format: Literal["auto", "fastai", "keras", "saved-model"] = "auto",
    fixed_seq_len: int | None = 70,
    max_seq_len: int = 512,
    lower_case: bool | None = None,
    add_bos: bool | None = None,
    add_eos: bool | None = None,
    direction: Literal["forward", "backward"] | None = None,
    overwrite: bool = False,
) -> "ImportReport":
    """Imports a pretrained encoder, checked layer by layer against its source, as `ulmfit-tfx import-encoder` does.

        report = ut.import_encoder("wikitext.pth", tokenizer="wikitext-sp35k.model", output="encoders/wikitext")
        max(layer.difference for layer in report.parity)

    Args:
        checkpoint: A fastai `.pth`, a checkpoint or a SavedModel of the old package, a folder that this function wrote,
            or an archive of one of these.
        output: Folder to write. It appears when all of it is written.
        tokenizer: SentencePiece `.model`. None: the one that the checkpoint brings along.
        source_tokenizer: The checkpoint's own `.model`, to map its embeddings to `tokenizer` by the text of the pieces.
        format: Of the checkpoint. auto: found out.
        fixed_seq_len: Pieces that the exported encoder cuts and pads texts to. None: the longest of a batch.
        max_seq_len: Longest text where `fixed_seq_len` is None, in pieces.
        lower_case: Texts are lower-cased. None: as the checkpoint says, or the preset that its name is of.
        add_bos: Begin each text with `<s>`. None: as the checkpoint says, or True.
        add_eos: End each text with `</s>`. None: as the checkpoint says, or True.
        direction: In which texts were read in pretraining. None: as the checkpoint says, or forward.
        overwrite: Replace an earlier import in `output`.

    Returns:
        What was imported: `record` (sizes, vocabulary, head), `parity` (largest difference of each layer's output from
        the source's), `ignored` tensors, `new_pieces`, `preset`.

    Raises:
        ConfigError: An argument is not one of the above, the output folder is taken, or there is no tokenizer.
        DataError: The checkpoint or the tokenizer cannot be used.
        UserError: The imported model does not compute what its source does.
    """
    try:
        config = PretrainedConfig(
            checkpoint=str(checkpoint),
            format=format,
            tokenizer=None if tokenizer is None else str(tokenizer),
            source_tokenizer=None if source_tokenizer is None else str(source_tokenizer),
            lower_case=lower_case,
            add_bos=add_bos,
            add_eos=add_eos,
            direction=direction,
        )
    except ValidationError as error:
        [problem, *_] = error.errors()
        raise ConfigError(f"{problem['loc'][0]} is {problem['input']!r}: {problem['msg']}.") from None
    silence_tensorflow()
    from ulmfit_tfx.components.encoder_importer.importing import import_encoder as run_import

    return run_import(config, output, fixed_seq_len, max_seq_len, overwrite)
