"""What every robot of a group has in common: it speaks by a webhook, and hears, finds and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from sync.core.errors import CannotExpress
from sync.core.messages import Contact, Found, Message, NewRoom
from sync.core.ports import Probe, SiteIdentity, Written
from sync.core.values import Account, Ref


class Robot:
    """The Messenger port but for ``send_message`` and ``per_minute``, which each vendor has its own way of. The room is the group that the
    robot sits in, whatever the room's key says. ``digest`` stands for its key, which is a secret; ``cure`` is where an admin copies it.
    """

    vendor: ClassVar[str]
    cure: ClassVar[str]
    largest: ClassVar[int]  # bytes of one message, with room for the frame
    digest: str

    def identify(self) -> SiteIdentity:
        """The robot itself; it can ask nothing about its group."""
        kind = f"{self.vendor.lower()}-robot"
        return SiteIdentity(f"{kind}:{self.digest}", Account(self.digest, f"{self.vendor} robot"))

    def probes(self) -> Iterator[Probe]:
        """A robot can be tried only by speaking."""
        yield Probe("send messages", is_ok=None, detail="a robot can only be tried by a message", cure=self.cure)

    def find_message(self, room: Ref, mark: str) -> Written | None:
        """A robot cannot look."""
        raise CannotExpress(f"a {self.vendor} robot cannot look up what it said")

    def edit_message(self, room: Ref, written: Written, mark: str, message: Message) -> Written:
        """A robot cannot."""
        raise CannotExpress(f"a {self.vendor} robot cannot change what it said")

    def repeatable_s(self, room: Ref, message: Message) -> float:
        """Whatever a robot is sent is said, however often."""
        return 0.0

    def mergeable_bytes(self, room: Ref) -> int:
        """A robot's messages cannot be changed: many at once are told together."""
        return self.largest

    def make_room(self, mark: str, title: str, members: Sequence[str], owner: str = "") -> NewRoom:
        """A robot cannot."""
        raise CannotExpress(f"a {self.vendor} robot makes no groups; use the variant app")

    def invite(self, room: Ref, members: Sequence[str]) -> tuple[str, ...]:
        """A robot cannot."""
        raise CannotExpress(f"a {self.vendor} robot brings nobody in; use the variant app")

    def find_people(self, contacts: Sequence[Contact]) -> Found:
        """A robot sees no directory."""
        return {}
