"""What was found in data, as a table."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from ulmfit_tfx.pipeline.cli.two_columns import TwoColumns
from ulmfit_tfx.pipeline.cli.whole_words import print_sentence
from ulmfit_tfx.pipeline.tools.init.proposal import Proposal
from ulmfit_tfx.pipeline.tools.init.task_names import TAGGING
from ulmfit_tfx.trainer_modules.optimization.training_time import about
from ulmfit_tfx.transforms.splitting import SPLITS

_LABELS_SHOWN = 10
_LANGUAGES_SHOWN = 3
_FEW_LANGUAGE = 0.02
"""Share of the texts from which on a language is named."""


def show(console: Console, proposal: Proposal, file: Path) -> None:
    """Prints what was found and what is proposed.

    Args:
        console: To print to.
        proposal: What to show.
        file: Of the configuration.
    """
    table = TwoColumns(escape(f"{proposal.source} -> {file}"))
    for name, found in _rows(proposal):
        table.add_row(name, found)
    console.print()
    console.print(table, soft_wrap=True)
    for remark in proposal.remarks:
        print_sentence(console, f"[yellow]Note:[/yellow] {escape(remark)}")


def _rows(proposal: Proposal) -> Iterator[tuple[str, str]]:
    found, sizes = proposal.survey, proposal.sizes
    yield "task", f"{proposal.task}"
    yield "format", escape(f"{proposal.layout.title}, {proposal.encoding.name}")
    for field, value in proposal.fields.items():
        if field.endswith(("_column", "_columns", "_separator")):
            yield field.replace("_", " "), escape(", ".join(value) if isinstance(value, list) else str(value))
    if proposal.columns is not None and proposal.columns.left_out:
        left_out = [name if why == "not used" else f"{name} ({why})" for name, why in proposal.columns.left_out.items()]
        yield "left out", escape(", ".join(left_out))
    more = "" if found.is_whole else ": the first of more"
    by_split = ", ".join(f"{found.rows[split]:,} {split}" for split in SPLITS if split in found.rows)
    yield "rows", f"{found.total:,} ({by_split}){more}"
    yield from _labels(proposal)
    if found.targets:
        yield "numbers", escape(_numbers(proposal))
    yield (
        "words a text",
        f"{found.words_at(0.5):,} in the middle, {found.words_at(0.95):,} at 95 %, {found.words_at(1):,} at most",
    )
    if languages := _languages(proposal):
        yield "languages", languages
    yield "repeated texts", _share(found.repeated, found.total)
    if found.contradicting:
        yield "  with another label", f"[yellow]{_share(found.contradicting, found.total)}[/yellow]"
    for split, count in found.leaked.items():
        yield f"{split} texts in train", f"[red]{_share(count, found.rows[split])}[/red]"
    if found.refused:
        colour = "red" if not is_runnable(proposal) else "yellow"
        yield "refused", f"[{colour}]{_share(found.refused.total(), found.refused.total() + found.total)}[/{colour}]"
        for reason, count in found.refused.most_common():
            yield "", escape(f"{count:,} {found.examples[reason]}")
    yield "vocabulary", f"{sizes.vocabulary:,} pieces, as many as the texts can fill"
    yield "model", f"{sizes.size.parameters:,} parameters, and those of its head"
    yield "pieces to read", f"{sizes.size.pieces:,} an epoch, {sizes.size.epochs} epochs"
    if sizes.cut >= 0.005:
        yield "  cut in training", f"{100 * sizes.cut:.0f} % of the texts, after {sizes.longest:,} pieces"
    yield "run", f"{about(sizes.run_seconds)}, of which the training {about(sizes.training_seconds)}: an estimate"
    yield "threshold", escape(f"{proposal.threshold.measure} {proposal.threshold.value:g}: {proposal.threshold.reason}")


def is_runnable(proposal: Proposal) -> bool:
    """Whether a run would not stop at the rows that it refuses."""
    found = proposal.survey
    return found.refused.total() <= proposal.most_refused * (found.refused.total() + found.total)


def _labels(proposal: Proposal) -> Iterator[tuple[str, str]]:
    labels = proposal.survey.labels
    if not labels:
        return
    what = "tags" if proposal.task == TAGGING else "labels"
    shown = [f"{label} {count:,}" for label, count in labels.most_common(_LABELS_SHOWN)]
    more = f" and {len(labels) - _LABELS_SHOWN:,} more" if len(labels) > _LABELS_SHOWN else ""
    yield what, escape(f"{len(labels):,}: {', '.join(shown)}{more}")


def _numbers(proposal: Proposal) -> str:
    rows = proposal.survey.total
    names = proposal.columns.labels if proposal.columns is not None else ()
    parts = []
    for name, (total, squares) in zip(names, proposal.survey.targets, strict=False):
        mean = total / rows
        parts.append(f"{name}: {mean:.4g} ± {max(squares / rows - mean**2, 0) ** 0.5:.4g}")
    return ", ".join(parts)


def _languages(proposal: Proposal) -> str:
    languages = proposal.survey.languages
    shares = [(name, count / languages.total()) for name, count in languages.most_common(_LANGUAGES_SHOWN)]
    named = [
        f"{_LANGUAGE_NAMES.get(name, name)} {100 * share:.0f} %" for name, share in shares if share >= _FEW_LANGUAGE
    ]
    return ", ".join(named)


_LANGUAGE_NAMES = {"und": "too short to tell"}


def _share(count: int, of: int) -> str:
    return f"{count:,} ({100 * count / max(of, 1):.1f} %)" if count else "none"
