"""What ddtrace or OpenTelemetry Python does with header sets.

`verdicts.py PROFILE`: one JSON array of [name, value] pairs a line on stdin, one verdict a line on stdout, as
{"outcome", "trace_id", "parent_id", "sampled"}. PROFILE is a key of spanglass' profiles; the styles in its brackets
become the configuration that the tracer reads from its environment.
"""

import json
import os
import sys


def delivered(pairs):
    """The headers as a WSGI server hands them over: names in lower case, lines of one name joined with a comma."""
    headers = {}
    for name, value in pairs:
        name, value = name.strip(" \t").lower(), value.strip(" \t")
        headers[name] = headers[name] + "," + value if name in headers else value
    return headers


def verdict(trace_id, parent_id, sampled, continued):
    if not continued:
        return {"outcome": "restart", "trace_id": None, "parent_id": None, "sampled": sampled}
    outcome = "continue" if parent_id else "continue-no-parent"
    parent = f"{parent_id:016x}" if parent_id else None
    return {"outcome": outcome, "trace_id": f"{trace_id:032x}", "parent_id": parent, "sampled": sampled}


def ddtrace(styles):
    """The step that its web integrations take, then a span, which is never finished: nothing is sent."""
    if styles:
        os.environ["DD_TRACE_PROPAGATION_STYLE_EXTRACT"] = styles
    for name in ("DD_INSTRUMENTATION_TELEMETRY_ENABLED", "DD_REMOTE_CONFIGURATION_ENABLED", "DD_TRACE_STARTUP_LOGS"):
        os.environ[name] = "false"
    import logging

    logging.disable(logging.CRITICAL)
    from ddtrace.contrib.internal.trace_utils import activate_distributed_headers
    from ddtrace.trace import tracer

    def judge(headers):
        tracer.context_provider.activate(None)
        try:
            activate_distributed_headers(tracer, request_headers=headers, override=True)
        except Exception:
            return {"outcome": "error", "trace_id": None, "parent_id": None, "sampled": None}
        context = tracer.current_trace_context()
        span = tracer.start_span("server", child_of=context)
        priority = span.context.sampling_priority
        continued = context is not None and context.trace_id and span.trace_id == context.trace_id
        return verdict(span.trace_id, span.parent_id, None if priority is None else priority > 0, continued)

    return judge


def opentelemetry(styles):
    """The global propagator, then a span of the SDK."""
    if styles:
        os.environ["OTEL_PROPAGATORS"] = styles
    from opentelemetry import trace
    from opentelemetry.propagate import extract
    from opentelemetry.sdk.trace import TracerProvider

    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("spanglass")

    def judge(headers):
        try:
            context = extract(headers)
        except Exception:
            return {"outcome": "error", "trace_id": None, "parent_id": None, "sampled": None}
        remote = trace.get_current_span(context).get_span_context()
        span = tracer.start_span("server", context=context)
        continued = span.get_span_context().trace_id == remote.trace_id
        return verdict(remote.trace_id, remote.span_id, remote.trace_flags.sampled if continued else None, continued)

    return judge


def main():
    tracer, _, styles = sys.argv[1].partition("[")
    judge = {"dd-trace-py": ddtrace, "otel-python": opentelemetry}[tracer](styles.rstrip("]"))
    for line in sys.stdin.buffer:
        print(json.dumps(judge(delivered(json.loads(line)))))
    sys.stdout.flush()
    # Without the threads and exit hooks of the tracer, which would try to send.
    os._exit(0)


main()
