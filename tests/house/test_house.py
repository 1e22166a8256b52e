"""The house is whole: what belongs together is there, what is said is documented, nothing outgrows its room."""

from __future__ import annotations

import ast
import importlib
import re
import string
import subprocess
import sys
from collections.abc import Iterator
from inspect import getmembers, isclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer.main

from sync.cli import findings_text
from sync.cli.main import app
from sync.core import errors

ROOT = Path(__file__).parents[2]
PARTS = ("sync", "connectors", "jobs", "sandbox")
CONNECTORS = sorted(path.parent.name for path in ROOT.glob("connectors/*/__init__.py"))
JOBS = sorted(path.parent.name for path in ROOT.glob("jobs/*/__init__.py"))
SOURCES = sorted(path for part in PARTS for path in ROOT.glob(f"{part}/**/*.py") if "__pycache__" not in path.parts)
LANGUAGES = {"zh-CN", "en"}
PORTS = {
    "source", "tracker", "replies", "knowledge_base", "directory", "messenger", "organisation", "metric_source", "metric_catalog",
    "metric_sink",
}  # fmt: skip
EXIT_CODES = {1, 2, 3, 4, 5, 70}
LONGEST_FUNCTION, LONGEST_FILE = 40, 400
# Functions that may be longer, each with its reason.
LONG_FUNCTIONS: dict[str, str] = {
    "sync/store/migrations/versions/0001_first_tables.py:_make_derived": "a list of tables, read from top to bottom",
    "sync/store/migrations/versions/0001_first_tables.py:_make_ledger": "a list of tables, read from top to bottom",
}
# Reads what lies here: no vendor, so no simulator; what goes wrong with files and databases is tried in test_tabular_*.py.
WITHOUT_SITE = {"tabular"}
VAGUE = {"utils", "util", "helpers", "helper", "common", "base", "misc", "manager", "managers"}
SLOW_IMPORTS = ("alembic", "atlassian", "fastapi", "sqlalchemy", "jira", "numpy")


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def mentions(text: str, word: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text) is not None


# -- connectors and jobs


def test_the_connectors_and_jobs_are_there() -> None:
    assert {"jira", "trello", "confluence"} <= set(CONNECTORS)
    assert {"delays", "status_view", "sops"} <= set(JOBS)


@pytest.mark.parametrize("name", CONNECTORS)
def test_a_connector_has_its_manifest(name: str) -> None:
    manifest = importlib.import_module(f"connectors.{name}").CONNECTOR
    assert manifest.name == name
    assert set(manifest.credentials) == set(manifest.variants)
    assert set(manifest.ports) <= PORTS
    assert manifest.ports
    assert manifest.scope_word


@pytest.mark.parametrize("name", CONNECTORS)
@pytest.mark.parametrize(
    "pattern",
    [
        "mappings/examples/{name}.yaml",
        "docs/connectors/{name}.md",
        "sandbox/{name}/__init__.py",
        "tests/connectors/test_{name}.py",
        "tests/connectors/test_{name}*_live.py",
        "tests/conformance/test_{name}.py",
    ],
)
def test_a_connector_has_all_that_belongs_to_it(name: str, pattern: str) -> None:
    if (
        pattern.startswith("mappings/")
        and "source" not in importlib.import_module(f"connectors.{name}").CONNECTOR.ports
    ):
        return  # from which nothing is collected needs no mapping
    if name in WITHOUT_SITE and pattern.startswith("sandbox/"):
        return
    assert list(ROOT.glob(pattern.format(name=name))), pattern.format(name=name)


@pytest.mark.parametrize("name", CONNECTORS)
def test_a_connector_runs_the_suite_of_each_port_it_offers(name: str) -> None:
    text = (ROOT / f"tests/conformance/test_{name}.py").read_text(encoding="utf-8")
    for port in importlib.import_module(f"connectors.{name}").CONNECTOR.ports:
        words = "".join(word.capitalize() for word in port.split("_"))
        assert f"({words}Suite)" in text, port
        assert f"({words}Faults)" in text or name in WITHOUT_SITE, port


@pytest.mark.parametrize("name", CONNECTORS)
def test_every_option_and_credential_of_a_connector_is_documented(name: str) -> None:
    manifest = importlib.import_module(f"connectors.{name}").CONNECTOR
    text = (ROOT / f"docs/connectors/{name}.md").read_text(encoding="utf-8")
    words = {*manifest.options, *(word for words in manifest.credentials.values() for word in words)}
    assert [word for word in sorted(words) if not mentions(text, word)] == []


@pytest.mark.parametrize("name", JOBS)
def test_a_job_has_its_manifest_and_all_that_belongs_to_it(name: str) -> None:
    assert importlib.import_module(f"jobs.{name}").JOB.name == name
    assert list(ROOT.glob(f"tests/jobs/test_{name}*.py")), f"tests/jobs/test_{name}*.py"
    text = (ROOT / "docs/jobs.md").read_text(encoding="utf-8")
    assert mentions(text, name)


@pytest.mark.parametrize("name", JOBS)
def test_every_setting_of_a_job_is_documented(name: str) -> None:
    text = (ROOT / "docs/jobs.md").read_text(encoding="utf-8")
    settings = importlib.import_module(f"jobs.{name}").JOB.settings.__struct_fields__
    assert [word for word in settings if not mentions(text, word)] == []


# -- errors, commands, findings


def error_classes() -> list[type[errors.TielineError]]:
    return [cls for _, cls in getmembers(errors, isclass) if issubclass(cls, errors.TielineError)]


@pytest.mark.parametrize("cls", error_classes())
def test_an_error_has_a_sentence_and_an_exit_code(cls: type[errors.TielineError]) -> None:
    assert cls.__doc__
    assert cls.__doc__ != (cls.__base__.__doc__ if cls.__base__ else "")
    assert cls.__doc__.strip().endswith(".")
    assert cls.exit_code in EXIT_CODES


def test_every_exit_code_is_documented() -> None:
    text = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}
    assert codes == EXIT_CODES | {0}


def commands(command: Any, path: str = "tieline") -> Iterator[str]:
    inner: dict[str, Any] = getattr(command, "commands", {})
    for name, each in inner.items():
        yield from commands(each, f"{path} {name}")
    if not inner:
        yield path


def documented_commands() -> str:
    """The command table of docs/cli.md, ``a`` / ``b`` and a\\|b written out."""
    lines = (ROOT / "docs/cli.md").read_text(encoding="utf-8").splitlines()
    cells = [line.replace(r"\|", " ").split("|")[1] for line in lines if line.startswith("| `tieline ")]
    return " ".join(cells).replace("`", " ")


def test_every_command_is_documented() -> None:
    text = documented_commands()
    everything = list(commands(typer.main.get_command(app)))
    assert len(everything) > 15
    missing = [path for path in everything if not all(mentions(text, word) for word in path.split()[1:])]
    assert missing == []


def kinds_and_messages() -> set[str]:
    """Every text that the product gives as a finding's kind or message, read from the calls of ``Finding``."""
    found: set[str] = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Finding":
                values = [*(item.value for item in node.keywords if item.arg in ("kind", "message")), *node.args[1:2]]
                found |= {str(value.value) for value in values if isinstance(value, ast.Constant) and value.value}
    return found


def test_every_finding_has_a_text() -> None:
    found = kinds_and_messages()
    assert found
    assert found - findings_text.WORDS.keys() == set()


def tables() -> list[ModuleType]:
    return [
        findings_text,
        *(importlib.import_module(f"jobs.{path.parent.name}.text") for path in ROOT.glob("jobs/*/text.py")),
    ]


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("table", tables(), ids=lambda table: table.__name__)
def test_every_text_is_there_in_both_languages_with_the_same_placeholders(table: ModuleType) -> None:
    words: dict[str, dict[str, str]] = table.WORDS
    assert words
    for name, texts in words.items():
        assert set(texts) == LANGUAGES, name
        assert all(texts.values()), name
        chinese, english = placeholders(texts["zh-CN"]), placeholders(texts["en"])
        assert chinese == english, name


# -- size and names


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_no_file_and_no_function_outgrows_its_room(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST_FILE
    functions = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    long = [
        f"{node.name}: {length} lines"
        for node in functions
        if (length := (node.end_lineno or node.lineno) - node.lineno + 1) > LONGEST_FUNCTION
        and f"{shown(path)}:{node.name}" not in LONG_FUNCTIONS
    ]
    assert long == []


def test_exceptions_to_the_length_of_functions_are_still_needed() -> None:
    for place, reason in LONG_FUNCTIONS.items():
        name, _, function = place.partition(":")
        tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
        lengths = [
            (node.end_lineno or 0) - node.lineno + 1
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef) and node.name == function
        ]
        assert max(lengths) > LONGEST_FUNCTION, place
        assert reason


def test_every_module_says_what_it_is() -> None:
    named = [shown(path) for path in SOURCES if VAGUE & {path.stem, *path.relative_to(ROOT).parts[:-1]}]
    assert named == []


def test_help_is_quick_because_nothing_slow_is_imported() -> None:
    code = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from sync.cli.main import app\n"
        "result = CliRunner().invoke(app, ['--help'])\n"
        "assert result.exit_code == 0, result.output\n"
        f"print(*[name for name in {SLOW_IMPORTS!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
