//! `[marts]`, `[prices]` and `[[campaigns]]`: how the marts are built, and what only their owner can say.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::day::Day;
use crate::error::{Error, Kind, Result};

/// Memory of the SQL engine in MiB. What does not fit goes to temporary files; the whole program stays under 1 GiB.
pub const MEMORY_MIB: usize = 512;
/// Threads of the SQL engine.
pub const THREADS: usize = 2;
/// Less memory than this, and sorts cannot even spill.
const LEAST_MIB: usize = 64;

/// The smallest group of people that shared marts may tell of.
pub const MIN_GROUP_SIZE: u32 = 10;
/// Fewer people than this are no group to hide in; more, and nothing is left to show.
const GROUP_SIZES: std::ops::RangeInclusive<u32> = 3..=10_000;

/// `[privacy]` as it is written.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrivacyFile {
    /// The smallest group of people that `marts_shared/` may tell of. Default: 10. docs/disclosure.md has the method.
    #[serde(default)]
    pub min_group_size: Option<u32>,
}

/// `[marts]` as it is written.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MartsFile {
    /// Whether a night builds the marts after its publish. Default: true.
    #[serde(default)]
    pub build: Option<bool>,
    /// A folder with models of your own, `<model>.sql` and `<model>.toml`: they replace those of the same name.
    #[serde(default)]
    pub models: Option<PathBuf>,
    /// Memory for sorts, joins and groups in MiB. Default: 512. Beyond it they go to temporary files.
    #[serde(default)]
    pub memory_mib: Option<usize>,
    /// Threads that work side by side. Default: 2.
    #[serde(default)]
    pub threads: Option<usize>,
    /// The active rate that a product should reach, by product: `teams = 0.8`. Default: half of the best product's.
    #[serde(default)]
    pub targets: BTreeMap<String, f64>,
    /// Products of service plans that usagelake does not know, by the plan's name: `MYPLAN = "teams"`.
    #[serde(default)]
    pub plans: BTreeMap<String, String>,
    /// When a segment is worth a campaign.
    #[serde(default)]
    pub thresholds: Thresholds,
}

/// When a segment is worth a campaign, and of which kind. `docs/marts.md` says where each is used.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Thresholds {
    /// Enabled people that a segment needs to be judged.
    pub min_segment: i64,
    /// People that a campaign must be able to gain.
    pub min_people_to_gain: i64,
    /// The quantile of segments that others are measured by.
    pub quantile_high: f64,
    /// The quantile of segments under which little is done.
    pub quantile_low: f64,
    /// The part of the reference under which hardly anybody is active.
    pub half: f64,
    /// The fall of a rate that is a loss.
    pub drop: f64,
}

impl Default for Thresholds {
    fn default() -> Thresholds {
        Thresholds {
            min_segment: 20,
            min_people_to_gain: 3,
            quantile_high: 0.75,
            quantile_low: 0.25,
            half: 0.5,
            drop: 0.2,
        }
    }
}

/// What a licence costs.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// For one licence and month.
    pub month: f64,
    /// The currency by its code of ISO 4217: `EUR`. It stands beside every cost that is shown. Costs of several currencies are
    /// not added up.
    #[serde(default)]
    pub currency: Option<String>,
}

/// A campaign that was or will be run: who was reached, for which products, from when to when.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Campaign {
    /// Its name.
    pub name: String,
    /// The products that it is about: `teams`, `onedrive`.
    pub products: Vec<String>,
    /// The attribute that tells who was reached: `department`.
    pub attribute: String,
    /// The attribute's value: `Sales`.
    pub value: String,
    /// Its first day, `"2026-03-02"`.
    #[schemars(with = "String")]
    pub start: Day,
    /// Its last day.
    #[schemars(with = "String")]
    pub end: Day,
}

/// How the marts are built, checked and whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Marts {
    /// Whether a night builds them.
    pub build: bool,
    /// A folder with models.
    pub models: Option<PathBuf>,
    /// Memory in bytes.
    pub memory: usize,
    /// Threads.
    pub threads: usize,
    /// The smallest group of people that shared marts may tell of.
    pub min_group_size: u32,
    /// What only the owner of the lake can say.
    pub told: Told,
}

/// What the pipeline file tells the models.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Told {
    /// Target rates by product.
    pub targets: BTreeMap<String, f64>,
    /// Products by service plan.
    pub plans: BTreeMap<String, String>,
    /// Thresholds.
    pub thresholds: Thresholds,
    /// Prices by SKU part number.
    pub prices: BTreeMap<String, Price>,
    /// Campaigns.
    pub campaigns: Vec<Campaign>,
}

impl Default for Marts {
    fn default() -> Marts {
        Marts {
            build: true,
            models: None,
            memory: MEMORY_MIB << 20,
            threads: THREADS,
            min_group_size: MIN_GROUP_SIZE,
            told: Told::default(),
        }
    }
}

impl MartsFile {
    /// Checks it and makes it whole.
    pub(super) fn resolve(
        self,
        prices: BTreeMap<String, Price>,
        campaigns: Vec<Campaign>,
        privacy: &PrivacyFile,
    ) -> Result<Marts> {
        let wrong = |what: String| Error::new(Kind::Config, what);
        let memory = self.memory_mib.unwrap_or(MEMORY_MIB);
        if !(LEAST_MIB..=usize::MAX >> 20).contains(&memory) {
            return Err(wrong(format!("`memory_mib = {memory}` is too little or too much"))
                .hint(format!("give it {LEAST_MIB} or more")));
        }
        let min_group_size = privacy.min_group_size.unwrap_or(MIN_GROUP_SIZE);
        if !GROUP_SIZES.contains(&min_group_size) {
            let (least, most) = (GROUP_SIZES.start(), GROUP_SIZES.end());
            return Err(wrong(format!("`min_group_size = {min_group_size}` is too small or too large"))
                .hint(format!("give it {least} to {most} people")));
        }
        let mut names = std::collections::BTreeSet::new();
        for c in &campaigns {
            if c.end < c.start {
                return Err(wrong("a campaign ends before it starts".into()).with("campaign", &c.name));
            }
            if c.products.is_empty() {
                return Err(wrong("a campaign is about no product".into()).with("campaign", &c.name));
            }
            if !names.insert(&c.name) {
                return Err(wrong("two campaigns have one name".into()).with("campaign", &c.name));
            }
        }
        for (sku, price) in &prices {
            let Some(currency) = price.currency.as_deref().filter(|c| !is_currency(c)) else { continue };
            return Err(wrong(format!("`currency = \"{currency}\"` is no code of a currency"))
                .with("price", sku)
                .hint("write the three capital letters of ISO 4217: `EUR`, `USD`, `GBP`"));
        }
        let rate = |r: &f64| (0.0..=1.0).contains(r);
        if let Some((product, r)) = self.targets.iter().find(|(_, r)| !rate(r)) {
            return Err(wrong(format!("`{product} = {r}` is no rate")).hint("write a part of one: 0.8 for 80 %"));
        }
        let t = &self.thresholds;
        if ![t.quantile_high, t.quantile_low, t.half, t.drop].iter().all(rate) {
            return Err(wrong("a threshold of `[marts.thresholds]` is no part of one".into()));
        }
        let told = Told { targets: self.targets, plans: self.plans, thresholds: self.thresholds, prices, campaigns };
        let threads = self.threads.unwrap_or(THREADS).clamp(1, 256);
        let (build, models) = (self.build.unwrap_or(true), self.models);
        Ok(Marts { build, models, memory: memory << 20, threads, min_group_size, told })
    }
}

/// Whether a text is written as ISO 4217 writes the codes of currencies.
fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::super::File;
    use super::*;

    const FULL: &str = r#"
        [marts]
        memory_mib = 256
        targets = { teams = 0.8 }
        [marts.thresholds]
        min_segment = 10
        [privacy]
        min_group_size = 12
        [prices]
        SPE_E5 = { month = 54.8, currency = "EUR" }
        [[campaigns]]
        name = "chat"
        products = ["teams"]
        attribute = "department"
        value = "Sales"
        start = "2026-03-02"
        end = "2026-03-29"
    "#;

    #[test]
    fn what_is_not_written_has_its_default() {
        let marts = File::parse("").unwrap().marts().unwrap();
        assert_eq!(marts, Marts::default());
        let marts = File::parse(FULL).unwrap().marts().unwrap();
        assert_eq!((marts.memory, marts.threads, marts.build), (256 << 20, 2, true));
        assert_eq!(marts.min_group_size, 12);
        assert_eq!(marts.told.thresholds, Thresholds { min_segment: 10, ..Thresholds::default() });
        assert_eq!(marts.told.campaigns[0].end.to_string(), "2026-03-29");
    }

    #[test]
    fn nonsense_is_refused() {
        for (from, to) in [
            ("0.8", "80"),
            ("2026-03-29", "2026-03-01"),
            ("[\"teams\"]", "[]"),
            ("256", "1"),
            ("size = 12", "size = 2"),
        ] {
            let e = File::parse(&FULL.replace(from, to)).unwrap().marts().unwrap_err();
            assert_eq!(e.kind(), Kind::Config, "{to}");
        }
        for (text, to) in [("EUR", "€"), ("EUR", "eur"), ("EUR", "EURO"), ("EUR", "")] {
            let e = File::parse(&FULL.replace(text, to)).unwrap().marts().unwrap_err();
            assert_eq!(e.to_string(), format!("`currency = \"{to}\"` is no code of a currency (price `SPE_E5`)"));
            assert!(e.hint_text().unwrap().contains("ISO 4217"));
        }
        let e = File::parse(&FULL.replace("targets", "target")).unwrap_err();
        assert_eq!(e.hint_text(), Some("the nearest known key to `target` is `targets`"));
    }
}
