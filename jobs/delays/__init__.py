"""Delays between departments: who is late, whom it hits, and saying so once in both tools."""

from jobs.delays.judge import judge
from jobs.delays.lateness import DelaySettings
from sync.core.ports import Job

JOB = Job(name="delays", settings=DelaySettings, judge=judge)
