"""The records of a world of canaries, and the names of the places they are in: who may read what is told here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass, field

HOST = {"jc": "jc.test", "jd": "jd.test", "tr": "tr.test", "kc": "kc.test", "kd": "kd.test", "fs": "fs.test"}
PROJECT = {"jc": "PAY", "jd": "FIN"}
HEADS = 5
BOARDS = ("看板甲", "看板乙", "看板丙")
SPACE = {"kc": "TEAM", "kd": "OPS"}
LISTS = ("待办", "进行中", "已完成")
LEVELS = ({"id": "10200", "name": "核心组", "description": ""}, {"id": "10201", "name": "审计组", "description": ""})
INTERNAL = {"sd.public.comment": {"internal": True}}
START = "customfield_10015"


@dataclass
class Item:
    """One record: an issue, a card or a page people wrote. ``cores`` are its canaries by what they are; renaming adds one.

    ``readers`` names who may read it: "" is everybody; a security level, a board or a page's own list otherwise.
    """

    site: str
    id: str
    key: str
    kind: str
    cores: dict[str, str] = field(default_factory=dict)
    readers: str = ""
    home: str = ""  # a card's board, a page's parent
    is_hidden: bool = False
    is_finished: bool = False

    @property
    def ref(self) -> str:
        name = {"jc": "jira-main", "jd": "jira-dc", "tr": "trello-main", "kc": "wiki-cloud", "kd": "wiki-dc"}[self.site]
        return f"{name}:{'document' if self.kind == 'page' else 'task'}:{self.id}"

    @property
    def is_restricted(self) -> bool:
        return bool(self.readers) or self.is_hidden
