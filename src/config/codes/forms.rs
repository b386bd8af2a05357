//! Findings: reading inputs, TC0xx.

crate::diagnostic::codes! {
    UNREADABLE   "TC001" "input-unreadable"     Error   "the input cannot be read or is not UTF-8 text";
    SYNTAX       "TC002" "syntax-error"         Error   "the YAML or JSON cannot be parsed";
    TWICE        "TC003" "key-given-twice"      Warning "a key is given twice in one source";
    UNRESOLVED   "TC004" "value-unresolved"     Note    "a value cannot be known from the input";
    REFUSED      "TC005" "value-type-refused"   Error   "the platform refuses a value of this type";
    NO_VARIABLE  "TC006" "not-an-assignment"    Error   "a line is not an assignment";
    LITERAL      "TC007" "kept-literally"       Warning "docker keeps quotes or a comment as part of the value";
    UNKNOWN_KEY  "TC008" "unknown-config-key"   Warning "a key of a configuration file is not known";
    WRONG_TYPE   "TC009" "config-value-type"    Error   "a value of a configuration file has the wrong type";
    NOTHING      "TC010" "no-configuration"     Note    "no tracer configuration was found";
}
