import json
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.encoder import EncoderConfig
from ulmfit_tfx.schemas.config.export import ExportConfig
from ulmfit_tfx.schemas.config.head import HeadConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.schemas.config.training import TrainingConfig as Training
from ulmfit_tfx.tasks.classification import trainer as classifier
from ulmfit_tfx.tasks.classification.model import build_classifier
from ulmfit_tfx.tasks.classification.section import ClassificationConfig
from ulmfit_tfx.trainer_modules.models.averaged_model import averaged_model, mean, mean_of_sigmoid, mean_of_softmax
from ulmfit_tfx.trainer_modules.models.encoder import build_encoder
from ulmfit_tfx.trainer_modules.optimization import task_training
from ulmfit_tfx.trainer_modules.optimization.progress import Progress
from ulmfit_tfx.trainer_modules.serving.model_info import ModelDescription
from ulmfit_tfx.trainer_modules.serving.saved_model import BACKWARD, read_exported, save
from ulmfit_tfx.trainer_modules.serving.signatures import encoder_signatures
from ulmfit_tfx.transforms.tokenization import Tokenizer

SIZES = {"embedding_size": 8, "hidden_sizes": (8,)}
EPOCHS, BATCH, ROWS = 2, 16, 48
LABELS = ["bad", "good", "plain"]


def softmax(logits):
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


@pytest.mark.parametrize(
    ("combine", "answer"), [(mean_of_softmax, softmax), (mean_of_sigmoid, sigmoid), (mean, lambda numbers: numbers)]
)
def test_answer_of_the_average_is_the_mean_of_the_answers(combine, answer):
    ids = np.array([[2, 5, 6, 3], [2, 7, 3, 1]], "int32")
    models = []
    for direction in ("forward", "backward"):
        encoder = build_encoder(EncoderConfig(**SIZES, direction=direction), 20, 1)
        model = build_classifier(encoder, HeadConfig(), 3, reads_backward=direction == "backward", name=direction)
        model.get_layer("logits").bias.assign([3.0, -40.0, 0.5] if direction == "forward" else [-1.0, 2.0, 30.0])
        models.append(model)
    expected = np.mean([answer(model(ids).numpy().astype("float64")) for model in models], axis=0)
    averaged = averaged_model(models, combine)(ids).numpy().astype("float64")
    np.testing.assert_allclose(answer(averaged), expected, rtol=1e-5)


class Killed(BaseException):
    """Stands for the end of the process."""


class KilledInTheSecondTraining(Progress):
    """Ends the process when the backward classifier has begun its second epoch."""

    trainings = 0

    def __enter__(self):
        KilledInTheSecondTraining.trainings += 1
        return super().__enter__()

    def batch_done(self, epoch, batch, metrics):
        super().batch_done(epoch, batch, metrics)
        if KilledInTheSecondTraining.trainings == 2 and epoch == 1:
            raise Killed


def export_base_model(folder, tokenizer):
    encoders = []
    for direction in ("forward", "backward"):
        config = EncoderConfig(**SIZES, direction=direction)
        encoders.append(build_encoder(config, tokenizer.vocab_size, tokenizer.special_ids.pad))
    info = ModelDescription(
        task="encoder",
        encoder=EncoderConfig(**SIZES),
        max_seq_len=40,
        fixed_seq_len=None,
        directions=("forward", "backward"),
    )
    signatures = encoder_signatures(encoders[0], tokenizer, None, 40)
    save(str(folder), {"": encoders[0], BACKWARD: encoders[1]}, tokenizer, signatures, info)


def write_examples(path, tokenizer, rows):
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for ids, (text, label) in zip(tokenizer.tokenize([text for text, _ in rows], 64), rows, strict=True):
            features = {
                "token_ids": tf.train.Feature(int64_list=tf.train.Int64List(value=ids.numpy())),
                "label_id": tf.train.Feature(int64_list=tf.train.Int64List(value=[LABELS.index(label)])),
                "text": tf.train.Feature(bytes_list=tf.train.BytesList(value=[text.encode()])),
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())


@pytest.fixture(scope="module")
def trained(tmp_path_factory, spm_model, reviews):
    """Trains on a base model of both directions, killed once and run again."""
    folder = tmp_path_factory.mktemp("both")
    tokenizer = Tokenizer(spm_model, TokenizerConfig(), CleaningConfig())
    keras.utils.set_random_seed(0)
    export_base_model(folder / "base", tokenizer)
    write_examples(folder / "train.gz", tokenizer, reviews[:ROWS])
    write_examples(folder / "eval.gz", tokenizer, reviews[ROWS : 2 * ROWS])
    training = Training(
        epochs=EPOCHS, batch_size=BATCH, max_seq_len=64, learning_rate=0.02, checkpoint_seconds=0, calibrate=False
    )
    sections = {"encoder": EncoderConfig(), "head": HeadConfig(), "training": training, "export": ExportConfig()}
    sections["classification"] = ClassificationConfig()
    fn_args = SimpleNamespace(
        custom_config={name: section.model_dump(mode="json") for name, section in sections.items()}
        | {"label_separator": None, "seed": 3, "checkpoints": str(folder / "checkpoints")},
        transform_graph_path=str(folder),
        train_files=[str(folder / "train.gz")],
        eval_files=[str(folder / "eval.gz")],
        base_model=str(folder / "base"),
        model_run_dir=str(folder / "model_run"),
        serving_model_dir=str(folder / "model"),
    )
    seen = SimpleNamespace(folder=folder, rate_factors=[])
    optimizer_for = task_training.optimizer_for

    def recording(config, steps, factors):
        seen.rate_factors.append(factors)
        return optimizer_for(config, steps, factors)

    with pytest.MonkeyPatch.context() as patch:
        vocabulary = SimpleNamespace(vocabulary_by_name=lambda name: [label.encode() for label in LABELS])
        patch.setattr(task_training, "read_tokenizer", lambda folder: tokenizer)
        patch.setattr(task_training.tft, "TFTransformOutput", lambda folder: vocabulary)
        patch.setattr(task_training, "optimizer_for", recording)
        with patch.context() as killing:
            killing.setattr(task_training, "Progress", KilledInTheSecondTraining)
            with pytest.raises(Killed):
                classifier.run_fn(fn_args)
        seen.after_the_kill = sorted(
            str(path.relative_to(folder / "checkpoints")).split("/", 1)[1]
            for path in (folder / "checkpoints").glob("*/*/step-*")
        )
        resumed = []
        patch.setattr(Progress, "resumed", lambda self, step, epoch, batch: resumed.append((step, epoch, batch)))
        classifier.run_fn(fn_args)
    seen.resumed = resumed
    seen.history = json.loads((folder / "model_run" / "history.json").read_text())
    return seen


def test_killed_run_goes_on_in_the_direction_in_which_it_was(trained):
    (forward_step, *forward), (backward_step, *backward) = trained.resumed
    assert forward == [EPOCHS, 0], "it was finished"
    assert backward[0] == 1
    assert 0 < backward_step < forward_step
    assert [path.split("/")[0] for path in trained.after_the_kill] == ["backward", "forward"]
    assert not list((trained.folder / "checkpoints").iterdir())


def test_history_has_both_directions_and_their_average(trained):
    assert list(trained.history) == ["forward", "backward", "average"]
    for direction in ("forward", "backward"):
        assert len(trained.history[direction]["epochs"]) == EPOCHS
    first, second = (trained.history[name]["epochs"][-1]["eval_loss"] for name in ("forward", "backward"))
    assert first != second


def test_exported_model_predicts_the_average(trained, reviews):
    texts, labels = zip(*reviews[ROWS : 2 * ROWS], strict=True)
    served = tf.saved_model.load(str(trained.folder / "model")).signatures["serving_default"]
    outputs = served(string_inputs=tf.constant(texts))
    of_the_label = outputs["probabilities"].numpy()[np.arange(ROWS), [LABELS.index(label) for label in labels]]
    average = trained.history["average"]
    assert -np.log(of_the_label).mean() == pytest.approx(average["eval_loss"], abs=1e-3)
    right = [got.decode() == label for got, label in zip(outputs["label"].numpy(), labels, strict=True)]
    assert np.mean(right) == pytest.approx(average["eval_accuracy"], abs=1e-6)


def test_exported_model_has_both_encoders_and_heads(trained):
    exported = read_exported(str(trained.folder / "model"))
    assert exported.directions == ("forward", "backward")
    names = [name for name in exported.weights if not name.startswith(BACKWARD)]
    assert {"embedding/embeddings", "qrnn_0/qrnn_cell/kernel", "logits/kernel"} <= set(names)
    assert {name for name in exported.weights if name.startswith(BACKWARD)} == {f"{BACKWARD}{name}" for name in names}
    forward, backward = (exported.weights[f"{prefix}logits/kernel"] for prefix in ("", BACKWARD))
    assert not np.allclose(forward, backward)


def test_layers_on_a_base_model_learn_at_rates_of_their_own(trained):
    factors = trained.rate_factors[0]
    assert factors["logits/kernel"] == 1
    assert factors["qrnn_0/qrnn_cell/kernel"] == pytest.approx(1 / 2.6)
    assert factors["embedding/embeddings"] == pytest.approx(1 / 2.6**2)
