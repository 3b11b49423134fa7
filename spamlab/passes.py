# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False
"""Kernels that go over a column once: octets copied to other places, octets counted, the first of each group found.

Plain Python over flat arrays, which ``engine`` can compile.
"""

from __future__ import annotations


def lay(out, at, octets, begin, size):
    """Copy pieces of ``octets`` (where each begins, its size) to their places in ``out``: how many there are."""
    n = len(at)
    for i in range(n):
        p, q = at[i], begin[i]
        if p < 0 or q < 0:
            return -1  # never; it tells the compiler that no index counts from an array's end
        for j in range(size[i]):
            out[p + j] = octets[q + j]
    return n


def tally(octets, ends, octet, count):
    """Count an octet in each text: texts stand one after the other, between two of ``ends`` each."""
    n = len(count)
    for i in range(n):
        p, e = ends[i], ends[i + 1]
        if p < 0:
            return -1  # never, as above
        found = 0
        for j in range(p, e):
            found += octets[j] == octet
        count[i] = found
    return n


def before(octets, begin, end, mark, size):
    """Find how much of each text stands before the first ``mark`` in it: all of it, if there is none."""
    n, m = len(size), len(mark)
    for i in range(n):
        p, e = begin[i], end[i]
        if p < 0 or m < 1:
            return -1  # never, as above
        q = p
        while q < e:
            if octets[q] == mark[0] and q + m <= e:
                j = 1
                while j < m and octets[q + j] == mark[j]:
                    j += 1
                if j == m:
                    break
            q += 1
        size[i] = q - p
    return n


def first(group, order, among, last, found):
    """Note in ``found`` (filled with -1) the first item of each group (-1: none), or the last one: how many there are.

    ``order``: the items in the order meant; ``among``: which count. Either may be empty: as they stand, all.
    """
    n = len(group)
    ordered, chosen = len(order) > 0, len(among) > 0
    made = 0
    for k in range(n):
        i = order[k] if ordered else k
        if i < 0:
            return -1  # never, as above
        g = group[i]
        if g >= 0 and (not chosen or among[i]):
            if found[g] < 0:
                made += 1
                found[g] = i
            elif last:
                found[g] = i
    return made
