"""A simulated Jira site, Cloud or Data Center: the REST API as the vendor serves it, and pages as a team sees them."""

from sandbox.jira.gate import ACCOUNT_EMAIL, API_TOKEN, CLOUD_ID, LOGIN, PASSWORD, PERSONAL_ACCESS_TOKEN, SCOPED_TOKEN
from sandbox.jira.seed import seed
from sandbox.jira.simulator import JiraSimulator

__all__ = [
    "ACCOUNT_EMAIL", "API_TOKEN", "CLOUD_ID", "LOGIN", "PASSWORD", "PERSONAL_ACCESS_TOKEN", "SCOPED_TOKEN", "JiraSimulator",
    "seed",
]  # fmt: skip
