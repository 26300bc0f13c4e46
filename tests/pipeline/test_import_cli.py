import json
import os
import re
import subprocess
import sys
import uuid

import numpy as np
import pytest
import tensorflow as tf
from old_package_writer import write_checkpoint
from random_language_model import RandomLanguageModel
from torch_writer import TorchWriter
from typer.testing import CliRunner

from ulmfit_tfx.pipeline.cli.app import app

LSTM = "0.rnns.0.module.bias_ih_l0"


@pytest.fixture
def tokenizer(tmp_path, spm_model):
    """A file of 200 pieces."""
    file = tmp_path / "wiki.model"
    file.write_bytes(spm_model)
    return file


@pytest.fixture
def pth(tmp_path):
    """Writes the .pth of a small AWD-LSTM with some tensors changed, or left out where None."""

    def write(vocab=200, **changes):
        tensors = RandomLanguageModel(vocab, (6, 8, 6)).state_dict() | changes
        content = {name: value for name, value in tensors.items() if value is not None}
        return TorchWriter.save(tmp_path / "wiki.pth", content)

    return write


@pytest.fixture
def refused(tmp_path, tokenizer):
    """Runs the command; returns its exit code and its one line. Nothing may be left behind."""

    def run(checkpoint, *options):
        before = sorted(tmp_path.rglob("*"))
        arguments = ["import-encoder", str(checkpoint), "--output", str(tmp_path / "out"), *options]
        if "--tokenizer" not in options and "--no-tokenizer" not in options:
            arguments += ["--tokenizer", str(tokenizer)]
        result = CliRunner(mix_stderr=False).invoke(app, [word for word in arguments if word != "--no-tokenizer"])
        assert result.stderr.count("\n") == 1, result.stderr
        assert result.stdout.strip() == ""
        assert sorted(tmp_path.rglob("*")) == before
        return result.exit_code, result.stderr.rstrip()

    return run


def test_import_prints_a_parity_table_and_is_quiet_otherwise(tmp_path, pth, tokenizer):
    """In a process of its own, which sees what native libraries write."""
    command = [sys.executable, "-c", "from ulmfit_tfx.pipeline.cli import main; main()", "import-encoder", str(pth())]
    command += ["--tokenizer", str(tokenizer), "--output", str(tmp_path / "out")]
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment | {"COLUMNS": "140"})
    assert (done.returncode, done.stderr) == (0, "")
    assert "Parity with the source" in done.stdout
    for layer in ("embedding", "awd_lstm_0", "awd_lstm_1", "lm_head"):
        assert re.search(rf"^ *{layer} .* \d\.\de[+-]\d\d *$", done.stdout, re.MULTILINE), layer
    assert "0.rnns.0.weight_hh_l0_raw [32, 8]" in done.stdout
    assert "recurrent_kernel [8, 32]" in done.stdout
    assert "awd_lstm, embedding 6, layers 8, 6, 200 pieces; head: tied" in done.stdout
    assert f"Written to {tmp_path / 'out'}. Next: ulmfit-tfx show {tmp_path / 'out' / 'saved_model'}" in done.stdout


def test_missing_file(refused, tmp_path):
    code, line = refused(tmp_path / "none.pth")
    assert (code, line) == (2, f"{tmp_path / 'none.pth'}: no such file.")


@pytest.fixture
def bucket(gcs):
    """Copies files into a fake Google Cloud Storage; returns the paths there."""
    folder = f"gs://{uuid.uuid4()}/encoders"

    def put(*files):
        for file in files:
            tf.io.gfile.copy(str(file), f"{folder}/{file.name}")
        return [f"{folder}/{file.name}" for file in files]

    return put


def test_remote_files_are_imported_as_local_ones(bucket, pth, tokenizer, tmp_path):
    file = pth()  # written once: its digest is recorded, and the time of writing is in it
    checkpoint, model = bucket(file, tokenizer)
    local = [str(file), "--tokenizer", str(tokenizer), "--output", str(tmp_path / "local")]
    remote = [checkpoint, "--tokenizer", model, "--source-tokenizer", model, "--output", str(tmp_path / "remote")]
    for arguments in (local, remote):
        result = CliRunner(mix_stderr=False).invoke(app, ["import-encoder", *arguments])
        assert result.exit_code == 0, result.stderr
    records = [json.loads((tmp_path / name / "encoder.json").read_text()) for name in ("local", "remote")]
    assert records[1]["source"].pop("mapped_from") == "wiki.model"
    assert records[0]["source"].pop("mapped_from") is None
    assert records[0] == records[1]


def test_missing_remote_file_is_answered_as_a_missing_local_one(bucket, refused, pth, tokenizer):
    checkpoint, model = bucket(pth(), tokenizer)
    assert refused(f"{checkpoint}2") == (2, f"{checkpoint}2: no such file.")
    for option in ("--tokenizer", "--source-tokenizer"):
        assert refused(checkpoint, option, f"{model}2") == (2, f"{model}2: no such file.")


def test_remote_file_that_is_no_checkpoint_is_named_by_its_remote_path(bucket, refused, tokenizer):
    (model,) = bucket(tokenizer)
    code, line = refused(model)
    assert (code, line.startswith(f"{model}: is")) == (3, True), line


def test_remote_output_folder_is_refused(refused, pth):
    code, line = refused(pth(), "--output", "gs://bucket/out")
    assert (code, line) == (2, "--output is gs://bucket/out, expected a path of this machine.")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "is a git-LFS pointer"),
        (b"Dear reader,\nthis is no model.\n", "is a text"),
    ],
    ids=["empty", "git-LFS pointer", "text"],
)
def test_file_that_is_no_checkpoint_is_named_by_what_it_is(refused, tmp_path, content, expected):
    (tmp_path / "wiki.pth").write_bytes(content)
    code, line = refused(tmp_path / "wiki.pth")
    assert code == 3
    assert line.startswith(f"{tmp_path / 'wiki.pth'}: {expected}")


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_truncated_file(refused, pth, share):
    file = pth()
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    code, line = refused(file)
    assert code == 3
    assert line.startswith(f"{file}: ")
    assert "truncated" in line


def test_hostile_pickle_runs_nothing(refused, pth, tmp_path):
    victim = tmp_path / "victim"
    call = TorchWriter.Call(TorchWriter.Global("os", "system"), (f"touch {victim}",))
    code, line = refused(pth(hostile=call))
    assert code == 3
    assert "its pickle asks for os.system, which is not part of a PyTorch state dict" in line
    assert "Nothing was loaded or run" in line
    assert not victim.exists()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({LSTM: np.full(32, np.nan, "f4")}, f"{LSTM} has 32 NaN and 0 infinite values"),
        ({LSTM: None}, f"layer 0 is incomplete: {LSTM} is missing"),
        ({"0.transformer.weight": np.ones(3, "f4")}, "not of an AWD-LSTM or QRNN language model: 0.transformer.weight"),
        ({f"{LSTM}_reverse": np.ones(32, "f4")}, "bidirectional encoders are not supported"),
    ],
    ids=["NaN", "missing tensor", "extra tensor", "bidirectional"],
)
def test_tensor_that_cannot_be_used_is_named(refused, pth, changes, expected):
    code, line = refused(pth(**changes))
    assert code == 3
    assert expected in line


def test_tokenizer_of_another_size(refused, pth):
    code, line = refused(pth(vocab=150))
    assert code == 3
    assert "has embeddings of 150 pieces, and " in line
    assert "wiki.model has 200. Pass the tokenizer that it was trained with" in line


def test_no_tokenizer(refused, pth):
    code, line = refused(pth(), "--no-tokenizer")
    assert code == 2
    assert line.endswith(
        "brings no tokenizer along. Pass the SentencePiece .model that it was trained with (--tokenizer)."
    )


def test_pth_with_the_format_of_others(refused, pth):
    file = pth()
    code, line = refused(file, "--format", "keras")
    assert (code, line) == (3, f"{file}: no such checkpoint, expected a file wiki.pth.index.")
    code, line = refused(file, "--format", "saved-model")
    assert (code, line) == (3, f"{file}: is no folder, as a SavedModel is.")


def test_keras_checkpoint_with_the_format_of_fastai(refused, tmp_path):
    prefix = write_checkpoint(tmp_path / "wiki", RandomLanguageModel(200, (6, 8, 6)).checkpoint())
    code, line = refused(prefix, "--format", "fastai")
    assert (code, line) == (3, f"{prefix}: no such file.")
    code, line = refused(f"{prefix}.index", "--format", "fastai")
    assert code == 3
    assert line.startswith(f"{prefix}.index: is a")


def test_unknown_format_exits_with_2_and_lists_the_formats(tmp_path):
    arguments = ["import-encoder", "wiki.pth", "--output", str(tmp_path / "out"), "--format", "torch"]
    result = CliRunner(mix_stderr=False).invoke(app, arguments)
    assert result.exit_code == 2
    for known in ("auto", "fastai", "keras", "saved-model"):
        assert f"'{known}'" in result.stderr


@pytest.mark.parametrize("value", ["0", "1", "-3", "7.5", "all", ""])
def test_wrong_length(refused, pth, value):
    code, line = refused(pth(), "--fixed-seq-len", value)
    assert (code, line) == (2, f"--fixed-seq-len is '{value}', expected a number of at least 2, or none.")


def test_output_folder_that_is_taken(refused, pth, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").touch()
    code, line = refused(pth(), "--overwrite")
    assert (code, line) == (2, f"{tmp_path / 'out'}: exists and is no imported encoder, expected a new folder.")
