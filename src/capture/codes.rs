//! Findings of containers (captures.md section 11).

crate::diagnostic::codes! {
    TORN_TAIL     "C001" "torn-tail"     Warning "the input ends inside a record";
    BAD_RECORD    "C002" "bad-record"    Warning "a record is unreadable and was left out";
    CHECKSUM      "C003" "checksum"      Warning "the recorded length or checksum of a body is wrong";
    NEWER_VERSION "C004" "newer-version" Error   "the container's version is not known";
    BODY_MISSING  "C005" "body-missing"  Warning "a request came without all of its body";
    LOSSY_BODY    "C006" "lossy-body"    Warning "a text form of a body lost bytes";
    RENUMBERED    "C007" "renumbered-ids" Note   "the ids of a snapshot are not those that were sent";
    STREAM_GAP    "C008" "stream-gap"    Warning "bytes of a TCP stream are missing";
}
