//! Findings: what is legal and surprising, TC1xx to TC7xx.

crate::diagnostic::codes! {}
