//! Raw answers that are older than the pipeline keeps them.

use crate::config::RawPolicy;
use crate::day::Clock;
use crate::error::Result;

use super::land::Place;

/// Deletes raw answers that were received more days ago than the policy keeps. The day stands in each object's name. The
/// tables stay: what they say can then no longer be rebuilt from what Graph said.
pub async fn apply(place: &Place, clock: Clock) -> Result<u64> {
    let RawPolicy::Days(days) = place.raw else { return Ok(0) };
    let oldest = clock.today().plus(-(days.min(100_000) as i32));
    let mut deleted = 0;
    for (key, _) in place.lake.list(&place.layout.raws()).await? {
        if place.layout.received(&key).is_some_and(|day| day < oldest) {
            place.lake.delete(&key, &place.guard).await?;
            deleted += 1;
        }
    }
    Ok(deleted)
}
