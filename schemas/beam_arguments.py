"""Arguments of Beam pipelines, as far as they can be found wrong before a pipeline runs.

Read from the text alone: Beam's own parser takes seconds to import, and ignores what it does not know.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ulmfit_tfx.schemas.remote_paths import is_remote

IN_PROCESS = ("--runner=DirectRunner", "--direct_running_mode=in_memory", "--direct_num_workers=1")
"""Of a pipeline that runs in the process that starts it."""
_NOTHING_STAGED = "--sdk_container_image=none"
_FILES = ("setup_file", "extra_package", "extra_packages", "requirements_file")
_PACKAGE = ("sdk_container_image", "worker_harness_container_image", *_FILES)
"""Of these one has to be there for workers that are not of this environment: TFX then sends no package of its own."""
_NEEDED_BY_DATAFLOW = ("project", "region", "temp_location")
_DIRECT = ("DirectRunner", "BundleBasedDirectRunner", "SwitchingDirectRunner", "FnApiRunner")
_OF_PACKAGE = "--sdk_container_image=IMAGE, whose image holds ulmfit-tfx, or --extra_package=dist/ulmfit_tfx-....whl"


def as_options(arguments: Sequence[str]) -> dict[str, str]:
    """Values by name; of an argument without one, the empty string; of one that is there twice, the last.

    >>> as_options(["--runner=FlinkRunner", "--parallelism", "4", "--streaming"])
    {'runner': 'FlinkRunner', 'parallelism': '4', 'streaming': ''}

    Raises:
        ValueError: An argument is no option, or the name of two of them is in one.
    """
    options: dict[str, str] = {}
    open_name = None
    for argument in arguments:
        if argument.startswith("--"):
            name, equals, value = argument[2:].partition("=")
            if " " in name or " --" in value:
                raise ValueError(f"'{argument}' is more than one argument. Give each as an item of its own.")
            options[name] = value
            open_name = None if equals else name
        elif open_name is not None:
            options[open_name], open_name = argument, None
        else:
            raise ValueError(f"'{argument}' is no argument, expected --NAME=VALUE.")
    return options


def unstaged(arguments: Sequence[str]) -> list[str]:
    """The same arguments, with one more where all workers run here: TFX then packs no source of its own for them.

    It takes any image for a sign that the workers have what they need, and Beam has no use for one here.

    >>> unstaged(["--runner=DirectRunner"])
    ['--runner=DirectRunner', '--sdk_container_image=none']
    """
    options = as_options(arguments)
    is_told = not runs_here(options) or any(name in options for name in _PACKAGE)
    return list(arguments) if is_told else [*arguments, _NOTHING_STAGED]


def check(arguments: Sequence[str]) -> None:
    """Demands that workers can be started, and find this package.

    Args:
        arguments: As Beam takes them.

    Raises:
        ValueError: A file is not there, a runner's workers would not have this package, an argument that a runner needs
            is missing, or one has no effect.
    """
    options = as_options(arguments)
    for name in _FILES:
        path = options.get(name)
        if path and not is_remote(path) and not Path(path).is_file():
            hint = " An installed package has no setup.py: name a wheel in --extra_package." * (name == "setup_file")
            raise ValueError(f"--{name}={path}: there is no such file in {Path.cwd()}.{hint}")
    if runs_here(options):
        _check_direct(options)
        return
    runner = options["runner"]
    if not any(options.get(name) for name in _PACKAGE):
        raise ValueError(f"--runner={runner}: its workers would not have this package. Add {_OF_PACKAGE}.")
    if runner.startswith("Dataflow"):
        _check_dataflow(runner, options)
    else:
        _check_image(runner, options)


def _check_dataflow(runner: str, options: Mapping[str, str]) -> None:
    if missing := [f"--{name}" for name in _NEEDED_BY_DATAFLOW if not options.get(name)]:
        raise ValueError(f"--runner={runner} needs {', '.join(missing)} too.")
    if not is_remote(options["temp_location"]):
        raise ValueError(f"--temp_location={options['temp_location']}: expected gs://BUCKET/FOLDER.")


def _check_image(runner: str, options: Mapping[str, str]) -> None:
    # Beam takes the image of Docker workers from here, and --sdk_container_image, which Dataflow reads, for nothing.
    in_docker = options.get("environment_type", "DOCKER").upper() == "DOCKER"
    named = options.get("environment_config") or options.get("environment_options")
    if in_docker and not named and not any(options.get(name) for name in _FILES):
        raise ValueError(
            f"--runner={runner}: its workers would run in Beam's own image, without this package. Add "
            f"--environment_config={options.get('sdk_container_image') or 'IMAGE'}."
        )


def runs_here(options: Mapping[str, str]) -> bool:
    """Whether all workers are processes of this machine, in this environment, and so see its files and packages.

    Args:
        options: As `as_options` gives them.
    """
    if options.get("runner", "DirectRunner").split(".")[-1] in _DIRECT:
        return True
    kind = options.get("environment_type", "").upper()
    return kind == "LOOPBACK" or kind.endswith("SUBPROCESS_PYTHON:V1")


def _check_direct(options: Mapping[str, str]) -> None:
    workers, mode = options.get("direct_num_workers", "1"), options.get("direct_running_mode", "in_memory")
    if workers != "1" and mode == "in_memory":
        raise ValueError(
            f"--direct_num_workers={workers} has no effect with --direct_running_mode=in_memory. Is "
            "--direct_running_mode=multi_processing meant?"
        )
