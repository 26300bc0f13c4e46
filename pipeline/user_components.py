"""Components of a user's own, by import path, in the graph."""

import inspect
from collections.abc import Iterator, Sequence

from tfx.dsl.component.experimental.decorators import BaseFunctionalComponent
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.base_node import BaseNode
from tfx.types import BaseChannel

from ulmfit_tfx.schemas import component_specs as specs
from ulmfit_tfx.schemas.code_version import code_version
from ulmfit_tfx.schemas.config.user_code import ComponentConfig
from ulmfit_tfx.schemas.errors import ConfigError
from ulmfit_tfx.schemas.user_code import imported


def with_user_components(nodes: Sequence[BaseNode], configured: Sequence[ComponentConfig]) -> list[BaseNode]:
    """The stages of a pipeline with those that a configuration adds, each behind the stage that it comes after.

    A version of the component's code is among its parameters, so that an edit of it runs it again. Its executor does
    not see the version unless it looks at all parameters.

    Args:
        nodes: The stages so far.
        configured: In the order of the configuration. Later ones may name earlier ones.

    Raises:
        ConfigError: A stage, an output or an argument of the component is not there, a name is taken, an input is of
            another type than the component takes, or the stages would wait for each other.
    """
    stages = list(nodes)
    for number, component in enumerate(configured):
        try:
            _add(stages, component)
        except ConfigError as error:
            raise ConfigError(f"components.{number}{error}") from None
    return stages


def _add(stages: list[BaseNode], config: ComponentConfig) -> None:
    by_name = {stage.id: stage for stage in stages}
    after = _stage(by_name, config.after, f"after is '{config.after}'")
    before = _stage(by_name, config.before, f"before is '{config.before}'") if config.before is not None else None
    name = config.name or config.class_.rpartition(".")[-1]
    if name in by_name:
        raise ConfigError(f".name is '{name}', and the pipeline has a stage of that name: give it another one.")
    inputs = {key: _output(by_name, path, f"inputs.{key}") for key, path in config.inputs.items()}
    kind = imported(config.class_)
    _check_arguments(kind, config)
    try:
        node = kind(**inputs, **config.parameters)
    except (TypeError, ValueError) as error:
        raise ConfigError(f": {config.class_} does not take that: {error}") from None
    node.with_id(name)
    node.add_upstream_node(after)
    node.exec_properties[specs.CODE_VERSION] = code_version(config.class_)
    if before is not None:
        if before in _all_before(node, by_name):
            raise ConfigError(f".before is '{config.before}', and that stage comes before {config.after} or an input.")
        before.add_upstream_node(node)
    stages.insert(stages.index(after) + 1, node)


def _stage(by_name: dict[str, BaseNode], name: str, said: str) -> BaseNode:
    if name not in by_name:
        raise ConfigError(f".{said}, expected a stage of this pipeline: {', '.join(by_name)}.")
    return by_name[name]


def _output(by_name: dict[str, BaseNode], path: str, field: str) -> BaseChannel:
    name, _, key = path.partition(".")
    stage = _stage(by_name, name, f"{field} is '{path}'")
    if key not in stage.outputs:
        outputs = ", ".join(f"{name}.{output}" for output in stage.outputs) or "none"
        raise ConfigError(f".{field} is '{path}', and that stage has no such output. Its outputs: {outputs}.")
    return stage.outputs[key]


def _check_arguments(kind: type[BaseComponent], config: ComponentConfig) -> None:
    """Demands that a component takes the inputs and the parameters that it is to get."""
    inputs, parameters = list(kind.SPEC_CLASS.INPUTS), list(kind.SPEC_CLASS.PARAMETERS)
    if not issubclass(kind, BaseFunctionalComponent):  # then its constructor says what it takes
        arguments = inspect.signature(kind.__init__).parameters.values()
        named = [argument.name for argument in arguments if argument.kind is not argument.VAR_KEYWORD][1:]
        parameters = [name for name in named if name not in inputs]
        inputs = [name for name in named if name in inputs]
    for field, given, allowed in (("inputs", config.inputs, inputs), ("parameters", config.parameters, parameters)):
        for name in given:
            if name not in allowed:
                raise ConfigError(f".{field} names '{name}', and {config.class_} takes {', '.join(allowed) or 'none'}.")


def _all_before(node: BaseNode, by_name: dict[str, BaseNode]) -> set[BaseNode]:
    """All stages that a stage waits for."""
    found: set[BaseNode] = set()
    waiting = [node]
    while waiting:
        for earlier in _just_before(waiting.pop(), by_name):
            if earlier not in found:
                found.add(earlier)
                waiting.append(earlier)
    return found


def _just_before(node: BaseNode, by_name: dict[str, BaseNode]) -> Iterator[BaseNode]:
    yield from node.upstream_nodes
    for channel in node.inputs.values():
        producer = getattr(channel, "producer_component_id", None)
        if producer in by_name:
            yield by_name[producer]
