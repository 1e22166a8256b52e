"""How a simulated tool looks in a browser: one small style sheet, with fonts that can show Chinese."""

from __future__ import annotations

from html import escape

STYLE = """
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem; color: #172b4d; background: #fff; line-height: 1.6;
  font-family: "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Source Han Sans SC", system-ui, sans-serif; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; border-bottom: 1px solid #dfe1e6; }
table { border-collapse: collapse; width: 100%; }
th, td { border: 1px solid #dfe1e6; padding: .35rem .6rem; text-align: left; vertical-align: top; }
th { background: #f4f5f7; font-weight: 600; white-space: nowrap; }
a { color: #0052cc; } small, .quiet { color: #6b778c; }
.box { border: 1px solid #dfe1e6; border-radius: 4px; padding: .6rem .9rem; margin: .6rem 0; }
pre { white-space: pre-wrap; font-family: inherit; margin: 0; }
"""


def page(title: str, body_html: str) -> str:
    """A whole HTML page. The title is escaped here; the body is HTML whose texts the caller has escaped."""
    return (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>{body_html}</body></html>"
    )
