"""The examples, without a pipeline run."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ulmfit_tfx.components.corpus_ingest.source_files import check_source, find_files, readable
from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.config_file import load_bulk_inference_config, load_config
from ulmfit_tfx.schemas.config.encoder import EncoderConfig
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.trainer_modules.serving.encoder_folder import EncoderRecord, build, write_encoder
from ulmfit_tfx.transforms.records.formats import parse
from ulmfit_tfx.transforms.records.record import Row
from ulmfit_tfx.transforms.tokenization import Tokenizer

EXAMPLES = Path(__file__).parents[1] / "examples"
SCRIPT = EXAMPLES / "finetune_saved_model.py"
ROWS_READ = 500


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


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_rows_of_an_example_are_as_its_configuration_says(example):
    if example.stem == "bulk_inference":
        source, tagging = load_bulk_inference_config(example).data, None
    else:
        config = load_config(example)
        source, tagging = config.data, config.tagging if config.task == "tagging" else None
    try:
        find_files(source.path)
    except DataError as error:
        pytest.skip(f"the data is fetched by `make example-data`: {error}")
    for file in check_source(source):
        with readable(file, source) as stream:
            found = list(itertools.islice(parse(stream, file, source, tagging), ROWS_READ))
        refused = [str(row) for row in found if not isinstance(row, Row)]
        assert len(found) == ROWS_READ
        assert len(refused) <= source.max_bad_fraction * ROWS_READ, refused
