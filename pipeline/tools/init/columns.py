"""Chooses among the columns of a table: the text, the label or the numbers, and what is left out.

A choice that could have been another one is said: a person then names the column with an option.
"""

import dataclasses
import re
import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence

from ulmfit_tfx.pipeline.tools.init.profiles import Profile, separator_of_labels
from ulmfit_tfx.pipeline.tools.init.task_names import CLASSIFICATION, LANGUAGE_MODEL, REGRESSION, TAGGING
from ulmfit_tfx.schemas.errors import ConfigError

_TEXT_NAMES = (
    *("text", "review", "sentence", "comment", "comment_text", "body", "content", "message", "description", "document"),
    *("tweet", "post", "question", "utterance", "abstract", "title", "headline", "summary"),
)
_LABEL_NAMES = (
    *("label", "labels", "class", "category", "categories", "target", "sentiment", "y", "stars", "tag", "tags"),
    *("topic", "topics", "intent", "emotion", "rating", "score", "polarity", "gold_label", "gold", "type", "genre"),
)
_ID_NAME = re.compile(r"(.*[_ .-])?(id|ids|idx|index|uuid|guid|key|row|nr|no|number)|.*[a-z]Id|unnamed: 0|#?", re.I)
_SPLIT_NAMES = ("split", "set", "subset", "partition", "fold_name", "dataset_split")
_SPLIT_VALUES = {"train", "eval", "dev", "val", "valid", "validation", "test"}
_EVAL_VALUES = _SPLIT_VALUES - {"train", "test"}
_NO_FEATURE = re.compile(r".*(date|time|timestamp|url|link|email|phone)", re.I)
_PAIRS = (
    *(("premise", "hypothesis"), ("question", "answer"), ("query", "document"), ("query", "passage")),
    *(("context", "question"), ("question", "sentence"), ("claim", "evidence"), ("text", "text_pair")),
)
_PAIR_ENDINGS = (("1", "2"), ("a", "b"), ("left", "right"), ("first", "second"), ("one", "two"))
_TEXT_WORDS = 3
"""Mean words of a value from which a column may be a second text."""
_FEW_NUMBERS = 20
"""Different whole numbers of a column that are classes rather than amounts, such as stars."""


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What a person named: the columns, where they did.

    Attributes:
        task: Of the model.
        text: Column with the text.
        second_text: Column with the second text of a pair.
        labels: Columns with the label, or the numbers.
        left_out: Columns that are none of these.
    """

    task: str | None = None
    text: str | None = None
    second_text: str | None = None
    labels: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    def named(self) -> Iterable[tuple[str, str]]:
        """Option and column of each."""
        options = (("--text-column", self.text), ("--second-text-column", self.second_text))
        yield from ((option, column) for option, column in options if column is not None)
        yield from (("--label-column", column) for column in self.labels)
        yield from (("--id-column", column) for column in self.left_out)


@dataclasses.dataclass(frozen=True)
class Choice:
    """What the columns of a table are.

    Attributes:
        text: The text.
        second_text: The second text of a pair, or None.
        labels: The label, several of them that are 0 or 1 each, or the numbers; none of plain text.
        task: What can be learned from them.
        label_separator: Between several labels of a row, or None.
        split: Column that names the split of each row, or None.
        left_out: Columns that are not read, with the reason.
        doubts: Choices that could have been others, in sentences.
        other_numbers: Columns of numbers that could be learned as well as `labels`.
    """

    text: str
    second_text: str | None
    labels: tuple[str, ...]
    task: str
    label_separator: str | None
    split: str | None
    left_out: Mapping[str, str]
    doubts: tuple[str, ...]
    other_numbers: tuple[str, ...] = ()


def choose(profiles: Mapping[str, Profile], wanted: Wanted, file: str) -> Choice:
    """Chooses columns.

    Args:
        profiles: Of all columns, in the order of the file.
        wanted: What is not to be guessed.
        file: To be named.

    Raises:
        ConfigError: A column that is named is not there, or there is none that the task could be learned from.
    """
    for option, column in wanted.named():
        if column not in profiles:
            raise ConfigError(f"{option} is '{column}', and {file} has the columns {', '.join(profiles)}.")
    doubts: list[str] = []
    split = _split_column(profiles, wanted)
    ids = [name for name, profile in profiles.items() if _is_id(profile) or name in wanted.left_out]
    free = [name for name in profiles if name not in (*ids, split, *wanted.labels, wanted.second_text)]
    text = wanted.text or _text_column([profiles[name] for name in free], doubts)
    if text is None:
        raise ConfigError(
            f"{file}: none of the columns {', '.join(profiles)} looks like a text. Name it with --text-column."
        )
    free = [name for name in free if name != text]
    second = wanted.second_text or _second_text(text, [profiles[name] for name in free])
    free = [name for name in free if name != second]
    others: tuple[str, ...] = ()
    labels = wanted.labels
    if not labels:
        names = list(profiles)
        after = names[names.index(text) + 1 :]
        labels, others = _label_columns([profiles[name] for name in free], wanted.task, after, doubts)
    task, separator = _task_of([profiles[name] for name in labels], wanted)
    if task == LANGUAGE_MODEL:
        labels, second = (), None
    if not labels and task in (CLASSIFICATION, REGRESSION):
        raise ConfigError(
            f"{file}: none of the columns {', '.join(profiles)} looks like a label. Name it with --label-column, or "
            "learn from the text alone with --task language_model."
        )
    others = others if task == REGRESSION else ()
    used = {text, second, split, *labels, *others}
    left_out = {name: "an id" if name in ids else "not used" for name in profiles if name not in used}
    return Choice(text, second, tuple(labels), task, separator, split, left_out, tuple(doubts), others)


def is_id_name(name: str) -> bool:
    """Whether a column is called as those with ids are.

    >>> [is_id_name(name) for name in ("id", "tweet_id", "Unnamed: 0", "idea")]
    [True, True, True, False]
    """
    return _ID_NAME.fullmatch(name.strip()) is not None


def _is_id(profile: Profile) -> bool:
    """Ids recur rarely, and are one word each: a column `number` of few values is none, however it is called."""
    if profile.words_a_value > 1.5:
        return False
    recurs = profile.distinct < 0.9 * max(profile.filled, 1) and not profile.overflown
    if is_id_name(profile.name):
        return not recurs or not profile.has_few_values
    is_counted_up = profile.is_unique and profile.whole == profile.filled and _is_range(profile)
    is_code = profile.is_unique and profile.filled > 20 and not profile.is_numeric and _has_one_length(profile)
    return is_counted_up or is_code


def _is_range(profile: Profile) -> bool:
    numbers = [int(float(value)) for value in profile.values]
    return max(numbers) - min(numbers) == len(numbers) - 1


def _has_one_length(profile: Profile) -> bool:
    return len({len(value) for value in profile.values}) == 1


def _split_column(profiles: Mapping[str, Profile], wanted: Wanted) -> str | None:
    taken = {column for _, column in wanted.named()}
    for name, profile in profiles.items():
        values = {value.lower() for value in profile.values}
        if name.lower() in _SPLIT_NAMES and name not in taken and values and values <= _SPLIT_VALUES:
            return name
    return None


def _text_column(candidates: Sequence[Profile], doubts: list[str]) -> str | None:
    texts = [profile for profile in candidates if not profile.is_numeric and profile.filled > 0]
    if not texts:
        return None
    ranked = sorted(texts, key=_textness, reverse=True)
    best, *others = ranked
    others = [other for other in others if other.words_a_value >= _TEXT_WORDS]
    if first := next((other.name for other in others if _is_pair(other.name, best.name)), None):
        return first
    rivals = [other.name for other in others if other.words_a_value >= 0.7 * best.words_a_value]
    if rivals and not _is_pair(best.name, rivals[0]):
        doubts.append(f"the text is '{best.name}'; '{rivals[0]}' is one too: --text-column '{rivals[0]}' takes that")
    return best.name


def _textness(profile: Profile) -> tuple[float, int, float]:
    """Longer values first; a name that says so counts for as much as three times the length."""
    name = profile.name.lower()
    rank = -_TEXT_NAMES.index(name) if name in _TEXT_NAMES else -len(_TEXT_NAMES)
    is_named = name in _TEXT_NAMES or any(name.endswith(f"_{text}") for text in _TEXT_NAMES)
    return profile.words_a_value * (3 if is_named else 1), rank, profile.characters_a_value


def _second_text(text: str, candidates: Sequence[Profile]) -> str | None:
    for profile in candidates:
        if profile.words_a_value >= _TEXT_WORDS and _is_pair(text, profile.name):
            return profile.name
    return None


def _is_pair(first: str, second: str) -> bool:
    """Whether two columns are called as the two texts of a pair are, in this order.

    >>> _is_pair("text_a", "text_b"), _is_pair("premise", "hypothesis"), _is_pair("title", "body")
    (True, True, False)
    """
    first, second = first.lower(), second.lower()
    if any((first, second) == pair for pair in _PAIRS):
        return True
    for one, two in _PAIR_ENDINGS:
        if first.endswith(one) and second.endswith(two) and first[: -len(one)] == second[: -len(two)]:
            return True
        if first.startswith(one) and second.startswith(two) and first[len(one) :] == second[len(two) :]:
            return True
    return False


def _label_columns(
    candidates: Sequence[Profile], task: str | None, after_text: Collection[str], doubts: list[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The label or labels, and other numbers that could be learned as well."""
    if task in (LANGUAGE_MODEL, TAGGING):
        return (), ()
    possible = [profile for profile in candidates if _can_be_label(profile, task)]
    named = sorted(filter(_is_label_name, possible), key=_label_rank)
    one_hot = tuple(profile.name for profile in possible if profile.is_binary)
    if len(one_hot) > 1 and len(named) != 1 and task != REGRESSION and all(each.is_binary for each in named):
        return one_hot, ()
    ranked = [*named, *sorted((each for each in possible if each not in named), key=lambda each: each.distinct)]
    if not ranked:
        return (), ()
    numbers = [profile for profile in candidates if profile in possible and _is_amount(profile)]
    if len(numbers) > 1 and not named and (task == REGRESSION or _is_amount(ranked[0])):
        return _one_of(numbers, after_text, doubts)
    best, *others = ranked
    if others and not (named and not _is_label_name(others[0])):
        names = ", ".join(f"'{other.name}'" for other in others)
        doubts.append(f"the label is '{best.name}'; {names} could be one too: --label-column takes another")
    return (best.name,), ()


def _one_of(
    numbers: Sequence[Profile], after_text: Collection[str], doubts: list[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The first column of numbers after the text, else the first of all; and the others."""
    best = next((each.name for each in numbers if each.name in after_text), numbers[0].name)
    names = [each.name for each in numbers]
    options = " ".join(f"--label-column {shlex.quote(name)}" for name in names)
    doubts.append(
        f"there are several numbers to learn: {', '.join(names)}. '{best}' is taken; {options} takes all of them"
    )
    return (best,), tuple(name for name in names if name != best)


def _can_be_label(profile: Profile, task: str | None) -> bool:
    if profile.filled < 2 or profile.distinct < 2 or _NO_FEATURE.fullmatch(profile.name):
        return False
    if profile.is_numeric:
        return True
    if task == REGRESSION:
        return False
    return profile.has_few_values or separator_of_labels(profile) is not None or _is_label_name(profile)


def _is_label_name(profile: Profile) -> bool:
    name = profile.name.lower()
    return name in _LABEL_NAMES or name.endswith(("_label", "_class", "_category", "_score"))


def _label_rank(profile: Profile) -> int:
    name = profile.name.lower()
    return _LABEL_NAMES.index(name) if name in _LABEL_NAMES else len(_LABEL_NAMES)


def _task_of(labels: Sequence[Profile], wanted: Wanted) -> tuple[str, str | None]:
    """The task, and what stands between several labels of a row."""
    if not labels:
        return wanted.task or LANGUAGE_MODEL, None
    if wanted.task not in (None, CLASSIFICATION):
        return str(wanted.task), None
    if len(labels) > 1:
        is_one_hot = all(profile.is_binary for profile in labels)
        return wanted.task or (CLASSIFICATION if is_one_hot else REGRESSION), None
    (label,) = labels
    if wanted.task is None and label.is_numeric and not _are_classes(label):
        return REGRESSION, None
    return CLASSIFICATION, None if label.is_numeric else separator_of_labels(label)


def _is_amount(profile: Profile) -> bool:
    return profile.is_numeric and not _are_classes(profile)


def _are_classes(label: Profile) -> bool:
    """Whether numbers are names of classes: few of them, and whole."""
    return label.distinct <= _FEW_NUMBERS and label.whole == label.numbers and label.has_few_values
