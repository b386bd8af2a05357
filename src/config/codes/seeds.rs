//! Findings: the profiles xmtpd, flowbot and codeq, TC9xx.

crate::diagnostic::codes! {}
