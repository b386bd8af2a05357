
use builtin;
use str;

set edit:completion:arg-completer[spanglass] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'spanglass'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'spanglass'= {
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
            cand flamegraph-text 'Draw the traces of a capture: waterfall, tree, flame chart, table or summary'
            cand replay-capture 'Decode a capture and sum it up per payload and per operation'
            cand check-capture 'Report what is wrong with the payloads and traces of a capture'
            cand explain 'Say what a finding''s code means, what causes it and what helps'
            cand completions 'Print a completion script for a shell'
            cand man 'Print the manual page, or write all pages into a folder'
        }
        &'spanglass;flamegraph-text'= {
            cand --protocol 'Protocol of a bare body that neither its name nor its content tells'
            cand --input-format 'Read the input as this rather than by its content'
            cand --trace 'Only traces with this id: hex, decimal, base64, X-Ray, or the beginning of the hex form; repeatable'
            cand --service 'Only traces with a span of this service'
            cand --limit 'At most this many traces'
            cand --max-body 'Largest body, for example 64MiB [default: 64MiB in captures, 2GiB as a file of its own, 256MiB decompressed]'
            cand --max-ratio 'Most bytes that decompression may make of one, past 8 MiB'
            cand --max-depth 'Deepest nesting of values'
            cand --max-spans 'Most spans in one body'
            cand --view 'How to draw'
            cand --sort 'Order of the traces in the list (and with --all), or of the rows of --view table [default: duration for the list, start for the table]'
            cand --depth 'Draw at most this many levels'
            cand --min 'Hide spans shorter than this (`5ms`, or `1%` of the trace) that have no longer span below them'
            cand --tags 'Print these tags under the spans that have them'
            cand --format 'Print text, one JSON document (an array for several traces), or one document per line'
            cand --color 'When to use colour'
            cand --width 'Columns to draw in [default: COLUMNS, the terminal, or 100]'
            cand --strict 'Stop at the first record that does not decode'
            cand --force 'Read a capture of a newer version all the same'
            cand --all 'Draw every selected trace, in input order, not the slowest alone'
            cand --details 'Print ids, tags, links and events under every span'
            cand --json 'Same as --format json'
            cand --ascii 'Draw with ASCII characters only'
            cand --no-redact 'Show the values of keys that look like secrets'
            cand -q 'Print errors only on stderr'
            cand --quiet 'Print errors only on stderr'
            cand -v 'Say more: detected formats and every finding'
            cand --verbose 'Say more: detected formats and every finding'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'spanglass;replay-capture'= {
            cand --protocol 'Protocol of a bare body that neither its name nor its content tells'
            cand --input-format 'Read the input as this rather than by its content'
            cand --trace 'Only traces with this id: hex, decimal, base64, X-Ray, or the beginning of the hex form; repeatable'
            cand --service 'Only traces with a span of this service'
            cand --limit 'At most this many traces'
            cand --max-body 'Largest body, for example 64MiB [default: 64MiB in captures, 2GiB as a file of its own, 256MiB decompressed]'
            cand --max-ratio 'Most bytes that decompression may make of one, past 8 MiB'
            cand --max-depth 'Deepest nesting of values'
            cand --max-spans 'Most spans in one body'
            cand --decoded 'Print the decoded spans instead, one JSON object per line, in input order'
            cand --format 'Print text or one JSON document'
            cand --color 'When to use colour'
            cand --width 'Columns to draw in [default: COLUMNS, the terminal, or 100]'
            cand --strict 'Stop at the first record that does not decode'
            cand --force 'Read a capture of a newer version all the same'
            cand --json 'Same as --format json'
            cand --ascii 'Draw with ASCII characters only'
            cand --no-redact 'Show the values of keys that look like secrets'
            cand -q 'Print errors only on stderr'
            cand --quiet 'Print errors only on stderr'
            cand -v 'Say more: detected formats and every finding'
            cand --verbose 'Say more: detected formats and every finding'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'spanglass;check-capture'= {
            cand --protocol 'Protocol of a bare body that neither its name nor its content tells'
            cand --input-format 'Read the input as this rather than by its content'
            cand --trace 'Only traces with this id: hex, decimal, base64, X-Ray, or the beginning of the hex form; repeatable'
            cand --service 'Only traces with a span of this service'
            cand --limit 'At most this many traces'
            cand --max-body 'Largest body, for example 64MiB [default: 64MiB in captures, 2GiB as a file of its own, 256MiB decompressed]'
            cand --max-ratio 'Most bytes that decompression may make of one, past 8 MiB'
            cand --max-depth 'Deepest nesting of values'
            cand --max-spans 'Most spans in one body'
            cand --fail-on 'Least severity that makes the answer bad'
            cand --now 'Reference time for starts in the future: RFC 3339, or nanoseconds since 1970 [default: when the request was recorded, or now]'
            cand --format 'Print text or one JSON document'
            cand --color 'When to use colour'
            cand --width 'Columns to draw in [default: COLUMNS, the terminal, or 100]'
            cand --strict 'Stop at the first record that does not decode'
            cand --force 'Read a capture of a newer version all the same'
            cand --allow-empty 'A capture without any trace is no failure'
            cand --json 'Same as --format json'
            cand --ascii 'Draw with ASCII characters only'
            cand --no-redact 'Show the values of keys that look like secrets'
            cand -q 'Print errors only on stderr'
            cand --quiet 'Print errors only on stderr'
            cand -v 'Say more: detected formats and every finding'
            cand --verbose 'Say more: detected formats and every finding'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'spanglass;explain'= {
            cand --color 'When to use colour'
            cand --width 'Columns to draw in [default: COLUMNS, the terminal, or 100]'
            cand --list 'List every code'
            cand --ascii 'Draw with ASCII characters only'
            cand --no-redact 'Show the values of keys that look like secrets'
            cand -q 'Print errors only on stderr'
            cand --quiet 'Print errors only on stderr'
            cand -v 'Say more: detected formats and every finding'
            cand --verbose 'Say more: detected formats and every finding'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'spanglass;completions'= {
            cand --color 'When to use colour'
            cand --width 'Columns to draw in [default: COLUMNS, the terminal, or 100]'
            cand --ascii 'Draw with ASCII characters only'
            cand --no-redact 'Show the values of keys that look like secrets'
            cand -q 'Print errors only on stderr'
            cand --quiet 'Print errors only on stderr'
            cand -v 'Say more: detected formats and every finding'
            cand --verbose 'Say more: detected formats and every finding'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'spanglass;man'= {
            cand --color 'When to use colour'
            cand --width 'Columns to draw in [default: COLUMNS, the terminal, or 100]'
            cand --ascii 'Draw with ASCII characters only'
            cand --no-redact 'Show the values of keys that look like secrets'
            cand -q 'Print errors only on stderr'
            cand --quiet 'Print errors only on stderr'
            cand -v 'Say more: detected formats and every finding'
            cand --verbose 'Say more: detected formats and every finding'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
    ]
    $completions[$command]
}
