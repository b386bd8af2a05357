//! A row of bytes with one of them pointed at:
//!
//! ```text
//! 00000010  a5 73 74 61 72 74 a1 78  a8 64 75 72 61 74 69 6f  .start.x.duratio
//!                             ^^
//! ```

use std::fmt::Write;

/// Bytes between which a wider gap stands.
const HALF: usize = 8;
/// Bytes of a full row.
const ROW: usize = 16;

/// Draws up to sixteen `bytes` that begin at offset `start`, and a caret under the one at `at`; behind the last one when
/// `at` is the end of the body.
pub fn row(start: usize, bytes: &[u8], at: usize) -> String {
    let bytes = bytes.get(..ROW).unwrap_or(bytes);
    let mut text = format!("{start:08x} ");
    let mut column = None;
    for position in 0..ROW {
        text.push_str(if position == HALF { "  " } else { " " });
        if start + position == at {
            column = Some(text.len());
        }
        match bytes.get(position) {
            Some(byte) => {
                let _ = write!(text, "{byte:02x}");
            }
            None => text.push_str("  "),
        }
    }
    text.push_str("  ");
    text.extend(bytes.iter().map(|byte| if matches!(byte, 0x20..=0x7e) { char::from(*byte) } else { '.' }));
    // The end of a full row lies behind its last byte.
    let column = column.or((start + ROW == at).then_some(start_of_text()));
    if let Some(column) = column {
        let _ = write!(text, "\n{:column$}^^", "");
    }
    text
}

/// Where the bytes of a row end.
fn start_of_text() -> usize {
    "00000000 ".len() + ROW * 3 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_byte_is_pointed_at() {
        assert_eq!(
            row(16, b"\xa5start\xa1x\xa8duratio", 22),
            "00000010  a5 73 74 61 72 74 a1 78  a8 64 75 72 61 74 69 6f  .start.x.duratio\n                            ^^"
        );
    }

    #[test]
    fn a_short_row_and_its_end() {
        let short = row(0, b"\x91\x91", 2);
        assert_eq!(short, "00000000  91 91                                             ..\n                ^^");
        let full = row(0, &[0x91; 16], 16);
        assert!(
            full.ends_with("................\n                                                          ^^"),
            "{full}"
        );
        assert_eq!(row(0, &[], 0).lines().count(), 2);
        assert_eq!(row(0, &[1; 16], 40).lines().count(), 1);
    }
}
