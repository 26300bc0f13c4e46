"""Options that are fields of the configuration: what they are called, show and allow."""

import doctest
import re
from typing import Annotated, Literal

import click
import pytest
import typer
from pydantic import Field, field_validator
from typer.testing import CliRunner

from ulmfit_tfx.pipeline import field_options
from ulmfit_tfx.pipeline.cli.app import app
from ulmfit_tfx.pipeline.field_options import OptionsOf, Typed, help_of, with_field_options
from ulmfit_tfx.schemas.config.cleaning import CleaningConfig
from ulmfit_tfx.schemas.config.pretrained import PretrainedConfig
from ulmfit_tfx.schemas.config.sources.texts import TextSource
from ulmfit_tfx.schemas.config.tokenizer import TokenizerConfig
from ulmfit_tfx.schemas.errors import ConfigError
from ulmfit_tfx.schemas.section import Section, sections_of

NOT_OPTIONS = {"import-encoder": {"checkpoint": "is the argument"}, "tokenizer train": {}}


class Soup(Section):
    """A section of all kinds of fields."""

    water: float = Field(1.5, gt=0, le=10, description="litres")
    base: Literal["miso", "dashi"] = Field("miso", description="what it is made of")
    toppings: tuple[str, ...] = Field(("nori",), description="on top")
    hot: bool = Field(True, description="or cold")
    salted: bool = False
    spicy: bool | None = Field(None, description="null: as the cook likes")
    cook: str | None = Field(None, min_length=2, description="by name")
    bowls: int = Field(2, ge=1)

    @field_validator("toppings")
    @classmethod
    def _edible(cls, toppings):
        if "sand" in toppings:
            raise ValueError("holds sand, which nobody eats")
        return toppings


def cook(*words):
    """What a command with the options of `Soup` makes of words."""
    cooked = []
    kitchen = typer.Typer()

    @kitchen.command()
    @with_field_options
    def command(
        *,
        dish: str,
        soup: Annotated[Typed, OptionsOf(Soup, names={"toppings": "--topping/--plain", "hot": "--hot/--cold"})],
    ):
        cooked.append((dish, soup.section(Soup), soup.values))

    result = CliRunner(mix_stderr=False).invoke(kitchen, ["lunch", *words], standalone_mode=False)
    if result.exception:
        raise result.exception
    return cooked[0]


def test_untouched_options_leave_the_section_as_it_is_by_default():
    assert cook() == ("lunch", Soup(), {})


def test_each_kind_of_field_can_be_typed():
    words = "--water 2 --base dashi --topping egg --topping leek --cold --salted --no-spicy --cook Jo --bowls 3"
    expected = Soup(
        water=2, base="dashi", toppings=("egg", "leek"), hot=False, salted=True, spicy=False, cook="Jo", bowls=3
    )
    assert cook(*words.split())[1] == expected
    assert cook("--plain")[1] == Soup(toppings=())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--water 0", "--water is 0: Input should be greater than 0."),
        ("--water much", "--water is much: Input should be a valid number"),
        ("--bowls 2.5", "--bowls is 2.5: Input should be a valid integer"),
        ("--base tea", "--base is 'tea': Input should be 'miso' or 'dashi'."),
        ("--cook J", "--cook is 'J': String should have at least 2 characters."),
        ("--topping sand", "--topping is 'sand': holds sand, which nobody eats."),
        ("--topping egg --plain", "--topping and --plain exclude each other."),
    ],
)
def test_section_checks_what_is_typed_and_the_message_names_the_option(words, said):
    with pytest.raises(ConfigError, match=re.escape(said)):
        cook(*words.split())


def test_every_wrong_option_has_a_line():
    with pytest.raises(ConfigError) as error:
        cook("--water", "0", "--bowls", "0")
    assert [line.split()[0] for line in str(error.value).splitlines()] == ["--water", "--bowls"]


def test_help_shows_defaults_bounds_and_choices():
    kitchen = typer.Typer()
    kitchen.command()(with_field_options(_serve))
    shown = CliRunner().invoke(kitchen, ["--help"], env={"COLUMNS": "200"}).stdout
    for line in (
        r"--water +FLOAT \[0<x<=10\] +Litres\. \[default: 1\.5\]",
        r"--base +\[miso\|dashi\] +What it is made of",
    ):
        assert re.search(line, shown), shown
    assert re.search(r"--hot +--no-hot +Or cold", shown)
    assert re.search(r"--spicy +--no-spicy +Without it: as the cook likes\. *│", shown)
    assert "--no-salted" not in shown
    assert "default: None" not in shown


def _serve(*, soup: Annotated[Typed, OptionsOf(Soup)]):
    pass


@pytest.mark.parametrize("command", ["tokenizer train", "tokenizer encode"])
def test_what_a_format_of_texts_is_read_by_is_an_option_of_both_commands(command):
    options = {option.name for option in command_named(command).params}
    fields = {name for kind in sections_of(TextSource) for name in kind.model_fields}
    about_examples = {"corpus_cleanup", "sample_fraction", "splits", "split_key_column", "length_buckets"}
    assert fields - options == about_examples | {"path"}  # the arguments


def test_examples_in_docstrings_hold():
    result = doctest.testmod(field_options)
    assert (result.attempted > 0, result.failed) == (True, 0)


def command_named(words):
    command = typer.main.get_command(app)
    for word in words.split():
        command = command.commands[word]
    return command


@pytest.mark.parametrize(
    ("command", "section"),
    [
        ("tokenizer train", TokenizerConfig),
        ("tokenizer train", CleaningConfig),
        ("import-encoder", PretrainedConfig),
    ],
)
def test_every_field_is_an_option_with_its_default_and_description(command, section):
    options = {option.name: option for option in command_named(command).params if isinstance(option, click.Option)}
    for name, field in section.model_fields.items():
        if name in NOT_OPTIONS[command]:
            assert name not in options
            continue
        assert help_of(field) in options[name].help
        assert field.description
        default = options[name].default
        typed = tuple(default) if isinstance(default, list) else default
        assert typed == field.default or typed == str(field.default)
