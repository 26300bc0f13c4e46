import doctest
import gzip
import io
import json
import os
import re
import signal
import statistics
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import sentencepiece
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from ulmfit_tfx.components.sentencepiece_trainer.training import train
from ulmfit_tfx.pipeline.cli.app import app
from ulmfit_tfx.pipeline.cli.tokenizer.encode import CHART_FILE, STATISTICS_FILE
from ulmfit_tfx.pipeline.tools.tokenizer import encoding
from ulmfit_tfx.pipeline.tools.tokenizer.encoding import Encoder
from ulmfit_tfx.pipeline.tools.tokenizer.length_chart import draw_lengths
from ulmfit_tfx.pipeline.tools.tokenizer.length_statistics import LengthStatistics
from ulmfit_tfx.pipeline.tools.tokenizer.output_files import new_file
from ulmfit_tfx.pipeline.tools.tokenizer.training_process import train_apart
from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.schemas.errors import ConfigError, DataError, UserError
from ulmfit_tfx.transforms.splitting import sample
from ulmfit_tfx.transforms.tokenization import Tokenizer
from ulmfit_tfx.transforms.tokenizer_files import read_tokenizer, write_tokenizer
from ulmfit_tfx.transforms.tokenizer_layout import vocabulary

IMPORTED = Path(__file__).parents[3] / "shared" / "data" / "sentencepiece"
COMMANDS = ("train", "encode", "show")


def invoke(*arguments):
    return CliRunner(mix_stderr=False).invoke(app, ["tokenizer", *map(str, arguments)])


def refused(*arguments):
    """Runs the command, which has to fail; returns its exit code and what it says, lines joined."""
    result = invoke(*arguments)
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return result.exit_code, " ".join(result.stderr.split())


@pytest.fixture(scope="module")
def texts(reviews):
    return [text for text, _ in reviews]


@pytest.fixture
def corpus(tmp_path, texts):
    """A file with a text a line."""
    path = tmp_path / "corpus.txt"
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def model_file(tmp_path_factory, spm_model):
    path = tmp_path_factory.mktemp("model") / "wiki.model"
    path.write_bytes(spm_model)
    return path


# The command as a whole


@pytest.mark.parametrize("arguments", [["--help"], *([command, "--help"] for command in COMMANDS)])
def test_help_needs_neither_tensorflow_nor_numpy(arguments):
    assert imported_by("tokenizer", *arguments) == set()


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "nowhere.txt", "--output", "out"],
        ["train", __file__, "--output", "out", "--user-symbol", "<s>"],
        ["encode", __file__, "--tokenizer", "nowhere.model", "--output", "out"],
        ["show", "nowhere.model"],
    ],
)
def test_wrong_arguments_need_neither_tensorflow_nor_numpy(arguments):
    assert imported_by("tokenizer", *arguments) == set()


def imported_by(*arguments):
    """Which of the large packages a command imports."""
    script = (
        "import sys\n"
        "from ulmfit_tfx.pipeline.cli.app import app\n"
        "try:\n"
        f"    app({list(arguments)})\n"
        "finally:\n"
        "    heavy = {'tensorflow', 'tfx', 'apache_beam', 'numpy', 'matplotlib'} & set(sys.modules)\n"
        "    print('imported:', *heavy)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    return set(done.stdout.splitlines()[-1].removeprefix("imported:").split())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_shows_an_example(command):
    assert f"ulmfit-tfx tokenizer {command} " in invoke(command, "--help").stdout.replace("\n", " ")


# train


def trained(folder):
    """The model in a folder."""
    (model,) = folder.glob("*.model")
    return model.read_bytes()


def test_train_gives_what_sentencepiece_trainer_gives_for_the_same_texts(tmp_path, corpus, texts):
    result = invoke("train", corpus, "--output", tmp_path / "out", "--vocab-size", 150, "--prefix", "reviews")
    assert result.exit_code == 0, result.stderr
    config = TokenizerConfig(vocab_size=150, prefix="reviews")
    chosen = sample(texts, 42, config.sample_texts, config.sample_bytes)
    model = train(chosen.texts, config, SourceConfig.model_fields["max_row_bytes"].default)
    write_tokenizer(str(tmp_path / "expected"), model, config, CleaningConfig())
    for file in (tmp_path / "expected").iterdir():
        assert (tmp_path / "out" / file.name).read_bytes() == file.read_bytes()
    assert json.loads((tmp_path / "out" / "sample.json").read_text())["texts"] == len(texts)
    assert f"all {len(texts)} texts" in result.stdout


def test_train_passes_its_options_on(tmp_path, corpus):
    options = "--vocab-size 300 --model-type unigram --character-coverage 0.99 --user-symbol xx --user-symbol yy"
    options += " --byte-fallback --normalization nfkc --split-digits --separator [SEP] --seed 7 --sample-texts 500"
    options += " --sample-bytes 30000 --lower-case --strip-html --prefix p"
    result = invoke("train", corpus, "--output", tmp_path / "out", *options.split())
    assert result.exit_code == 0, result.stderr
    tokenizer = read_tokenizer(str(tmp_path / "out"))
    assert tokenizer.config == TokenizerConfig(
        prefix="p",
        vocab_size=300,
        model_type="unigram",
        character_coverage=0.99,
        user_defined_symbols=("xx", "yy"),
        byte_fallback=True,
        normalization="nfkc",
        split_digits=True,
        separator="[SEP]",
        sample_texts=500,
        sample_bytes=30_000,
    )
    assert tokenizer.cleaning == CleaningConfig(lower_case=True, strip_html=True)
    assert re.search(r"\d+ of 600 texts, 0\.03 of 0\.\d+ MB, chosen by a seeded hash", result.stdout)


def test_same_texts_in_another_format_give_the_same_model(tmp_path, corpus, texts):
    (tmp_path / "rows.csv").write_text("id,review\n" + "".join(f'1,"{text}"\n' for text in texts))
    (tmp_path / "rows.tsv").write_text("review\n" + "".join(f"{text}\n" for text in texts))
    rows = "".join(json.dumps({"review": text}) + "\n" for text in texts)
    (tmp_path / "rows.jsonl.gz").write_bytes(gzip.compress(rows.encode()))
    (tmp_path / "rows.dat").write_text("\n".join(texts), encoding="utf-16")
    expected = tmp_path / "expected"
    invoke("train", corpus, "--output", expected, "--vocab-size", 150)
    column = ["--text-column", "review"]
    for number, reading in enumerate(
        [
            ["rows.csv", *column],
            ["rows.tsv", *column],
            ["rows.jsonl.gz", *column],
            ["rows.dat", "--encoding", "utf-16"],
            ["rows.tsv", "--format", "csv", *column],
        ]
    ):
        out = tmp_path / str(number)
        result = invoke("train", tmp_path / reading[0], *reading[1:], "--output", out, "--vocab-size", 150)
        assert result.exit_code == 0, result.stderr
        assert trained(out) == trained(expected)
        assert all(word in result.stdout.split("tokenizer encode")[1] for word in reading[1:])


def test_several_files_are_read_once_each_whatever_their_order(tmp_path, texts):
    (tmp_path / "a.txt").write_text("\n".join(texts[:200]))
    (tmp_path / "b.txt").write_text("\n".join(texts[200:]))
    for name, inputs in (("x", ["b.txt", "a.txt"]), ("y", ["*.txt", "a.txt"])):
        result = invoke(
            "train", *(tmp_path / path for path in inputs), "--output", tmp_path / name, "--vocab-size", 150
        )
        assert "600 rows read from 2 files" in result.stdout
    assert trained(tmp_path / "x") == trained(tmp_path / "y")


def test_texts_are_cleaned_as_the_served_graph_does_it(tmp_path, spm_model):
    path = tmp_path / "upper.txt"
    path.write_text("ŻÓŁĆ[SEP]ΣΟΦΟΣ <b>İstanbul</b>\n" * 40, encoding="utf-8")
    options = ["--lower-case", "--strip-html", "--separator", "[SEP]", "--vocab-size", 40]
    assert invoke("train", path, "--output", tmp_path / "out", *options).exit_code == 0
    pieces = {line.split("\t")[0] for line in vocabulary(trained(tmp_path / "out")).splitlines()}
    assert "▁żółć" in pieces
    assert not any(piece != piece.lower() or "sep" in piece or "[" in piece or "<b" in piece for piece in pieces)


def test_refused_rows_are_counted_by_reason(tmp_path, texts):
    path = tmp_path / "rows.txt"
    path.write_bytes("\n".join(texts).encode() + b"\ncaf\xe9\n" + b"x" * 2000 + b"\n")
    options = ["--output", tmp_path / "out", "--vocab-size", 150, "--max-row-bytes", 1000]
    result = invoke("train", path, *options)
    assert result.exit_code == 0, result.stderr
    assert "2 rows refused (not utf-8: 1, row too long: 1)" in result.stdout
    assert f"{path}:{len(texts) + 1}: not utf-8" in result.stdout


def test_files_of_a_folder_are_read_each_by_its_suffix(tmp_path, texts):
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "a.txt").write_text("\n".join(texts[:200]))
    (folder / "b.tsv").write_text("\n".join(["text", *texts[200:400]]))
    rows = "".join(json.dumps({"text": text}) + "\n" for text in texts[400:])
    (folder / "c.jsonl.gz").write_bytes(gzip.compress(rows.encode()))
    (tmp_path / "all.txt").write_text("\n".join(texts))
    for name, path in (("x", folder), ("y", tmp_path / "all.txt")):
        result = invoke("train", path, "--output", tmp_path / name, "--vocab-size", 150)
        assert result.exit_code == 0, result.stderr
    assert trained(tmp_path / "x") == trained(tmp_path / "y")


def test_pages_of_a_dump_that_are_no_articles_are_left_out(tmp_path):
    def page(title, namespace, text):
        inner = f"<title>{title}</title><ns>{namespace}</ns><revision><text>{text}</text></revision>"
        return f"<page>{inner}</page>"

    words = "A river that flows past many old towns, and into the sea. " * 20
    pages = page("River", 0, words) + page("Talk:River", 1, words) + page("Stream", 0, "#REDIRECT [[River]]")
    path = tmp_path / "dump.xml"
    path.write_text(f'<mediawiki xml:lang="en">{pages}</mediawiki>')
    result = invoke("train", path, "--output", tmp_path / "out", "--vocab-size", 40)
    assert result.exit_code == 0, result.stderr
    assert "2 rows left out (" in result.stdout
    assert "1 rows read" in result.stdout


@pytest.mark.parametrize("command", ["train", "encode"])
def test_too_many_refused_rows_stop_the_command_and_leave_nothing(tmp_path, texts, model_file, command):
    path = tmp_path / "rows.txt"
    path.write_bytes("\n".join(texts).encode() + b"\ncaf\xe9" * 10)
    tokenizer = ["--tokenizer", model_file] if command == "encode" else []
    code, said = refused(command, path, *tokenizer, "--output", tmp_path / "out")
    assert code == 3
    assert "10 of 610 rows are malformed (not utf-8: 10), more than max_bad_fraction=0.01 allows" in said
    assert "Is the encoding right?" in said
    assert list(tmp_path.iterdir()) == [path]
    assert (
        invoke(
            command, path, *tokenizer, "--output", tmp_path / "out", "--max-bad-fraction", 0.1, *vocab(command)
        ).exit_code
        == 0
    )


def vocab(command):
    return ["--vocab-size", 150] if command == "train" else []


@pytest.mark.parametrize(
    ("content", "options", "code", "expected"),
    [
        (b"", [], 3, "rows.txt: there are no rows."),
        (b"\n \n", [], 3, "rows.txt: there are no rows."),
        (b"? ! ?\n", [], 3, "1 texts hold nothing that a piece can be learned from"),
        (b"just a few words\n", ["--vocab-size", 500], 3, "cannot fill 500 pieces. Leave vocab_size out, or set it to"),
        (b"a text\n", ["--byte-fallback", "--vocab-size", 200], 2, "vocab_size is 200, expected more than 262"),
        (b"a text\n", ["--user-symbol", "<s>"], 2, "--user-symbol is '<s>': holds <s>, which is a special piece"),
        (b"a text\n", ["--user-symbol", "x", "--no-user-symbols"], 2, "exclude each other"),
        (b"a text\n", ["--prefix", "a/b"], 2, "--prefix is 'a/b'"),
        (b"a text\n", ["--character-coverage", "0.5"], 2, "--character-coverage is 0.5"),
        (b"a text\n", ["--encoding", "klingon"], 2, "--encoding is 'klingon'"),
        (
            b"a text\n",
            ["--format", "csv", "--text-unit", "document"],
            2,
            "--text-unit is set, and format csv has no use",
        ),
        (b"a text\n", ["--format", "csv"], 3, "there is no column 'text'. Columns: a text."),
    ],
)
def test_what_cannot_be_trained_says_why_and_leaves_nothing(tmp_path, content, options, code, expected):
    path = tmp_path / "rows.txt"
    path.write_bytes(content)
    got, said = refused("train", path, "--output", tmp_path / "out", *options)
    assert (got, expected in said) == (code, True), said
    assert list(tmp_path.iterdir()) == [path]


def test_wrong_path_exits_with_2(tmp_path):
    assert refused("train", tmp_path / "none*.txt", "--output", tmp_path / "out") == (
        2,
        f"{tmp_path}/none*.txt: no such file.",
    )


def test_earlier_tokenizer_is_replaced_only_on_demand(tmp_path, corpus):
    out = tmp_path / "out"
    invoke("train", corpus, "--output", out, "--vocab-size", 150)
    code, said = refused("train", corpus, "--output", out, "--vocab-size", 160)
    assert (code, "Pass --overwrite to replace it" in said) == (2, True)
    assert invoke("train", corpus, "--output", out, "--vocab-size", 160, "--overwrite").exit_code == 0
    assert [path.name for path in out.glob("*.model")] == ["spm-sp160.model"]
    assert sorted(tmp_path.iterdir()) == [corpus, out]


def test_folder_with_other_things_is_left_alone(tmp_path, corpus):
    code, said = refused("train", corpus, "--output", tmp_path, "--overwrite")
    assert (code, "exists and is no tokenizer" in said) == (2, True)


def test_place_that_cannot_be_written_is_found_out_before_the_texts_are_read(tmp_path):
    path = tmp_path / "rows.txt"
    path.write_bytes(b"caf\xe9")
    code, said = refused("train", path, "--output", path / "out")
    assert (code, "cannot be written" in said) == (2, True)


def test_one_line_of_a_megabyte_trains_and_encodes(tmp_path, texts, model_file):
    path = tmp_path / "long.txt"
    path.write_text(" ".join(texts * 40)[:1_000_000])
    assert invoke("train", path, "--output", tmp_path / "out", "--vocab-size", 100).exit_code == 0
    assert invoke("encode", path, "--tokenizer", tmp_path / "out", "--output", tmp_path / "ids").exit_code == 0
    (line,) = (tmp_path / "ids").read_text().splitlines()
    assert len(line.split()) > 100_000


@pytest.mark.parametrize("seconds", [0, 2], ids=["as it starts", "while it trains"])
def test_training_ends_at_ctrl_c(tmp_path, seconds):
    """In a process group of its own, all of which gets the signal, as from a terminal."""
    path = tmp_path / "corpus.txt"
    words = np.random.default_rng(0).integers(0, 26**5, [60_000, 8])
    path.write_text("\n".join(" ".join(map(spelled, row)) for row in words.tolist()))
    command = [sys.executable, "-m", "ulmfit_tfx.pipeline", "tokenizer", "train", str(path), "--output"]
    process = subprocess.Popen(
        [*command, str(tmp_path / "out")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    while not (trainers := children(process.pid)):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert (process.returncode, said) == (130, b"Interrupted.\n")
    deadline = time.monotonic() + 10 * (seconds == 0)  # one that just starts finds nobody to send it texts, and ends
    while any(map(is_running, trainers)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(map(is_running, trainers))
    assert list(tmp_path.iterdir()) == [path]


def spelled(number):
    return "".join(chr(97 + number // 26**place % 26) for place in range(5))


def is_running(pid):
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def children(pid):
    """Processes that a process started."""
    found = Path(f"/proc/{pid}/task/{pid}/children")
    return found.read_text().split() if found.exists() else []


def test_process_that_dies_is_an_error_with_advice():
    wrong = TokenizerConfig().model_copy(update={"normalization": "none of SentencePiece's"})
    with pytest.raises(UserError, match=r"SentencePiece ended with exit code 1 .* Set a lower --sample-bytes"):
        train_apart([b"a text"] * 5000, wrong, 1000)


def test_process_hands_errors_on():
    with pytest.raises(DataError, match="cannot fill 8,000 pieces"):
        train_apart([b"a text"] * 5000, TokenizerConfig(vocab_size=8000), 1000)


# encode


TEXT = st.text(
    st.one_of(
        st.sampled_from("abc grtŻółć?!.,\t\n\r\x85\u2028\0İΣ<&;日👍\u0301 ▁"), st.characters(exclude_categories=["Cs"])
    ),
    max_size=30,
)


@pytest.mark.parametrize("separator", [None, "[SEP]"])
@pytest.mark.parametrize("cleaning", [CleaningConfig(), CleaningConfig(lower_case=True, strip_html=True)])
@pytest.mark.parametrize(("add_bos", "add_eos"), [(True, True), (True, False), (False, False)])
def test_ids_are_those_of_the_served_graph(spm_model, separator, cleaning, add_bos, add_eos):
    config = TokenizerConfig(add_bos=add_bos, add_eos=add_eos, separator=separator)
    served = Tokenizer(spm_model, config, cleaning)
    processor = sentencepiece.SentencePieceProcessor(model_proto=spm_model)

    @given(st.lists(st.lists(TEXT, min_size=1, max_size=3).map("[SEP]".join), min_size=1, max_size=5))
    @settings(max_examples=40, deadline=None)
    def check(texts):
        encoder = Encoder(processor, cleaning, separator, add_bos, add_eos)
        lines = [list(map(int, line.split())) for line in encoder.lines(texts)]
        assert lines == served.tokenize(tf.constant(texts)).to_list()
        assert sum(encoder.statistics.rows_by_length.values()) == len(texts)
        assert encoder.statistics.unknown == sum(line.count(0) for line in lines)
        assert encoder.statistics.marks == sum(line.count(2) + line.count(3) for line in lines)

    check()


@pytest.mark.parametrize("normalization", ["nmt_nfkc", "identity"])
def test_pieces_are_those_of_sentencepiece_one_text_a_line(texts, normalization):
    config = TokenizerConfig(vocab_size=150, normalization=normalization)
    model = train([*texts, "new\nline and more\nlines"], config, 10_000)
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)

    @given(st.lists(TEXT, min_size=1, max_size=5))
    @settings(max_examples=100, deadline=None)
    def check(batch):
        lines = list(Encoder(processor, CleaningConfig(), as_pieces=True).lines(batch))
        for text, line in zip(batch, lines, strict=True):
            expected = processor.encode(text, out_type=str, add_bos=True, add_eos=True)
            shown = line.split()
            assert len(line.splitlines()) == 1
            assert len(shown) == len(expected)
            assert all(a == b for a, b in zip(shown, expected, strict=True) if not re.search(r"\s", b))

    check()


def test_examples_in_docstrings_hold():
    result = doctest.testmod(encoding)
    assert (result.attempted > 0, result.failed) == (True, 0)


def test_line_end_that_is_a_piece_is_shown_by_its_bytes(texts):
    model = train([f"{text}\n" for text in texts], TokenizerConfig(vocab_size=150, normalization="identity"), 10_000)
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    encoder = Encoder(processor, CleaningConfig(), add_bos=False, add_eos=False, as_pieces=True)
    (line,) = encoder.lines(["a\nb"])
    assert "".join(line.split()) == "▁a<0x0A>b"


def test_encode_writes_a_line_a_row_of_paragraphs_too(tmp_path, model_file, spm_model):
    path = tmp_path / "rows.csv"
    path.write_text('text\n"a great\nfilm"\ndull\n')
    result = invoke("encode", path, "--tokenizer", model_file, "--output", tmp_path / "ids")
    assert result.exit_code == 0, result.stderr
    processor = sentencepiece.SentencePieceProcessor(model_proto=spm_model)
    ids = [processor.encode(text, add_bos=True, add_eos=True) for text in ("a great film", "dull")]
    assert (tmp_path / "ids").read_text() == "".join(f"{' '.join(map(str, row))}\n" for row in ids)


def test_encode_obeys_the_folder_of_a_tokenizer_and_options_go_before_it(tmp_path, spm_model):
    config, cleaning = TokenizerConfig(add_bos=False, separator="[SEP]"), CleaningConfig(lower_case=True)
    for folder in ("tokenizer", "graph/tokenizer", "encoder/spm_model"):
        write_tokenizer(str(tmp_path / folder), spm_model, config, cleaning)
    path = tmp_path / "rows.txt"
    path.write_text("A GREAT[SEP]FILM\n")

    def pieces(tokenizer, *options):
        invoke(
            "encode",
            path,
            "--tokenizer",
            tmp_path / tokenizer,
            "--output",
            tmp_path / "out",
            "--as",
            "pieces",
            *options,
        )
        return (tmp_path / "out").read_text()

    lower = pieces("tokenizer")
    assert lower == lower.lower()
    assert lower.split().count("</s>") == 2
    assert "<s>" not in lower.split()
    assert pieces("graph") == pieces("encoder") == pieces("tokenizer/spm-sp8k.model") == lower
    assert pieces("tokenizer", "--bos", "--no-eos").split().count("<s>") == 2
    assert "A" in pieces("tokenizer", "--no-lower-case")


def test_model_that_lacks_a_mark_needs_its_option(tmp_path, corpus, texts):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=model, vocab_size=70, bos_id=-1, eos_id=1, unk_id=2, pad_id=0
    )
    (tmp_path / "other.model").write_bytes(model.getvalue())
    arguments = ["encode", corpus, "--tokenizer", tmp_path / "other.model", "--output", tmp_path / "ids"]
    code, said = refused(*arguments)
    assert (code, said) == (2, "the tokenizer has no <s> piece. Pass --no-bos to encode without it.")
    assert invoke(*arguments, "--no-bos").exit_code == 0
    assert all(line.endswith(" 1") for line in (tmp_path / "ids").read_text().splitlines())


def test_file_appears_complete_or_not_at_all(tmp_path):
    path = tmp_path / "ids"
    path.write_text("of an earlier run")

    def interrupted():
        with new_file(path) as file:
            file.write("1 2\n" * 10_000)
            file.flush()
            assert path.read_text() == "of an earlier run"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "of an earlier run"


def test_device_is_written_and_stays_one(tmp_path, corpus, model_file):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    (tmp_path / "one.txt").write_text("a great film\n")
    assert invoke("encode", tmp_path / "one.txt", "--tokenizer", model_file, "--output", pipe).exit_code == 0
    assert os.read(reader, 100).startswith(b"2 ")
    os.close(reader)
    assert pipe.is_fifo()


def test_encode_never_writes_over_what_it_reads(corpus, model_file, texts):
    code, said = refused("encode", corpus, "--tokenizer", model_file, "--output", corpus)
    assert (code, "is one of the files to read" in said) == (2, True)
    assert corpus.read_text().splitlines() == texts


@pytest.mark.parametrize(
    ("content", "code", "expected"),
    [(None, 2, "no such file"), (b"", 3, "is empty"), (b"a text", 3, "is no SentencePiece model")],
)
def test_wrong_tokenizer_is_named(tmp_path, corpus, content, code, expected):
    path = tmp_path / "x.model"
    if content is not None:
        path.write_bytes(content)
    for arguments in (["encode", corpus, "--output", tmp_path / "ids", "--tokenizer", path], ["show", path]):
        got, said = refused(*arguments)
        assert (got, said.startswith(f"{path}: {expected}")) == (code, True), said


def test_file_named_tokenizer_json_of_another_package_is_passed_over(tmp_path, corpus, spm_model):
    (tmp_path / "spiece.model").write_bytes(spm_model)
    (tmp_path / "tokenizer.json").write_text('{"version": "1.0", "model": {}}')
    assert invoke("encode", corpus, "--tokenizer", tmp_path, "--output", tmp_path / "ids").exit_code == 0


def test_damaged_configuration_is_an_error(tmp_path, corpus, spm_model):
    (tmp_path / "spiece.model").write_bytes(spm_model)
    (tmp_path / "tokenizer.json").write_text('{"tokenizer": {"vocab_size": "many"}, "cleaning": {}}')
    code, said = refused("encode", corpus, "--tokenizer", tmp_path, "--output", tmp_path / "ids")
    assert code == 3
    assert said.startswith(f"{tmp_path}/tokenizer.json: ")


def test_folder_of_several_models_asks_which_one(tmp_path, spm_model):
    for name in ("a.model", "b.model"):
        (tmp_path / name).write_bytes(spm_model)
    code, said = refused("show", tmp_path)
    assert (code, "holds 2 SentencePiece models, a.model, b.model" in said) == (2, True)


# Statistics


@given(st.lists(st.integers(0, 50), min_size=1, max_size=200))
def test_summary_is_that_of_the_lengths_themselves(lengths):
    counted = LengthStatistics()
    counted.add(lengths[:5], words=3, marks=2, unknown=1)
    counted.add(lengths[5:], words=4, marks=0, unknown=1)
    summary = counted.summary()
    assert (summary.rows, summary.pieces) == (len(lengths), sum(lengths))
    assert (summary.minimum, summary.maximum) == (min(lengths), max(lengths))
    assert summary.mean == pytest.approx(statistics.fmean(lengths))
    assert summary.standard_deviation == pytest.approx(statistics.pstdev(lengths), abs=1e-6)
    quantiles = [summary.lower_quartile, summary.median, summary.upper_quartile]
    quantiles += [summary.percentile_95, summary.percentile_99]
    assert quantiles == pytest.approx(np.percentile(lengths, [25, 50, 75, 95, 99]))
    assert summary.pieces_per_word == pytest.approx((sum(lengths) - 2) / 7)


def test_encode_shows_and_writes_statistics(tmp_path, corpus, texts, model_file):
    arguments = ["--tokenizer", model_file, "--output", tmp_path / "ids", "--statistics", tmp_path / "new" / "lengths"]
    result = invoke("encode", corpus, *arguments)
    assert result.exit_code == 0, result.stderr
    rows = [line.split() for line in (tmp_path / "ids").read_text().splitlines()]
    lengths = [len(row) for row in rows]
    written = json.loads((tmp_path / "new" / "lengths" / STATISTICS_FILE).read_text())
    assert written["rows"] == len(texts)
    assert written["median"] == np.median(lengths)
    assert written["pieces_per_word"] == pytest.approx(
        (sum(lengths) - 2 * len(texts)) / sum(len(text.split()) for text in texts)
    )
    assert written["unknown_share"] == sum(row.count("0") for row in rows) / (sum(lengths) - 2 * len(rows))
    assert {int(length): count for length, count in written["rows_by_length"].items()} == {
        length: lengths.count(length) for length in set(lengths)
    }
    shown = {
        line.strip().rsplit(maxsplit=1)[0]: line.split()[-1] for line in result.stdout.splitlines() if line.strip()
    }
    assert shown["maximum"] == str(max(lengths))
    assert shown["standard deviation"] == f"{np.std(lengths):.1f}"
    assert size_of_png((tmp_path / "new" / "lengths" / CHART_FILE).read_bytes()) == (1200, 675)


def size_of_png(content):
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", content[16:24])


@pytest.mark.parametrize("lengths", [[1], [0], [2, 3], list(range(1, 200_000, 50)), [5] * 1000 + [10**6]])
@pytest.mark.filterwarnings("error")
def test_any_lengths_can_be_drawn(lengths):
    counted = LengthStatistics()
    counted.add(lengths, words=1, marks=0, unknown=0)
    assert size_of_png(draw_lengths(counted)) == (1200, 675)


# show


def shown_facts(result):
    """Names and facts of the table, lines of a fact joined."""
    facts, name = {}, ""
    for line in result.stdout.splitlines():
        if match := re.match(r"  (\S.{0,17}?)  +(.*)", line):
            name = match[1]
            facts[name] = f"{facts.get(name, '')} {match[2]}".strip()
        elif name and line.startswith("     "):
            facts[name] += f" {line.strip()}"
    return {name: fact.strip() for name, fact in facts.items()}


def test_show_says_what_a_tokenizer_is(tmp_path, corpus):
    options = ["--vocab-size", 400, "--byte-fallback", "--lower-case", "--normalization", "nfkc", "--prefix", "p"]
    invoke("train", corpus, "--output", tmp_path / "out", *options)
    result = invoke("show", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    facts = shown_facts(result)
    assert facts["type"] == "bpe"
    assert facts["pieces"].startswith("400: 256 bytes, 138 learned, 3 control, 2 user symbols, 1 unknown")
    assert facts["special ids"] == "<unk> 0, <pad> 1, <s> 2, </s> 3"
    assert facts["user symbols"] == "? !"
    assert facts["byte fallback"] == "yes"
    assert facts["normalization"].startswith("nfkc")
    assert "Latin" in facts["characters"]
    assert facts["cleaning"] == "lower_case"
    assert facts["trained on"].startswith("all 600 texts")
    assert facts["for use here"] == "nothing is missing"


def test_show_marks_unknown_pieces(model_file, spm_model):
    result = invoke("show", model_file, "a 日本 film")
    assert "1 unknown" in result.stdout
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["0", "日本", "<unk>"] in rows
    processor = sentencepiece.SentencePieceProcessor(model_proto=spm_model)
    ids = [int(row[0]) for row in rows if row and row[0].isdecimal() and len(row) in (2, 3) and row[1] != "pieces,"]
    assert ids == processor.encode("a 日本 film", add_bos=True, add_eos=True)


@pytest.mark.skipif(not IMPORTED.exists(), reason=f"{IMPORTED} is not there")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("fast_sentencepiece", ["it has no <pad> piece", "<s> is 1, not 2, </s> is 2, not 3"]),
        ("seqio_sentencepiece", ["it has no <s> piece", "<unk> is 2, not 0, <pad> is 0"]),
        ("plato-sp5k", ["nothing is missing"]),
        ("test_ja_model", ["it has no <pad> piece"]),
    ],
)
def test_imported_tokenizers_say_what_they_lack(name, expected):
    result = invoke("show", IMPORTED / f"{name}.model", "日本語 text")
    assert result.exit_code == 0, result.stderr
    for words in expected:
        assert words in shown_facts(result)["for use here"]


@pytest.mark.skipif(not IMPORTED.exists(), reason=f"{IMPORTED} is not there")
@pytest.mark.parametrize("name", ["fast_sentencepiece", "plato-sp5k", "seqio_sentencepiece", "test_ja_model"])
def test_imported_tokenizers_encode_as_sentencepiece_does(tmp_path, corpus, texts, name):
    path = IMPORTED / f"{name}.model"
    processor = sentencepiece.SentencePieceProcessor(model_file=str(path))
    bos = [] if processor.bos_id() >= 0 else ["--no-bos"]
    result = invoke("encode", corpus, "--tokenizer", path, "--output", tmp_path / "ids", *bos)
    assert result.exit_code == 0, result.stderr
    expected = processor.encode(texts, add_bos=not bos, add_eos=True)
    assert (tmp_path / "ids").read_text() == "".join(f"{' '.join(map(str, row))}\n" for row in expected)


def test_encoder_names_the_mark_that_is_missing():
    class WithoutEnd:
        def bos_id(self):
            return 1

        def eos_id(self):
            return -1

    with pytest.raises(ConfigError, match=r"no </s> piece\. Pass --no-eos"):
        Encoder(WithoutEnd(), CleaningConfig())
