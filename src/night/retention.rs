//! Raw answers that are older than the pipeline keeps them.

use crate::config::RawPolicy;
use crate::day::{Clock, Day};
use crate::error::Result;

use super::land::Place;

/// Deletes raw answers that were received more days ago than the policy keeps. The day stands in each object's name. The
/// tables stay: what they say can then no longer be rebuilt from what Graph said.
pub async fn apply(place: &Place, clock: Clock) -> Result<u64> {
    let RawPolicy::Days(days) = place.raw else { return Ok(0) };
    let oldest = clock.today().plus(-(days.min(100_000) as i32));
    let mut deleted = 0;
    for (key, _) in place.lake.list(&place.layout.raws()).await? {
        if received(&key).is_some_and(|day| day < oldest) {
            place.guard.check().await?;
            place.lake.delete(&key).await?;
            deleted += 1;
        }
    }
    Ok(deleted)
}

/// The day on which a raw answer was received, out of its name: `20261124T020000Z-…` or `import-20261124T…`.
fn received(key: &str) -> Option<Day> {
    let name = key.rsplit('/').next()?;
    let name = name.strip_prefix("import-").unwrap_or(name);
    let digits = name.get(..8).filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?;
    Day::new(digits[..4].parse().ok()?, digits[4..6].parse().ok()?, digits[6..].parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_stands_in_the_name() {
        let day: Day = "2026-11-24".parse().unwrap();
        let folder = "raw/tenant=a/report=b/date=2025-01-01";
        assert_eq!(received(&format!("{folder}/20261124T020304Z-abc.csv.zst")), Some(day));
        assert_eq!(received(&format!("{folder}/import-20261124T020304Z-abc-1.csv.zst")), Some(day));
        assert_eq!(received(&format!("{folder}/somebody-elses.csv")), None);
        assert_eq!(received(&format!("{folder}/99999999T.csv")), None);
    }
}
