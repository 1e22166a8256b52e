"""A simulated WeCom 企业微信: one company with one self-built application, its directory, groups and robots, and an AI bot."""

from sandbox.wecom.seed import ROBOT_KEY as ROBOT_KEY
from sandbox.wecom.seed import seed as seed
from sandbox.wecom.simulator import WeComSimulator as WeComSimulator
from sandbox.wecom.state import AES_KEY as AES_KEY
from sandbox.wecom.state import AGENT as AGENT
from sandbox.wecom.state import BOT_ID as BOT_ID
from sandbox.wecom.state import BOT_SECRET as BOT_SECRET
from sandbox.wecom.state import CALLBACK_TOKEN as CALLBACK_TOKEN
from sandbox.wecom.state import CORP as CORP
from sandbox.wecom.state import SECRET as SECRET
