//! Which tables of a dataset have to be read again after a night.

use super::files::REREAD_MONTHS;
use super::resolve::Model;
use super::table::Content;
use crate::day::Day;
use crate::graph::Stale;
use crate::marts::ModelRecord;
use crate::marts::shared_of;
use crate::powerbi::Audience;

impl Model {
    /// The tables over marts of which a night has put something, each whole where a month was among it that the refresh
    /// policy does not read again.
    pub fn stale(&self, audience: Audience, built: &[ModelRecord], today: Day) -> Vec<Stale> {
        let first = reread_from(today);
        let mart_of = |m: &ModelRecord| match audience {
            Audience::People => Some(m.model.clone()).filter(|name| shared_of(name).is_none()),
            Audience::Shared => shared_of(&m.model).map(str::to_string),
        };
        let put: Vec<(String, bool)> = built
            .iter()
            .filter(|m| m.published > 0)
            .filter_map(|m| Some((mart_of(m)?, m.months.iter().any(|month| *month < first))))
            .collect();
        let stale = self.tables.iter().filter_map(|table| {
            let Content::Mart { mart, .. } = &table.content else { return None };
            let (_, whole) = put.iter().find(|(name, _)| name == mart)?;
            Some(Stale { table: table.name.clone(), whole: *whole })
        });
        stale.collect()
    }
}

/// The first month that the refresh policy reads again.
fn reread_from(today: Day) -> Day {
    (1..REREAD_MONTHS).fold(today.month(), |month, _| month.plus(-1).month())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marts::Models;
    use crate::powerbi::Definitions;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn record(model: &str, published: u64, months: &[&str]) -> ModelRecord {
        let months = months.iter().map(|m| day(m)).collect();
        ModelRecord { model: model.into(), published, months, ..ModelRecord::default() }
    }

    fn stale(audience: Audience, built: &[ModelRecord]) -> Vec<(String, bool)> {
        let model = Model::of(&Definitions::load().unwrap(), &Models::load(None).unwrap(), audience, &[]).unwrap();
        model.stale(audience, built, day("2026-02-10")).into_iter().map(|s| (s.table, s.whole)).collect()
    }

    #[test]
    fn what_changed_is_stale_and_whole_where_the_policy_does_not_reach() {
        let built = [
            record("adoption_by_group", 2, &["2026-01-01", "2025-11-01"]),
            record("tenant_mailbox_usage", 1, &["2025-10-01"]),
            record("tenant_groups_usage", 0, &[]),
            record("calendar", 1, &[]),
            record("user_state", 1, &["2026-02-01"]),
            record("person_product", 1, &["2026-02-01"]),
            record("shared_tenant_groups_usage", 1, &["2026-02-01"]),
        ];
        let table = |name: &str, whole: bool| (name.to_string(), whole);
        let people = stale(Audience::People, &built);
        assert_eq!(
            people,
            [
                table("Calendar", false),
                table("Adoption", false),
                table("Mailboxes", true),
                table("People by month", false)
            ]
        );
        // A dataset of the shared project has tables of its own, over other objects.
        assert_eq!(stale(Audience::Shared, &built), [table("Groups", false)]);
    }

    #[test]
    fn a_year_does_not_end_the_months_that_are_read_again() {
        assert_eq!(reread_from(day("2026-02-10")), day("2025-11-01"));
    }
}
