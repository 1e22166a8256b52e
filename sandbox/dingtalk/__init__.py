"""A simulated DingTalk 钉钉: one organisation with one application, its robot, groups, directory, todos and Stream connections."""

from sandbox.dingtalk.seed import GROUP as GROUP
from sandbox.dingtalk.seed import seed as seed
from sandbox.dingtalk.simulator import DingTalkSimulator as DingTalkSimulator
from sandbox.dingtalk.state import CARD_TEMPLATE as CARD_TEMPLATE
from sandbox.dingtalk.state import CLIENT_ID as CLIENT_ID
from sandbox.dingtalk.state import CLIENT_SECRET as CLIENT_SECRET
