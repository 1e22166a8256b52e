"""`init`, `check`, `schema`: the files an admin writes."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sync.adoption_config import adopting_from
from sync.app import load_mappings, read_folder
from sync.cli.cadence import cadence_notes
from sync.cli.show import say, say_json
from sync.config import Config, LoadedConfig, load_config, read_credentials
from sync.core.calendar import Calendar
from sync.core.errors import ConfigError, Problem
from sync.job_settings import department_problems
from sync.mapping.calendars import unpublished_notes
from sync.mapping.rules import Mappings
from sync.mapping.schema import json_schema
from sync.store.database import url_from_text
from sync.web.callbacks import secret_problems, webhook_notes

PACKAGED = Path(__file__).parents[2] / "mappings"
FIRST_CONFIG = """\
# Tieline. Every setting is described in README.md; `tieline check` names every mistake with its line.
installation: my-company            # part of every mark we leave in your tools; choose once, never change
database: sqlite:///var/tieline.sqlite
mappings: mappings
language: zh-CN                     # texts we write: zh-CN or en; a mapping may say otherwise
zone: Asia/Shanghai
connections:
  jira-main:
    type: jira
    variant: cloud                  # cloud or dc
    base_url: https://my-company.atlassian.net
    email: env:JIRA_EMAIL
    token: env:JIRA_TOKEN           # secrets only as env:NAME or file:PATH
  trello-main:
    type: trello
    key: env:TRELLO_KEY
    token: env:TRELLO_TOKEN
  confluence-main:
    type: confluence
    variant: cloud
    base_url: https://my-company.atlassian.net
    email: env:JIRA_EMAIL
    token: env:JIRA_TOKEN
jobs:
  delays: {}
  status_view:
    pages: [{connection: confluence-main, space: TEAM, title: 跨部门状态}]
adoption:                           # docs/adoption.md
  page: {connection: confluence-main, space: TEAM, title: 跨部门延期盘点}    # what is late on the first day: one page, no comments
  # pilot: {departments: [技术部], projects: [PAY]}     # for a start write only to tasks of these
"""
COPIED = {
    "jira-main.yaml": "examples/jira.yaml",
    "trello-main.yaml": "examples/trello.yaml",
    "confluence-main.yaml": "examples/confluence.yaml",
    "departments.yaml": "departments.yaml",
    "calendar.yaml": "calendar.yaml",
}
FIRST_PEOPLE = """\
# 谁是谁：同一个人在各个工具里的账号（id、登录名或邮箱都行）。
people:
  zhang-wei: {name: 张伟, english_name: Zhang Wei, department: 技术部, email: zhang.wei@example.com}
  chen-jie: {name: 陈杰, english_name: Chen Jie, department: 技术部, email: chen.jie@example.com}
  zhao-min: {name: 赵敏, english_name: Zhao Min, department: 产品部, email: zhao.min@example.com}
  wang-fang: {name: 王芳, english_name: Wang Fang, department: 市场部, email: wang.fang@example.com}
  liu-yang: {name: 刘洋, english_name: Liu Yang, department: 销售部, email: liu.yang@example.com}
  sun-li: {name: 孙丽, english_name: Sun Li, department: 财务部, email: sun.li@example.com}
"""


def init_folder(folder: Path) -> None:
    """Write a first configuration; a file that exists is left as it is and said so."""
    try:
        (folder / "mappings").mkdir(parents=True, exist_ok=True)
        _write(folder / "tieline.yaml", FIRST_CONFIG)
        _write(folder / "mappings" / "people.yaml", FIRST_PEOPLE)
        for name, source in COPIED.items():
            target = folder / "mappings" / name
            if target.exists():
                say(f"kept     {target}")
            else:
                shutil.copyfile(PACKAGED / source, target)
                say(f"written  {target}")
    except OSError as error:
        raise ConfigError([Problem(str(folder), 0, "-", f"cannot be written: {error.strerror}")]) from error
    say("Next: put your sites and scopes in, then `tieline check`, then `tieline doctor`.")


def _write(path: Path, text: str) -> None:
    if path.exists():
        say(f"kept     {path}")
        return
    path.write_text(text, encoding="utf-8")
    say(f"written  {path}")


def check_config(config: Path) -> None:
    """Raise ConfigError with every mistake of every file, missing secrets included; say what was read otherwise."""
    loaded = load_config(config)
    problems: list[Problem] = []
    try:
        mappings = load_mappings(loaded)
    except ConfigError as error:
        problems += error.problems
    else:
        problems += _adoption_problems(loaded, mappings)
        problems += department_problems(loaded.job_settings, mappings.directory, loaded.node, loaded.file)
    problems += [*_missing_secrets(loaded), *secret_problems(loaded), *_missing_folders(loaded)]
    if problems:
        raise ConfigError(problems)
    say(f"{config}: {len(loaded.config.connections)} connections, jobs {', '.join(loaded.config.jobs) or 'none'}")
    for name, mapping in mappings.connections.items():
        words = f"{mapping.file}, {len(mapping.scope)} scopes, {len(mapping.status)} status words"
        say(f"  {name}: {words if mapping.file else 'nothing is collected from it'}")
    people, departments = len(mappings.directory.people), len(mappings.directory.departments)
    say(f"  {people} people in {departments} departments")
    for name in loaded.config.connections:
        for text, cure in cadence_notes(loaded, name):
            say(f"  {name}: {text}; {cure}")
    for note in (*webhook_notes(loaded), *unpublished_notes(_calendars_used(mappings), datetime.now(UTC).date())):
        say(f"  {note}")
    say("No problems found. `tieline doctor` asks the live systems.")


def _calendars_used(mappings: Mappings) -> list[Calendar]:
    directory = mappings.directory
    names = {item.calendar for item in directory.departments.values()}
    names |= {item.calendar for item in directory.people.values() if item.calendar}
    return [mappings.calendars[name] for name in sorted(names)]


def _adoption_problems(loaded: LoadedConfig, mappings: Mappings) -> list[Problem]:
    try:
        adopting_from(loaded.config.adoption, mappings, loaded.node, loaded.file)
    except ConfigError as error:
        return list(error.problems)
    return []


def _missing_secrets(loaded: LoadedConfig) -> list[Problem]:
    """All of them, each at its own line: an admin sets them in one go. And what the database's address is not."""
    problems = []
    for name, connection in loaded.config.connections.items():
        for setting, item in read_credentials(loaded, name)[1].items():
            path = f"connections.{name}.{'auth.' if setting in connection.auth else ''}{setting}"
            problems.append(_at(loaded, path, item))
    try:
        url_from_text(loaded.database_url())
    except ConfigError as error:
        problems += [_at(loaded, "database", item) for item in error.problems]
    return problems


def _at(loaded: LoadedConfig, path: str, problem: Problem) -> Problem:
    """What cannot be read, at the line that asks for it."""
    return Problem(loaded.file, loaded.node.line(path), path, f"{problem.path}: {problem.text}", problem.hint)


def _missing_folders(loaded: LoadedConfig) -> list[Problem]:
    """What keeps a job from reading the folder it was given."""
    problems: list[Problem] = []
    for name, settings in loaded.job_settings.items():
        try:
            read_folder(loaded, name, settings)
        except ConfigError as error:
            problems += error.problems
    return problems


def print_schema(name: str) -> None:
    """A file's JSON Schema on standard output."""
    schema: dict[str, Any] = Config.model_json_schema() if name == "config" else json_schema(name)
    say_json(schema)
