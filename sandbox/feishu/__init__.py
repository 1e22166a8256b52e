"""A simulated Feishu: the open platform's messages, groups and directory, and a group's robots."""

from sandbox.feishu.seed import TEAM_CHAT_ID, seed
from sandbox.feishu.simulator import FeishuSimulator
from sandbox.feishu.state import APP_ID, APP_SECRET

__all__ = ["APP_ID", "APP_SECRET", "TEAM_CHAT_ID", "FeishuSimulator", "seed"]
