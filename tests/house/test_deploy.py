"""What the operator is given agrees with itself: image, compose, cron, Kubernetes, Makefile, CI, README."""

from __future__ import annotations

import re
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
import typer.main
from ruamel.yaml import YAML

from sync.cli.main import app
from sync.cli.setup import check_config, init_folder

ROOT = Path(__file__).parents[2]
READMES = ("README.md", "README.zh-CN.md")
COMMANDS: dict[str, Any] = getattr(typer.main.get_command(app), "commands", {})


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def stages() -> dict[str, list[str]]:
    """The Dockerfile's instructions by target, continued lines joined."""
    found: dict[str, list[str]] = {}
    for line in read("Dockerfile").replace("\\\n", " ").splitlines():
        if start := re.match(r"FROM .* AS (\w+)$", line):
            found[start[1]] = []
        elif line and not line.startswith("#"):
            found[next(reversed(found))].append(line)
    return found


def container() -> Any:
    job: Any = YAML(typ="safe").load(read("deploy/kubernetes-cronjob.yaml"))
    assert job["kind"] == "CronJob"
    assert job["spec"]["concurrencyPolicy"] == "Forbid"
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert [mount["name"] for mount in pod["containers"][0]["volumeMounts"]] == [
        each["name"] for each in pod["volumes"]
    ]
    return pod["containers"][0]


def service() -> Any:
    compose: Any = YAML(typ="safe").load(read("compose.yaml"))
    return compose["services"]["tieline"]


def test_the_image_runs_as_nobody_in_particular_and_can_be_asked_for_its_health() -> None:
    targets = stages()
    assert {"runtime", "demo"} <= set(targets)
    users = [line.split()[1] for line in targets["runtime"] if line.startswith("USER ")]
    assert users == ["10001"]
    assert not [line for line in targets["demo"] if line.startswith("USER ")]
    assert any(line.startswith("HEALTHCHECK ") and '"tieline", "health"' in line for line in targets["runtime"])
    assert 'CMD ["serve"]' in targets["runtime"]
    assert 'CMD ["demo"]' in targets["demo"]


def test_the_image_is_built_from_every_package_and_the_pinned_versions() -> None:
    build = stages()["build"]
    pyproject = read("pyproject.toml")
    include = re.search(r"\[tool\.setuptools\.packages\.find\]\ninclude = \[(.*)\]", pyproject)
    assert include
    packages = re.findall(r'"(\w+)\*"', include[1])
    assert [name for name in packages if f"COPY {name} ./{name}" not in build] == []
    assert any("-c constraints.txt" in line for line in build)


def test_every_requirement_is_pinned() -> None:
    pins = [line for line in read("constraints.txt").splitlines() if not line.startswith("#")]
    assert [line for line in pins if not re.fullmatch(r"[a-z0-9-]+==[0-9][\w.]*", line)] == []
    names = {line.partition("==")[0] for line in pins}
    wanted = {
        re.split(r"[^\w.-]", line)[0].lower().replace("_", "-").replace(".", "-") for line in requires("tieline") or ()
    }
    assert wanted - names == set()


@pytest.mark.parametrize(
    "harden", [lambda: service()["read_only"], lambda: container()["securityContext"]["readOnlyRootFilesystem"]]
)
def test_the_root_file_system_is_read_only(harden: Any) -> None:
    assert harden() is True


def test_only_this_machine_reaches_the_published_port() -> None:
    assert all(port.startswith("127.0.0.1:") for port in service()["ports"])


def test_what_is_deployed_is_a_command_and_the_folders_are_where_the_image_looks() -> None:
    assert container()["args"][0] in COMMANDS
    folders = {mount["mountPath"] for mount in container()["volumeMounts"]}
    assert {"/config", "/data", "/tmp"} <= folders
    lines = [line for line in read("deploy/crontab").splitlines() if line and not line.startswith("#")]
    assert lines
    for line in lines:
        assert "flock -n" in line
        assert line.rsplit(maxsplit=1)[1] in COMMANDS
        assert "--read-only" in line


def test_the_makefile_has_its_targets_and_ci_runs_them() -> None:
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    assert {"demo", "test", "check", "serve"} <= targets
    ci = read(".ci/run")
    assert [name for name in ("check", "demo", "test") if not re.search(rf"^make {name}$", ci, re.MULTILINE)] == []
    assert (ROOT / ".ci/run").stat().st_mode & 0o111


@pytest.mark.parametrize("readme", READMES)
def test_every_command_of_the_readme_exists_with_its_options(readme: str) -> None:
    text = read(readme)
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z]+)|^make ([a-z]+)", text, re.MULTILINE))
    asked = {name for pair in re.findall(r"`make ([a-z]+)|^make ([a-z]+)", text, re.MULTILINE) for name in pair if name}
    assert asked - targets == set()
    calls = re.findall(r"\btieline ([a-z]+)((?: +--?[a-z-]+)*)", text)
    assert len(calls) > 5
    for name, options in calls:
        assert name in COMMANDS
        known = {option for parameter in COMMANDS[name].params for option in parameter.opts}
        assert set(options.split()) <= known | {"--help"}, name


@pytest.mark.parametrize("readme", READMES)
def test_every_link_of_the_readme_leads_somewhere(readme: str) -> None:
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", read(readme)) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_yaml_of_the_readme_is_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, mapping = re.findall(r"```yaml\n(.*?)```", read("README.md"), re.DOTALL)
    init_folder(tmp_path)
    (tmp_path / "sops").mkdir()
    (tmp_path / "tieline.yaml").write_text(config, encoding="utf-8")
    (tmp_path / "mappings" / "jira-main.yaml").write_text(mapping, encoding="utf-8")
    for name in re.findall(r"env:([A-Z_]+)", config):
        monkeypatch.setenv(name, "readme-0192837465")
    check_config(tmp_path / "tieline.yaml")
