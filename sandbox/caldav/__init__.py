"""Radicale, a real CalDAV server, behind the sandbox's faults; and what people do to its files."""

from sandbox.caldav.server import PASSWORD as PASSWORD
from sandbox.caldav.server import USER as USER
from sandbox.caldav.server import CalDavServer as CalDavServer
