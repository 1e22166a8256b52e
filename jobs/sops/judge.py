"""Judge which pages the SOP folder asks for. The digest covers the sources, so a page is written only when its file changed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from jobs.sops.source import Sop, SopFolder, SopProblem, read_folder, resolve
from sync.core.markdown import rich_text_from_markdown
from sync.core.plan import Desired, Judgement, PageAsContent, Published
from sync.core.ports import PageContent
from sync.core.rich_text import Anchor, Block, PageLink, Paragraph, Picture, RichText, Text, mapped
from sync.core.values import Finding, Ref
from sync.core.view import View

NAME = "sops"


class SopSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """``jobs.sops`` in tieline.yaml: the folder, and where its pages stand. ``labels`` are added to every page."""

    folder: str
    connection: str
    space: str
    labels: tuple[str, ...] = ("sop",)


def judge(view: View, settings: SopSettings, _published: Mapping[str, Published]) -> Judgement:
    """A page per SOP file, parents first, with its pictures; problems of the files as findings."""
    folder = read_folder(view.files)
    problems = list(folder.problems)
    desired = []
    for sop in folder.sops:
        item, found = _page(sop, folder, settings)
        desired.append(item)
        problems += found
    return Judgement(tuple(_finding(problem, settings) for problem in problems), tuple(desired))


def key_of(settings: SopSettings, sop_id: str) -> str:
    """The stable identity of a SOP's page."""
    return f"{NAME}:{settings.connection}:{settings.space}:{sop_id}"


def _page(sop: Sop, folder: SopFolder, settings: SopSettings) -> tuple[Desired, list[SopProblem]]:
    body, pictures, links, problems = _resolved(sop, folder)
    parent = next((other for other in folder.sops if other.path == sop.parent), None)
    facts: dict[str, Any] = {
        "title": sop.title,
        "source": _sha(sop.markdown.encode()),
        "labels": sorted({*settings.labels, *sop.labels}),
        "parent": parent.id if parent else "",
        "pictures": {name: _sha(content) for name, content in sorted(pictures.items())},
        "links": dict(sorted(links.items())),
    }
    content = PageContent(
        space=settings.space,
        title=sop.title,
        body=body,
        parent_key=key_of(settings, parent.id) if parent else "",
        labels=tuple(facts["labels"]),
        attachments=tuple(sorted(pictures.items())),
    )
    target = Ref.of(settings.connection, "space", settings.space)
    reason = f"{settings.folder}/{sop.path}"
    return Desired(key_of(settings, sop.id), NAME, target, "sop", facts, PageAsContent(content), reason), problems


def _resolved(sop: Sop, folder: SopFolder) -> tuple[RichText, dict[str, bytes], dict[str, str], list[SopProblem]]:
    """The body with its references made real: pictures become attachments, links to other SOPs page links."""
    titles = {other.path: other.title for other in folder.sops}
    pictures: dict[str, bytes] = {}
    links: dict[str, str] = {}
    problems: list[SopProblem] = []

    def at(needle: str) -> int:
        lines = sop.markdown.splitlines()
        return next((sop.first_line + index for index, line in enumerate(lines) if needle in line), sop.first_line)

    def real(node: Any) -> Any:
        if isinstance(node, Picture) and node.filename:
            path = resolve(sop.path, node.filename)
            if path not in folder.files:
                problems.append(
                    SopProblem(sop.path, at(node.filename), f"picture {node.filename} is not in the folder")
                )
                return Paragraph((Text(node.alt or node.filename),))
            name = path.replace("/", "-")
            if pictures.get(name, folder.files[path]) != folder.files[path]:
                name = f"{_sha(path.encode())}-{name}"  # "a-b/c.png" beside "a/b-c.png"
            pictures[name] = folder.files[path]
            return replace(node, filename=name)
        if isinstance(node, Anchor) and not node.url.lower().startswith(("http://", "https://", "mailto:")):
            path = resolve(sop.path, node.url)
            if path not in titles:
                problems.append(SopProblem(sop.path, at(node.url), f"link {node.url} leads to no SOP of this folder"))
                return Text(node.text)
            links[node.url] = titles[path]
            return PageLink(node.text, titles[path])
        return node

    body: tuple[Block, ...] = mapped(_without_title(rich_text_from_markdown(sop.markdown), sop.title), real)
    return body, pictures, links, problems


def _without_title(body: RichText, title: str) -> RichText:
    """The page already carries its title; the same words as first heading would stand there twice."""
    first = body[0] if body else None
    if first is not None and getattr(first, "level", 0) == 1:
        words = "".join(getattr(inline, "text", "") for inline in getattr(first, "content", ()))
        if words.strip() == title:
            return body[1:]
    return body


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _finding(problem: SopProblem, settings: SopSettings) -> Finding:
    target = Ref.of(settings.connection, "space", settings.space)
    place = f"{settings.folder}/{problem.path}:{problem.line}"
    return Finding(
        key=f"{NAME}:problem:{problem.path}:{hashlib.sha256(problem.text.encode()).hexdigest()[:8]}",
        kind="sop_problem",
        severity="warning",
        subjects=(target,),
        message="sop_problem",
        parameters={"place": place, "text": problem.text},
        evidence=(place,),
    )
