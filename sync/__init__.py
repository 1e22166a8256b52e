"""Tieline: joins the tools departments already use, so that work crossing a boundary stays visible, owned and on time."""
