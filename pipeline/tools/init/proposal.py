"""From a file or a folder to a configuration that reads it: what it looks like, what is in it, what fits it."""

import contextlib
import dataclasses
import itertools
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ulmfit_tfx.components.corpus_ingest.source_files import check_source, readable
from ulmfit_tfx.pipeline.tools.init.columns import Choice, Wanted, choose
from ulmfit_tfx.pipeline.tools.init.data_files import DataFiles, find_data
from ulmfit_tfx.pipeline.tools.init.encodings import Encoding, encoding_of
from ulmfit_tfx.pipeline.tools.init.layouts import Layout, binary_layout, folder_layout, layout_of
from ulmfit_tfx.pipeline.tools.init.loose_objects import FORMATS, Values, objects_of, values_of
from ulmfit_tfx.pipeline.tools.init.profiles import Profile, profiles
from ulmfit_tfx.pipeline.tools.init.sizing import Sizes, sizes_for
from ulmfit_tfx.pipeline.tools.init.survey import Survey, survey
from ulmfit_tfx.pipeline.tools.init.task_names import CLASSIFICATION, LANGUAGE_MODEL, REGRESSION, TAGGING
from ulmfit_tfx.pipeline.tools.init.thresholds import Threshold, threshold_for
from ulmfit_tfx.pipeline.tools.init.word_cuts import cut_as_served
from ulmfit_tfx.schemas.config.pipeline import PipelineConfig
from ulmfit_tfx.schemas.config.sources.table import TableConfig
from ulmfit_tfx.schemas.config.sources.texts import text_source
from ulmfit_tfx.schemas.errors import ConfigError, DataError
from ulmfit_tfx.transforms.records import columns as tables
from ulmfit_tfx.transforms.records.record import Refusal
from ulmfit_tfx.transforms.splitting import EVAL, TEST, TRAIN

_PROFILED_ROWS = 100_000
_PATHS = {TRAIN: "path", EVAL: "eval_path", TEST: "test_path"}
_FEW_ROWS = 5
_ENCODINGS_OF = 50
"""Files whose encoding is looked at."""


@dataclasses.dataclass(frozen=True)
class Proposal:
    """What was found, and what is proposed for it.

    Attributes:
        source: The file or folder.
        name: Of the pipeline.
        task: Of the model.
        section: `data`, or `corpus` of a language model.
        fields: Of that section; paths as they were found.
        sections: Further ones.
        files: The files.
        layout: Of the files.
        encoding: Of the files.
        columns: What they are; None where there are no named ones.
        survey: Of the rows.
        sizes: That fit.
        threshold: That blesses.
        most_refused: Share of the rows beyond which a run stops at those that it refuses.
        remarks: What a person should know, in sentences.
    """

    source: str
    name: str
    task: str
    section: str
    fields: Mapping[str, Any]
    sections: Mapping[str, Any]
    files: DataFiles
    layout: Layout
    encoding: Encoding
    columns: Choice | None
    survey: Survey
    sizes: Sizes
    threshold: Threshold
    most_refused: float
    remarks: tuple[str, ...]


def propose(source: str, name: str, wanted: Wanted, report: Callable[[str], None] = lambda _: None) -> Proposal:
    """Looks at data and proposes a configuration.

    Args:
        source: A file or a folder.
        name: Of the pipeline.
        wanted: What is not to be guessed.
        report: Is told what is being done.

    Raises:
        ConfigError: A column or a task that is asked for is not there.
        DataError: There is no data, or it cannot be read.
    """
    report("Looking at the files")
    files = find_data(source)
    layout = folder_layout(files.files[TRAIN], files.paths[TRAIN]) or binary_layout(files.first)
    encoding = _common_encoding(files) if layout is None or not layout.columns else Encoding("utf-8", True)
    layout = layout or layout_of(files.first, encoding.name, wanted.task)
    task = _task(layout, wanted, files.first)
    fields = dict(layout.fields) | ({} if encoding.name == "utf-8" else {"encoding": encoding.name})
    columns = None
    remarks = [_about_left_out(files, source)] if files.left_out else []
    remarks += [layout.remark] if layout.remark is not None else []
    if layout.columns:
        report("Reading the columns")
        columns = choose(_profiles(files.files[TRAIN], layout, fields), wanted, files.first)
        task = columns.task
        fields |= _fields_of(columns)
        remarks += columns.doubts
    if not encoding.is_certain:
        remarks.append(f"the encoding is a guess, {encoding.name}: are accents and quotation marks as they should be?")
    section = "corpus" if task == LANGUAGE_MODEL else "data"
    files, without = _usable(files, section, task, name, fields, layout.sections)
    remarks += without
    fields = _with_paths(fields, files, section)
    sections = dict(layout.sections) if task == TAGGING else {}
    report("Reading the rows")
    config = _configuration(name, task, section, fields, sections)
    found = survey(config)
    if not found.total:
        raise DataError(_no_rows(source, found))
    if found.sentences and (cut := cut_as_served(found.sentences)):
        sections[TAGGING] = dict(sections.get(TAGGING, {})) | cut
    if about_labels := _about_labels(found, task):
        remarks += about_labels
        fields["rare_labels"] = "drop"
    if "split_column" in fields and not found.rows[EVAL]:
        fields["eval_from_train"] = True
    if any(found.leaked.values()):
        fields["corpus_cleanup"] = {"deduplicate": "exact"}
    report("Measuring this machine")
    sizes = sizes_for(found, task == LANGUAGE_MODEL, task == TAGGING)
    scheme = sections.get(TAGGING, {}).get("scheme", "bio") if task == TAGGING else None
    has_several = task == CLASSIFICATION and ("label_separator" in fields or len(columns.labels if columns else ()) > 1)
    threshold = threshold_for(task, found, sizes.vocabulary, has_several, scheme)
    return Proposal(
        source,
        name,
        task,
        section,
        fields,
        sections,
        files,
        layout,
        encoding,
        columns,
        found,
        sizes,
        threshold,
        (config.data or config.corpus).max_bad_fraction,  # type: ignore[union-attr]
        tuple(remarks),
    )


def name_for(source: str) -> str:
    """A name for a pipeline, after a file or a folder.

    >>> name_for("data/2024 tickets.csv.gz"), name_for("SMSSpamCollection"), name_for("imdb/")
    ('data_2024_tickets', 'SMSSpamCollection', 'imdb')
    """
    stem = Path(os.path.abspath(source)).name
    stem = stem.partition(".")[0] if Path(source).is_file() or "." in stem else stem
    name = re.sub(r"\W+", "_", stem, flags=re.ASCII).strip("_-")
    return name if name[:1].isalpha() else f"data_{name}".rstrip("_")


def _common_encoding(files: DataFiles) -> Encoding:
    """The encoding of all files.

    Raises:
        DataError: They have several.
    """
    found: dict[Encoding, str] = {}
    for file in itertools.islice(itertools.chain.from_iterable(files.files.values()), _ENCODINGS_OF):
        found.setdefault(encoding_of(file), file)
    if len(found) == 1:
        return next(iter(found))
    certain = {encoding.name for encoding in found if encoding.is_certain} - {"utf-8"}
    if certain:
        named = ", ".join(f"{file} is {encoding.name}" for encoding, file in found.items())
        raise DataError(f"The files have several encodings: {named}. Save all of them as UTF-8.")
    return next(encoding for encoding in found if not encoding.is_certain)


def _task(layout: Layout, wanted: Wanted, file: str) -> str:
    if layout.columns and wanted.task == TAGGING:
        raise ConfigError(f"--task is tagging, and {file} is {layout.title}, which has no words with tags.")
    if layout.task is None or wanted.task in (None, layout.task):
        return wanted.task or layout.task or ""
    if wanted.task == LANGUAGE_MODEL and layout.fields["format"] in ("conll", "conllu"):
        return wanted.task
    raise ConfigError(f"--task is {wanted.task}, and {file} is {layout.title}, which has rows for {layout.task}.")


def _profiles(files: list[str], layout: Layout, fields: Mapping[str, Any]) -> dict[str, Profile]:
    refusals: list[Refusal] = []
    found = profiles(itertools.islice(_records(files, layout, fields, refusals), _PROFILED_ROWS))
    if not found:
        first = f" {refusals[0]}" if refusals else ""
        raise DataError(f"{files[0]}: names columns, and holds no rows that can be read.{first}")
    return found


def _records(files: list[str], layout: Layout, fields: Mapping[str, Any], refusals: list[Refusal]) -> Iterator[Values]:
    """Values by column, and what is refused before the first row that is not."""
    if fields["format"] in FORMATS:
        for file in files:
            objects = objects_of(file, fields["format"], fields.get("encoding", "utf-8"))
            yield from (values_of(found.fields) for found in objects)
        return
    with _explained(layout):
        source = text_source(path=files[0], text_column=layout.columns[0], **fields)
    assert isinstance(source, TableConfig)
    named = [name for name in layout.columns if name and layout.columns.count(name) == 1]
    for file in files:
        with readable(file, source) as stream:
            for record in tables.read_records(stream, file, source, named):
                if not isinstance(record, Refusal):
                    yield dict(record.values), frozenset()
                elif not refusals:
                    refusals.append(record)


def _fields_of(columns: Choice) -> dict[str, Any]:
    """Fields of the section that say what the columns are."""
    fields: dict[str, Any] = {"text_column": columns.text}
    if columns.second_text is not None:
        fields["second_text_column"] = columns.second_text
    if columns.task == REGRESSION:
        fields["target_columns"] = list(columns.labels)
    elif columns.task == CLASSIFICATION:
        fields["label_column"] = list(columns.labels) if len(columns.labels) > 1 else columns.labels[0]
        fields |= {} if columns.label_separator is None else {"label_separator": columns.label_separator}
    if columns.split is not None and columns.task != LANGUAGE_MODEL:
        fields["split_column"] = columns.split
    return fields


def _with_paths(fields: Mapping[str, Any], files: DataFiles, section: str) -> dict[str, Any]:
    paths = {_PATHS[split]: path for split, path in files.paths.items() if section == "data" or split == TRAIN}
    if len(paths) > 1:
        fields = {name: value for name, value in fields.items() if name != "split_column"}
    return paths | dict(fields)


def _usable(
    files: DataFiles, section: str, task: str, name: str, fields: Mapping[str, Any], sections: Mapping[str, Any]
) -> tuple[DataFiles, list[str]]:
    """The files of the splits that can be read, and what is wrong with the others: a test file without labels."""
    remarks = []
    kept = dict(files.paths)
    for split, path in files.paths.items():
        if split == TRAIN:
            continue
        alone = DataFiles({TRAIN: path}, {TRAIN: files.files[split]})
        try:
            source = _configuration(name, task, section, _with_paths(fields, alone, section), sections)
            check_source(source.data or source.corpus)  # type: ignore[arg-type]
        except DataError as error:
            del kept[split]
            remarks.append(f"left out as it cannot be read like the train split: {error}")
    if section == "corpus" and len(kept) > 1:
        remarks.append(f"only {kept[TRAIN]} is read: a language model has no files of its own for eval and test")
        kept = {TRAIN: kept[TRAIN]}
    return dataclasses.replace(files, paths=kept, files={split: files.files[split] for split in kept}), remarks


def _configuration(
    name: str, task: str, section: str, fields: Mapping[str, Any], sections: Mapping[str, Any]
) -> PipelineConfig:
    sections = sections if task == TAGGING else {}
    with _explained(None):
        return PipelineConfig.model_validate({"name": name, "task": task, section: dict(fields), **sections})


@contextlib.contextmanager
def _explained(layout: Layout | None) -> Iterator[None]:
    """Words what a configuration does not allow for people: such as a name that no pipeline can have.

    Raises:
        ConfigError: With all that is wrong.
    """
    try:
        yield
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, each['loc']))} {each['msg']}" for each in error.errors())
        of = "" if layout is None else f"{layout.title}: "
        raise ConfigError(f"{of}{wrong}.") from None


def _about_left_out(files: DataFiles, source: str) -> str:
    names = [os.path.relpath(file, source) for file in files.left_out]
    more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
    return f"not read: {', '.join(names[:3])}{more}"


def _about_labels(found: Survey, task: str) -> list[str]:
    rare = sorted(label for label, count in found.labels.items() if count < _FEW_ROWS)
    if task != CLASSIFICATION or not rare:
        return []
    named = ", ".join(rare[:3]) + (f" and {len(rare) - 3:,} more" if len(rare) > 3 else "")
    return [f"labels with fewer than {_FEW_ROWS} rows cannot be learned: {named}"]


def _no_rows(source: str, found: Survey) -> str:
    if not found.examples:
        return f"{source}: holds no rows."
    refusal = next(iter(found.examples.values()))
    return f"{source}: none of the {found.refused.total():,} rows can be read. {refusal}"
