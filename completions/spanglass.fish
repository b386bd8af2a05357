# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_spanglass_global_optspecs
    string join \n h/help V/version
end

function __fish_spanglass_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_spanglass_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_spanglass_using_subcommand
    set -l cmd (__fish_spanglass_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c spanglass -n "__fish_spanglass_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c spanglass -n "__fish_spanglass_needs_command" -s V -l version -d 'Print version'
complete -c spanglass -n "__fish_spanglass_needs_command" -f -a "parse-traceparent" -d 'Explain propagation headers, and what every tracer would do with them'
complete -c spanglass -n "__fish_spanglass_needs_command" -f -a "validate-config" -d 'Check tracer configuration where it is written: every error at once, and what would be used'
complete -c spanglass -n "__fish_spanglass_needs_command" -f -a "flamegraph-text" -d 'Draw the traces of a capture: waterfall, tree, flame chart, table or summary'
complete -c spanglass -n "__fish_spanglass_needs_command" -f -a "record-capture" -d 'Record what tracers send, and answer as an agent and a collector would'
complete -c spanglass -n "__fish_spanglass_needs_command" -f -a "replay-capture" -d 'Decode a capture and sum it up per payload and per operation, or send it again'
complete -c spanglass -n "__fish_spanglass_needs_command" -f -a "send-test-span" -d 'Send a made-up span or a whole documented trace, and say how far it came'
complete -c spanglass -n "__fish_spanglass_needs_command" -f -a "check-capture" -d 'Report what is wrong with the payloads and traces of a capture'
complete -c spanglass -n "__fish_spanglass_needs_command" -f -a "convert-capture" -d 'Write a capture in another form, and say what that loses'
complete -c spanglass -n "__fish_spanglass_needs_command" -f -a "diff-capture" -d 'Compare two captures or two traces: spans, tags, lengths, critical path'
complete -c spanglass -n "__fish_spanglass_needs_command" -f -a "explain" -d 'Say what a finding\'s code means, what causes it and what helps'
complete -c spanglass -n "__fish_spanglass_needs_command" -f -a "completions" -d 'Print a completion script for a shell'
complete -c spanglass -n "__fish_spanglass_needs_command" -f -a "man" -d 'Print the manual page, or write all pages into a folder'
complete -c spanglass -n "__fish_spanglass_using_subcommand parse-traceparent" -s H -l header -d 'A header; repeatable, order kept' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand parse-traceparent" -l extract -d 'Styles in the order in which they are tried [default: every style that is present]' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand parse-traceparent" -l behavior -d 'What is done with the context that comes in' -r -f -a "continue\t''
restart\t''
ignore\t''"
complete -c spanglass -n "__fish_spanglass_using_subcommand parse-traceparent" -l inject -d 'Also print what a child would send on, in these styles' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand parse-traceparent" -l span-id -d 'The id of the local span [default: random]' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand parse-traceparent" -l new-trace-id -d 'The trace id to use when no trace is continued [default: random]' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand parse-traceparent" -l emit -d 'Print only the injected headers, ready to paste' -r -f -a "header\t''
curl\t''
env\t''
json\t''"
complete -c spanglass -n "__fish_spanglass_using_subcommand parse-traceparent" -l as -d 'Verdicts of these tracers only (`dd-trace-py`, `otel-js@2.12.0`, ...); `list` shows the known ones, `none` skips' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand parse-traceparent" -l id -d 'Print one id in every notation' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand parse-traceparent" -l rate -d 'The sampling rate, 0 to 1' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand parse-traceparent" -l sampler -d 'Only this sampler' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand parse-traceparent" -l input-format -d 'Read the input as this rather than by its content' -r -f -a "jsonl\t'One JSON object with headers per line'
lines\t'One bare value per line'"
complete -c spanglass -n "__fish_spanglass_using_subcommand parse-traceparent" -l format -d 'Print text, one JSON document (an array for several header sets), or one document per line' -r -f -a "text\t''
json\t''
jsonl\t''"
complete -c spanglass -n "__fish_spanglass_using_subcommand parse-traceparent" -l color -d 'When to use colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c spanglass -n "__fish_spanglass_using_subcommand parse-traceparent" -l width -d 'Columns to draw in [default: COLUMNS, the terminal, or 100]' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand parse-traceparent" -l extract-first -d 'Stop after the first style that yields a context'
complete -c spanglass -n "__fish_spanglass_using_subcommand parse-traceparent" -l w3c-strict -d 'Discard a whole tracestate that has an invalid member or more than 32'
complete -c spanglass -n "__fish_spanglass_using_subcommand parse-traceparent" -l explain-sampling -d 'Say whether each sampler family would keep this trace at --rate, and why'
complete -c spanglass -n "__fish_spanglass_using_subcommand parse-traceparent" -l summary -d 'Instead of one result per header set: counts of sets by style, outcome and code'
complete -c spanglass -n "__fish_spanglass_using_subcommand parse-traceparent" -l json -d 'Same as --format json'
complete -c spanglass -n "__fish_spanglass_using_subcommand parse-traceparent" -l ascii -d 'Draw with ASCII characters only'
complete -c spanglass -n "__fish_spanglass_using_subcommand parse-traceparent" -l no-redact -d 'Show the values of keys that look like secrets'
complete -c spanglass -n "__fish_spanglass_using_subcommand parse-traceparent" -s q -l quiet -d 'Print errors only on stderr'
complete -c spanglass -n "__fish_spanglass_using_subcommand parse-traceparent" -s v -l verbose -d 'Say more: detected formats and every finding'
complete -c spanglass -n "__fish_spanglass_using_subcommand parse-traceparent" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c spanglass -n "__fish_spanglass_using_subcommand validate-config" -l profile -d 'Whose rules to apply' -r -f -a "dd-trace-cpp\t''
otel\t''
xmtpd\t''
flowbot\t''
codeq\t''"
complete -c spanglass -n "__fish_spanglass_using_subcommand validate-config" -l config -d 'Code-level settings, JSON or YAML, which the environment overrides' -r -F
complete -c spanglass -n "__fish_spanglass_using_subcommand validate-config" -l input-format -d 'Read every file as this form rather than by its content' -r -f -a "dotenv\t''
compose\t''
k8s\t''
helm-values\t''
stable-config\t''
otel-declarative\t''
tracer-config-json\t''
tracer-config-yaml\t''
yaml\t''"
complete -c spanglass -n "__fish_spanglass_using_subcommand validate-config" -l dotenv-dialect -d 'How .env files are read; docker keeps quotes and comments as part of the value' -r -f -a "dotenv\t''
docker\t''"
complete -c spanglass -n "__fish_spanglass_using_subcommand validate-config" -l target -d 'Only the service or container of this name; repeatable' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand validate-config" -l ca-certificate -d 'Trust the certificates in this PEM file too, beside those of the system' -r -F
complete -c spanglass -n "__fish_spanglass_using_subcommand validate-config" -l fail-on -d 'Least severity that makes the answer bad' -r -f -a "error\t''
warning\t''
note\t''
never\t''"
complete -c spanglass -n "__fish_spanglass_using_subcommand validate-config" -l select -d 'Only findings of these codes, beginnings of codes (TC4), slugs or numbers; separated by commas, repeatable' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand validate-config" -l ignore -d 'No findings of these codes; a comment `# tc:ignore TC308` on a line or above it does so for that line' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand validate-config" -l explain -d 'Say what a code means, what causes it and what helps; nothing is checked' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand validate-config" -l format -d 'How findings are printed' -r -f -a "text\t'Excerpts with the place underlined'
json\t'One JSON document'
sarif\t'SARIF 2.1.0'
github\t'GitHub annotations'
junit\t'JUnit XML'"
complete -c spanglass -n "__fish_spanglass_using_subcommand validate-config" -l color -d 'When to use colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c spanglass -n "__fish_spanglass_using_subcommand validate-config" -l width -d 'Columns to draw in [default: COLUMNS, the terminal, or 100]' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand validate-config" -l with-env -d 'Put the process environment on top of the files'
complete -c spanglass -n "__fish_spanglass_using_subcommand validate-config" -l lenient -d 'Take the next source\'s value for a faulty one; errors become warnings'
complete -c spanglass -n "__fish_spanglass_using_subcommand validate-config" -l live -d 'Connect to where the traces would be sent, and say how far that went; exit 3 where it fails'
complete -c spanglass -n "__fish_spanglass_using_subcommand validate-config" -l json -d 'Same as --format json'
complete -c spanglass -n "__fish_spanglass_using_subcommand validate-config" -l show-final -d 'Print every value that would be used, where it was set, and what it won over'
complete -c spanglass -n "__fish_spanglass_using_subcommand validate-config" -l ascii -d 'Draw with ASCII characters only'
complete -c spanglass -n "__fish_spanglass_using_subcommand validate-config" -l no-redact -d 'Show the values of keys that look like secrets'
complete -c spanglass -n "__fish_spanglass_using_subcommand validate-config" -s q -l quiet -d 'Print errors only on stderr'
complete -c spanglass -n "__fish_spanglass_using_subcommand validate-config" -s v -l verbose -d 'Say more: detected formats and every finding'
complete -c spanglass -n "__fish_spanglass_using_subcommand validate-config" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -l protocol -d 'Protocol of a bare body that neither its name nor its content tells' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -l input-format -d 'Read the input as this rather than by its content' -r -f -a "capture\t'Our own JSON lines'
body\t'One request body'"
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -l trace -d 'Only traces with this id: hex, decimal, base64, X-Ray, or the beginning of the hex form; repeatable' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -l query -d 'Only traces with a span that fits, which is marked: `service:web @http.status_code:>=500 -@duration:<1ms`' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -l service -d 'Only traces with a span of this service' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -l limit -d 'At most this many traces' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -l port -d 'Port whose connections are looked at in a packet capture, beside 8126 and 4318; repeatable' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -l threads -d 'Threads that decode [default: one per core]' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -l max-body -d 'Largest body, for example 64MiB [default: 64MiB in captures, 2GiB as a file of its own, 256MiB decompressed]' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -l max-ratio -d 'Most bytes that decompression may make of one, past 8 MiB' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -l max-depth -d 'Deepest nesting of values' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -l max-spans -d 'Most spans in one body' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -l view -d 'How to draw' -r -f -a "waterfall\t'One row per span with a timeline'
tree\t'One row per span'
flame\t'One row per depth'
table\t'Spans in columns, sortable'
summary\t'Time by operation and service'"
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -l sort -d 'Order of the traces in the list (and with --all), or of the rows of --view table [default: duration for the list, start for the table]' -r -f -a "duration\t''
start\t''
self\t''
spans\t''
errors\t''
name\t''
service\t''"
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -l depth -d 'Draw at most this many levels' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -l min -d 'Hide spans shorter than this (`5ms`, or `1%` of the trace) that have no longer span below them' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -l by -d 'What --merge, --view summary and --out folded and svg take together: operation, service, name, resource or tag:KEY' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -l out -d 'Write the selected traces to a file instead: html (a page with search and details), folded or svg (merged), speedscope or perfetto' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -l tags -d 'Print these tags under the spans that have them' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -l stitch -d 'Tell relations that no parent id says: tag:KEY[+KEY], links, task, time, none; the tree stays as it is' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -l tasks -d 'Records of tasks with id, traceParent and traceState: a JSON object, an array, or JSON lines' -r -F
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -l logs -d 'JSON lines with trace_id and span_id (or dd.trace_id, traceparent, ...): each is printed under its span' -r -F
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -l format -d 'Print text, one JSON document (an array for several traces), or one document per line' -r -f -a "text\t''
json\t''
jsonl\t''"
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -l color -d 'When to use colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -l width -d 'Columns to draw in [default: COLUMNS, the terminal, or 100]' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -l strict -d 'Stop at the first record that does not decode'
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -l force -d 'Read a capture of a newer version all the same'
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -l all-ports -d 'Look at every connection of a packet capture'
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -l all -d 'Draw every selected trace, in input order, not the slowest alone'
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -l collapse-repeats -d 'Draw siblings that are alike (service, name, resource) and follow each other as one row, without what is below them'
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -l fix-skew -d 'Shift spans of other services that do not lie within the span that called them, as if their clocks were wrong; each is marked with how far (drawings only: JSON and files have the times as recorded)'
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -l merge -d 'Draw all selected traces as one: spans under the same names are one frame, with their own times added up'
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -l critical-path -d 'List the spans that decided when the trace ended, with the time that each held it up'
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -l details -d 'Print ids, tags, links and events under every span'
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -l segments -d 'Tell which part of a trace each process made'
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -l json -d 'Same as --format json'
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -l ascii -d 'Draw with ASCII characters only'
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -l no-redact -d 'Show the values of keys that look like secrets'
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -s q -l quiet -d 'Print errors only on stderr'
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -s v -l verbose -d 'Say more: detected formats and every finding'
complete -c spanglass -n "__fish_spanglass_using_subcommand flamegraph-text" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c spanglass -n "__fish_spanglass_using_subcommand record-capture" -s o -l out -d 'File that requests are appended to; a name ending in .gz gets one gzip member per record' -r -F
complete -c spanglass -n "__fish_spanglass_using_subcommand record-capture" -l listen -d 'Address to listen on' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand record-capture" -l datadog -d 'Port for Datadog tracers; 0 takes a free one, off serves none' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand record-capture" -l otlp-http -d 'Port for OTLP over HTTP' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand record-capture" -l otlp-grpc -d 'Port for OTLP over gRPC' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand record-capture" -l uds -d 'Unix socket to listen on too' -r -F
complete -c spanglass -n "__fish_spanglass_using_subcommand record-capture" -l forward -d 'Pass every request on to this agent or collector, and its answers back' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand record-capture" -l ca-certificate -d 'Trust the certificates in this PEM file too, beside those of the system' -r -F
complete -c spanglass -n "__fish_spanglass_using_subcommand record-capture" -l answer -d 'Answer trace requests of Datadog tracers with the contents of this file' -r -F
complete -c spanglass -n "__fish_spanglass_using_subcommand record-capture" -l until -d 'Stop when so much has come: spans=N, traces=N, or idle=D since the last request' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand record-capture" -l timeout -d 'Stop after this time; with --until and too little by then, exit 1' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand record-capture" -l max-body -d 'Largest body; more is answered with 413' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand record-capture" -l max-connections -d 'Most connections at a time; further ones wait' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand record-capture" -l patience -d 'Longest wait for the next bytes of a request, and for the rest of them at the end' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand record-capture" -l color -d 'When to use colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c spanglass -n "__fish_spanglass_using_subcommand record-capture" -l width -d 'Columns to draw in [default: COLUMNS, the terminal, or 100]' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand record-capture" -l sync -d 'Answer a request only when the disk has it'
complete -c spanglass -n "__fish_spanglass_using_subcommand record-capture" -l live -d 'Print a line per trace as it arrives'
complete -c spanglass -n "__fish_spanglass_using_subcommand record-capture" -l keep-secrets -d 'Keep headers that hold credentials'
complete -c spanglass -n "__fish_spanglass_using_subcommand record-capture" -l ascii -d 'Draw with ASCII characters only'
complete -c spanglass -n "__fish_spanglass_using_subcommand record-capture" -l no-redact -d 'Show the values of keys that look like secrets'
complete -c spanglass -n "__fish_spanglass_using_subcommand record-capture" -s q -l quiet -d 'Print errors only on stderr'
complete -c spanglass -n "__fish_spanglass_using_subcommand record-capture" -s v -l verbose -d 'Say more: detected formats and every finding'
complete -c spanglass -n "__fish_spanglass_using_subcommand record-capture" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -l protocol -d 'Protocol of a bare body that neither its name nor its content tells' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -l input-format -d 'Read the input as this rather than by its content' -r -f -a "capture\t'Our own JSON lines'
body\t'One request body'"
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -l trace -d 'Only traces with this id: hex, decimal, base64, X-Ray, or the beginning of the hex form; repeatable' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -l query -d 'Only traces with a span that fits, which is marked: `service:web @http.status_code:>=500 -@duration:<1ms`' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -l service -d 'Only traces with a span of this service' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -l limit -d 'At most this many traces' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -l port -d 'Port whose connections are looked at in a packet capture, beside 8126 and 4318; repeatable' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -l threads -d 'Threads that decode [default: one per core]' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -l max-body -d 'Largest body, for example 64MiB [default: 64MiB in captures, 2GiB as a file of its own, 256MiB decompressed]' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -l max-ratio -d 'Most bytes that decompression may make of one, past 8 MiB' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -l max-depth -d 'Deepest nesting of values' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -l max-spans -d 'Most spans in one body' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -l to -d 'Send the requests here: http(s)://host:8126, http(s)://host:4318, grpc(s)://host:4317 or unix:///path' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -l speed -d 'Times faster than recorded, or max' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -l rate -d 'Requests per second, in place of the recorded pace' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -l concurrency -d 'Connections beside each other; with more than one the order of arrival is not that of the capture' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -l loop -d 'How often to send the whole' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -l retries -d 'How often to send a request again after 429, 502, 503, 504 or no answer' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -l timeout -d 'Longest wait for an answer' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -l ids -d 'Give spans ids of their own: traces, parents and links, and the tags that hold ids, stay together' -r -f -a "keep\t''
new\t''"
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -l time -d 'Move all times so that the newest span ends now' -r -f -a "keep\t''
now\t''"
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -l seed -d 'What new ids follow from [default: random]' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -l set -d 'Give every span this tag; service=NAME is its service; repeatable' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -l redact -d 'Hide the values of tags with such a key; repeatable' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -l ca-certificate -d 'Trust the certificates in this PEM file too, beside those of the system' -r -F
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -l decoded -d 'Print the decoded spans instead, one JSON object per line, in input order' -r -f -a "jsonl\t''"
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -l format -d 'Print text or one JSON document' -r -f -a "text\t''
json\t''"
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -l color -d 'When to use colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -l width -d 'Columns to draw in [default: COLUMNS, the terminal, or 100]' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -l strict -d 'Stop at the first record that does not decode'
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -l force -d 'Read a capture of a newer version all the same'
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -l all-ports -d 'Look at every connection of a packet capture'
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -l dry-run -d 'Read and count what would be sent, and send nothing'
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -l resume -d 'Go on where an interrupted run to the same target ended (it leaves INPUT.resume)'
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -l count -d 'Only count: all is decoded, but operations are not summed up and traces not told apart, so that memory does not grow with the input'
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -l json -d 'Same as --format json'
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -l ascii -d 'Draw with ASCII characters only'
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -l no-redact -d 'Show the values of keys that look like secrets'
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -s q -l quiet -d 'Print errors only on stderr'
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -s v -l verbose -d 'Say more: detected formats and every finding'
complete -c spanglass -n "__fish_spanglass_using_subcommand replay-capture" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -l to -d 'Where to: http(s)://host:8126, http(s)://host:4318, grpc(s)://host:4317 or unix:///path [default: what DD_TRACE_AGENT_URL, DD_AGENT_HOST or OTEL_EXPORTER_OTLP_ENDPOINT say, else http://localhost:8126]' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -l protocol -d 'How it is written; auto takes what the URL says, or asks the agent' -r -f -a "auto\t''
v0.3\t''
v0.4\t''
v0.5\t''
v0.7\t''
v1.0\t''
otlp-http\t''
otlp-json\t''
otlp-grpc\t''"
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -l ca-certificate -d 'Trust the certificates in this PEM file too, beside those of the system' -r -F
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -l timeout -d 'Longest wait for a connection, and for an answer' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -l wait -d 'How long to try until the target takes connections, and until a trace can be read back [default: 0s, and 5s for reading back]' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -l verify -d 'Read the trace back, from the target or from this URL, and compare it span by span' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -l dry-run -d 'Print what would be sent (as a hex dump, a capture, or a command), and send nothing' -r -f -a "hex\t''
json\t''
curl\t''"
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -l check-headers -d 'Send one request with trace headers to this URL, and say which of them come back' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -l count -d 'How many requests, each with traces of its own' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -l rate -d 'Requests per second [default: one after the other]' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -l service -d 'Service' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -l name -d 'Operation' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -l resource -d 'Resource' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -l type -d 'Datadog\'s type: web, db, http, cache, worker, ...' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -l kind -d 'internal, server, client, producer or consumer' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -l tag -d 'A tag; repeatable' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -l metric -d 'A number; repeatable' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -l error -d 'Mark it as failed, with this message' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -l duration -d 'Its length' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -l start -d 'When it begins, RFC 3339 or nanoseconds; the time 0 of a scenario [default: so that it ends now]' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -l children -d 'Spans below it' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -l parent -d 'What it continues: a propagation header of any style, or a trace id in any notation' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -l link -d 'What it points at, likewise; repeatable' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -l priority -d 'Sampling priority: -1, 0, 1 or 2 [default: that of the parent, or 1]' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -l origin -d 'Origin, for example synthetics' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -l scenario -d 'Send a documented trace of one of five systems (xmtpd-* for several), or those of a JSON file, or one of the services in a YAML file' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -l seed -d 'What ids and chances follow from [default: random]' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -l format -d 'Print text or one JSON document' -r -f -a "text\t''
json\t''"
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -l color -d 'When to use colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -l width -d 'Columns to draw in [default: COLUMNS, the terminal, or 100]' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -l check -d 'Reach the target and ask what it is, and send nothing'
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -l fail-open -d 'Exit 0 also when nothing arrived, for scripts that must go on'
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -l print-headers -d 'Print the headers with which the next service would continue the trace'
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -l list-scenarios -d 'List the documented scenarios'
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -l canonical-ids -d 'Keep the ids of the scenario instead of new ones'
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -l json -d 'Same as --format json'
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -l ascii -d 'Draw with ASCII characters only'
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -l no-redact -d 'Show the values of keys that look like secrets'
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -s q -l quiet -d 'Print errors only on stderr'
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -s v -l verbose -d 'Say more: detected formats and every finding'
complete -c spanglass -n "__fish_spanglass_using_subcommand send-test-span" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c spanglass -n "__fish_spanglass_using_subcommand check-capture" -l protocol -d 'Protocol of a bare body that neither its name nor its content tells' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand check-capture" -l input-format -d 'Read the input as this rather than by its content' -r -f -a "capture\t'Our own JSON lines'
body\t'One request body'"
complete -c spanglass -n "__fish_spanglass_using_subcommand check-capture" -l trace -d 'Only traces with this id: hex, decimal, base64, X-Ray, or the beginning of the hex form; repeatable' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand check-capture" -l query -d 'Only traces with a span that fits, which is marked: `service:web @http.status_code:>=500 -@duration:<1ms`' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand check-capture" -l service -d 'Only traces with a span of this service' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand check-capture" -l limit -d 'At most this many traces' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand check-capture" -l port -d 'Port whose connections are looked at in a packet capture, beside 8126 and 4318; repeatable' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand check-capture" -l threads -d 'Threads that decode [default: one per core]' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand check-capture" -l max-body -d 'Largest body, for example 64MiB [default: 64MiB in captures, 2GiB as a file of its own, 256MiB decompressed]' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand check-capture" -l max-ratio -d 'Most bytes that decompression may make of one, past 8 MiB' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand check-capture" -l max-depth -d 'Deepest nesting of values' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand check-capture" -l max-spans -d 'Most spans in one body' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand check-capture" -l fail-on -d 'Least severity that makes the answer bad' -r -f -a "error\t''
warning\t''
info\t''
never\t''"
complete -c spanglass -n "__fish_spanglass_using_subcommand check-capture" -l now -d 'Reference time for starts in the future: RFC 3339, or nanoseconds since 1970 [default: when the request was recorded, or now]' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand check-capture" -l profile -d 'Hold the traces to the conventions of a system too' -r -f -a "xmtpd\t''
flowbot\t''
codeq\t''
dd\t''
otel\t''
tutorial\t''"
complete -c spanglass -n "__fish_spanglass_using_subcommand check-capture" -l expr -d 'What must hold: `service:web : count >= 1 and p95 < 200ms and no error`; repeatable' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand check-capture" -l rules -d 'A YAML list of rules that must hold, each with name, expr and severity; repeatable' -r -F
complete -c spanglass -n "__fish_spanglass_using_subcommand check-capture" -l snapshot -d 'The traces must be those of this file, in the form of the test agent\'s snapshots; ids and times are not compared' -r -F
complete -c spanglass -n "__fish_spanglass_using_subcommand check-capture" -l baseline -d 'Findings of this earlier run (`--format json`) are known and left out' -r -F
complete -c spanglass -n "__fish_spanglass_using_subcommand check-capture" -l format -d 'How findings are printed' -r -f -a "text\t'Excerpts with the place underlined'
json\t'One JSON document'
sarif\t'SARIF 2.1.0'
github\t'GitHub annotations'
junit\t'JUnit XML'"
complete -c spanglass -n "__fish_spanglass_using_subcommand check-capture" -l color -d 'When to use colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c spanglass -n "__fish_spanglass_using_subcommand check-capture" -l width -d 'Columns to draw in [default: COLUMNS, the terminal, or 100]' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand check-capture" -l strict -d 'Stop at the first record that does not decode'
complete -c spanglass -n "__fish_spanglass_using_subcommand check-capture" -l force -d 'Read a capture of a newer version all the same'
complete -c spanglass -n "__fish_spanglass_using_subcommand check-capture" -l all-ports -d 'Look at every connection of a packet capture'
complete -c spanglass -n "__fish_spanglass_using_subcommand check-capture" -l allow-empty -d 'A capture without any trace is no failure'
complete -c spanglass -n "__fish_spanglass_using_subcommand check-capture" -l list -d 'List the rules of the profile, and check nothing'
complete -c spanglass -n "__fish_spanglass_using_subcommand check-capture" -l update -d 'Write the snapshot anew instead of comparing'
complete -c spanglass -n "__fish_spanglass_using_subcommand check-capture" -l json -d 'Same as --format json'
complete -c spanglass -n "__fish_spanglass_using_subcommand check-capture" -l ascii -d 'Draw with ASCII characters only'
complete -c spanglass -n "__fish_spanglass_using_subcommand check-capture" -l no-redact -d 'Show the values of keys that look like secrets'
complete -c spanglass -n "__fish_spanglass_using_subcommand check-capture" -s q -l quiet -d 'Print errors only on stderr'
complete -c spanglass -n "__fish_spanglass_using_subcommand check-capture" -s v -l verbose -d 'Say more: detected formats and every finding'
complete -c spanglass -n "__fish_spanglass_using_subcommand check-capture" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c spanglass -n "__fish_spanglass_using_subcommand convert-capture" -l protocol -d 'Protocol of a bare body that neither its name nor its content tells' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand convert-capture" -l input-format -d 'Read the input as this rather than by its content' -r -f -a "capture\t'Our own JSON lines'
body\t'One request body'"
complete -c spanglass -n "__fish_spanglass_using_subcommand convert-capture" -l trace -d 'Only traces with this id: hex, decimal, base64, X-Ray, or the beginning of the hex form; repeatable' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand convert-capture" -l query -d 'Only traces with a span that fits, which is marked: `service:web @http.status_code:>=500 -@duration:<1ms`' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand convert-capture" -l service -d 'Only traces with a span of this service' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand convert-capture" -l limit -d 'At most this many traces' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand convert-capture" -l port -d 'Port whose connections are looked at in a packet capture, beside 8126 and 4318; repeatable' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand convert-capture" -l threads -d 'Threads that decode [default: one per core]' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand convert-capture" -l max-body -d 'Largest body, for example 64MiB [default: 64MiB in captures, 2GiB as a file of its own, 256MiB decompressed]' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand convert-capture" -l max-ratio -d 'Most bytes that decompression may make of one, past 8 MiB' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand convert-capture" -l max-depth -d 'Deepest nesting of values' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand convert-capture" -l max-spans -d 'Most spans in one body' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand convert-capture" -l to -d 'The form to write' -r -f -a "capture\t'JSON lines with every request, its body byte for byte'
v0.4\t'Datadog\'s protocols: one payload as its body, several as a capture of requests'
v0.5\t'Likewise'
v0.7\t'Likewise'
v1.0\t'Likewise'
otlp-proto\t'OTLP/HTTP, likewise'
otlp-json\t'Likewise'
zipkin\t'One document of Zipkin v2'
jaeger\t'One document of Jaeger\'s UI'
folded\t'A line per stack with its own time in nanoseconds, for flame graph tools'"
complete -c spanglass -n "__fish_spanglass_using_subcommand convert-capture" -s o -l out -d 'Write here [default: standard output]' -r -F
complete -c spanglass -n "__fish_spanglass_using_subcommand convert-capture" -l color -d 'When to use colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c spanglass -n "__fish_spanglass_using_subcommand convert-capture" -l width -d 'Columns to draw in [default: COLUMNS, the terminal, or 100]' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand convert-capture" -l strict -d 'Stop at the first record that does not decode'
complete -c spanglass -n "__fish_spanglass_using_subcommand convert-capture" -l force -d 'Read a capture of a newer version all the same'
complete -c spanglass -n "__fish_spanglass_using_subcommand convert-capture" -l all-ports -d 'Look at every connection of a packet capture'
complete -c spanglass -n "__fish_spanglass_using_subcommand convert-capture" -l ascii -d 'Draw with ASCII characters only'
complete -c spanglass -n "__fish_spanglass_using_subcommand convert-capture" -l no-redact -d 'Show the values of keys that look like secrets'
complete -c spanglass -n "__fish_spanglass_using_subcommand convert-capture" -s q -l quiet -d 'Print errors only on stderr'
complete -c spanglass -n "__fish_spanglass_using_subcommand convert-capture" -s v -l verbose -d 'Say more: detected formats and every finding'
complete -c spanglass -n "__fish_spanglass_using_subcommand convert-capture" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c spanglass -n "__fish_spanglass_using_subcommand diff-capture" -l protocol -d 'Protocol of a bare body that neither its name nor its content tells' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand diff-capture" -l input-format -d 'Read the input as this rather than by its content' -r -f -a "capture\t'Our own JSON lines'
body\t'One request body'"
complete -c spanglass -n "__fish_spanglass_using_subcommand diff-capture" -l trace -d 'Only traces with this id: hex, decimal, base64, X-Ray, or the beginning of the hex form; repeatable' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand diff-capture" -l query -d 'Only traces with a span that fits, which is marked: `service:web @http.status_code:>=500 -@duration:<1ms`' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand diff-capture" -l service -d 'Only traces with a span of this service' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand diff-capture" -l limit -d 'At most this many traces' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand diff-capture" -l port -d 'Port whose connections are looked at in a packet capture, beside 8126 and 4318; repeatable' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand diff-capture" -l threads -d 'Threads that decode [default: one per core]' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand diff-capture" -l max-body -d 'Largest body, for example 64MiB [default: 64MiB in captures, 2GiB as a file of its own, 256MiB decompressed]' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand diff-capture" -l max-ratio -d 'Most bytes that decompression may make of one, past 8 MiB' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand diff-capture" -l max-depth -d 'Deepest nesting of values' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand diff-capture" -l max-spans -d 'Most spans in one body' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand diff-capture" -l tolerance -d 'How far lengths (p50 and p95 of an operation, and the critical path) may be apart' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand diff-capture" -l ignore -d 'Leave out members that fit (resource, type, kind, error, parent, meta.KEY, metrics.KEY, or KEY alone); repeatable' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand diff-capture" -l format -d 'Print text or one JSON document' -r -f -a "text\t''
json\t''"
complete -c spanglass -n "__fish_spanglass_using_subcommand diff-capture" -l color -d 'When to use colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c spanglass -n "__fish_spanglass_using_subcommand diff-capture" -l width -d 'Columns to draw in [default: COLUMNS, the terminal, or 100]' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand diff-capture" -l strict -d 'Stop at the first record that does not decode'
complete -c spanglass -n "__fish_spanglass_using_subcommand diff-capture" -l force -d 'Read a capture of a newer version all the same'
complete -c spanglass -n "__fish_spanglass_using_subcommand diff-capture" -l all-ports -d 'Look at every connection of a packet capture'
complete -c spanglass -n "__fish_spanglass_using_subcommand diff-capture" -l json -d 'Same as --format json'
complete -c spanglass -n "__fish_spanglass_using_subcommand diff-capture" -l ascii -d 'Draw with ASCII characters only'
complete -c spanglass -n "__fish_spanglass_using_subcommand diff-capture" -l no-redact -d 'Show the values of keys that look like secrets'
complete -c spanglass -n "__fish_spanglass_using_subcommand diff-capture" -s q -l quiet -d 'Print errors only on stderr'
complete -c spanglass -n "__fish_spanglass_using_subcommand diff-capture" -s v -l verbose -d 'Say more: detected formats and every finding'
complete -c spanglass -n "__fish_spanglass_using_subcommand diff-capture" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c spanglass -n "__fish_spanglass_using_subcommand explain" -l color -d 'When to use colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c spanglass -n "__fish_spanglass_using_subcommand explain" -l width -d 'Columns to draw in [default: COLUMNS, the terminal, or 100]' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand explain" -l list -d 'List every code'
complete -c spanglass -n "__fish_spanglass_using_subcommand explain" -l ascii -d 'Draw with ASCII characters only'
complete -c spanglass -n "__fish_spanglass_using_subcommand explain" -l no-redact -d 'Show the values of keys that look like secrets'
complete -c spanglass -n "__fish_spanglass_using_subcommand explain" -s q -l quiet -d 'Print errors only on stderr'
complete -c spanglass -n "__fish_spanglass_using_subcommand explain" -s v -l verbose -d 'Say more: detected formats and every finding'
complete -c spanglass -n "__fish_spanglass_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c spanglass -n "__fish_spanglass_using_subcommand completions" -l color -d 'When to use colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c spanglass -n "__fish_spanglass_using_subcommand completions" -l width -d 'Columns to draw in [default: COLUMNS, the terminal, or 100]' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand completions" -l ascii -d 'Draw with ASCII characters only'
complete -c spanglass -n "__fish_spanglass_using_subcommand completions" -l no-redact -d 'Show the values of keys that look like secrets'
complete -c spanglass -n "__fish_spanglass_using_subcommand completions" -s q -l quiet -d 'Print errors only on stderr'
complete -c spanglass -n "__fish_spanglass_using_subcommand completions" -s v -l verbose -d 'Say more: detected formats and every finding'
complete -c spanglass -n "__fish_spanglass_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c spanglass -n "__fish_spanglass_using_subcommand man" -l color -d 'When to use colour' -r -f -a "auto\t''
always\t''
never\t''"
complete -c spanglass -n "__fish_spanglass_using_subcommand man" -l width -d 'Columns to draw in [default: COLUMNS, the terminal, or 100]' -r
complete -c spanglass -n "__fish_spanglass_using_subcommand man" -l ascii -d 'Draw with ASCII characters only'
complete -c spanglass -n "__fish_spanglass_using_subcommand man" -l no-redact -d 'Show the values of keys that look like secrets'
complete -c spanglass -n "__fish_spanglass_using_subcommand man" -s q -l quiet -d 'Print errors only on stderr'
complete -c spanglass -n "__fish_spanglass_using_subcommand man" -s v -l verbose -d 'Say more: detected formats and every finding'
complete -c spanglass -n "__fish_spanglass_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
