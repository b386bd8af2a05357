//! Findings: the profiles xmtpd, flowbot and codeq, TC9xx.

crate::diagnostic::codes! {
    XMTPD_RATE_UNUSABLE "TC901" "xmtpd-rate-unusable" Warning "a sample rate that is replaced by the default";
    XMTPD_RATE_NAN "TC902" "xmtpd-rate-nan" Warning "a sample rate of NaN, which samples everything";
    XMTPD_ENABLE_EMPTY "TC903" "xmtpd-empty-enables" Warning "an empty switch, which turns tracing on";
    XMTPD_SET_IN_CODE "TC904" "xmtpd-set-in-code" Warning "a variable that the program overrides";
    XMTPD_OFF "TC905" "xmtpd-off" Note "tracing settings while tracing is off";
    XMTPD_ENV_RESEMBLES "TC906" "xmtpd-env-resembles-production" Warning "an environment name close to a production one";
    XMTPD_NOT_BOOLEAN "TC907" "xmtpd-not-boolean" Error "a switch that is no Go boolean";
    XMTPD_TWO_STAGES "TC908" "xmtpd-two-sampling-stages" Warning "two samplers decide on the same trace";
    FLOWBOT_ENDPOINT_REQUIRED "TC921" "flowbot-endpoint-required" Error "tracing is enabled without an endpoint";
    FLOWBOT_ENDPOINT_NOT_URL "TC922" "flowbot-endpoint-not-url" Error "an endpoint that is no URL";
    FLOWBOT_RATE_RANGE "TC923" "flowbot-rate-range" Error "a sample rate outside 0 to 1";
    FLOWBOT_RATE_ZERO "TC924" "flowbot-rate-zero" Warning "a sample rate of 0, which samples everything";
    FLOWBOT_ENDPOINT_HOST "TC925" "flowbot-endpoint-host" Warning "an endpoint that is accepted and cannot work";
    FLOWBOT_ENDPOINT_PATH "TC926" "flowbot-endpoint-path" Warning "an endpoint without the traces path";
    FLOWBOT_TYPE "TC927" "flowbot-type" Error "a value that does not convert to its type";
    FLOWBOT_OFF "TC928" "flowbot-off" Note "tracing settings while tracing is off";
    FLOWBOT_UNKNOWN_KEY "TC929" "flowbot-unknown-key" Warning "a key that nothing reads";
    FLOWBOT_DEFAULT_UNREACHABLE "TC930" "flowbot-default-unreachable" Note "a documented default that never applies";
    FLOWBOT_EXPANDS_TO_NOTHING "TC931" "flowbot-expands-to-nothing" Warning "a reference to a variable that is not set";
    CODEQ_RATIO "TC941" "codeq-ratio" Warning "a sample ratio that means something else";
    CODEQ_SCHEME "TC942" "codeq-scheme-not-tls" Warning "a URL scheme that does not decide on TLS";
    CODEQ_NAME_NOT_EXPORTED "TC943" "codeq-name-not-exported" Warning "a service name that never reaches the backend";
    CODEQ_INSECURE "TC944" "codeq-insecure-conflict" Warning "two insecure flags that disagree";
    CODEQ_BOOLEAN "TC945" "codeq-boolean" Warning "a boolean that reads as false";
    CODEQ_ENDPOINT "TC946" "codeq-endpoint" Warning "an endpoint that is changed or cannot be dialled";
    CODEQ_RATIO_IGNORED "TC947" "codeq-ratio-ignored" Warning "a sample ratio that is ignored";
    CODEQ_HTTP_PORT "TC948" "codeq-http-port" Warning "the OTLP/HTTP port on a gRPC exporter";
    CODEQ_TYPE "TC949" "codeq-type" Error "a YAML value that does not fit its type";
    CODEQ_UNKNOWN_KEY "TC950" "codeq-unknown-key" Warning "a key that nothing reads";
}
