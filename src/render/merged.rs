//! Merged traces as rows: a frame per path of names, the largest first.
//!
//! ```text
//! frame                                  count    total     self  share
//! web: web.request GET /                    10  120.0ms  30.00ms   100%
//!   web: get                                20  90.00ms  90.00ms    75%
//! ```

use super::time::{DURATION_WIDTH, duration};
use super::{Theme, clean, head, spaces, width_of};
use crate::analysis::Merged;
use crate::time::Nanos;
use std::io::{self, Write};

/// Columns for the count, the times and the share.
const NUMBERS: usize = 8 + 2 * (DURATION_WIDTH + 1) + 8;

/// Draws merged traces, to a depth, and without frames that took less than `min`.
pub fn merged(
    w: &mut dyn Write,
    merged: &Merged,
    depth: Option<usize>,
    min: Option<Nanos>,
    theme: &Theme,
) -> io::Result<()> {
    let room = theme.width.max(40).saturating_sub(NUMBERS).max(12);
    let all: i64 = merged.walk().filter(|(depth, _)| *depth == 0).map(|(_, frame)| frame.total.0).sum();
    let mut out = Vec::with_capacity(64 << 10);
    let mut row = |label: &str, numbers: [String; 4]| -> io::Result<()> {
        let label = head(label, room);
        let [count, total, own, share] = numbers;
        let line = format!(
            "{label}{} {count:>7} {total:>DURATION_WIDTH$} {own:>DURATION_WIDTH$} {share:>7}",
            spaces(room - width_of(label))
        );
        writeln!(out, "{}", line.trim_end())?;
        if out.len() >= 64 << 10 {
            w.write_all(&out)?;
            out.clear();
        }
        Ok(())
    };
    row("frame", ["count", "total", "self", "share"].map(str::to_owned))?;
    let (mut drawn, mut hidden) = (0, 0);
    for (level, frame) in merged.walk() {
        if depth.is_some_and(|depth| level >= depth) || min.is_some_and(|min| frame.total < min) {
            hidden += 1;
            continue;
        }
        drawn += 1;
        let errors = if frame.errors > 0 { format!("!{} ", frame.errors) } else { String::new() };
        let label = format!("{}{errors}{}", "  ".repeat(level.min(room / 4)), clean(merged.name(frame), theme.ascii));
        let share = frame.total.0 as f64 * 100.0 / all.max(1) as f64;
        let time = |length| duration(length, theme.ascii);
        row(&label, [frame.count.to_string(), time(frame.total), time(frame.own), format!("{share:.1}%")])?;
    }
    if hidden > 0 {
        row(&format!("{drawn} of {} frames drawn", drawn + hidden), Default::default())?;
    }
    w.write_all(&out)
}
