//! Axes: round numbers that hold all values.

/// A scale from values to pixels.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    low: f64,
    high: f64,
    step: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// A scale that holds zero and all values, from pixel `from` to pixel `to`.
    pub fn of(values: impl IntoIterator<Item = f64>, from: f64, to: f64) -> Scale {
        let (mut low, mut high) = (0.0f64, 0.0f64);
        for v in values.into_iter().filter(|v| v.is_finite()) {
            low = low.min(v);
            high = high.max(v);
        }
        if low == high {
            high = 1.0;
        }
        let steps = ((to - from).abs() / 44.0).clamp(2.0, 5.0);
        let step = round_step((high - low) / steps);
        Scale { low: (low / step).floor() * step, high: (high / step).ceil() * step, step, from, to }
    }

    /// The pixel of a value.
    pub fn at(&self, value: f64) -> f64 {
        self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    /// The values that the axis names.
    pub fn ticks(&self) -> Vec<f64> {
        let count = ((self.high - self.low) / self.step).round() as i64;
        (0..=count).map(|n| self.low + n as f64 * self.step).collect()
    }
}

/// The next of 1, 2, 2.5, 5 times a power of ten.
fn round_step(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    let digit = step / power;
    let round = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|r| digit <= *r + 1e-9).unwrap_or(10.0);
    round * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_is_round_and_holds_zero() {
        let scale = Scale::of([3.0, 187.0], 200.0, 0.0);
        assert_eq!(scale.ticks(), [0.0, 50.0, 100.0, 150.0, 200.0]);
        assert_eq!(scale.at(0.0), 200.0);
        assert_eq!(scale.at(200.0), 0.0);
        let below = Scale::of([-0.12, 0.05], 100.0, 0.0);
        assert!(below.ticks()[0] <= -0.12 && below.ticks().contains(&0.0));
        assert_eq!(Scale::of([], 100.0, 0.0).ticks().len(), 3);
    }
}
