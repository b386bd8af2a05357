//! The bytes that findings on bodies were made on, looked up after the reading: only for those that are shown.

use super::{Intake, Loaded, recognise};
use crate::diagnostic::{Diagnostics, Evidence};
use crate::wire::codes::INVALID_UTF8;
use crate::wire::{Protocol, marker_name};
use std::io::{BufRead, Seek};

/// Bytes in a row of evidence.
const ROW: usize = 16;

impl<R: BufRead + Seek> Intake<R> {
    /// Gives the findings of a scan or a visit their evidence. Records that are not kept are read again.
    pub fn add_evidence(&mut self, found: &mut Diagnostics) {
        let mut latest: Option<(usize, Loaded, Option<Protocol>)> = None;
        found.add_evidence(|code, record, offset| {
            if latest.as_ref().is_none_or(|(number, ..)| *number != record) {
                let (input, index) = self.places.get(record).copied()?;
                let (_, capture) = self.inputs.get_mut(input as usize)?;
                let mut loaded = latest.take().map(|(_, loaded, _)| loaded).unwrap_or_default();
                capture.read_again(index as usize, &mut loaded.record).ok()?;
                // What is wrong with it was reported when it was read first.
                let protocol = recognise(&mut loaded, &self.settings, &mut Diagnostics::default()).ok();
                latest = Some((record, loaded, protocol));
            }
            let (_, loaded, protocol) = latest.as_ref()?;
            let body = loaded.body();
            // At the end of the body the last byte is as near as it gets.
            let start = offset.min(body.len().saturating_sub(1)) / ROW * ROW;
            let bytes = body.get(start..(start + ROW).min(body.len()))?.to_vec();
            let is_marker = protocol.is_some_and(Protocol::is_msgpack) && code != INVALID_UTF8;
            let marker = body.get(offset).filter(|_| is_marker).map(|byte| marker_name(*byte));
            Some(Evidence { start, bytes, marker, sender: loaded.record.request.client() })
        });
    }
}
