"""A simulated Yuque 语雀: one space with a team, its books, documents, tables of contents and versions."""

from sandbox.yuque.seed import BOOK as BOOK
from sandbox.yuque.seed import seed as seed
from sandbox.yuque.simulator import TOKEN as TOKEN
from sandbox.yuque.simulator import YuqueSimulator as YuqueSimulator
