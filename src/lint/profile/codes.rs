//! Findings on conventions: of every system (G), and of xmtpd (XM), flowbot (FB) and CodeQ (CQ); seeds-scenarios.md section 7.

crate::diagnostic::codes! {
    IDS_UNUSABLE       "G01" "ids-unusable"       Error   "a span id of zero or that stands twice, or a trace id of zero";
    PARENT_LOST        "G02" "parent-lost"        Warning "a parent that is not in the capture, inside a process";
    OUTSIDE_PARENT     "G03" "outside-parent"     Warning "a child that leaves its parent's time without a hand-off";
    TIME_ABSURD        "G04" "time-absurd"        Error   "a negative or absurd time";

    XMTPD_NAME             "XM01" "xmtpd-name"             Error   "a name that is not xmtpd.component.operation";
    XMTPD_NAME_UNKNOWN     "XM02" "xmtpd-name-unknown"     Warning "a name that xmtpd does not publish";
    XMTPD_TAG_TOO_LONG     "XM03" "xmtpd-tag-too-long"     Error   "a tag over 1,024 characters that was not truncated";
    XMTPD_TAG_TRUNCATED    "XM04" "xmtpd-tag-truncated"    Note    "a tag that was truncated";
    XMTPD_TRIGGER          "XM05" "xmtpd-trigger"          Error   "a trigger that there is none of";
    XMTPD_DB_TAGS          "XM06" "xmtpd-db-tags"          Error   "a query without its tags, or with another role";
    XMTPD_TRACE_LINKED     "XM07" "xmtpd-trace-linked"     Error   "a worker span whose link is not what it says";
    XMTPD_LISTENER_REASON  "XM08" "xmtpd-listener-reason"  Error   "a listener that was closed for another reason";
    XMTPD_CONNECT_FAILED   "XM09" "xmtpd-connect-failed"   Warning "a connection to a node that did not succeed";
    XMTPD_DUPLICATE_NO_GAP "XM10" "xmtpd-duplicate-no-gap" Note    "a gap that is a duplicate";
    XMTPD_RPC_NAME         "XM11" "xmtpd-rpc-name"         Note    "a span of the RPC interceptor";

    FLOWBOT_PROBE_PATH     "FB01" "flowbot-probe-path"     Error   "a span for a probe";
    FLOWBOT_ROUTE          "FB02" "flowbot-route"          Warning "a server span without a route, or an identifier in a name";
    FLOWBOT_PIPELINE_NAME  "FB03" "flowbot-pipeline-name"  Error   "a pipeline span that is neither execute nor step";
    FLOWBOT_TOPIC_MISSING  "FB04" "flowbot-topic-missing"  Warning "an event.receive without its topic";
    FLOWBOT_ATTRIBUTES     "FB05" "flowbot-attributes"     Error   "an attribute that is missing, or disagrees with the name";
    FLOWBOT_STATUS         "FB06" "flowbot-status"         Warning "an exception or HTTP error without an error status";
    FLOWBOT_RECEIVE_PARENT "FB07" "flowbot-receive-parent" Warning "an event.receive that is no child of its event.publish";
    FLOWBOT_LIBRARY_NAME   "FB08" "flowbot-library-name"   Note    "a database span under its library's name";
    FLOWBOT_CAPABILITY     "FB09" "flowbot-capability"     Note    "the later spelling of ability";

    CODEQ_NAME             "CQ01" "codeq-name"             Error   "a name that is not codeq.noun.verb";
    CODEQ_ATTRIBUTE        "CQ02" "codeq-attribute"        Warning "an attribute outside the known families";
    CODEQ_FORBIDDEN        "CQ03" "codeq-forbidden"        Error   "content that must not be on a span";
    CODEQ_TYPE             "CQ04" "codeq-attribute-type"   Error   "an attribute of another type";
    CODEQ_REQUIRED         "CQ05" "codeq-required"         Error   "an attribute that is missing";
    CODEQ_SECRET           "CQ06" "codeq-secret"           Error   "a value that looks like a secret";
    CODEQ_UNBOUNDED        "CQ07" "codeq-unbounded"        Warning "an attribute without a bound on its values";
}
