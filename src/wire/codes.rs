//! Findings of decoding (wire.md section 12, D). What concerns content encodings and size limits is declared in
//! [`crate::encoding`].

crate::diagnostic::codes! {
    TRUNCATED "D001" "truncated" Error "the input ends inside a value";
    BAD_MARKER "D002" "bad-marker" Error "the reserved marker 0xc1, or no msgpack at all";
    WRONG_TYPE "D003" "wrong-type" Error "a value of a type that the field cannot take";
    IMPOSSIBLE_LENGTH "D004" "impossible-length" Error "a declared length or count over the bytes left";
    TOO_DEEP "D005" "too-deep" Error "values nested over the limit";
    STRING_INDEX "D006" "string-index" Error "a string index outside the table";
    WRONG_SHAPE "D007" "wrong-shape" Error "an array of the wrong length";
    MISSING_FIELD "D008" "missing-field" Error "a part that the protocol requires is missing";
    INTEGER_RANGE "D009" "integer-range" Error "an integer outside the range of its field";
    UNKNOWN_PROTOCOL "D010" "unknown-protocol" Error "neither the path nor the content is recognised";
    BAD_JSON "D011" "bad-json" Error "text that is not JSON";
    BAD_PROTOBUF "D012" "bad-protobuf" Error "bytes that are not protobuf";
    TRAILING_BYTES "D016" "trailing-bytes" Warning "bytes after the payload";
    DUPLICATE_KEY "D017" "duplicate-key" Warning "a key that stands twice in one map";
    UNKNOWN_FIELD "D018" "unknown-field" Warning "a key that the protocol does not know";
    REPEATED_INLINE_STRING "D019" "repeated-inline-string" Warning "a streamed string that is written a second time";
    INVALID_UTF8 "D020" "invalid-utf8" Warning "text that is not UTF-8";
    BAD_META_STRUCT "D021" "bad-meta-struct" Warning "a meta_struct value that is not msgpack";
    FLOAT_FOR_INTEGER "D022" "float-for-integer" Warning "a float where an integer belongs";
    NIL_VALUE "D023" "nil-value" Note "nil where a value belongs";
    BIN_FOR_STRING "D024" "bin-for-string" Warning "bytes where text belongs";
    UPFRONT_STRING_TABLE "D025" "upfront-string-table" Warning "a v1.0 string table sent before the strings are used";
    BYTE_ORDER_MARK "D026" "byte-order-mark" Warning "a byte order mark before JSON";

    TRACE_ID_LENGTH "O001" "trace-id-length" Error "a trace id that is not 16 bytes";
    SPAN_ID_LENGTH "O002" "span-id-length" Error "a span id that is not 8 bytes";
    ID_NOT_HEX "O004" "id-not-hex" Error "an id in JSON that is not hexadecimal";
    OTLP_KIND_UNKNOWN "O007" "kind-unknown" Warning "a span kind that OTLP does not have";
    OTLP_STATUS_UNKNOWN "O008" "status-unknown" Warning "a status code that OTLP does not have";
    SNAKE_CASE_FIELD "O013" "snake-case-field" Warning "a field of OTLP JSON in snake_case";
    ENUM_AS_TEXT "O014" "enum-as-text" Warning "an enum of OTLP JSON by its name";
    INTEGER_AS_NUMBER "O015" "integer-as-number" Note "an integer over 2^53 as a JSON number";
    TWO_VALUES "O016" "two-values" Warning "an attribute value of two types at once";
}
