"""What TransferMerge does."""

import itertools
from collections.abc import Iterator
from typing import Any

import tensorflow as tf
from tfx import types
from tfx.components.util import examples_utils
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils

from ulmfit_tfx.components.example_rows import read_rows
from ulmfit_tfx.components.record_files import Part, PartsWriter, prepare, publish
from ulmfit_tfx.components.reports.accounting import Accounting
from ulmfit_tfx.components.row_encoding import serialized_examples
from ulmfit_tfx.components.transfer_merge.merging import HELD_OUT, Merging, TeacherAnswers, digests_of, spread
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.errors import DataError
from ulmfit_tfx.transforms.records.record import Row
from ulmfit_tfx.transforms.splitting import EVAL, TEST, TRAIN

_BATCH_ROWS = 1000
_NO_BUCKET = ""
"""Of rows that no slice of an evaluation has."""


class Executor(BaseExecutor):
    """Writes the labelled train rows with the teacher's, and copies eval."""

    def Do(self, input_dict: dict[str, Any], output_dict: dict[str, Any], exec_properties: dict[str, Any]) -> None:
        """Merges.

        Raises:
            DataError: No row of the teacher is left.
        """
        gold = artifact_utils.get_single_instance(input_dict[specs.GOLD])
        transfer = artifact_utils.get_single_instance(input_dict[specs.TRANSFER])
        artifact = artifact_utils.get_single_instance(output_dict[specs.EXAMPLES])
        artifact.split_names = artifact_utils.encode_split_names([TRAIN, EVAL])
        examples_utils.set_payload_format(artifact, example_gen_pb2.FORMAT_TF_EXAMPLE)
        examples_utils.set_file_format(artifact, "tfrecords_gzip")

        held_out = digests_of(itertools.chain(read_rows(gold, EVAL), read_rows(gold, TEST)))
        merging = Merging(TeacherAnswers(read_rows(transfer, TRAIN)), held_out)
        prepare(artifact.uri)
        labelled = list(merging.labelled(read_rows(gold, TRAIN)))
        taught = merging.transfer(read_rows(transfer, TRAIN), labelled[0])
        parts = _written(artifact.uri, spread(labelled, taught, merging.transfer_texts))
        publish(parts, artifact.uri, [TRAIN])
        _copy_split(gold, artifact, EVAL)

        accounting = _account(gold, transfer, merging, len(labelled), sum(part.records for part in parts))
        if accounting.rows[TRAIN] == len(labelled) and not merging.taught:
            raise DataError(
                f"distillation.data: none of its {accounting.dropped.get(HELD_OUT, 0):,} rows is left to learn from: "
                "all are texts of the eval or test split. Give texts that data does not have."
            )
        artifact.set_string_custom_property(specs.ACCOUNTING, accounting.to_json())
        with tf.io.gfile.GFile(f"{artifact.uri}/accounting.json", "w") as file:
            file.write(accounting.to_json())


def _written(uri: str, rows: Iterator[Row]) -> list[Part]:
    writer = PartsWriter(uri, TRAIN, 0)
    while batch := list(itertools.islice(rows, _BATCH_ROWS)):
        writer.write(serialized_examples(batch, itertools.repeat(_NO_BUCKET, len(batch))))
    return writer.close()


def _copy_split(source: types.Artifact, target: types.Artifact, split: str) -> None:
    folder = f"{target.uri}/Split-{split}"
    tf.io.gfile.makedirs(folder)
    for file in tf.io.gfile.glob(f"{artifact_utils.get_split_uri([source], split)}/*"):
        tf.io.gfile.copy(file, f"{folder}/{file.rpartition('/')[2]}")


def _account(gold: types.Artifact, transfer: types.Artifact, merging: Merging, labelled: int, rows: int) -> Accounting:
    of_gold, of_transfer = (
        Accounting.from_json(artifact.get_string_custom_property(specs.ACCOUNTING)) for artifact in (gold, transfer)
    )
    with_teacher = f"{merging.taught:,} of {labelled:,} labelled ones have a teacher"
    return Accounting(
        rows={TRAIN: rows, EVAL: of_gold.rows[EVAL]},
        quarantined={},
        dropped=dict(sorted(merging.counts.items())),
        labels=of_gold.labels,
        rows_in=labelled + of_gold.rows[EVAL] + of_transfer.rows[TRAIN],
        notes=[f"{rows - labelled:,} are the teacher's alone", with_teacher],
    )
