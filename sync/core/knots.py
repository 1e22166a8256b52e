"""Tasks that push each other in a circle: strongly connected parts of a graph (Tarjan, without recursion). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sync.core.values import Ref


def knots_of(pushes: Iterable[tuple[Ref, Ref]]) -> list[tuple[Ref, ...]]:
    """The knots among these pairs of who pushes whom, by their lowest refs. One that is a single circle is told in the order of its
    pushing, any other by ref.
    """
    after: dict[Ref, set[Ref]] = {}
    for source, target in pushes:
        after.setdefault(source, set()).add(target)
        after.setdefault(target, set())
    following = {ref: sorted(others) for ref, others in after.items()}
    found = [part for part in _parts(following) if len(part) > 1 or part[0] in after[part[0]]]
    return sorted(_in_order(part, following) for part in found)


def _parts(following: Mapping[Ref, Sequence[Ref]]) -> list[list[Ref]]:
    parts: list[list[Ref]] = []
    index: dict[Ref, int] = {}
    low: dict[Ref, int] = {}
    stack: dict[Ref, None] = {}
    for root in sorted(following):
        path = [] if root in index else [(root, iter(following[root]))]
        while path:
            task, rest = path[-1]
            if task not in index:
                index[task] = low[task] = len(index)
                stack[task] = None
            other = next(rest, None)
            if other is None:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[task])
                if low[task] == index[task]:
                    parts.append(_taken_until(task, stack))
            elif other not in index:
                path.append((other, iter(following[other])))
            elif other in stack:
                low[task] = min(low[task], index[other])
    return parts


def _taken_until(task: Ref, stack: dict[Ref, None]) -> list[Ref]:
    part = []
    while True:
        last, _ = stack.popitem()
        part.append(last)
        if last == task:
            return part


def _in_order(part: Sequence[Ref], following: Mapping[Ref, Sequence[Ref]]) -> tuple[Ref, ...]:
    inside = set(part)
    circle = [min(part)]
    while True:
        following_one = next(ref for ref in following[circle[-1]] if ref in inside)
        if following_one in circle:
            break
        circle.append(following_one)
    is_all = len(circle) == len(part) and following_one == circle[0]
    return tuple(circle) if is_all else tuple(sorted(part))
