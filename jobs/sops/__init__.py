"""SOPs: a folder of Markdown with front matter becomes pages of the knowledge base, and stays the source of them."""

from jobs.sops.judge import SopSettings, judge
from sync.core.ports import Job

JOB = Job(name="sops", settings=SopSettings, judge=judge, folder_setting="folder")
