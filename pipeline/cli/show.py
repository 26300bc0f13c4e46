"""`ulmfit-tfx show`: says what an exported model is."""

from typing import Annotated, Any

import typer

from ulmfit_tfx.evaluation.branches import line
from ulmfit_tfx.pipeline.console import output
from ulmfit_tfx.pipeline.run_log import silence_libraries
from ulmfit_tfx.schemas.errors import ExitCode
from ulmfit_tfx.tasks import read_model_info
from ulmfit_tfx.trainer_modules.serving.loaded_model import find_model, load
from ulmfit_tfx.trainer_modules.serving.model_info import Details, ModelInfo

NAME = "show"
EXAMPLE = "Example: `ulmfit-tfx show runs/reviews/serving/reviews`"


def command(
    model_dir: Annotated[str, typer.Argument(metavar="MODEL_DIR", help="A SavedModel, or a folder of versions.")],
) -> ExitCode:
    """Show a model's signatures with shapes and dtypes, its tokenizer, its layers and its size on disk."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from ulmfit_tfx.pipeline.cli.two_columns import TwoColumns
    from ulmfit_tfx.pipeline.cli.whole_words import WholeWords

    model = find_model(model_dir)
    silence_libraries()
    signatures = load(model)

    facts = TwoColumns(escape(model))
    for name, value in _facts(read_model_info(model)).items():
        facts.add_row(name, escape(str(value)))
    facts.add_row("parameters", f"{_parameters(signatures):,}")
    facts.add_row("size on disk", f"{_size(model) / 2**20:.1f} MiB")
    output.print(facts)

    table = Table(box=box.SIMPLE, show_lines=True)
    for column in ("signature", "inputs"):
        table.add_column(column, no_wrap=True)
    table.add_column("outputs")
    for name, function in sorted(signatures.items()):
        inputs = function.structured_input_signature[1]
        table.add_row(escape(name), escape(_tensors(inputs)), escape(_tensors(function.structured_outputs)))
    output.print(WholeWords(table, 2))
    return ExitCode.OK


def _facts(info: ModelInfo | None) -> dict[str, Any]:
    if info is None:
        return {"origin": "not exported by ulmfit-tfx"}
    encoder, tokenizer = info.encoder, info.tokenizer
    ids = ", ".join(f"{name}={value}" for name, value in tokenizer.special_ids.items())
    return {
        "task": info.task,
        **({"labels": ", ".join(info.labels)} if info.labels else {}),
        **_details(info.details),
        **({"branches": line(info.branches)} if info.branches else {}),
        "encoder": f"{encoder.architecture}, embedding {encoder.embedding_size}, layers {list(encoder.hidden_sizes)}",
        "tokenizer": f"{tokenizer.model_type}, {tokenizer.vocab_size:,} pieces, {ids}",
        "cleaning": ", ".join(name for name, on in info.cleaning.model_dump().items() if on) or "none",
        "longest text": f"{info.max_seq_len} pieces (encoder signatures: {info.fixed_seq_len or 'the same'})",
        "ulmfit-tfx": info.version,
    }


def _details(details: Details) -> dict[str, str]:
    """Facts of the task, but for what is not set."""
    said = details.model_dump(mode="json")
    return {name.replace("_", " "): _shown(value) for name, value in said.items() if value not in (None, [], {}, "")}


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return ", ".join(map(_shown, value)) if isinstance(value, list) else str(value)


def _parameters(signatures: dict[str, Any]) -> int:
    variables = {id(variable): variable for function in signatures.values() for variable in function.variables}
    return sum(variable.shape.num_elements() for variable in variables.values())


def _size(folder: str) -> int:
    import tensorflow as tf

    files = [f"{path}/{name}" for path, _, names in tf.io.gfile.walk(folder) for name in names]
    return sum(tf.io.gfile.stat(file).length for file in files)


def _tensors(specs: dict[str, Any]) -> str:
    return "\n".join(f"{name}: {spec.dtype.name} {_shape(spec.shape)}" for name, spec in sorted(specs.items()))


def _shape(shape: Any) -> str:
    return "[" + ", ".join("?" if size is None else str(size) for size in shape) + "]"
