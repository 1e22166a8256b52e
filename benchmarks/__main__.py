"""All benchmarks, one after the other."""

from benchmarks import collect, schedule, store

if __name__ == "__main__":
    collect.main(20_000, 0.15, 1)
    store.main()
    schedule.main()
