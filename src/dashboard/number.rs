//! Numbers as a reader sees them, by the format strings of the semantic model.

/// How a measure's numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number {
    decimals: usize,
    percent: bool,
    thousands: bool,
    signed: bool,
}

impl Number {
    /// By a format string: `#,0`, `0.0 %`, `#,0.00`.
    pub fn of(format: &str) -> Number {
        let positive = format.split(';').next().unwrap_or_default();
        let decimals =
            positive.split_once('.').map_or(0, |(_, d)| d.chars().take_while(|c| matches!(c, '0' | '#')).count());
        Number {
            decimals,
            percent: positive.contains('%'),
            thousands: positive.contains(','),
            signed: positive.starts_with('+'),
        }
    }

    /// The number as text.
    pub fn text(&self, n: f64) -> String {
        let n = if self.percent { n * 100.0 } else { n };
        let text = format!("{:.*}", self.decimals, n.abs());
        let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
        let mut out = String::new();
        for (i, digit) in whole.chars().enumerate() {
            if self.thousands && i > 0 && (whole.len() - i).is_multiple_of(3) {
                out.push(',');
            }
            out.push(digit);
        }
        if !rest.is_empty() {
            out = format!("{out}.{rest}");
        }
        let is_zero = !out.chars().any(|c| matches!(c, '1'..='9'));
        let sign = match n {
            _ if is_zero => "",
            n if n < 0.0 => "−",
            _ if self.signed => "+",
            _ => "",
        };
        format!("{sign}{out}{}", if self.percent { "%" } else { "" })
    }

    /// The number where there is little room: 12.3K, 4M.
    pub fn short(&self, n: f64) -> String {
        if self.percent {
            return Number { decimals: 0, ..*self }.text(n);
        }
        for (unit, size) in [("B", 1e9), ("M", 1e6), ("K", 1e3)] {
            if n.abs() >= size * 10.0 || (n.abs() >= size && n % size == 0.0) {
                // What would be written as 100.0 is 100.
                let decimals = usize::from((n.abs() / size * 10.0).round() < 1000.0 && n % size != 0.0);
                return format!("{}{unit}", Number { decimals, ..*self }.text(n / size));
            }
        }
        let decimals = if n.fract() == 0.0 { 0 } else { self.decimals.clamp(1, 2) };
        Number { decimals, thousands: true, ..*self }.text(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_model_says() {
        for (format, n, text) in [
            ("#,0", 1234567.4, "1,234,567"),
            ("#,0", -12.0, "−12"),
            ("0.0 %", 0.4567, "45.7%"),
            ("+0.0%;-0.0%;0.0%", -0.031, "−3.1%"),
            ("+#,0;-#,0;0", 31.0, "+31"),
            ("#,0.00", 999.999, "1,000.00"),
            ("0", 1234.0, "1234"),
            ("#,0", -0.2, "0"),
        ] {
            assert_eq!(Number::of(format).text(n), text, "{format} {n}");
        }
        assert_eq!(Number::of("#,0").short(12_345.0), "12.3K");
        assert_eq!(Number::of("#,0").short(99_960.0), "100K");
        assert_eq!(Number::of("#,0").short(99_940.0), "99.9K");
        assert_eq!(Number::of("#,0").short(2_000_000.0), "2M");
        assert_eq!(Number::of("0.0 %").short(0.25), "25%");
        assert_eq!(Number::of("#,0").short(950.0), "950");
    }
}
