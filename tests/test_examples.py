"""The examples that need no pipeline run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ulmfit_tfx.schemas.config import CleaningConfig, EncoderConfig, TokenizerConfig
from ulmfit_tfx.trainer_modules.export.encoder_folder import EncoderRecord, build, write_encoder
from ulmfit_tfx.transforms.tokenization import Tokenizer

SCRIPT = Path(__file__).parents[1] / "examples" / "finetune_saved_model.py"


@pytest.mark.parametrize(("architecture", "variables"), [("qrnn", 6), ("awd_lstm", 8)])
def test_exported_encoder_is_fine_tuned_in_plain_tensorflow(
    architecture, variables, spm_model, tmp_path, tensorflow_only
):
    config = EncoderConfig(architecture=architecture, embedding_size=16, hidden_sizes=(24, 16))
    record = EncoderRecord(config, 200, 1, "tied", 70, 512, {})
    write_encoder(
        tmp_path / "encoder", *build(record), Tokenizer(spm_model, TokenizerConfig(), CleaningConfig()), record
    )
    command = [sys.executable, str(SCRIPT), str(tmp_path / "encoder" / "saved_model")]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tensorflow_only)}
    command[1:1] = ["-S"]  # no site-packages but those of the folder
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    trained = variables - 1  # the head's bias has no part in the encoder's signatures
    assert f"{trained} of the encoder's {trained} variables were fine-tuned." in done.stdout
