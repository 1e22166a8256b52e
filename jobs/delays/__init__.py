"""Delays between departments: who is late, whom it hits, and saying so once in both tools."""

from jobs.delays.judge import DelaySettings, judge
from sync.core.ports import Job

JOB = Job(name="delays", settings=DelaySettings, judge=judge)
