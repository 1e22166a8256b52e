"""The SOP job: a folder becomes pages, parents first, and every file that cannot be published is a finding with its place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from jobs.sops import JOB
from jobs.sops.judge import SopSettings, judge
from sync.core.markdown import markdown_from_rich_text
from sync.core.plan import Desired, Judgement, PageAsContent, Published
from sync.core.ports import PageContent
from sync.core.source_files import SourceFile
from sync.core.view import View
from tests.jobs.story import AT, as_json, check_golden, digests, publish

SETTINGS = SopSettings(folder="sops", connection="wiki", space="SOP")
PICTURE = b"<svg/>"
FILES = {
    "index.md": "---\ntitle: 协作 SOP\nlabels: [协作]\n---\n# 协作 SOP\n\n看：[需求评审](需求评审.md)，[上线](上线/支付.md#步骤)\n",
    "需求评审.md": "---\nid: review\n---\n# 需求评审\n\n> [!NOTE]\n> 先看 [官网](https://x.cn)\n\n- [ ] 已发群\n",
    "上线/index.md": "---\ntitle: 上线\n---\n按功能分页。\n",
    "上线/支付.md": "---\ntitle: 支付上线\n---\n![流程](../pictures/go-live.svg)\n\n回到[评审](../需求评审.md)，见[下文](#步骤)。\n",
    "pictures/go-live.svg": PICTURE,
}


def judged(files: dict[str, Any], published: Mapping[str, Published] = {}) -> Judgement:
    content = [(path, text.encode() if isinstance(text, str) else text) for path, text in files.items()]
    return judge(View(AT, {}, files=tuple(SourceFile(*item) for item in content)), SETTINGS, published)


def page_of(item: Desired) -> PageContent:
    assert isinstance(item.content, PageAsContent)
    return item.content.page


def pages(judgement: Judgement) -> dict[str, PageContent]:
    return {item.key.rsplit(":", 1)[1]: page_of(item) for item in judgement.desired}


def problems(judgement: Judgement) -> list[tuple[str, str]]:
    return [(item.parameters["place"], item.parameters["text"]) for item in judgement.findings]


def test_the_manifest_names_the_folder_setting() -> None:
    assert (JOB.name, JOB.judge, JOB.folder_setting) == ("sops", judge, "folder")


def test_a_folder_becomes_a_tree_of_pages_parents_first() -> None:
    judgement = judged(FILES)
    assert not judgement.findings
    assert [(page_of(item).title, page_of(item).parent_key) for item in judgement.desired] == [
        ("协作 SOP", ""),
        ("上线", "sops:wiki:SOP:index.md"),
        ("需求评审", "sops:wiki:SOP:index.md"),
        ("支付上线", "sops:wiki:SOP:上线/index.md"),
    ]
    assert pages(judgement)["index.md"].labels == ("sop", "协作")
    assert {item.target for item in judgement.desired} == {"wiki:space:SOP"}


def test_the_pages_read_well() -> None:
    found = pages(judged(FILES))
    text = "\n\n===\n\n".join(
        f"{page.title}\n\n{markdown_from_rich_text(page.body).strip()}" for page in found.values()
    )
    check_golden("sops.md", text)


def test_links_lead_to_pages_and_pictures_are_attached() -> None:
    found = pages(judged(FILES))
    assert found["上线/支付.md"].attachments == (("pictures-go-live.svg", PICTURE),)
    body = as_json(found["上线/支付.md"].body).decode()
    assert '"filename":"pictures-go-live.svg"' in body
    assert '{"type":"PageLink","text":"评审","title":"需求评审"}' in body
    assert '{"type":"PageLink","text":"下文","title":"支付上线"}' in body
    assert '{"type":"PageLink","text":"上线","title":"支付上线"}' in as_json(found["index.md"].body).decode()
    assert '{"type":"Anchor","text":"官网","url":"https://x.cn"}' in as_json(found["review"].body).decode()


def test_two_pictures_of_one_flat_name_stay_two() -> None:
    found = pages(judged({"a.md": "![x](a/b-c.png)\n\n![y](a-b/c.png)", "a/b-c.png": b"1", "a-b/c.png": b"2"}))
    assert sorted(content for _, content in found["a.md"].attachments) == [b"1", b"2"]


def test_what_does_not_exist_is_named_with_file_and_line() -> None:
    judgement = judged({"a.md": "---\ntitle: 甲\n---\n第一行\n\n![图](没有.png)\n\n[乙](没有.md)\n"})
    assert problems(judgement) == [
        ("sops/a.md:6", "picture 没有.png is not in the folder"),
        ("sops/a.md:8", "link 没有.md leads to no SOP of this folder"),
    ]
    assert markdown_from_rich_text(pages(judgement)["a.md"].body).split() == ["第一行", "图", "乙"]


@pytest.mark.parametrize(
    "way", ["../../etc/passwd", "/etc/passwd", "..%2f..%2fetc/passwd", "file:///etc/passwd", "//host/etc/passwd"]
)
def test_nothing_leads_out_of_the_folder(way: str) -> None:
    judgement = judged({"a.md": f"![x]({way})\n\n[y]({way})", "etc/passwd": b"secret"})
    (page,) = pages(judgement).values()
    assert not page.attachments
    assert "passwd" not in as_json(page.body).decode().replace(way, "")
    assert "Anchor" not in as_json(page.body).decode()


def test_a_parent_outside_of_the_folder_is_refused() -> None:
    judgement = judged({"a.md": "---\nparent: ../../x.md\n---\ntext"})
    assert not judgement.desired
    assert problems(judgement) == [("sops/a.md:1", "parent: ../../x.md is not in the folder")]


def test_twins_are_both_left_out() -> None:
    judgement = judged(
        {
            "a.md": "# 同名",
            "b.md": "# 同名",
            "c.md": "---\nid: x\n---\n# 丙",
            "d.md": "---\nid: X\n---\n# 丁",
            "e.md": "# 戊",
        }
    )
    assert list(pages(judgement)) == ["e.md"]
    assert [place for place, _ in problems(judgement)] == ["sops/a.md:1", "sops/b.md:1", "sops/c.md:1", "sops/d.md:1"]
    assert "the same title as b.md" in problems(judgement)[0][1]


def test_a_circle_of_parents_and_what_hangs_on_it_is_left_out() -> None:
    files = {
        "a.md": "---\nparent: b.md\n---\n", "b.md": "---\nparent: a.md\n---\n", "c.md": "---\nparent: a.md\n---\n",
        "d.md": "---\nparent: gone.md\n---\n", "e.md": "---\nparent: d.md\n---\n", "f.md": "text",
    }  # fmt: skip
    judgement = judged(files)
    assert list(pages(judgement)) == ["f.md"]
    assert [place for place, text in problems(judgement) if "circle" in text] == [
        "sops/a.md:1",
        "sops/b.md:1",
        "sops/c.md:1",
    ]
    assert len(problems(judgement)) == 5


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"\xff\xfe", "UTF-8"),
        ("---\ntitle: [\n---\n", "not YAML"),
        ("---\n- a\n---\n", "list of names"),
        ("---\nlabels: sop\n---\n", "labels"),
        ("---\ntitle: {a: b}\n---\n", "title: expected one text"),
        ("---\ntitle: 2026-13-45\n---\n", "cannot be read"),
    ],
)
def test_a_broken_file_is_a_problem_and_stops_no_other(content: Any, word: str) -> None:
    judgement = judged({"a.md": content, "b.md": "好的"})
    assert list(pages(judgement)) == ["b.md"]
    ((place, text),) = problems(judgement)
    assert place == "sops/a.md:1"
    assert word in text


def test_a_renamed_file_with_an_id_keeps_its_page() -> None:
    renamed = {("评审/新名.md" if path == "需求评审.md" else path): text for path, text in FILES.items()}
    before, after = judged(FILES), judged(renamed)
    assert "sops:wiki:SOP:review" in digests(before)
    assert "sops:wiki:SOP:review" in digests(after)


def test_digests_follow_the_files_and_nothing_else() -> None:
    first = digests(judged(FILES))
    assert digests(judged(dict(reversed(FILES.items())))) == first
    again = judged(FILES, publish(judged(FILES).desired))
    assert digests(again) == first
    picture = digests(judged(FILES | {"pictures/go-live.svg": b"<svg>2</svg>"}))
    assert {key for key in first if picture[key] != first[key]} == {"sops:wiki:SOP:上线/支付.md"}
    title = digests(judged(FILES | {"需求评审.md": "---\nid: review\n---\n# 评审新名"}))
    changed = {key.rsplit(":", 1)[1] for key in first if title[key] != first[key]}
    assert changed == {"review", "index.md", "上线/支付.md"}  # its own page, and those whose links carry its title


def test_a_comment_is_text_and_no_html_passes() -> None:
    body = as_json(
        pages(judged({"a.md": "<script>alert(1)</script>\n\n[x](javascript:alert(1))"}))["a.md"].body
    ).decode()
    assert "Anchor" not in body
    assert '"text":"<script>alert(1)</script>"' in body


def test_the_sandbox_folder_has_no_problems() -> None:
    root = Path(__file__).parents[2] / "sandbox" / "sops"
    files: dict[str, Any] = {
        path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }
    judgement = judged({path: content for path, content in files.items() if not path.endswith(".py")})
    assert not judgement.findings
    assert len(judgement.desired) == 4
