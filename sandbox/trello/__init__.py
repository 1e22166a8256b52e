"""A simulated Trello: REST v1 as the vendor serves it, plain pages as a team sees them, and colleagues who edit."""

from sandbox.trello.gate import KEY, TOKEN
from sandbox.trello.seed import seed
from sandbox.trello.simulator import TrelloSimulator
from sandbox.trello.webhooks import APP_SECRET

__all__ = ["APP_SECRET", "KEY", "TOKEN", "TrelloSimulator", "seed"]
