"""Digests: what concerns one person, told once, in their own chat, at most one message a day."""

from jobs.digests.judge import judge
from jobs.digests.settings import DigestSettings
from sync.core.ports import Job

JOB = Job(name="digests", settings=DigestSettings, judge=judge, reads_findings=True)
