"""``python -m campaigns.fuzz_replay SEED:SHARD tree N``: what one tree of one shard became, in every format where it went wrong."""

from __future__ import annotations

import sys

from campaigns.fuzz import DIALECTS, check_address, check_tree
from campaigns.fuzz_corpus import Corpus
from sync.core.rich_text import Anchor, Paragraph


def main(name: str, kind: str, wanted: int) -> None:
    corpus = Corpus(name)
    for _ in range(wanted + 1):
        tree, doubtful = corpus.tree(), (Paragraph((Anchor(corpus.string(), corpus.doubtful_url()),)),)
    for dialect in DIALECTS:
        try:
            if kind == "address":
                check_address(dialect, doubtful)
            else:
                check_tree(dialect, tree, is_cloud=wanted % 2 == 0)
        except Exception as error:  # noqa: BLE001  # that is what we came to see
            shown = doubtful if kind == "address" else dialect.prepared(tree) if hasattr(dialect, "prepared") else tree
            print(
                f"{dialect.DIALECT.name}: {type(error).__name__}: {error}\n{dialect.write(shown, True)!r}\n{shown!r}\n"
            )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
