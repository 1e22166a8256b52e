"""All benchmarks, one after the other."""

from benchmarks import collect, store

if __name__ == "__main__":
    collect.main(20_000, 0.15, 1)
    store.main()
