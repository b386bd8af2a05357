//! The limiter of `DD_TRACE_RATE_LIMIT`, which a trace meets after a rule has kept it, and the number each tracer writes
//! to `_dd.limit_psr`.
//!
//! A bucket of tokens: it starts full, holds the limit rounded up, and is refilled at the limit a second. The number
//! says how much of what was asked for was allowed, over windows of one second that every tracer counts differently:
//! after 5 of 6 requests dd-trace-cpp writes 0.983333 and ddtrace 0.833333.

use super::datadog::Tracer;
use crate::time::Timestamp;

/// One second.
const SECOND: i64 = 1_000_000_000;

/// Requests of one window.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    allowed: u32,
    seen: u32,
}

impl Window {
    /// The part that was allowed; all, of none.
    fn ratio(self) -> f64 {
        if self.seen == 0 { 1.0 } else { f64::from(self.allowed) / f64::from(self.seen) }
    }
}

/// A limiter with the clock handed in.
#[derive(Clone, Debug)]
pub struct Limiter {
    tracer: Tracer,
    limit: f64,
    tokens: f64,
    /// When tokens were last added; with dd-trace-cpp, which adds them one by one, when the next one is due.
    refill: i64,
    /// When the current window began.
    began: i64,
    window: Window,
    /// Ratios of earlier windows, the latest first: nine for dd-trace-cpp, one for ddtrace.
    earlier: [f64; 9],
    /// The window before the current one.
    previous: Option<Window>,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Allowed {
    /// Whether the trace stays kept.
    pub allowed: bool,
    /// `_dd.limit_psr`.
    pub effective_rate: f64,
}

impl Limiter {
    /// A full bucket; `None` for a limit that the tracer refuses: with dd-trace-cpp everything that is not above 0
    /// (error 21), otherwise only what is no number. 0 lets nothing pass, a negative limit everything.
    pub fn new(tracer: Tracer, limit: f64, now: Timestamp) -> Option<Limiter> {
        if !limit.is_finite() || (tracer == Tracer::Cpp && limit <= 0.0) {
            return None;
        }
        let mut limiter = Limiter {
            tracer,
            limit,
            tokens: capacity(limit),
            refill: now.0,
            began: now.0,
            window: Window::default(),
            earlier: [1.0; 9],
            previous: None,
        };
        if tracer == Tracer::Cpp {
            limiter.refill = now.0.saturating_add(limiter.interval());
            limiter.began = second_of(now.0);
        }
        Some(limiter)
    }

    /// Asks for one trace.
    pub fn request(&mut self, now: Timestamp) -> Allowed {
        self.turn_windows(now.0);
        let allowed = match self.limit {
            limit if limit < 0.0 => true,
            0.0 => false,
            _ => {
                self.add_tokens(now.0);
                self.tokens >= 1.0
            }
        };
        self.window.seen = self.window.seen.saturating_add(1);
        if allowed {
            self.tokens -= 1.0;
            self.window.allowed = self.window.allowed.saturating_add(1);
        }
        Allowed { allowed, effective_rate: self.effective_rate() }
    }

    /// How long dd-trace-cpp waits for each token.
    fn interval(&self) -> i64 {
        ((SECOND as f64 / self.limit) as i64).max(1)
    }

    fn add_tokens(&mut self, now: i64) {
        let added = match self.tracer {
            Tracer::Cpp if now < self.refill => return,
            Tracer::Cpp => {
                let interval = self.interval();
                let due = now.saturating_sub(self.refill) / interval + 1;
                self.refill = self.refill.saturating_add(interval.saturating_mul(due));
                due as f64
            }
            Tracer::Go | Tracer::Js | Tracer::Python => {
                let passed = now.saturating_sub(self.refill).max(0);
                self.refill = now;
                passed as f64 / SECOND as f64 * self.limit
            }
        };
        self.tokens = (self.tokens + added).min(capacity(self.limit));
    }

    fn turn_windows(&mut self, now: i64) {
        match self.tracer {
            Tracer::Cpp => {
                let gap = second_of(now).saturating_sub(self.began) / SECOND;
                if gap <= 0 {
                    return;
                }
                match usize::try_from(gap) {
                    Ok(gap) if gap < self.earlier.len() => {
                        self.earlier.copy_within(..9 - gap, gap);
                        self.earlier[gap - 1] = self.window.ratio();
                        // Idle seconds count as 1, but dd-trace-cpp leaves the one after the window as it was.
                        self.earlier[..gap.saturating_sub(2)].fill(1.0);
                    }
                    // After a long pause it forgets the window that ended, and remembers the one before.
                    _ => self.earlier[1..].fill(1.0),
                }
            }
            Tracer::Go | Tracer::Js | Tracer::Python => {
                if now.saturating_sub(self.began) < SECOND {
                    return;
                }
                self.previous = Some(self.window);
            }
        }
        self.began = now;
        self.window = Window::default();
    }

    fn effective_rate(&self) -> f64 {
        let current = self.window.ratio();
        match (self.tracer, self.previous) {
            (Tracer::Cpp, _) => (self.earlier.iter().sum::<f64>() + current) / 10.0,
            (_, None) => current,
            (Tracer::Python, Some(previous)) => (current + previous.ratio()) / 2.0,
            (Tracer::Go | Tracer::Js, Some(previous)) => {
                let allowed = self.window.allowed.saturating_add(previous.allowed);
                Window { allowed, seen: self.window.seen.saturating_add(previous.seen) }.ratio()
            }
        }
    }
}

/// How many tokens the bucket holds.
fn capacity(limit: f64) -> f64 {
    limit.ceil().max(1.0)
}

/// The whole second before a time.
fn second_of(now: i64) -> i64 {
    now.saturating_sub(now.rem_euclid(SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_that_let_everything_or_nothing_pass() {
        for (limit, allowed) in [(0.0, false), (-1.0, true)] {
            assert!(Limiter::new(Tracer::Cpp, limit, Timestamp(0)).is_none());
            let mut limiter = Limiter::new(Tracer::Python, limit, Timestamp(0)).unwrap();
            assert!((0..100).all(|_| limiter.request(Timestamp(0)).allowed == allowed));
        }
        assert!(Limiter::new(Tracer::Python, f64::NAN, Timestamp(0)).is_none());
    }

    #[test]
    fn half_a_trace_a_second_is_one_every_two() {
        let mut limiter = Limiter::new(Tracer::Cpp, 0.5, Timestamp(0)).unwrap();
        let allowed = [0, 1, 1_999_999_999, 2_000_000_000, 2_000_000_001, 4_000_000_000];
        assert_eq!(allowed.map(|now| limiter.request(Timestamp(now)).allowed), [true, false, false, true, false, true]);
    }

    #[test]
    fn any_clock_will_do() {
        for tracer in [Tracer::Cpp, Tracer::Go, Tracer::Js, Tracer::Python] {
            for limit in [5e-324, 1e-9, 0.5, 1.0, 1e300] {
                let mut limiter = Limiter::new(tracer, limit, Timestamp(-1)).unwrap();
                for now in [0, i64::MAX, i64::MIN, 0, i64::MAX] {
                    let rate = limiter.request(Timestamp(now)).effective_rate;
                    assert!((0.0..=1.0).contains(&rate), "{tracer:?} {limit} {now}: {rate}");
                }
            }
        }
    }
}
