"""Sends an outer and an inner span the way a real application would: client.py ddtrace|otlp-grpc|otlp-http."""

import sys

kind = sys.argv[1]
if kind == "ddtrace":
    from ddtrace.trace import tracer

    with tracer.trace("outer", service="client", resource="GET /"):
        with tracer.trace("inner"):
            pass
    tracer.flush()
    tracer.shutdown()
else:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    if kind == "otlp-grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    else:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
    tracer = provider.get_tracer("client")
    with tracer.start_as_current_span("outer"):
        with tracer.start_as_current_span("inner"):
            pass
    provider.shutdown()
