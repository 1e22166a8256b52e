"""The company's Tableau site, before Tieline writes anything."""

from __future__ import annotations

from sandbox.tableau.simulator import TableauSimulator

PROJECT = "经营分析"


def seed(simulator: TableauSimulator) -> None:
    """One project with a workbook that people look at."""
    project = simulator.add_project(PROJECT)
    rows = [["华东", "1,204", "¥3,582,100", "12.5%"], ["华南", "987", "¥2,410,550", "9.8%"]]
    view = simulator.add_view(project, "支付转化", "各区概览", ["区域", "订单数", "成交额", "转化率"], rows)
    orders = simulator.add_table("dw", "pay", "orders")
    visits = simulator.add_table("dw", "web", "visits")
    simulator.add_field(view, "区域", orders, role="DIMENSION")
    simulator.add_field(view, "成交额", orders, description="已支付订单的金额，含税，退款当日扣除。")
    simulator.add_field(view, "订单数", orders, formula="COUNTD([订单号])")
    simulator.add_field(view, "转化率", orders, visits, formula="[订单数] / SUM([访问数])")
