"""One file of the mappings folder, read as far as it can be: what is wrong is named, the rest is still checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from sync.core.errors import ConfigError, Problem
from sync.core.vocabulary import folded
from sync.mapping.validation import existing_steps, problem_from_error
from sync.mapping.yaml import Node, Step, read

Model = TypeVar("Model", bound=BaseModel)
_ROUNDS = 8


class ParsedFile(Generic[Model]):
    """A file's tree, what of it is valid (None when nothing is), and what is wrong so far."""

    def __init__(self, file: str, node: Node, model: Model | None, problems: list[Problem]) -> None:
        self.file = file
        self.node = node
        self.model = model
        self.problems = problems

    def steps(self, steps: Sequence[Step]) -> list[Step]:
        """The steps that stand in the file: without the position that a single place gets in our model only."""
        return existing_steps(self.node, steps)

    def problem(self, steps: Sequence[Step], text: str, hint: str = "") -> Problem:
        """A problem at these steps; steps that are not written in the file are left out."""
        found = self.steps(steps)
        return Problem(self.file, self.node.line(found), ".".join(map(str, found)) or "-", text, hint)

    def missing(self, steps: Sequence[Step], hint: str = "") -> Problem:
        """A problem with something that should be written at these steps."""
        return Problem(self.file, self.node.line(steps), ".".join(map(str, steps)), "missing", hint)


def parsed_file(model: type[Model], text: bytes, file: str) -> ParsedFile[Model]:
    """Read a file. What does not fit the model is named and left out, so that all other checks still run.

    Raises ConfigError for text that is no YAML.
    """
    node, problems = read(text, file)
    data = node.texts()
    removed: set[tuple[Step, ...]] = set()
    for _ in range(_ROUNDS):
        try:
            return ParsedFile(file, node, model.model_validate(data), problems)
        except ValidationError as error:
            errors = error.errors(include_url=False)
        for item in errors:
            problem = problem_from_error(model, node, file, item)
            if problem not in problems and tuple(item["loc"]) not in removed:
                problems.append(problem)
            steps = existing_steps(node, item["loc"][:-1] if item["type"] == "missing" else item["loc"])
            removed.add(tuple(steps))
            _remove(data, steps)
        if () in removed:
            break
    return ParsedFile(file, node, None, problems)


def _remove(data: Any, steps: Sequence[Step]) -> None:
    """Take one entry out of plain data; a list goes as a whole, so that later problems do not count its entries anew."""
    here = data
    for step in steps[:-1]:
        try:
            here = here[step]
        except (KeyError, IndexError, TypeError):
            return
    if steps and isinstance(here, dict):
        here.pop(steps[-1], None)
    elif steps:
        _remove(data, steps[:-1])


def twice_problems(
    parsed: ParsedFile[Any], steps: Sequence[Step], words: Mapping[str, object] | Iterable[str]
) -> list[Problem]:
    """Words that are the same to us though written differently (case, width, spaces)."""
    problems: list[Problem] = []
    first: dict[str, str] = {}
    for word in words:
        same = first.setdefault(folded(word), word)
        if same != word:
            line = parsed.node.line((*steps, same))
            text = f"written twice (first on line {line} as {same!r})"
            problems.append(parsed.problem((*steps, word), text, "case and width make no difference"))
    return problems


def refuse(problems: Sequence[Problem]) -> None:
    """Raise ConfigError when there is any problem."""
    if problems:
        raise ConfigError(problems)
