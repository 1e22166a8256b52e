"""Drafts a retrospective, once, when a long delay between departments is over; what becomes of the page is its people's."""

from jobs.retrospectives.judge import RetrospectiveSettings, judge
from sync.core.ports import Job

JOB = Job(name="retrospectives", settings=RetrospectiveSettings, judge=judge, reads_findings=True)
