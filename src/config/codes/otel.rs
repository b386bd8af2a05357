//! Findings: OpenTelemetry variables and files, TC8xx.

crate::diagnostic::codes! {
    UNKNOWN_ENUM "TC801" "otel-unknown-value" Warning "a value that is none of the known ones is ignored";
    NUMBER_IGNORED "TC802" "otel-number-ignored" Warning "a number that cannot be used is ignored";
    NOT_BOOLEAN "TC803" "otel-not-boolean" Warning "a boolean that is neither true nor false";
    SAMPLER_ARG_UNUSED "TC804" "otel-sampler-arg-unused" Warning "a sampler argument that no sampler uses";
    SAMPLER_ARG_INVALID "TC805" "otel-sampler-arg-invalid" Warning "a sampler argument that cannot be used";
    RESOURCE_MALFORMED "TC806" "otel-resource-attributes-malformed" Warning "resource attributes that are discarded";
    HEADER_MALFORMED "TC807" "otel-header-malformed" Warning "a header entry that is dropped";
    BATCH_OVER_QUEUE "TC808" "otel-batch-over-queue" Warning "a batch that is larger than its queue";
    ENDPOINT_UNUSABLE "TC809" "otel-endpoint-unusable" Warning "an endpoint without http(s) scheme or host";
    PORT_PROTOCOL "TC810" "otel-port-protocol" Warning "a port that belongs to the other protocol";
    PATH_DOUBLED "TC811" "otel-path-doubled" Warning "a base endpoint that already has the signal path";
    PATH_MISSING "TC812" "otel-path-missing" Warning "a signal endpoint without a path";
    INSECURE_UNUSED "TC813" "otel-insecure-unused" Note "an insecure flag without effect";
    OBSOLETE "TC814" "otel-obsolete" Warning "an obsolete name or a deprecated value";
    SHADOWED_BY_FILE "TC815" "otel-ignored-with-config-file" Warning "a variable that a configuration file replaces";
    NONE_COMBINED "TC816" "otel-none-combined" Warning "none together with other values";
    NAME_TWICE "TC817" "otel-service-name-twice" Note "the service name is given twice";
    SDK_DISABLED "TC818" "otel-sdk-disabled" Note "settings while the SDK is disabled";
    BAD_SUBSTITUTION "TC819" "otel-bad-substitution" Error "a substitution that the grammar does not allow";
    SCHEMA "TC820" "otel-schema-violation" Error "a configuration file that its schema refuses";
    DUPLICATE "TC821" "otel-duplicate-value" Note "a value that stands twice in a list";
    NO_LIMIT "TC822" "otel-timeout-zero" Note "a timeout of 0, which means none";
    SDK_DIFFERS "TC823" "otel-sdk-differs" Note "valid by the specification, not in a major SDK";
}
