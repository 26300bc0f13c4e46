import contextlib
import dataclasses
import doctest
import io
import json
import re

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_data_validation as tfdv
import tfx
import yaml
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from model_infos import model_info
from row_statistics import statistics_artifact
from task_model_writer import write_regressor, write_tagger
from tfx.types import channel_utils, standard_artifacts

import ulmfit_tfx
from ulmfit_tfx.components.model_packager import markdown, scores
from ulmfit_tfx.components.model_packager.card import MODEL_DIR, model_card
from ulmfit_tfx.components.model_packager.component import ModelPackager
from ulmfit_tfx.components.model_packager.executor import CARD_FILE, Executor, best_epochs
from ulmfit_tfx.components.model_packager.markdown import plain
from ulmfit_tfx.components.model_packager.sources import CardSources
from ulmfit_tfx.components.pushed_statistics import STATISTICS_FILE
from ulmfit_tfx.components.reports.accounting import Accounting
from ulmfit_tfx.components.reports.held_out import HeldOutReport
from ulmfit_tfx.components.reports.perplexity import MeasuredPerplexity, PerplexityReport, SlicePerplexity
from ulmfit_tfx.components.reports.scores_file import Comparison, EvaluationScores, SliceScores
from ulmfit_tfx.evaluation.intervals import Interval
from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.encoder import EncoderConfig
from ulmfit_tfx.schemas.config.head import HeadConfig
from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.tasks.classification.model import build_classifier
from ulmfit_tfx.tasks.classification.model_info import ClassificationDetails
from ulmfit_tfx.tasks.classification.signatures import classifier_signatures
from ulmfit_tfx.trainer_modules.models.encoder import build_encoder
from ulmfit_tfx.trainer_modules.serving.encoder_folder import (
    EncoderRecord,
    PretrainedModel,
    build,
    save_pretrained,
    write_weights,
)
from ulmfit_tfx.trainer_modules.serving.loaded_model import load
from ulmfit_tfx.trainer_modules.serving.model_info import ModelDescription
from ulmfit_tfx.trainer_modules.serving.saved_model import save
from ulmfit_tfx.trainer_modules.serving.signature_names import WARMUP_FILE
from ulmfit_tfx.trainer_modules.serving.signatures import encoder_signatures, text_outputs
from ulmfit_tfx.trainer_modules.serving.warmup_requests import read_warmup_requests
from ulmfit_tfx.transforms.tokenization import Tokenizer

LABELS = ["plain|text", "good\nnews", "*bad*"]
WARMUP_TEXTS = ["a text of ours", "ours"]
ENCODER = EncoderConfig(embedding_size=8, hidden_sizes=(10, 6))
DETAILS = {
    "classification": {"label_separator": None, "threshold": 0.5, "temperature": 1.3456789},
    "regression": {"targets": ["valence", "arousal"]},
    "tagging": {
        "scheme": "bio",
        "tag_separator": None,
        "threshold": 0.5,
        "decoder": "softmax",
        "alignment": "all_pieces",
        "words": "punctuation",
        "temperature": 1.0,
    },
    "language_model": {},
}
DATA = {"path": "/home/somebody/private/reviews.tsv", "format": "tsv", "test_path": "/mnt/secret/held-out.tsv"}
CORPUS = {"path": "/home/somebody/texts.txt", "format": "text"}

ACCOUNTING = Accounting(
    rows={"train": 8000, "eval": 1000, "test": 1234},
    quarantined={"empty text": 7},
    dropped={"not in the sample": 21},
    labels={"train": {LABELS[0]: 5000, LABELS[1]: 3000}, "eval": {LABELS[0]: 1000}, "test": {LABELS[1]: 1234}},
)
EVALUATION = EvaluationScores(
    task="classification",
    rows=1000,
    scores={"accuracy": Interval(0.81357, 0.79135, 0.83579), "auc": Interval(0.9, 0.88, 0.92)},
    by_slice={"length": {"00-50 words": SliceScores(600, {"accuracy": 0.79246}), "over 50": SliceScores(400, {})}},
    baseline=Comparison({"accuracy": Interval(0.7, 0.65, 0.75)}, {"accuracy": Interval(0.11357, 0.05, 0.15)}),
)
HELD_OUT = HeldOutReport(
    "classification",
    1234,
    {
        "model": {"accuracy": Interval(0.80123456, 0.78, 0.82), "calibration_error": Interval(0.02, 0.01, 0.03)},
        "majority": {"accuracy": Interval(0.5312, 0.5, 0.56)},
        "tfidf": {"accuracy": Interval(0.7567, 0.73, 0.78)},
    },
)
PERPLEXITY = PerplexityReport(
    SlicePerplexity(50, {"forward": MeasuredPerplexity(31.4159, 271.828)}),
    {"00-50 words": SlicePerplexity(50, {"forward": MeasuredPerplexity(31.4159, None)})},
)


def config_of(task="classification", **sections):
    own = {
        "classification": {"data": DATA},
        "regression": {"data": DATA | {"target_columns": ["valence", "arousal"]}},
        "tagging": {"data": DATA | {"format": "conll"}},
        "language_model": {"corpus": CORPUS},
    }
    values = {"name": "moods", "task": task, "seed": 11, **own[task], **sections}
    return PipelineConfig.model_validate(values).model_dump(mode="json")


def sources_of(task="classification", details=(), **values):
    labels = {"classification": LABELS, "tagging": ["O", "B-PER"]}.get(task, [])
    encoder = ENCODER.model_dump(mode="json")
    info = model_info(task, labels, DETAILS[task] | dict(details), encoder=encoder, max_seq_len=256)
    versions = {"ulmfit-tfx": "0.1.0", "TensorFlow": "2.16.2", "TFX": "1.16.0"}
    return CardSources(**{"config": config_of(task), "info": info, "parameters": 54321, "versions": versions} | values)


def metadata(card):
    begin, front_matter, _ = card.split("---\n", 2)
    assert begin == ""
    return yaml.safe_load(front_matter)


def body(card):
    return card.split("---\n", 2)[2]


def tables(card):
    """Cells of each table as a Markdown renderer shows them."""
    found, is_in_table = [], False
    for token in MarkdownIt().enable("table").parse(body(card)):
        if token.type in {"table_open", "table_close"}:
            is_in_table = token.type == "table_open"
            found += [[]] if is_in_table else []
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type == "inline" and is_in_table:
            found[-1][-1].append("".join(child.content for child in token.children))
    return found


def table_with(card, column):
    (table,) = [rows for rows in tables(card) if column in rows[0]]
    return table


def test_front_matter_holds_the_scores_of_the_test_split_as_the_artifact_has_them():
    values = metadata(model_card(sources_of(held_out=HELD_OUT, evaluation=EVALUATION)))
    assert values["pipeline_tag"] == "text-classification"
    assert values["metrics"] == ["accuracy", "expected_calibration_error"]
    [model] = values["model-index"]
    [result] = model["results"]
    assert model["name"] == "moods"
    assert result["task"]["type"] == "text-classification"
    assert result["dataset"] == {"type": "held-out", "name": "held-out.tsv", "split": "test"}
    assert {metric["type"]: metric["value"] for metric in result["metrics"]} == {
        "accuracy": 0.80123456,
        "expected_calibration_error": 0.02,
    }


def test_front_matter_of_a_run_without_test_split_says_that_its_scores_are_of_the_eval_split():
    [model] = metadata(model_card(sources_of(evaluation=EVALUATION)))["model-index"]
    [result] = model["results"]
    assert result["dataset"] == {"type": "reviews", "name": "reviews.tsv", "split": "eval"}
    assert [metric["value"] for metric in result["metrics"]] == [0.81357, 0.9]


def test_front_matter_leaves_out_what_a_run_does_not_know():
    assert metadata(model_card(sources_of())).keys() == {"library_name", "pipeline_tag", "tags"}


@pytest.mark.parametrize(
    ("task", "tag"),
    [("regression", "text-classification"), ("tagging", "token-classification"), ("language_model", "text-generation")],
)
def test_pipeline_tag_is_that_of_the_task(task, tag):
    assert metadata(model_card(sources_of(task)))["pipeline_tag"] == tag


def test_test_scores_stand_beside_the_baselines():
    table = table_with(model_card(sources_of(held_out=HELD_OUT)), "TF-IDF + linear")
    assert table == [
        ["", "this model", "majority class", "TF-IDF + linear"],
        ["accuracy", "0.8012 (0.7800 to 0.8200)", "0.5312 (0.5000 to 0.5600)", "0.7567 (0.7300 to 0.7800)"],
        ["calibration error", "0.0200 (0.0100 to 0.0300)", "", ""],
    ]


def test_eval_scores_stand_beside_those_of_the_model_in_service_and_by_slice():
    card = model_card(sources_of(evaluation=EVALUATION))
    assert table_with(card, "the model in service")[1] == [
        "accuracy",
        "0.8136 (0.7913 to 0.8358)",
        "0.7000 (0.6500 to 0.7500)",
        "0.1136 (0.0500 to 0.1500)",
    ]
    assert table_with(card, "length")[1:] == [["00-50 words", "600", "0.7925", ""], ["over 50", "400", "", ""]]


def test_rows_and_labels_are_those_of_the_accounting():
    card = model_card(sources_of(rows=ACCOUNTING))
    assert table_with(card, "rows")[1:] == [
        ["train", "8,000"],
        ["eval", "1,000"],
        ["test", "1,234"],
        ["left out: not in the sample", "21"],
        ["quarantined: empty text", "7"],
    ]
    assert table_with(card, "rows by label")[1:] == [
        ["plain|text", "5,000", "1,000", "0"],
        ["good news", "3,000", "0", "1,234"],
    ]


def test_numbers_to_predict_are_shown_with_their_range():
    ranges = {"lowest": {"valence": 1.2, "arousal": 1.8}, "highest": {"valence": 4.6, "arousal": 4.4}}
    rows = Accounting({"train": 9, "eval": 1, "test": 1}, {}, {}, {"train": {}, "eval": {}, "test": {}}, **ranges)
    table = table_with(model_card(sources_of("regression", rows=rows)), "lowest")
    assert table[1:] == [["arousal", "1.8", "4.4"], ["valence", "1.2", "4.6"]]


def test_card_says_how_many_sentences_serving_cuts_into_the_same_words():
    recut = {"punctuation": 3, "whitespace": 10}
    rows = Accounting({"train": 8, "eval": 1, "test": 1}, {}, {}, {}, recut=recut, served_cut="punctuation")
    card = model_card(sources_of(rows=rows))
    assert "Only 3 of 10 sentences" in card
    assert "With tagging.words: whitespace it would be" in card
    assert ["cut into the same words by tagging.words: punctuation", "3"] in table_with(card, "rows")
    assert "are cut into the same words" not in model_card(sources_of(rows=ACCOUNTING))
    evaluation = dataclasses.replace(EVALUATION, warnings=tuple(rows.warnings()))
    assert model_card(sources_of(rows=rows, evaluation=evaluation)).count("Only 3 of 10 sentences") == 1


def test_only_the_most_frequent_of_many_labels_are_listed_and_the_rest_is_counted():
    labels = {f"label {index}": index + 1 for index in range(60)}
    many = Accounting({"train": 1830, "eval": 0, "test": 0}, {}, {}, {"train": labels, "eval": {}, "test": {}})
    card = model_card(sources_of(rows=many))
    listed = table_with(card, "rows by label")[1:]
    assert [row[0] for row in listed] == [f"label {index}" for index in range(59, 9, -1)]
    assert "10 less frequent ones are not shown." in card


def test_paths_are_named_by_their_last_part_alone():
    card = model_card(sources_of(rows=ACCOUNTING, held_out=HELD_OUT))
    assert "reviews.tsv" in card
    assert not re.search("somebody|private|secret", card)


def test_hyperparameters_are_those_of_the_configuration():
    config = config_of(training={"epochs": 7, "batch_size": 48, "layer_rate_factor": 2.6})
    fields = dict(table_with(model_card(sources_of(config=config)), "field")[1:])
    assert (fields["seed"], fields["training.epochs"], fields["training.batch_size"]) == ("11", "7", "48")
    assert fields["training.layer_rate_factor"] == "2.6"
    assert "training.chunk_pieces" not in fields


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (sources_of(best_epochs={"forward": 3}), "The weights are those after epoch 3, the best on the eval split."),
        (
            sources_of(best_epochs={"forward": 3, "backward": 5}),
            "after epoch 3 reading forward, epoch 5 reading backward, the best on the eval split.",
        ),
        (sources_of(), "All weights were trained from scratch."),
        (
            sources_of(config=config_of(pretrained={"checkpoint": "/mnt/secret/wt103.pth"})),
            "The encoder was imported from wt103.pth.",
        ),
        (
            sources_of(config=config_of(corpus=CORPUS, language_model={}), perplexity=PERPLEXITY),
            "The encoder was first trained as a language model on texts.txt, with this on its eval split: perplexity "
            "a piece, reading forward: 31.4159; perplexity a word, reading forward: 271.8280.",
        ),
        (sources_of(), "logits are divided by 1.3457, a temperature fitted on the eval split."),
        (sources_of(config=config_of(training={"calibrate": False})), "The probabilities are not calibrated."),
        (sources_of(), "A text classifier: it gives a text one of 3 labels, with probabilities."),
        (sources_of(), "Of a text only the first 256 pieces count."),
        (sources_of(), "Upper and lower case are the same to it."),
        (sources_of(), "It was scored on rows of files of their own (held-out.tsv)."),
        (
            sources_of(config=config_of(data={"path": "a.csv", "format": "csv"})),
            "It was scored on rows of the same files as it was trained on, set apart by chance.",
        ),
        (sources_of("regression"), "A text regressor: it gives a text a number for valence, arousal."),
        (
            sources_of("regression", details={"bounds": (1, 5)}),
            "Answers lie between 1 and 5.",
        ),
        (sources_of("tagging"), "it gives each word of a text one of 2 tags, and so marks spans of words."),
        (
            sources_of("tagging", details={"window_overlap": 16}),
            "Texts of more than 256 pieces are tagged in windows of that length, which share 16:",
        ),
        (sources_of("language_model"), "What follows a text is predicted from 256 pieces at most."),
    ],
)
def test_card_says(sources, expected):
    paragraphs = [token.children for token in MarkdownIt().parse(body(model_card(sources))) if token.type == "inline"]
    shown = ["".join(child.content or " " for child in children) for children in paragraphs]
    assert any(expected in " ".join(text.split()) for text in shown)


def test_card_of_a_language_model_has_its_perplexity():
    card = model_card(sources_of("language_model", perplexity=PERPLEXITY, corpus=ACCOUNTING))
    [model] = metadata(card)["model-index"]
    assert [metric["value"] for metric in model["results"][0]["metrics"]] == [31.4159, 271.828]
    assert table_with(card, "texts")[1:] == [
        ["all", "50", "31.4159", "271.8280"],
        ["00-50 words", "50", "31.4159", ""],
    ]


@given(st.text(st.characters(blacklist_categories=("Cc", "Cs"))) | st.text("a1é_*`|\\\\[]()<>&;#~! "))
def test_any_text_is_shown_as_it_is_in_a_cell(text):
    rendered = MarkdownIt().enable("table").parse(f"| a |\n| --- |\n| x{plain(text)}x | ignored |\n")
    *_, cell = [token for token in rendered if token.type == "inline"]
    assert all(child.type in {"text", "text_special"} for child in cell.children)
    assert "".join(child.content for child in cell.children) == f"x{' '.join(text.split())}x"


def artifact(kind, folder):
    made = kind()
    made.uri = str(folder)
    return [made]


@pytest.fixture(scope="module")
def packaged(tmp_path_factory, spm_model):
    """A classifier as Trainer leaves it behind, the same with a card, and its number of weights."""
    folder = tmp_path_factory.mktemp("packaged")
    tokenizer = Tokenizer(spm_model, TokenizerConfig(), CleaningConfig())
    encoder = build_encoder(ENCODER, tokenizer.vocab_size, tokenizer.special_ids.pad)
    model = build_classifier(encoder, HeadConfig(), len(LABELS))
    signatures = encoder_signatures(encoder, tokenizer, None, 40)
    signatures |= classifier_signatures(text_outputs(model, tokenizer, 40), tokenizer, LABELS)
    info = ModelDescription(
        task="classification",
        encoder=ENCODER,
        max_seq_len=40,
        fixed_seq_len=None,
        labels=LABELS,
        details=ClassificationDetails(**DETAILS["classification"]),
    )
    save(str(folder / "trained" / "Format-Serving"), model, tokenizer, signatures, info)
    files = {
        "run/history.json": json.dumps({"best_epoch": 2, "epochs": []}),
        "held_out/held_out.json": HELD_OUT.to_json(),
        "report/scores.json": EVALUATION.to_json(),
    }
    for name, content in files.items():
        (folder / name).parent.mkdir()
        (folder / name).write_text(content)

    examples = artifact(standard_artifacts.Examples, folder / "examples")
    examples[0].set_string_custom_property("accounting", ACCOUNTING.to_json())
    inputs = {
        "trained_model": artifact(standard_artifacts.Model, folder / "trained"),
        "model_run": artifact(standard_artifacts.ModelRun, folder / "run"),
        "examples": examples,
        "statistics": [statistics_artifact(folder / "statistics", [{"text": "private words", "label": "*bad*"}] * 2)],
        "held_out": artifact(standard_artifacts.ModelEvaluation, folder / "held_out"),
        "evaluation_report": artifact(standard_artifacts.ModelEvaluation, folder / "report"),
    }
    outputs = {"model": artifact(standard_artifacts.Model, folder / "packaged")}
    Executor().Do(inputs, outputs, {"config": json.dumps(config_of()), "warmup_texts": json.dumps(WARMUP_TEXTS)})
    weights = sum(int(np.prod(weight.shape)) for weight in model.weights)
    return folder / "trained" / "Format-Serving", folder / "packaged" / "Format-Serving", weights


def test_packaged_model_is_the_trained_one_a_card_and_warm_up_requests(packaged):
    trained, with_card, _ = packaged
    files = {path.relative_to(trained): path.read_bytes() for path in trained.rglob("*") if path.is_file()}
    copied = {path.relative_to(with_card): path.read_bytes() for path in with_card.rglob("*") if path.is_file()}
    added = {str(path) for path in copied.keys() - files.keys()}
    assert added == {CARD_FILE, "assets.extra/tf_serving_warmup_requests", STATISTICS_FILE}
    assert {path: copied[path] for path in files} == files


def test_packaged_model_answers_like_the_trained_one_in_both_ways_of_loading(packaged, outputs_in_isolation):
    trained, with_card, _ = packaged
    expected = outputs_in_isolation(trained, "tf2")
    for mode in ("tf2", "tf1"):
        found = outputs_in_isolation(with_card, mode)
        assert found.keys() == expected.keys()
        for name, values in expected.items():
            if values.dtype.kind == "f":
                np.testing.assert_allclose(found[name], values, atol=1e-6, err_msg=name)
            else:
                np.testing.assert_array_equal(found[name], values, err_msg=name)


def test_warm_up_requests_are_of_the_given_texts_and_ask_for_the_pipelines_model(packaged):
    _, with_card, _ = packaged
    requests = list(read_warmup_requests(f"{with_card}/{WARMUP_FILE}"))
    of_text = [request.predict_log.request for request in requests if request.HasField("predict_log")]
    sent = [request.inputs["string_inputs"].string_val[:] for request in of_text if "string_inputs" in request.inputs]
    assert {text for batch in sent for text in batch} == {text.encode() for text in WARMUP_TEXTS}
    assert {request.model_spec.name for request in of_text} == {"moods"}


def test_statistics_of_the_train_split_go_out_without_its_texts(packaged):
    _, with_card, _ = packaged
    [dataset] = tfdv.load_stats_text(f"{with_card}/{STATISTICS_FILE}").datasets
    label = next(feature for feature in dataset.features if feature.path.step[0] == "label")
    assert {bucket.label: bucket.sample_count for bucket in label.string_stats.rank_histogram.buckets} == {"*bad*": 2}
    assert {each.name for each in label.custom_stats} >= {"data.labels", "data.label_column"}
    assert "private words" not in (with_card / STATISTICS_FILE).read_text()


def test_card_has_the_facts_of_the_artifacts(packaged):
    _, with_card, weights = packaged
    card = (with_card / CARD_FILE).read_text()
    facts = dict(row for table in tables(card) for row in table if len(row) == 2)
    assert facts["parameters"] == f"{weights:,}"
    assert facts["recurrent layers"] == "2, of 10, 6 units, on embeddings of 8"
    assert facts["tokenizer"] == "SentencePiece, bpe, 200 pieces"
    assert facts["labels"] == "plain|text, good news, *bad*"
    assert (facts["ulmfit-tfx"], facts["TensorFlow"], facts["TFX"]) == (
        ulmfit_tfx.__version__,
        tf.__version__,
        tfx.__version__,
    )
    assert "after epoch 2" in card
    assert "1,234 rows of the test split" in card
    assert "1,000 rows of the eval split" in card
    assert facts["train"] == "8,000"


def printed_by(card, model):
    """What the card's Python prints when it is given the model."""
    code = re.search(r"```python\n(.*?)```", card, re.DOTALL).group(1)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code.replace(MODEL_DIR, str(model)), {})
    return printed.getvalue()


def test_python_of_a_classifiers_card_prints_its_labels(packaged):
    _, with_card, _ = packaged
    printed = printed_by((with_card / CARD_FILE).read_text(), with_card)
    assert printed.startswith("label: ")
    assert all(label in printed for label in LABELS)


def test_python_of_a_regressors_card_prints_its_numbers(tmp_path):
    printed = printed_by(model_card(sources_of("regression")), write_regressor(tmp_path / "model"))
    assert printed.splitlines() == ["characters 16.0", "rows 1.0", "longest 16.0"]  # of "A text of yours."


def test_python_of_a_taggers_card_prints_its_words(tmp_path):
    printed = printed_by(model_card(sources_of("tagging")), write_tagger(tmp_path / "model"))
    assert printed.splitlines() == ["A B-PER 0.75", "text O 0.875", "of O 0.875", "yours. O 0.875"]


@pytest.fixture(scope="module")
def language_model(tmp_path_factory, spm_model):
    """A language model with a card."""
    folder = tmp_path_factory.mktemp("language_model")
    tokenizer = Tokenizer(spm_model, TokenizerConfig(), CleaningConfig())
    encoder = EncoderConfig(embedding_size=6, hidden_sizes=(8, 6))
    record = EncoderRecord(encoder, tokenizer.vocab_size, tokenizer.special_ids.pad, "tied", 70, 64, {"best_epoch": 4})
    trained = PretrainedModel(*build(record), record)
    save_pretrained(str(folder / "trained" / "Format-Serving"), [trained], tokenizer)
    write_weights(folder / "trained", trained, tokenizer)
    (folder / "gate").mkdir()
    (folder / "gate" / "perplexity.json").write_text(PERPLEXITY.to_json())
    inputs = {
        "trained_model": artifact(standard_artifacts.Model, folder / "trained"),
        "perplexity": artifact(standard_artifacts.ModelEvaluation, folder / "gate"),
    }
    outputs = {"model": artifact(standard_artifacts.Model, folder / "packaged")}
    Executor().Do(inputs, outputs, {"config": json.dumps(config_of("language_model")), "warmup_texts": "[]"})
    return folder / "packaged" / "Format-Serving"


def test_card_of_a_language_model_has_the_facts_of_the_artifacts(language_model):
    card = (language_model / CARD_FILE).read_text()
    assert "after epoch 4" in card
    assert "ulmfit-tfx complete MODEL_DIR" in card
    assert table_with(card, "texts")[1] == ["all", "50", "31.4159", "271.8280"]


def test_python_of_a_language_models_card_prints_its_perplexity(language_model):
    answer = load(language_model)["serving_default"](string_inputs=tf.constant(["A text of yours."]))
    expected = np.exp(float(answer["negative_log_likelihood"][0]) / int(answer["predicted_pieces"][0]))
    name, printed = printed_by((language_model / CARD_FILE).read_text(), language_model).rsplit(" ", 1)
    assert name == "perplexity a piece:"
    assert float(printed) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("directions", "history", "expected"),
    [
        (["forward"], {"best_epoch": 3}, {"forward": 3}),
        (["forward", "backward"], {"best_epoch": 3}, {"forward and backward": 3}),
        (
            ["forward", "backward"],
            {"forward": {"best_epoch": 3}, "backward": {"best_epoch": 1}, "average": {"eval_loss": 0.5}},
            {"forward": 3, "backward": 1},
        ),
    ],
)
def test_epochs_are_those_of_each_training(tmp_path, directions, history, expected):
    (tmp_path / "history.json").write_text(json.dumps(history))
    inputs = {"model_run": artifact(standard_artifacts.ModelRun, tmp_path)}
    assert best_epochs(inputs, directions) == expected


@pytest.mark.parametrize("module", [markdown, scores])
def test_examples_in_docstrings_hold(module):
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


def test_component_takes_only_the_model_for_granted():
    model = channel_utils.as_channel([standard_artifacts.Model()])
    packager = ModelPackager(model, config_of("language_model"), ("a text", "żółć"))
    assert list(packager.inputs) == ["trained_model"]
    assert json.loads(packager.exec_properties["config"]) == config_of("language_model")
    assert json.loads(packager.exec_properties["warmup_texts"]) == ["a text", "żółć"]


def test_card_tells_of_a_teachers_rows_and_which_were_left_out():
    merged = Accounting(
        rows={"train": 9000, "eval": 1000},
        quarantined={},
        dropped={"text of the eval or test split": 12},
        labels=ACCOUNTING.labels,
        notes=["1,000 are the teacher's alone"],
    )
    config = config_of(distillation={"data": {"path": "/home/somebody/private/taught.jsonl", "format": "jsonl"}})
    card = model_card(sources_of(config=config, rows=ACCOUNTING, taught=merged))
    assert "taught.jsonl" in card
    assert "private" not in card
    table = next(rows for rows in tables(card) if ["train", "9,000"] in rows)
    assert ["left out: text of the eval or test split", "12"] in table
    assert ["train", "1,000 are the teacher's alone"] in table
