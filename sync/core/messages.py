"""What is said in chats and what people answer there: messages with buttons, rooms, answers, and how these are heard.

A connector turns a message into its vendor's card, and whatever comes back (a callback, a frame of a long connection) into answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from msgspec import Struct

from sync.core.rich_text import Colour, RichText

if TYPE_CHECKING:
    from sync.core.ports import Written
    from sync.core.values import Ref


class Button(Struct, frozen=True):
    """A button under a message. Pressing it answers with ``action`` (ASCII, at most 64 characters); with a ``url`` it opens that instead,
    which is what a robot that hears nothing can do."""

    text: str
    action: str
    url: str = ""
    is_primary: bool = False


class Message(Struct, frozen=True):
    """What is said at once. ``title`` is what a notification shows; people named in the body with an account id are notified.

    With buttons or a colour it is a card. A vendor cuts what is longer than it allows with "…" and the reader sees that it was cut; of a
    message that ``keeps_words`` it leaves out the buttons that call back instead, where it has more room for words without them.
    """

    body: RichText
    title: str = ""
    colour: Colour = "grey"
    buttons: tuple[Button, ...] = ()
    keeps_words: bool = False


class Answer(Struct, frozen=True):
    """What somebody answered: a pressed button (``action``) or words (``text``). ``id`` is the same when it is delivered again.

    ``mark`` is that of the message whose button was pressed, as far as the vendor tells it; ``reply_to`` the vendor's own ticket with
    which the message can still be changed (a response code, a callback token), kept because it may be used only a few times.
    """

    id: str
    account_id: str
    action: str = ""
    text: str = ""
    mark: str = ""
    message_id: str = ""
    room_id: str = ""
    reply_to: str = ""
    at: datetime | None = None


class CallbackReply(Struct, frozen=True):
    """What a vendor's callback is answered with at once, and the answers that it brought. ``changed`` makes the body for the message that
    is shown from now on, where the vendor takes it with its answer; without one the message is changed later."""

    body: bytes = b""
    status: int = 200
    content_type: str = "application/json"
    answers: tuple[Answer, ...] = ()
    changed: Callable[[Message], bytes] | None = None


class NewRoom(Struct, frozen=True):
    """A room that was made: its key, and the account ids of those who could not be brought in."""

    key: str
    missing: tuple[str, ...] = ()


Heard = Callable[[Answer], Message | None]
"""Called with each answer; what it returns within 2 seconds replaces the message whose button was pressed (None: it stays as it is)."""

Hearing = Literal["", "shared", "exclusive"]
"""Whether a connection hears answers without a public address: several processes may (each answer reaches one of them), or only one.
Where only one may, sending goes over the same connection, so such a connection has ``alone``: the lease, shared by the installation, under
which it may connect by itself to send (``sync.app.alone``; TryLater while another holds it). Nothing is sent without."""


@runtime_checkable
class Listener(Protocol):
    """Hears answers over a connection of its own making, where no public address is needed."""

    def listen(self, heard: Heard, is_over: Callable[[], bool]) -> None:
        """Block, connecting again as the vendor allows, until ``is_over``, which is asked at least once a second. Each answer is
        acknowledged to the vendor only after ``heard`` returned; one for which it raises is left to be delivered again where the vendor
        does so. Raises AccessDenied for refused credentials, Conflict when another process took the only connection.
        """
        ...


class Contact(Struct, frozen=True):
    """How somebody may be found: by e-mail, or by mobile number with country code (``+86…``)."""

    email: str = ""
    mobile: str = ""


Found = Mapping[Contact, str]
"""The account id of each contact who was found."""


@runtime_checkable
class Messenger(Protocol):
    """Says things in rooms. A room's ref has the kind ``room`` (a group chat, a robot's webhook; the key is the vendor's id, or the name
    of a robot in the connection's settings) or ``person`` (somebody's own chat; the key is the account id).

    ``Written.version`` is whatever the vendor needs to change the message next, such as a code that may be used once.
    """

    def find_message(self, room: Ref, mark: str) -> Written | None:
        """Our message with this mark, or None. Raises CannotExpress where nothing that was said can be looked up (a webhook robot):
        a message whose answer was lost stays unsure there, and is never sent again, unless ``repeatable_s`` allows it."""
        ...

    def send_message(self, room: Ref, mark: str, message: Message) -> Written:
        """A new message. Raises LostAnswer when it may or may not have been said; Refused naming who was not reached when nobody was."""
        ...

    def edit_message(self, room: Ref, written: Written, mark: str, message: Message) -> Written:
        """Replace our message in place. Raises CannotExpress where it cannot be changed, or not any more; NotFound when it is
        gone."""
        ...

    def repeatable_s(self, room: Ref, message: Message) -> float:
        """For how many seconds the vendor itself sees to it that the same message under the same mark is said once, however often it is
        sent (another message under that mark is another one). 0: it does not. Pure."""
        ...

    def per_minute(self, room: Ref) -> int:
        """How many messages the room takes in a minute; 0: no limit that a run could meet. Pure."""
        ...

    def mergeable_bytes(self, room: Ref) -> int:
        """How long a message of several may be in a room where nothing that was said can be found or changed (a robot's); 0: each is
        said by itself. Pure."""
        ...

    def make_room(self, mark: str, title: str, members: Sequence[str], owner: str = "") -> NewRoom:
        """A group of these account ids, us among them; the same mark makes one room, however often it is asked for. Raises CannotExpress
        where this account makes no groups, LostAnswer when it may or may not have been made and the vendor does not let us look."""
        ...

    def invite(self, room: Ref, members: Sequence[str]) -> tuple[str, ...]:
        """Bring people into a room that we made; who is in already is no error. The account ids of those who could not be."""
        ...

    def find_people(self, contacts: Sequence[Contact]) -> Found:
        """Who these are; whoever is not found, or may not be seen by us, is left out. Asks as little as the vendor's blocks demand."""
        ...
