"""The unified status view, pushed back into the knowledge base: what is late and why, by department, with chains and a picture."""

from jobs.status_view.judge import StatusSettings, judge
from sync.core.ports import Job

JOB = Job(name="status_view", settings=StatusSettings, judge=judge, reads_findings=True)
