"""Jira as its ports see it: one site, read and written."""

from __future__ import annotations

from connectors.jira.comments import JiraComments
from connectors.jira.doctor import JiraDoctor
from connectors.jira.links import JiraLinks
from connectors.jira.people import JiraPeople
from connectors.jira.replies import JiraReplies
from connectors.jira.site import Site
from connectors.jira.source import JiraSource
from connectors.jira.webhooks import JiraWebhooks
from sync.remote import Remote


class Jira(JiraSource, JiraDoctor, JiraComments, JiraReplies, JiraLinks, JiraPeople):
    """Source, Tracker, Replies and Directory over one Site; each part lives in its own file and shares nothing but the site."""

    def __init__(self, site: Site) -> None:
        JiraSource.__init__(self, site)
        self.webhooks = JiraWebhooks(site)

    @property
    def remote(self) -> Remote:
        return self.site.remote

    def close(self) -> None:
        self.site.close()
