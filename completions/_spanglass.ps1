
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'spanglass' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'spanglass'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'spanglass' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('parse-traceparent', 'parse-traceparent', [CompletionResultType]::ParameterValue, 'Explain propagation headers, and what every tracer would do with them')
            [CompletionResult]::new('validate-config', 'validate-config', [CompletionResultType]::ParameterValue, 'Check tracer configuration where it is written: every error at once, and what would be used')
            [CompletionResult]::new('flamegraph-text', 'flamegraph-text', [CompletionResultType]::ParameterValue, 'Draw the traces of a capture: waterfall, tree, flame chart, table or summary')
            [CompletionResult]::new('record-capture', 'record-capture', [CompletionResultType]::ParameterValue, 'Record what tracers send, and answer as an agent and a collector would')
            [CompletionResult]::new('replay-capture', 'replay-capture', [CompletionResultType]::ParameterValue, 'Decode a capture and sum it up per payload and per operation')
            [CompletionResult]::new('check-capture', 'check-capture', [CompletionResultType]::ParameterValue, 'Report what is wrong with the payloads and traces of a capture')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'Say what a finding''s code means, what causes it and what helps')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print a completion script for a shell')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print the manual page, or write all pages into a folder')
            break
        }
        'spanglass;parse-traceparent' {
            [CompletionResult]::new('-H', '-H ', [CompletionResultType]::ParameterName, 'A header; repeatable, order kept')
            [CompletionResult]::new('--header', '--header', [CompletionResultType]::ParameterName, 'A header; repeatable, order kept')
            [CompletionResult]::new('--extract', '--extract', [CompletionResultType]::ParameterName, 'Styles in the order in which they are tried [default: every style that is present]')
            [CompletionResult]::new('--behavior', '--behavior', [CompletionResultType]::ParameterName, 'What is done with the context that comes in')
            [CompletionResult]::new('--inject', '--inject', [CompletionResultType]::ParameterName, 'Also print what a child would send on, in these styles')
            [CompletionResult]::new('--span-id', '--span-id', [CompletionResultType]::ParameterName, 'The id of the local span [default: random]')
            [CompletionResult]::new('--new-trace-id', '--new-trace-id', [CompletionResultType]::ParameterName, 'The trace id to use when no trace is continued [default: random]')
            [CompletionResult]::new('--emit', '--emit', [CompletionResultType]::ParameterName, 'Print only the injected headers, ready to paste')
            [CompletionResult]::new('--as', '--as', [CompletionResultType]::ParameterName, 'Verdicts of these tracers only (`dd-trace-py`, `otel-js@2.12.0`, ...); `list` shows the known ones, `none` skips')
            [CompletionResult]::new('--id', '--id', [CompletionResultType]::ParameterName, 'Print one id in every notation')
            [CompletionResult]::new('--rate', '--rate', [CompletionResultType]::ParameterName, 'The sampling rate, 0 to 1')
            [CompletionResult]::new('--sampler', '--sampler', [CompletionResultType]::ParameterName, 'Only this sampler')
            [CompletionResult]::new('--input-format', '--input-format', [CompletionResultType]::ParameterName, 'Read the input as this rather than by its content')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print text, one JSON document (an array for several header sets), or one document per line')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--width', '--width', [CompletionResultType]::ParameterName, 'Columns to draw in [default: COLUMNS, the terminal, or 100]')
            [CompletionResult]::new('--extract-first', '--extract-first', [CompletionResultType]::ParameterName, 'Stop after the first style that yields a context')
            [CompletionResult]::new('--w3c-strict', '--w3c-strict', [CompletionResultType]::ParameterName, 'Discard a whole tracestate that has an invalid member or more than 32')
            [CompletionResult]::new('--explain-sampling', '--explain-sampling', [CompletionResultType]::ParameterName, 'Say whether each sampler family would keep this trace at --rate, and why')
            [CompletionResult]::new('--summary', '--summary', [CompletionResultType]::ParameterName, 'Instead of one result per header set: counts of sets by style, outcome and code')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Same as --format json')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII characters only')
            [CompletionResult]::new('--no-redact', '--no-redact', [CompletionResultType]::ParameterName, 'Show the values of keys that look like secrets')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print errors only on stderr')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print errors only on stderr')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more: detected formats and every finding')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more: detected formats and every finding')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'spanglass;validate-config' {
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Whose rules to apply')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Code-level settings, JSON or YAML, which the environment overrides')
            [CompletionResult]::new('--input-format', '--input-format', [CompletionResultType]::ParameterName, 'Read every file as this form rather than by its content')
            [CompletionResult]::new('--dotenv-dialect', '--dotenv-dialect', [CompletionResultType]::ParameterName, 'How .env files are read; docker keeps quotes and comments as part of the value')
            [CompletionResult]::new('--target', '--target', [CompletionResultType]::ParameterName, 'Only the service or container of this name; repeatable')
            [CompletionResult]::new('--fail-on', '--fail-on', [CompletionResultType]::ParameterName, 'Least severity that makes the answer bad')
            [CompletionResult]::new('--select', '--select', [CompletionResultType]::ParameterName, 'Only findings of these codes, beginnings of codes (TC4), slugs or numbers; separated by commas, repeatable')
            [CompletionResult]::new('--ignore', '--ignore', [CompletionResultType]::ParameterName, 'No findings of these codes; a comment `# tc:ignore TC308` on a line or above it does so for that line')
            [CompletionResult]::new('--explain', '--explain', [CompletionResultType]::ParameterName, 'Say what a code means, what causes it and what helps; nothing is checked')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How findings are printed')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--width', '--width', [CompletionResultType]::ParameterName, 'Columns to draw in [default: COLUMNS, the terminal, or 100]')
            [CompletionResult]::new('--with-env', '--with-env', [CompletionResultType]::ParameterName, 'Put the process environment on top of the files')
            [CompletionResult]::new('--lenient', '--lenient', [CompletionResultType]::ParameterName, 'Take the next source''s value for a faulty one; errors become warnings')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Same as --format json')
            [CompletionResult]::new('--show-final', '--show-final', [CompletionResultType]::ParameterName, 'Print every value that would be used, where it was set, and what it won over')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII characters only')
            [CompletionResult]::new('--no-redact', '--no-redact', [CompletionResultType]::ParameterName, 'Show the values of keys that look like secrets')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print errors only on stderr')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print errors only on stderr')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more: detected formats and every finding')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more: detected formats and every finding')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'spanglass;flamegraph-text' {
            [CompletionResult]::new('--protocol', '--protocol', [CompletionResultType]::ParameterName, 'Protocol of a bare body that neither its name nor its content tells')
            [CompletionResult]::new('--input-format', '--input-format', [CompletionResultType]::ParameterName, 'Read the input as this rather than by its content')
            [CompletionResult]::new('--trace', '--trace', [CompletionResultType]::ParameterName, 'Only traces with this id: hex, decimal, base64, X-Ray, or the beginning of the hex form; repeatable')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Only traces with a span of this service')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'At most this many traces')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Port whose connections are looked at in a packet capture, beside 8126 and 4318; repeatable')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Threads that decode [default: one per core]')
            [CompletionResult]::new('--max-body', '--max-body', [CompletionResultType]::ParameterName, 'Largest body, for example 64MiB [default: 64MiB in captures, 2GiB as a file of its own, 256MiB decompressed]')
            [CompletionResult]::new('--max-ratio', '--max-ratio', [CompletionResultType]::ParameterName, 'Most bytes that decompression may make of one, past 8 MiB')
            [CompletionResult]::new('--max-depth', '--max-depth', [CompletionResultType]::ParameterName, 'Deepest nesting of values')
            [CompletionResult]::new('--max-spans', '--max-spans', [CompletionResultType]::ParameterName, 'Most spans in one body')
            [CompletionResult]::new('--view', '--view', [CompletionResultType]::ParameterName, 'How to draw')
            [CompletionResult]::new('--sort', '--sort', [CompletionResultType]::ParameterName, 'Order of the traces in the list (and with --all), or of the rows of --view table [default: duration for the list, start for the table]')
            [CompletionResult]::new('--depth', '--depth', [CompletionResultType]::ParameterName, 'Draw at most this many levels')
            [CompletionResult]::new('--min', '--min', [CompletionResultType]::ParameterName, 'Hide spans shorter than this (`5ms`, or `1%` of the trace) that have no longer span below them')
            [CompletionResult]::new('--tags', '--tags', [CompletionResultType]::ParameterName, 'Print these tags under the spans that have them')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print text, one JSON document (an array for several traces), or one document per line')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--width', '--width', [CompletionResultType]::ParameterName, 'Columns to draw in [default: COLUMNS, the terminal, or 100]')
            [CompletionResult]::new('--strict', '--strict', [CompletionResultType]::ParameterName, 'Stop at the first record that does not decode')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Read a capture of a newer version all the same')
            [CompletionResult]::new('--all-ports', '--all-ports', [CompletionResultType]::ParameterName, 'Look at every connection of a packet capture')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Draw every selected trace, in input order, not the slowest alone')
            [CompletionResult]::new('--details', '--details', [CompletionResultType]::ParameterName, 'Print ids, tags, links and events under every span')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Same as --format json')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII characters only')
            [CompletionResult]::new('--no-redact', '--no-redact', [CompletionResultType]::ParameterName, 'Show the values of keys that look like secrets')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print errors only on stderr')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print errors only on stderr')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more: detected formats and every finding')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more: detected formats and every finding')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'spanglass;record-capture' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'File that requests are appended to; a name ending in .gz gets one gzip member per record')
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'File that requests are appended to; a name ending in .gz gets one gzip member per record')
            [CompletionResult]::new('--listen', '--listen', [CompletionResultType]::ParameterName, 'Address to listen on')
            [CompletionResult]::new('--datadog', '--datadog', [CompletionResultType]::ParameterName, 'Port for Datadog tracers; 0 takes a free one, off serves none')
            [CompletionResult]::new('--otlp-http', '--otlp-http', [CompletionResultType]::ParameterName, 'Port for OTLP over HTTP')
            [CompletionResult]::new('--otlp-grpc', '--otlp-grpc', [CompletionResultType]::ParameterName, 'Port for OTLP over gRPC')
            [CompletionResult]::new('--uds', '--uds', [CompletionResultType]::ParameterName, 'Unix socket to listen on too')
            [CompletionResult]::new('--forward', '--forward', [CompletionResultType]::ParameterName, 'Pass every request on to this agent or collector, and its answers back')
            [CompletionResult]::new('--answer', '--answer', [CompletionResultType]::ParameterName, 'Answer trace requests of Datadog tracers with the contents of this file')
            [CompletionResult]::new('--until', '--until', [CompletionResultType]::ParameterName, 'Stop when so much has come: spans=N, traces=N, or idle=D since the last request')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Stop after this time; with --until and too little by then, exit 1')
            [CompletionResult]::new('--max-body', '--max-body', [CompletionResultType]::ParameterName, 'Largest body; more is answered with 413')
            [CompletionResult]::new('--max-connections', '--max-connections', [CompletionResultType]::ParameterName, 'Most connections at a time; further ones wait')
            [CompletionResult]::new('--patience', '--patience', [CompletionResultType]::ParameterName, 'Longest wait for the next bytes of a request, and for the rest of them at the end')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--width', '--width', [CompletionResultType]::ParameterName, 'Columns to draw in [default: COLUMNS, the terminal, or 100]')
            [CompletionResult]::new('--sync', '--sync', [CompletionResultType]::ParameterName, 'Answer a request only when the disk has it')
            [CompletionResult]::new('--live', '--live', [CompletionResultType]::ParameterName, 'Print a line per trace as it arrives')
            [CompletionResult]::new('--keep-secrets', '--keep-secrets', [CompletionResultType]::ParameterName, 'Keep headers that hold credentials')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII characters only')
            [CompletionResult]::new('--no-redact', '--no-redact', [CompletionResultType]::ParameterName, 'Show the values of keys that look like secrets')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print errors only on stderr')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print errors only on stderr')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more: detected formats and every finding')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more: detected formats and every finding')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'spanglass;replay-capture' {
            [CompletionResult]::new('--protocol', '--protocol', [CompletionResultType]::ParameterName, 'Protocol of a bare body that neither its name nor its content tells')
            [CompletionResult]::new('--input-format', '--input-format', [CompletionResultType]::ParameterName, 'Read the input as this rather than by its content')
            [CompletionResult]::new('--trace', '--trace', [CompletionResultType]::ParameterName, 'Only traces with this id: hex, decimal, base64, X-Ray, or the beginning of the hex form; repeatable')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Only traces with a span of this service')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'At most this many traces')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Port whose connections are looked at in a packet capture, beside 8126 and 4318; repeatable')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Threads that decode [default: one per core]')
            [CompletionResult]::new('--max-body', '--max-body', [CompletionResultType]::ParameterName, 'Largest body, for example 64MiB [default: 64MiB in captures, 2GiB as a file of its own, 256MiB decompressed]')
            [CompletionResult]::new('--max-ratio', '--max-ratio', [CompletionResultType]::ParameterName, 'Most bytes that decompression may make of one, past 8 MiB')
            [CompletionResult]::new('--max-depth', '--max-depth', [CompletionResultType]::ParameterName, 'Deepest nesting of values')
            [CompletionResult]::new('--max-spans', '--max-spans', [CompletionResultType]::ParameterName, 'Most spans in one body')
            [CompletionResult]::new('--decoded', '--decoded', [CompletionResultType]::ParameterName, 'Print the decoded spans instead, one JSON object per line, in input order')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print text or one JSON document')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--width', '--width', [CompletionResultType]::ParameterName, 'Columns to draw in [default: COLUMNS, the terminal, or 100]')
            [CompletionResult]::new('--strict', '--strict', [CompletionResultType]::ParameterName, 'Stop at the first record that does not decode')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Read a capture of a newer version all the same')
            [CompletionResult]::new('--all-ports', '--all-ports', [CompletionResultType]::ParameterName, 'Look at every connection of a packet capture')
            [CompletionResult]::new('--count', '--count', [CompletionResultType]::ParameterName, 'Only count: all is decoded, but operations are not summed up and traces not told apart, so that memory does not grow with the input')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Same as --format json')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII characters only')
            [CompletionResult]::new('--no-redact', '--no-redact', [CompletionResultType]::ParameterName, 'Show the values of keys that look like secrets')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print errors only on stderr')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print errors only on stderr')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more: detected formats and every finding')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more: detected formats and every finding')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'spanglass;check-capture' {
            [CompletionResult]::new('--protocol', '--protocol', [CompletionResultType]::ParameterName, 'Protocol of a bare body that neither its name nor its content tells')
            [CompletionResult]::new('--input-format', '--input-format', [CompletionResultType]::ParameterName, 'Read the input as this rather than by its content')
            [CompletionResult]::new('--trace', '--trace', [CompletionResultType]::ParameterName, 'Only traces with this id: hex, decimal, base64, X-Ray, or the beginning of the hex form; repeatable')
            [CompletionResult]::new('--service', '--service', [CompletionResultType]::ParameterName, 'Only traces with a span of this service')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'At most this many traces')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'Port whose connections are looked at in a packet capture, beside 8126 and 4318; repeatable')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Threads that decode [default: one per core]')
            [CompletionResult]::new('--max-body', '--max-body', [CompletionResultType]::ParameterName, 'Largest body, for example 64MiB [default: 64MiB in captures, 2GiB as a file of its own, 256MiB decompressed]')
            [CompletionResult]::new('--max-ratio', '--max-ratio', [CompletionResultType]::ParameterName, 'Most bytes that decompression may make of one, past 8 MiB')
            [CompletionResult]::new('--max-depth', '--max-depth', [CompletionResultType]::ParameterName, 'Deepest nesting of values')
            [CompletionResult]::new('--max-spans', '--max-spans', [CompletionResultType]::ParameterName, 'Most spans in one body')
            [CompletionResult]::new('--fail-on', '--fail-on', [CompletionResultType]::ParameterName, 'Least severity that makes the answer bad')
            [CompletionResult]::new('--now', '--now', [CompletionResultType]::ParameterName, 'Reference time for starts in the future: RFC 3339, or nanoseconds since 1970 [default: when the request was recorded, or now]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Print text or one JSON document')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--width', '--width', [CompletionResultType]::ParameterName, 'Columns to draw in [default: COLUMNS, the terminal, or 100]')
            [CompletionResult]::new('--strict', '--strict', [CompletionResultType]::ParameterName, 'Stop at the first record that does not decode')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Read a capture of a newer version all the same')
            [CompletionResult]::new('--all-ports', '--all-ports', [CompletionResultType]::ParameterName, 'Look at every connection of a packet capture')
            [CompletionResult]::new('--allow-empty', '--allow-empty', [CompletionResultType]::ParameterName, 'A capture without any trace is no failure')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Same as --format json')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII characters only')
            [CompletionResult]::new('--no-redact', '--no-redact', [CompletionResultType]::ParameterName, 'Show the values of keys that look like secrets')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print errors only on stderr')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print errors only on stderr')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more: detected formats and every finding')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more: detected formats and every finding')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'spanglass;explain' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--width', '--width', [CompletionResultType]::ParameterName, 'Columns to draw in [default: COLUMNS, the terminal, or 100]')
            [CompletionResult]::new('--list', '--list', [CompletionResultType]::ParameterName, 'List every code')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII characters only')
            [CompletionResult]::new('--no-redact', '--no-redact', [CompletionResultType]::ParameterName, 'Show the values of keys that look like secrets')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print errors only on stderr')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print errors only on stderr')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more: detected formats and every finding')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more: detected formats and every finding')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'spanglass;completions' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--width', '--width', [CompletionResultType]::ParameterName, 'Columns to draw in [default: COLUMNS, the terminal, or 100]')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII characters only')
            [CompletionResult]::new('--no-redact', '--no-redact', [CompletionResultType]::ParameterName, 'Show the values of keys that look like secrets')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print errors only on stderr')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print errors only on stderr')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more: detected formats and every finding')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more: detected formats and every finding')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'spanglass;man' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--width', '--width', [CompletionResultType]::ParameterName, 'Columns to draw in [default: COLUMNS, the terminal, or 100]')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII characters only')
            [CompletionResult]::new('--no-redact', '--no-redact', [CompletionResultType]::ParameterName, 'Show the values of keys that look like secrets')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print errors only on stderr')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print errors only on stderr')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Say more: detected formats and every finding')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say more: detected formats and every finding')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
