"""The plain pages of a book and a document: what a team would see in the browser."""

from __future__ import annotations

from html import escape

from markdown_it import MarkdownIt

from sandbox.look import page
from sandbox.yuque.state import Book, Doc, State

MARKDOWN = MarkdownIt("js-default", {"html": False})


def paths(state: State) -> list[tuple[str, str]]:
    """(title, path) of every book and its documents."""
    found = []
    for book in state.books.values():
        found.append((book.name, f"/{book.namespace}"))
        found += [(doc.title, f"/{book.namespace}/{doc.slug}") for doc in book.current()]
    return found


def html(state: State, path: str) -> str | None:
    """The page of a book or a document; None for anything else."""
    for book in state.books.values():
        if path.rstrip("/") == f"/{book.namespace}":
            return page(book.name, _book_page(book))
        for doc in book.current():
            if path == f"/{book.namespace}/{doc.slug}":
                return page(doc.title, _doc_page(book, doc))
    return None


def _book_page(book: Book) -> str:
    lines = [
        f'<li><a href="/{escape(book.namespace)}/{escape(book.docs[node.doc_id].slug)}">{escape(node.title)}</a></li>'
        for node in book.toc
        if node.doc_id in book.docs
    ]
    return f"<h1>{escape(book.name)}</h1><ul>{''.join(lines)}</ul>"


def _doc_page(book: Book, doc: Doc) -> str:
    text = "\n".join(line for line in doc.body.split("\n") if not line.startswith("<a name="))
    return f"<p><small>{escape(book.name)}</small></p><h1>{escape(doc.title)}</h1>{MARKDOWN.render(text)}"
