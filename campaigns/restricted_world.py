"""A small company whose every record carries canaries, and what people do in it: restrict, open, hide, slip, finish, rename.

The world's own description says who may read what; nothing of the product is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from campaigns.restricted_founding import Founding
from campaigns.restricted_items import BOARDS, Item
from campaigns.restricted_places import Place, places_of
from campaigns.restricted_search import dressed


class World(Founding):
    """A founded company, what people do in it, and who may read what."""

    def act(self) -> list[str]:
        """What people do between two runs; what they did, to be told."""
        self.hidden_now.clear()
        done: list[str] = []
        for deed in self.later:
            done += self.does(deed)
        self.later.clear()
        for _ in range(self.chance.randint(1, 4)):
            deed = self.chance.choice(
                (self._toggle_issue, self._toggle_issue, self._toggle_board, self._toggle_page, self._slip, self._finish,
                 self._rename, self._hide, self._end_a_story, self._end_a_story, self._edit_ours)
            )  # fmt: skip
            done += [told for told in self.does(deed) if told]
        return done

    def _some(self, is_fit: Callable[[Item], bool]) -> Item | None:
        fit = [item for item in self.items if is_fit(item)]
        return self.chance.choice(fit) if fit else None

    def _toggle_issue(self) -> str:
        item = self._some(lambda item: item.kind == "issue" and not item.is_hidden)
        if item is None:
            return ""
        if item.readers:
            self._open_issue(item)
            return f"opened {item.ref}"
        self._set_level(item)
        return f"restricted {item.ref}"

    def _toggle_board(self) -> str:
        board = self.chance.choice(BOARDS)
        level = self.sites["tr"].state.board(self.boards[board]["id"])["prefs"]["permissionLevel"]
        self._set_board(board, "org" if level == "private" else "private")
        return f"{'opened' if level == 'private' else 'closed'} {board}"

    def _toggle_page(self) -> str:
        page = self._some(lambda item: item.kind == "page")
        if page is None:
            return ""
        self._set_page(page, is_closed=not page.readers)
        return f"{'closed' if page.readers else 'opened'} {page.ref}"

    def _hide(self) -> str:
        """A security level that leaves Tieline's account out, or lets it in again."""
        item = self._some(lambda item: item.kind == "issue" and not item.is_finished)
        return self.hide(item) if item else ""

    def is_named(self, item: Item) -> bool:
        """Whether a text of ours on another record names it now."""
        return any(
            item.key in text
            for place, text in places_of(self.sites)
            if place not in self.by_hand and (place.site, place.item) != (item.site, item.id)
        )

    def hide(self, item: Item) -> str:
        """Hidden, or shown again. Of one tool never more than one between two runs, and never the last: what a whole project's silence means
        nobody can tell, and nothing is taken away for it (docs/trust.md).
        """
        others = [other for other in self.items if other.kind == "issue" and other.site == item.site]
        is_last = not any(other is not item and not other.is_hidden for other in others)
        if not item.is_hidden and (is_last or item.site in self.hidden_now):
            return ""
        if not item.is_hidden:
            self.hidden_now.add(item.site)
        item.is_hidden = not item.is_hidden
        if item.is_hidden and not item.readers:
            self._set_level(item)
        self.sites[item.site].hide_issue(item.key, is_hidden=item.is_hidden)
        return f"{'hid' if item.is_hidden else 'showed'} {item.ref}"

    def _slip(self) -> str:
        item = self._some(lambda item: item.kind != "page" and not item.is_finished)
        return self.slip(item, self.chance.randint(4, 20)) if item else ""

    def slip(self, item: Item, days: int) -> str:
        due = self.day(days)
        if item.site == "tr":
            self.sites["tr"].edit_card(item.id, by="lead", due=f"{due}T10:00:00.000Z")
        else:
            self.sites[item.site].edit_issue(item.key, "lead", duedate=due.isoformat())
        return f"moved the date of {item.ref}"

    def _finish(self) -> str:
        item = self._some(lambda item: item.kind != "page" and not item.is_finished)
        return self.finish(item) if item else ""

    def finish(self, item: Item) -> str:
        item.is_finished = True
        if item.site == "tr":
            self.sites["tr"].move_card(item.id, "已完成", by="lead")
        else:
            self.sites[item.site].edit_issue(item.key, "lead", status="已完成" if item.site == "jc" else "Done")
        return f"finished {item.ref}"

    def _end_a_story(self) -> str:
        """One end of a dependency between tools is finished; the next time the end that closing texts name is restricted."""
        edges = [(before, after) for before, after in self.edges if not (before.is_finished or before.is_hidden)]
        edges = [
            edge
            for edge in edges
            if edge[0].site != edge[1].site and not (edge[0].is_restricted or edge[1].is_restricted)
        ]
        if not edges:
            return ""
        before, after = self.chance.choice(edges)
        end = self.chance.choice((before, after))
        self.later.append(lambda: self.close(end))
        return self.finish(before)

    def open_pairs(self) -> list[tuple[Item, Item]]:
        """Ends of dependencies between tools that everybody may read."""
        return [(a, b) for a, b in self.edges if a.site != b.site and not (a.is_restricted or b.is_restricted)]

    def does(self, deed: Callable[[], str]) -> list[str]:
        """One thing that somebody does; what stands there differently afterwards is theirs."""
        before = dict(places_of(self.sites))
        told = deed()
        self.by_hand |= {place: text for place, text in places_of(self.sites) if before.get(place) != text}
        return [told]

    def open_again(self, item: Item) -> str:
        if item.site == "tr":
            self._set_board(item.home, "org")
        else:
            self._open_issue(item)
        return f"opened {item.ref}"

    def close(self, item: Item) -> str:
        if item.site == "tr":
            self._set_board(item.home, "private")
        else:
            self._set_level(item)
        return f"restricted {item.ref}"

    def _edit_ours(self) -> str:
        """Somebody adds a word to a comment that Tieline wrote: it is theirs from then on."""
        ours = [place for place, _ in places_of(self.sites) if place.kind == "comment" and place not in self.by_hand]
        if not ours:
            return ""
        place = self.chance.choice(ours)
        site = self.sites[place.site]
        if place.site == "tr":
            site.edit_comment(place.id, f"{site.state.actions[place.id]['data']['text']}\n补充：知道了")
        else:
            site.edit_comment(place.item, place.id, "知道了，谢谢", "lead")
        return f"edited comment {place}"

    def _rename(self) -> str:
        item = self._some(lambda item: item.kind != "page")
        if item is None:
            return ""
        core = self.core()
        item.cores[f"title {len(item.cores)}"] = core
        if item.site == "tr":
            self.sites["tr"].edit_card(item.id, by="lead", name=dressed(core, self.chance))
        else:
            self.sites[item.site].edit_issue(item.key, "lead", summary=dressed(core, self.chance))
        return f"renamed {item.ref}"

    # -- who may read what

    def readers_of(self, item: Item) -> str:
        """The circle that may read it: its own, or that of the nearest closed page above it; "" is everybody."""
        if item.is_hidden:
            return f"only people who see {item.ref}"
        if item.readers or item.kind != "page":
            return item.readers
        by_id = {page.id: page for page in self.pages() if page.site == item.site}
        above = by_id.get(item.home)
        return self.readers_of(above) if above else ""

    def secrets(self) -> Iterator[tuple[str, str, str]]:
        """(what, core, circle) of everything that not everybody may read now."""
        for item in self.items:
            if circle := self.readers_of(item):
                for name, core in item.cores.items():
                    yield f"{name} of {item.ref}", core, circle
        for what, core in self.internal.items():
            yield what, core, f"internal to {self.internal_home[what].ref}"

    def circle_of_place(self, place: Place) -> tuple[str, str]:
        """(the circle that reads a place, the record it stands on)."""
        for item in self.items:
            if (item.site, item.id) == (place.site, place.item):
                return self.readers_of(item), item.ref
        return "", f"{place.site}:{place.item}"

    def may_stand(self, place: Place, what: str, circle: str) -> bool:
        """On itself, or where just the same people read."""
        own, ref = self.circle_of_place(place)
        if what.startswith("internal"):
            return False
        return what.endswith(f" of {ref}") or (bool(own) and own == circle)
