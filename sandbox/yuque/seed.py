"""The team's handbook, as Yuque has it before Tieline writes anything."""

from __future__ import annotations

from sandbox.yuque.simulator import YuqueSimulator

BOOK = "team/handbook"


def seed(simulator: YuqueSimulator) -> None:
    """One book with a document that people wrote."""
    book = simulator.add_book("handbook", "运营手册")
    simulator.write(book, "新人指南", "# 第一周\n\n先看各部门的状态页，再认人。")
