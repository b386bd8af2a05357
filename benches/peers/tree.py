"""The tree of a v0.4 body in plain Python: the peer of `spanglass flamegraph-text --view tree`.

    python3 tree.py BODY > tree.txt

Straightforward on purpose: unpack everything, group by trace, sort children by start, walk with a stack of its own
(traces are deeper than Python's recursion limit), one line per span. Needs the `msgpack` package.
"""

import sys

import msgpack


def milliseconds(nanoseconds):
    return "%.3fms" % (nanoseconds / 1e6)


def print_tree(spans, out):
    by_id = {span["span_id"]: span for span in spans}
    children, roots = {}, []
    for span in spans:
        parent = span["parent_id"]
        if parent in by_id and parent != span["span_id"]:
            children.setdefault(parent, []).append(span)
        else:
            roots.append(span)
    for siblings in children.values():
        siblings.sort(key=lambda span: span["start"])
    roots.sort(key=lambda span: span["start"])

    stack = [(span, 0) for span in reversed(roots)]
    while stack:
        span, depth = stack.pop()
        below = children.get(span["span_id"], [])
        own = max(0, span["duration"] - sum(child["duration"] for child in below))
        out.write(
            "%s%s %s %s self %s\n"
            % ("  " * depth, span["service"], span["name"], milliseconds(span["duration"]), milliseconds(own))
        )
        stack.extend((child, depth + 1) for child in reversed(below))


def main():
    with open(sys.argv[1], "rb") as body:
        chunks = msgpack.unpackb(body.read(), strict_map_key=False)
    traces = {}
    for chunk in chunks:
        for span in chunk:
            traces.setdefault(span["trace_id"], []).append(span)
    for trace_id, spans in traces.items():
        sys.stdout.write("trace %016x\n" % trace_id)
        print_tree(spans, sys.stdout)


if __name__ == "__main__":
    main()
