"""A simulated Asana: one workspace with its projects, sections, tasks, subtasks, dependencies, stories and attachments."""

from sandbox.asana.seed import seed as seed
from sandbox.asana.simulator import TOKEN as TOKEN
from sandbox.asana.simulator import AsanaSimulator as AsanaSimulator
