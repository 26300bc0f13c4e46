"""`ulmfit-tfx rollback`: puts an older version of a served model in service again."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ulmfit_tfx.pipeline.console import output
from ulmfit_tfx.pipeline.run_log import silence_libraries
from ulmfit_tfx.schemas.errors import ConfigError, ExitCode

if TYPE_CHECKING:
    from rich.table import Table

NAME = "rollback"
EXAMPLE = "Example: `ulmfit-tfx rollback runs/reviews/serving/reviews`"

_CARD = "assets.extra/README.md"


def command(
    push_dir: Annotated[
        str, typer.Argument(metavar="PUSH_DIR", help="A folder of versions, local or remote (`gs://...`).")
    ],
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="VERSION", help="Version to put in service, in place of the next older one."),
    ] = None,
    release: Annotated[
        bool, typer.Option("--release", help="End a rollback: the newest version is in service again.")
    ] = False,
    only_list: Annotated[bool, typer.Option("--list", help="Show the versions, and change nothing.")] = False,
) -> ExitCode:
    """Put the version before the one in service in service again, until the next push or `--release`.

    TensorFlow Serving learns of it from `tf_serving/models.config` below the folder, which it reads every 30 seconds.
    """
    if sum((to is not None, release, only_list)) > 1:
        raise ConfigError("--to, --release and --list exclude each other: give at most one of them.")
    silence_libraries()
    folder = push_dir.rstrip("/")
    versions = _versions(folder)
    message = ""
    if release:
        message = _release(folder, versions)
    elif not only_list:
        message = _put_in_service(folder, versions, to)
    output.print(_table(folder, versions))
    if message:
        output.print(message, markup=False)
    return ExitCode.OK


def _versions(folder: str) -> list[str]:
    from ulmfit_tfx.components.served_versions import holds_model, versions

    found = versions(folder)
    if found:
        return found
    if holds_model(folder):
        raise ConfigError(
            f"{folder}: is a model, expected the folder of its versions. Is it one of them? Then give the folder above."
        )
    raise ConfigError(
        f"{folder}: holds no version, expected a folder of numbered ones with a model in each. A run says at its end "
        "where it pushed its model: the folder is the one above."
    )


def _put_in_service(folder: str, versions: Sequence[str], wanted: str | None) -> str:
    from ulmfit_tfx.components import models_config
    from ulmfit_tfx.components.served_versions import version_in_service

    before = version_in_service(folder)
    if wanted is None:
        older = versions[: versions.index(before)]
        if not older:
            raise ConfigError(
                f"{folder}: version {before} is in service and no older one is there ({_listed(versions)}). "
                "push.keep_versions says how many a push keeps."
            )
        wanted = older[-1]
    elif wanted not in versions:
        raise ConfigError(f"{folder}: has no version {wanted}, but {_listed(versions)}.")
    models_config.serve_only(folder, int(wanted))
    return (
        f"Version {wanted} is in service, before it was {before}. A running server follows within "
        f"{models_config.POLL_SECONDS} seconds.\nUntil the next push, or: ulmfit-tfx rollback {folder} --release"
    )


def _release(folder: str, versions: Sequence[str]) -> str:
    from ulmfit_tfx.components import models_config
    from ulmfit_tfx.components.served_versions import pinned_versions

    pinned = pinned_versions(folder)
    models_config.serve_newest(folder)
    if not pinned:
        return f"No version was held in service: the newest, {versions[-1]}, is in service as before."
    return (
        f"Version {versions[-1]}, the newest, is in service, before it was {pinned[-1]}. A running server follows "
        f"within {models_config.POLL_SECONDS} seconds."
    )


def _listed(versions: Sequence[str]) -> str:
    return ", ".join(versions)


def _table(folder: str, versions: Sequence[str]) -> "Table":
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from ulmfit_tfx.components.served_versions import pinned_versions, version_in_service

    in_service, pinned = version_in_service(folder), pinned_versions(folder)
    table = Table("version", "pushed", "score", "", box=box.SIMPLE, title=escape(folder), title_justify="left")
    for version in reversed(versions):
        standing = "[dim]pinned[/dim]" if version in pinned else ""
        if version == in_service:
            standing = "[green]in service[/green]" + (" (pinned)" if version in pinned else "")
        path = f"{folder}/{version}"
        table.add_row(version, _pushed(path), escape(_score(path)), standing)
    return table


def _pushed(version: str) -> str:
    """When the version appeared, in local time."""
    import tensorflow as tf

    from ulmfit_tfx.components.served_versions import SAVED_MODEL

    seconds = tf.io.gfile.stat(f"{version}/{SAVED_MODEL}").mtime_nsec / 1e9
    return f"{datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M}"


def _score(version: str) -> str:
    """The leading score of the model's card; "" where there is no card, or it has none."""
    import tensorflow as tf
    import yaml

    card = f"{version}/{_CARD}"
    if not tf.io.gfile.exists(card):
        return ""
    with tf.io.gfile.GFile(card) as file:
        front_matter = file.read().partition("---\n")[2].partition("---\n")[0]
    index = (yaml.safe_load(front_matter) or {}).get("model-index")
    if not index:
        return ""
    result = index[0]["results"][0]
    metric = result["metrics"][0]
    return f"{metric['name']} {metric['value']:.4f} ({result['dataset']['split']})"
