"""The CorpusIngest component."""

from collections.abc import Mapping

from tfx.dsl.components.base import executor_spec
from tfx.dsl.components.base.base_beam_component import BaseBeamComponent
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import BaseChannel, channel_utils, standard_artifacts

from ulmfit_tfx.components.corpus_ingest.executor import Executor
from ulmfit_tfx.components.corpus_ingest.ingestion import Ingestion
from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.code_version import code_version
from ulmfit_tfx.schemas.config.sources.source import SourceConfig
from ulmfit_tfx.schemas.config.tags import TagsConfig


class CorpusIngest(BaseBeamComponent):
    """Reads text files into tf.Examples, on Beam.

    A plain component and no FileBasedExampleGen: the open-source Kubeflow backend runs no ExampleGen driver.

    Output `examples`, a standard `Examples` artifact:

        Split-train/data_tfrecord-00000-of-00001.gz    tf.Examples: text, length_bucket, and what the task has, see
                                                       `schemas.feature_names`
        Split-eval/...
        Split-test/...
        places/Split-train/data_tfrecord-...           file, line and record of each row, see `row_places`
        places/shards.json                             files of each shard, and how many records it has of them
        quarantine/rows-00000-of-00001.jsonl           refused rows: source, line, reason, detail, row
        accounting.json                                rows in, out, quarantined, dropped, and labels

    The custom property `accounting` repeats accounting.json.
    """

    SPEC_CLASS = specs.CorpusIngestSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        config: SourceConfig,
        seed: int,
        input_fingerprint: str | RuntimeParameter,
        path: str | RuntimeParameter | None = None,
        tagging: TagsConfig | None = None,
        separator: str | None = None,
        asked: bool = False,
        weighted_labels: tuple[str, ...] | None = None,
        gold: BaseChannel | None = None,
        class_names: Mapping[str, str] | None = None,
    ):
        """Describes the ingestion.

        Args:
            config: Where text comes from; a `LabelledSourceConfig` gives labelled examples.
            seed: Of splits and sampling.
            input_fingerprint: Of the files' content, see `source_files.source_fingerprint`: TFX does not look into
                files.
            path: Stands in the place of `config.path`.
            tagging: Of words with tags: their scheme, and how raw texts are cut into words.
            separator: What stands between a text and that of `second_text_column`. None: the default.
            asked: Whether a model is to be asked about the rows: examples have their place and all their columns.
            weighted_labels: See `Ingestion`.
            gold: Of a teacher's rows: labelled examples, as CorpusIngest writes them. Their classes are the teacher's.
            class_names: See `Ingestion`.
        """
        super().__init__(
            spec=specs.CorpusIngestSpec(
                **({} if gold is None else {specs.GOLD: gold}),
                **{
                    specs.CONFIG: Ingestion(
                        config, tagging, separator, asked, weighted_labels, class_names or {}
                    ).to_json(),
                    specs.PATH: config.path if path is None else path,
                    specs.SEED: seed,
                    specs.INPUT_FINGERPRINT: input_fingerprint,
                    specs.CODE_VERSION: code_version(Executor),
                    specs.EXAMPLES: channel_utils.as_channel([standard_artifacts.Examples()]),
                },
            )
        )
