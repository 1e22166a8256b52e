"""Two clocks: who is asked about an incident or a delay, again and higher up, until somebody answers and until it is solved."""

from jobs.escalations.judge import judge
from sync.core.ladders import EscalationSettings
from sync.core.ports import Job

JOB = Job(name="escalations", settings=EscalationSettings, judge=judge, reads_findings=True, asks=True)
