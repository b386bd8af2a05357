// Sends an outer and an inner span the way a real application would: client.js dd-trace|otlp-json.
'use strict'

if (process.argv[2] === 'dd-trace') {
  const tracer = require('dd-trace').init({ flushInterval: 50, startupLogs: false })
  tracer.trace('outer', { service: 'client', resource: 'GET /' }, () => tracer.trace('inner', () => {}))
  setTimeout(() => {}, 500)
} else {
  const { OTLPTraceExporter } = require('@opentelemetry/exporter-trace-otlp-http')
  const { BasicTracerProvider, SimpleSpanProcessor } = require('@opentelemetry/sdk-trace-base')
  const { context, trace } = require('@opentelemetry/api')
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(new OTLPTraceExporter())] })
  const tracer = provider.getTracer('client')
  const outer = tracer.startSpan('outer')
  tracer.startSpan('inner', {}, trace.setSpan(context.active(), outer)).end()
  outer.end()
  provider.shutdown()
}
