import io
import json
import os
import pty
import re
import select
import stat
import subprocess
import sys

import pytest
from model_infos import model_info, write_info
from prompt_toolkit.application import create_app_session
from prompt_toolkit.history import FileHistory
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from rich.cells import cell_len
from rich.console import Console
from task_model_writer import write_classifier, write_regressor, write_tagger
from typer.testing import CliRunner

from ulmfit_tfx.pipeline.cli.app import app
from ulmfit_tfx.pipeline.cli.prompt import history_file, prompted_lines
from ulmfit_tfx.tasks import labelled_task, load_predictor
from ulmfit_tfx.tasks.classification.predictor import Prediction
from ulmfit_tfx.tasks.classification.terminal import prediction_table, probability_bars
from ulmfit_tfx.tasks.regression.predictor import ScorePrediction
from ulmfit_tfx.tasks.regression.terminal import score_table
from ulmfit_tfx.tasks.tagging.predictor import Span, TaggedWord, TagPrediction
from ulmfit_tfx.tasks.tagging.terminal import text_with_spans, words_over_tags

CTRL_C, CTRL_D, ENTER = "\x03", "\x04", "\r"
TAGGING = labelled_task("tagging")
TAGGER_INFO = model_info("tagging", ["O", "B-PER", "I-PER", "B-LOC"], {"scheme": "bio"})
PLAIN_INFO = model_info("tagging", ["NOUN", "VERB"], {"scheme": "plain"})


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    write_classifier(folder / "classifier")
    write_classifier(folder / "labels", label_separator="|")
    write_regressor(folder / "regressor")
    write_tagger(folder / "tagger")
    write_info(folder / "encoder", "encoder")
    (folder / "encoder" / "saved_model.pb").touch()
    return folder


def invoke(*arguments, stdin=b""):
    return CliRunner(mix_stderr=False).invoke(app, ["predict", *map(str, arguments)], input=stdin)


def shown(renderable, **options) -> str:
    console = Console(file=io.StringIO(), width=60, **options)
    console.print(renderable)
    return console.file.getvalue()


def printed(predictions, info, **options) -> str:
    console = Console(file=io.StringIO(), width=60, **options)
    TAGGING.show_answers(console, predictions, info)
    return console.file.getvalue()


def tagged(text, *spans):
    """A tagging of a text of words between spaces, by (label, first word, end word)."""
    words, position = [], 0
    for word in text.split(" "):
        words.append(TaggedWord(word, "", 0.9, 0, 0, position, position + len(word)))
        position += len(word) + 1
    found = []
    for label, start, end in spans:
        begin, last = words[start].start_char, words[end - 1].end_char
        found.append(Span(label, text[begin:last], 0.8, start, end, 0, 0, begin, last))
    return TagPrediction(text, tuple(words), tuple(found))


# What the command reads


def test_texts_are_arguments_lines_of_a_file_or_of_standard_input(models, tmp_path):
    lines = "\ufeffa good film\n\n  bad  \r\n".encode()
    (tmp_path / "texts.txt").write_bytes(lines)
    by_argument = invoke(models / "classifier", "a good film", "bad")
    by_file = invoke(models / "classifier", "--file", tmp_path / "texts.txt")
    by_pipe = invoke(models / "classifier", stdin=lines)
    assert by_argument.exit_code == 0, by_argument.stderr
    header, good, bad = map(str.split, by_argument.stdout.splitlines())
    assert [header[0], good[0], bad[0]] == ["label", "good", "bad"]
    shown = [line.split() for line in by_file.stdout.splitlines()]
    assert shown == [header, good, [f"({tmp_path}/texts.txt:2:", "blank", "line)"], bad]
    assert by_pipe.stdout == by_file.stdout.replace(f"{tmp_path}/texts.txt", "standard input")


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "message"),
    [
        ([], b"\n \n", 2, "there is no text to label: standard input is empty."),
        ([" "], b"", 2, "there is no text to label: TEXT is empty."),
        (["good", "caf\udce9"], b"", 3, "TEXT 2: is not UTF-8."),
        ([], b"caf\xe9\n\n", 3, "standard input: none of its 2 rows can be predicted (not utf-8: 1, blank line: 1)."),
        (["--interactive"], b"good\n\ncaf\xe9\n", 3, "standard input, line 3: is not UTF-8."),
        (["--file", "none.txt"], b"", 2, "none.txt: no such file."),
        (["--file", "setup.py"], b"", 2, "setup.py: the suffix '.py' does not say which format it has. Say it with "),
        (["--file", "LICENSE", "--format", "cvs"], b"", 2, "--format is 'cvs', expected one of text, csv, "),
        (["--file", "LICENSE", "--id-column", "id"], b"", 2, "--id-column: LICENSE is read as text, which has no col"),
        (["--id-column", "id"], b"good", 2, "--id-column says how a file is read: name one with --file."),
        (["--encoding", "utf-9", "--file", "LICENSE"], b"", 2, "--encoding: Value error, is not an encoding that"),
        (
            ["--output", "rows.xls"],
            b"good",
            2,
            "rows.xls: is written by its suffix, expected .csv, .tsv, .jsonl or .pa",
        ),
        (["--output", "rows.csv", "a text"], b"", 2, "--output writes the rows of --file, or of standard input"),
        (["--file", "none.txt", "a text"], b"", 2, "TEXT, --file and --interactive exclude each other. Which one"),
        (["--words", "a text"], b"", 2, "is a model for classification, expected a tagger."),
    ],
)
def test_what_cannot_be_predicted_is_named(models, arguments, stdin, code, message):
    result = invoke(models / "classifier", *arguments, stdin=stdin)
    assert (result.exit_code, message in result.stderr) == (code, True), result.stderr


def test_encoder_is_refused(models):
    result = invoke(models / "encoder", "a text")
    assert result.exit_code == 2
    assert "is an encoder without a task head, expected a classifier, a regressor or a tagger." in result.stderr


def test_words_option_takes_words_already_split(models):
    result = invoke(models / "tagger", "--words", "--json", "Zoë,  met 12")
    [row] = map(json.loads, result.stdout.splitlines())
    assert row["text"] == "Zoë, met 12"
    assert [word["text"] for word in row["words"]] == ["Zoë,", "met", "12"]


# JSON Lines


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("classifier", {"text", "label", "labels", "probabilities"}),
        ("labels", {"text", "label", "labels", "probabilities"}),
        ("regressor", {"text", "scores"}),
        ("tagger", {"text", "words", "spans"}),
    ],
)
def test_json_lines_have_the_keys_of_the_task_and_read_back(models, name, keys):
    result = invoke(models / name, "--json", "Zoë has 2 good ideas", "bad")
    rows = list(map(json.loads, result.stdout.splitlines()))
    assert [set(row) for row in rows] == [keys, keys]
    predictor = load_predictor(models / name)
    assert [predictor.from_json(row).text for row in rows] == ["Zoë has 2 good ideas", "bad"]
    assert "Zoë" in result.stdout


def test_json_of_a_tagger_says_where_words_and_spans_are(models):
    [row] = map(json.loads, invoke(models / "tagger", "--json", "Zoë met").stdout.splitlines())
    place = {"start_byte": 0, "end_byte": 4, "start_char": 0, "end_char": 3}
    assert row["words"][0] == {"text": "Zoë", "tag": "B-PER", "score": 0.75, **place}
    words = {"start_word": 0, "end_word": 1}
    assert row["spans"] == [{"label": "PER", "text": "Zoë", "score": 0.75, **words, **place}]


def start(*arguments, **streams):
    command = [sys.executable, "-m", "ulmfit_tfx.pipeline", "predict", *map(str, arguments)]
    return subprocess.Popen(command, **streams)


@pytest.mark.parametrize(("options", "lines"), [([], 256), (["-i"], 1)], ids=["stream", "interactive in a pipe"])
def test_answers_come_before_standard_input_ends(models, options, lines):
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with start(models / "regressor", "--json", *options, **streams) as process:
        process.stdin.write("a text\n" * lines)
        process.stdin.flush()
        answers = [json.loads(process.stdout.readline()) for _ in range(lines)]
        assert process.poll() is None
        process.stdin.close()
        assert process.stdout.read() == ""
    assert answers[-1]["scores"]["characters"] == 6
    assert process.returncode == 0


# Tables and text


def test_table_of_many_texts_has_one_header_and_lines_up(models):
    result = invoke(models / "classifier", stdin=b"good\n" * 256 + b"plain\n")
    lines = result.stdout.splitlines()
    assert len(lines) == 258
    assert {line.index("0.5") for line in lines[1:]} == {lines[0].index("probability")}


def test_labels_of_a_text_stand_below_each_other():
    both = Prediction("both", "war|love", {"love": 0.7, "war": 0.9, "art": 0.1}, ("war", "love"))
    none = Prediction("none", "", {"love": 0.2, "war": 0.1, "art": 0.1}, ())
    rows = [line.split() for line in shown(prediction_table([both, none])).splitlines()[1:]]
    assert rows == [["war", "0.900", "both"], ["love", "0.700"], ["-", "none"]]


def test_score_table_names_its_targets():
    lines = shown(score_table([ScorePrediction("a text", {"valence": 3.14159, "cost": -12345.0})])).splitlines()
    assert [line.split() for line in lines] == [["valence", "cost", "text"], ["3.142", "-12,345.000", "a", "text"]]


def test_bars_are_as_long_as_the_probabilities():
    prediction = Prediction("t", "b", {"a": 0.25, "b": 0.5, "c": 0.25}, ("b",))
    lines = shown(probability_bars(prediction)).splitlines()
    assert [line.split()[:2] for line in lines] == [["b", "0.500"], ["a", "0.250"], ["c", "0.250"]]
    assert [sum(character != " " for character in line[9:]) for line in lines] == [15, 8, 8]


def test_many_classes_are_cut_and_summed_up():
    prediction = Prediction("t", "c0", {"c0": 0.5, **{f"c{n}": 0.025 for n in range(1, 21)}}, ("c0",))
    lines = shown(probability_bars(prediction)).splitlines()
    assert len(lines) == 11
    assert lines[-1].strip() == "11 more classes, 0.275 together"


def test_text_without_a_probable_label_says_so():
    assert "no label is probable enough" in shown(probability_bars(Prediction("t", "", {"a": 0.1, "b": 0.2}, ())))


def test_spans_are_marked_in_the_text_and_it_is_no_markup():
    assert printed([tagged("Ada Bo met [bold] in Rome", ("PER", 0, 2), ("LOC", 5, 6))], TAGGER_INFO) == (
        "[PER Ada Bo] met [bold] in [LOC Rome]\n"
    )


def test_spans_have_the_colours_of_their_labels_on_a_terminal_and_none_without_colours():
    prediction = tagged("Ada met Bo in Rome", ("PER", 0, 1), ("PER", 2, 3), ("LOC", 4, 5))
    terminal = {"force_terminal": True, "color_system": "standard"}
    coloured = printed([prediction], TAGGER_INFO, **terminal)
    colours = {word: colour for colour, word in re.findall(r"\x1b\[30;(\d+)m (\w+) ", coloured)}
    assert colours.keys() == {"Ada", "Bo", "Rome"}
    assert colours["Ada"] == colours["Bo"] != colours["Rome"]
    uncoloured = "[PER Ada] met [PER Bo] in [LOC Rome]\n"
    assert printed([prediction], TAGGER_INFO, **terminal, no_color=True) == uncoloured
    assert printed([prediction], TAGGER_INFO) == uncoloured


def test_line_breaks_in_a_text_become_spaces():
    assert text_with_spans(tagged("a\nb Rome\tc", ("LOC", 1, 2)), {}, False).plain == "a b [LOC Rome c]"


def test_tags_stand_below_their_words():
    words = [("星を見る", "VERB"), ("the", "DETERMINER"), ("night", "")]
    prediction = TagPrediction("", tuple(TaggedWord(word, tag, 1, 0, 0, 0, 0) for word, tag in words), ())
    above, below = words_over_tags(prediction, {}, width=80).plain.splitlines()
    for word, tag in words:
        assert cell_len(above[: above.index(word)]) == cell_len(below[: below.index(tag or "-")])


@pytest.mark.parametrize("width", [1, 7, 12, 80])
def test_words_over_tags_fit_into_the_width_where_a_word_does(width):
    words = tuple(TaggedWord("w" * size, "TAG", 1, 0, 0, 0, 0) for size in (1, 9, 2, 5, 3, 3, 4))
    lines = words_over_tags(TagPrediction("", words, ()), {}, width).plain.splitlines()
    above = lines[::2]
    assert " ".join(above).split() == [word.text for word in words]
    assert all(len(line.rstrip()) <= width or len(line.split()) == 1 for line in lines)


def test_plain_tags_are_shown_below_the_words():
    words = (TaggedWord("dogs", "NOUN", 1, 0, 4, 0, 4), TaggedWord("bark", "VERB", 1, 5, 9, 5, 9))
    lines = printed([TagPrediction("dogs bark", words, ())], PLAIN_INFO).splitlines()
    assert [line.split() for line in lines] == [["dogs", "bark"], ["NOUN", "VERB"], []]


def test_one_tagged_text_comes_with_the_scores_of_its_spans():
    console = Console(file=io.StringIO(), width=60)
    TAGGING.show_answer(console, tagged("Ada Lovelace met Bo", ("PER", 0, 2), ("PER", 3, 4)), TAGGER_INFO)
    lines = [line.split() for line in console.file.getvalue().splitlines()[1:]]
    assert lines == [
        ["label", "score", "words", "span"],
        ["PER", "0.800", "1-2", "Ada", "Lovelace"],
        ["PER", "0.800", "4-4", "Bo"],
    ]


# The prompt


def typed(keys, history):
    """Lines that `prompted_lines` gives where somebody presses these keys."""
    with create_pipe_input() as keyboard, create_app_session(input=keyboard, output=DummyOutput()):
        keyboard.send_text(keys)
        return list(prompted_lines(history))


def test_prompt_gives_lines_until_control_d(tmp_path):
    assert typed(f"  good {ENTER}{ENTER}half{CTRL_C}bad{ENTER}{CTRL_D}", tmp_path / "history") == ["good", "bad"]


def test_history_outlives_the_session_and_is_private(tmp_path):
    history = tmp_path / "cache" / "history"
    assert typed(f"first{ENTER}{CTRL_D}", history) == ["first"]
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    assert typed(f"second{ENTER}{CTRL_D}", history) == ["second"]
    assert list(FileHistory(str(history)).load_history_strings()) == ["second", "first"]


def test_prompt_works_where_no_history_can_be_kept(tmp_path):
    (tmp_path / "file").touch()
    assert typed(f"good{ENTER}bad{ENTER}{CTRL_D}", tmp_path / "file" / "history") == ["good", "bad"]


def test_history_lies_in_the_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert history_file() == tmp_path / "ulmfit-tfx" / "history"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert history_file() == tmp_path / ".cache" / "ulmfit-tfx" / "history"


def test_terminal_without_texts_gets_a_prompt(models, tmp_path):
    ours, theirs = pty.openpty()
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path), "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}
    process = start(models / "classifier", env=environment, **streams)
    os.close(theirs)
    read_until(ours, r"Ctrl-D ends\..*>")  # before the prompt is there, the terminal takes Ctrl-D for itself
    os.write(ours, b"good good bad\r")
    screen = read_until(ours, r"0\.167.*>")
    os.write(ours, CTRL_D.encode())
    assert process.wait(timeout=30) == 0
    os.close(ours)
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen)
    assert re.search(r"good +0\.500 +█+", plain)
    assert "good good bad" in (tmp_path / "ulmfit-tfx" / "history").read_text()


def read_until(terminal, pattern):
    """What a terminal shows from now until the pattern is there."""
    seen = ""
    while not re.search(pattern, seen, re.DOTALL):
        ready, _, _ = select.select([terminal], [], [], 60)
        assert ready, f"only this is there: {seen}"
        seen += os.read(terminal, 4096).decode(errors="replace")
    return seen
