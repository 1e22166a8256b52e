"""The stock-taking page: what was late already when Tieline came. Switched on by ``adoption.page`` in tieline.yaml."""

from jobs.baseline.judge import BaselineSettings, judge
from sync.core.ports import Job

JOB = Job("baseline", BaselineSettings, judge)
