"""What an admin types wrong ends with exit code 2 and a sentence that says what to do, whichever command it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.company import tieline

CONFIG = """\
installation: acme
database: sqlite:///t.sqlite
connections:
  jira-main:
    type: jira
    variant: cloud
    base_url: https://acme.atlassian.net
    email: env:T_EMAIL
    auth:
      token: env:T_TOKEN
  drop: {type: tabular, variant: folder, folder: /nowhere, quiet_s: 0, tables: {采购: {file: a.csv, key: 编号, title: 事项}}}
"""
MAPPING = "version: 1\nscope: [PAY]\ntask: {title: summary, vendor_status: status.name}\nstatus: {待办: todo}\n"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mistakes")
    (folder / "mappings").mkdir()
    for name in ("jira-main", "drop"):
        (folder / "mappings" / f"{name}.yaml").write_text(MAPPING, encoding="utf-8")
    names = "departments:\n  tech: {name: 技术部, english_name: Engineering}\n"
    (folder / "mappings" / "departments.yaml").write_text(names, encoding="utf-8")
    (folder / "tieline.yaml").write_text(CONFIG, encoding="utf-8")
    return folder / "tieline.yaml"


MISTAKES = {
    "no connection": (("collect", "x"), "x  not a connection; there are jira-main, drop"),
    "an empty name": (("collect", ""), "''  not a connection; there are"),
    "definitions of nothing": (("definitions", "nope", "A/B"), "nope  not a connection"),
    "definitions where no numbers are": (
        ("definitions", "jira-main", "A/B"), "jira-main  does not tell where numbers come from; none of the connections does",
    ),
    "definitions of no view": (("definitions", "drop", " "), "''    names no view; Workbook/View"),
    "no ref": (("explain", ""), "''  names nothing that is stored; give a ref"),
    "no task": (("dates", "支付"), "支付  names nothing that is stored"),
    "no department": (("tasks", "--department", "技术"), "--department 技术  is no department; did you mean '技术部'?"),
    "a department far off": (("tasks", "--department", "x"), "there are 技术部"),
    "no job": (("retract", "--job", "dely", "--yes"), "dely  not a job that runs or wrote anything; there are none"),
    "no pair": (("baseline", "--clear", "x"), "`tieline baseline` lists the keys"),
    "no port": (("sandbox", "--port", "99999999"), "--port 99999999  is no port to begin with; 0 (any that are free) to 65524: each of 12 sites takes one"),
    "no file of a site": (("sandbox", "--port", "0", "--load", "trello=/no/such"), "--load trello=/no/such"),
    "no folder for the demo": (("demo", "--folder", "/dev/null/demo"), "--folder /dev/null/demo  cannot be made"),
    "a file for a folder": (("demo", "--folder", __file__), "holds something else, and the demo empties it first"),
    "no export": (("raw", "import", "/no/such"), "file     -  cannot be read: No such file or directory; `tieline raw export`"),
    "no host": (("serve", "--host", "no such host"), "--host  cannot listen on no such host:8080"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_with_its_cure(name: str, config: Path) -> None:
    arguments, words = MISTAKES[name]
    said = tieline("--config", config, *arguments).expect(2)
    assert words in said.err, said.err
    assert said.err.startswith("/no/such: " if "  file " in said.err else "command line: ")
    assert "Traceback" not in said.err


def test_the_demo_empties_no_folder_of_anybody_else(config: Path) -> None:
    assert "name another folder" in tieline("demo", "--folder", config.parent).expect(2).err
    assert config.exists()


def test_check_names_every_secret_that_is_missing_at_its_line(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("T_TOKEN", raising=False)
    said = tieline("check", "--config", config).expect(2).err
    assert "line 8   connections.jira-main.email       T_EMAIL: not set or empty" in said
    assert "line 10  connections.jira-main.auth.token  T_TOKEN: not set or empty" in said


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("env:T_EMAIL", "'env:'", "line 8   connections.jira-main.email  names nothing; write env: and the name of the variable"),
        ("sqlite:///t.sqlite", "mysql://x", "line 2   database  url: 'mysql' is not a database Tieline knows"),
        ("  drop: {", "  fall: {", "mappings/fall.yaml: 1 problem\n  file     -  there is no mapping for the connection 'fall'; copy one"),
    ],
)  # fmt: skip
def test_check_says_what_to_write_instead(
    old: str, new: str, words: str, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("T_EMAIL", "T_TOKEN"):
        monkeypatch.setenv(name, "x-secret-of-a-test")
    other = config.with_name("other.yaml")
    other.write_text(CONFIG.replace(old, new) + "jobs:\n  delays:\n", encoding="utf-8")
    said = " ".join(tieline("check", "--config", other).expect(2).err.split())
    assert " ".join(words.split()) in said
