//! Chance without memory: every number of the history is a hash of what it is about.
//!
//! The same (seed, person, day, subject) always throws the same, in any order and on any machine, so nothing has to be
//! kept or walked through. It must never read a clock or a counter.

/// A source of throws, all derived from one seed.
#[derive(Debug, Clone, Copy)]
pub struct Dice(u64);

const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finaliser of splitmix64: every input bit reaches every output bit.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Dice {
    /// The dice of a tenant.
    pub fn new(seed: u64) -> Dice {
        Dice(mix(seed.wrapping_add(ODD)))
    }

    /// Dice for one subject (a word that names what is thrown for).
    pub fn subject(self, word: &str) -> Dice {
        Dice(word.bytes().fold(self.0, |h, b| mix(h.wrapping_add(u64::from(b)).wrapping_mul(ODD))))
    }

    /// 64 random bits for a pair of numbers.
    pub fn bits(self, a: u64, b: u64) -> u64 {
        mix(self.0 ^ mix(a.wrapping_mul(ODD) ^ b.wrapping_mul(0xd6e8_feb8_6659_fd93)))
    }

    /// A number from 0 (included) to 1 (excluded).
    pub fn unit(self, a: u64, b: u64) -> f32 {
        unit(self.bits(a, b))
    }

    /// Whether something of probability `p` happens.
    pub fn chance(self, a: u64, b: u64, p: f32) -> bool {
        self.unit(a, b) < p
    }

    /// A number below `n` (0 where `n` is 0).
    pub fn below(self, a: u64, b: u64, n: u32) -> u32 {
        ((u64::from((self.bits(a, b) >> 32) as u32) * u64::from(n)) >> 32) as u32
    }

    /// The position of one of `weights`, each as likely as it is heavy.
    pub fn weighted(self, a: u64, b: u64, weights: impl Iterator<Item = u32> + Clone) -> usize {
        let total: u32 = weights.clone().sum();
        let mut at = self.below(a, b, total);
        for (i, w) in weights.enumerate() {
            if at < w {
                return i;
            }
            at -= w;
        }
        0
    }

    /// A GUID of version 4.
    pub fn guid(self, a: u64, b: u64) -> String {
        let high = self.bits(a, b);
        let low = mix(high ^ ODD);
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            0x8000 | (low >> 48) & 0x3fff,
            low & 0xffff_ffff_ffff
        )
    }
}

/// The n-th throw that follows from one.
pub fn nth(bits: u64, n: u64) -> u64 {
    mix(bits ^ (n + 1).wrapping_mul(ODD))
}

/// The upper bits of a throw as a number from 0 to 1.
pub fn unit(bits: u64) -> f32 {
    (bits >> 40) as f32 * (1.0 / 16_777_216.0)
}

/// A count whose mean is `mean`: between a quarter of it and seven quarters, the fraction decided by chance.
pub fn around(bits: u64, mean: f32) -> u32 {
    let x = mean * (0.25 + 1.5 * unit(bits));
    let whole = x as u32;
    whole + u32::from(unit(bits << 24) < x - whole as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throws_repeat_and_differ() {
        let d = Dice::new(7).subject("send");
        assert_eq!(d.bits(1, 2), Dice::new(7).subject("send").bits(1, 2));
        assert_ne!(d.bits(1, 2), d.bits(2, 1));
        assert_ne!(d.bits(1, 2), Dice::new(8).subject("send").bits(1, 2));
        assert_eq!(d.guid(1, 1).len(), 36);
    }

    #[test]
    fn means_and_weights_are_met() {
        let d = Dice::new(1);
        for mean in [0.1_f32, 2.5, 40.0] {
            let sum: u32 = (0..20_000).map(|i| around(d.bits(i, 0), mean)).sum();
            let got = sum as f32 / 20_000.0;
            assert!((got - mean).abs() < mean * 0.08, "{mean}: {got}");
        }
        let heavy = (0..10_000).filter(|i| d.weighted(*i, 1, [1, 3].into_iter()) == 1).count();
        assert!((7_300..7_700).contains(&heavy), "{heavy}");
    }
}
