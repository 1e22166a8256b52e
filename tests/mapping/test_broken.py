"""One file per mistake an admin can make, each with the very message beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sync.core.errors import ConfigError
from sync.mapping.schema import parse_all

FOLDER = Path(__file__).parent / "broken"
GOOD = {
    "people.yaml": "people:\n  zhang-wei: {name: 张伟, department: 技术部}\n",
    "departments.yaml": "departments:\n  技术部: {english_name: Engineering, head: zhang-wei}\n",
    "calendar.yaml": "calendars: {CN: {country: CN}}\n",
    "jira-main.yaml": "version: 1\nscope: [PAY]\n",
}
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


def message(name: str) -> str:
    prefix = name.partition("-")[0]
    place = f"{prefix}.yaml" if f"{prefix}.yaml" in GOOD else "jira-main.yaml"
    good = GOOD if place != "people.yaml" else {**GOOD, "departments.yaml": "departments: {技术部: {}}\n"}
    files = {f"mappings/{key}": text.encode() for key, text in good.items()}
    files[f"mappings/{place}"] = (FOLDER / f"{name}.yaml").read_bytes()
    with pytest.raises(ConfigError) as caught:
        parse_all(files, {"jira-main": "mappings/jira-main.yaml"})
    return f"{caught.value}\n"


@pytest.mark.parametrize("name", NAMES)
def test_the_message_names_the_mistake(name: str) -> None:
    assert message(name) == (FOLDER / f"{name}.txt").read_text()


def test_the_gallery_is_whole() -> None:
    assert len(NAMES) >= 30
    assert {path.stem for path in FOLDER.glob("*.txt")} == set(NAMES)


def test_the_good_files_are_good_and_all_bad_files_are_named_together() -> None:
    files = {f"mappings/{key}": text.encode() for key, text in GOOD.items()}
    connections = {"jira-main": "mappings/jira-main.yaml"}
    assert parse_all(files, connections).connections["jira-main"].scope == ("PAY",)
    with pytest.raises(ConfigError) as caught:
        parse_all(dict.fromkeys(files, b"a: ["), {**connections, "trello": "mappings/trello.yaml"})
    assert {item.file for item in caught.value.problems} == {*files, "mappings/trello.yaml"}
