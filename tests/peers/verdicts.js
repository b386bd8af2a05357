// What dd-trace or OpenTelemetry JS does with header sets.
//
// `verdicts.js PROFILE`: one JSON array of [name, value] pairs a line on stdin, one verdict a line on stdout, as
// {"outcome", "trace_id", "parent_id", "sampled"}. PROFILE is a key of spanglass' profiles; the styles in its brackets
// become the configuration that the tracer reads from its environment.

'use strict'

const fs = require('fs')

// The headers as Node's http module hands them over: names in lower case, lines of one name joined with ", ".
function delivered (pairs) {
  const headers = Object.create(null)
  for (const [rawName, rawValue] of pairs) {
    const name = rawName.replace(/^[ \t]+|[ \t]+$/g, '').toLowerCase()
    const value = rawValue.replace(/^[ \t]+|[ \t]+$/g, '')
    headers[name] = name in headers ? headers[name] + ', ' + value : value
  }
  return headers
}

const ERROR = { outcome: 'error', trace_id: null, parent_id: null, sampled: null }

function verdict (traceId, parentId, sampled, continued) {
  if (!continued) return { outcome: 'restart', trace_id: null, parent_id: null, sampled }
  const parent = /^0*$/.test(parentId) ? null : parentId.padStart(16, '0').toLowerCase()
  const outcome = parent ? 'continue' : 'continue-no-parent'
  return { outcome, trace_id: traceId.padStart(32, '0').toLowerCase(), parent_id: parent, sampled }
}

// Spans are never finished: nothing is sent.
function ddTrace (styles) {
  if (styles) process.env.DD_TRACE_PROPAGATION_STYLE_EXTRACT = styles
  for (const name of ['DD_INSTRUMENTATION_TELEMETRY_ENABLED', 'DD_REMOTE_CONFIGURATION_ENABLED']) {
    process.env[name] = 'false'
  }
  const tracer = require('dd-trace').init({ startupLogs: false, plugins: false })
  return headers => {
    // A context that brings a decision only has a new trace id each time.
    const [first, context] = [0, 1].map(() => tracer.extract('http_headers', headers))
    if (!context) return verdict('', '', null, false)
    const ids = [first, context].map(one => one.toTraceId(true))
    const span = tracer.startSpan('server', { childOf: context }).context()
    const continued = ids[0] === ids[1] && span.toTraceId(true) === ids[1]
    const priority = span._sampling.priority
    const sampled = priority === undefined ? null : priority > 0
    return verdict(ids[1], continued ? context.toSpanId(true) : '', sampled, continued)
  }
}

function openTelemetry (styles) {
  const { ROOT_CONTEXT, defaultTextMapGetter, trace } = require('@opentelemetry/api')
  const core = require('@opentelemetry/core')
  const { BasicTracerProvider } = require('@opentelemetry/sdk-trace-base')
  // What sdk-node makes of OTEL_PROPAGATORS.
  const propagators = {
    '': () => [new core.W3CTraceContextPropagator(), new core.W3CBaggagePropagator()],
    b3: () => [new (require('@opentelemetry/propagator-b3').B3Propagator)()],
    jaeger: () => [new (require('@opentelemetry/propagator-jaeger').JaegerPropagator)()]
  }[styles]()
  const propagator = new core.CompositePropagator({ propagators })
  const tracer = new BasicTracerProvider().getTracer('spanglass')
  return headers => {
    const context = propagator.extract(ROOT_CONTEXT, headers, defaultTextMapGetter)
    const remote = trace.getSpanContext(context)
    const span = tracer.startSpan('server', {}, context).spanContext()
    const continued = remote !== undefined && span.traceId === remote.traceId
    if (!continued) return verdict('', '', null, false)
    return verdict(remote.traceId, remote.spanId, (remote.traceFlags & 1) === 1, true)
  }
}

const [, tracer, styles] = /^([^[]*)\[?([^\]]*)\]?$/.exec(process.argv[2])
const judge = { 'dd-trace-js': ddTrace, 'otel-js': openTelemetry }[tracer](styles)
const lines = fs.readFileSync(0, 'utf8').split('\n').filter(line => line !== '')
const verdicts = lines.map(line => {
  const headers = delivered(JSON.parse(line))
  try {
    return JSON.stringify(judge(headers))
  } catch {
    return JSON.stringify(ERROR)
  }
})
fs.writeSync(1, verdicts.join('\n') + '\n')
process.exit(0)
