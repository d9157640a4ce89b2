//! What a night asks of the directory: each list once a UTC day.

use serde::Serialize;

use super::{Request, Why, Wishes};
use crate::catalog::directory::Listing;
use crate::day::{Day, Window};
use crate::ledger::{Availability, Ledger, Status};

/// What one list of the directory is asked for.
#[derive(Debug, Clone, Serialize)]
pub struct ListingPlan {
    /// The list's name: that of its first table.
    #[serde(serialize_with = "name")]
    pub listing: &'static Listing,
    /// The request, where it is due. Its pages follow from the answer.
    #[serde(flatten)]
    pub request: Option<Request>,
}

fn name<S: serde::Serializer>(listing: &&'static Listing, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(listing.name())
}

/// Plans one list. What came today is not asked again; nor is a list that came on a later day, since its month may be
/// closed. What failed or was not permitted is.
pub fn listing(listing: &'static Listing, ledger: &Ledger, today: Day, wishes: Wishes) -> ListingPlan {
    let due = |why| Some(Request { window: Window::Present, why });
    let request = match ledger.standing.asked(Window::Present) {
        _ if wishes.from.is_some() || wishes.to.is_some() => None,
        Some(asked) if asked.on >= today => None,
        _ if ledger.get(Window::Present, today).is_some_and(|s| s.status == Status::Failed) => due(Why::Failed),
        Some(_) => due(Why::Due),
        None if ledger.standing.availability == Availability::NotPermitted => due(Why::WasRefused),
        None => due(Why::Missing),
    };
    ListingPlan { listing, request }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::directory::listings;
    use crate::ledger::Slice;

    fn why(ledger: &Ledger, today: &str) -> Option<Why> {
        let first = listings().next().unwrap();
        listing(first, ledger, today.parse().unwrap(), Wishes::default()).request.map(|r| r.window).map(|w| {
            assert_eq!(w, Window::Present);
            listing(first, ledger, today.parse().unwrap(), Wishes::default()).request.unwrap().why
        })
    }

    #[test]
    fn once_a_day_and_never_back_in_time() {
        let day = |text: &str| text.parse::<Day>().unwrap();
        let mut ledger = Ledger::empty("users");
        assert_eq!(why(&ledger, "2026-11-20"), Some(Why::Missing));
        ledger.standing.is(Availability::NotPermitted, day("2026-11-20"), None);
        assert_eq!(why(&ledger, "2026-11-20"), Some(Why::WasRefused));
        ledger.standing.answered(Window::Present, day("2026-11-20"), None);
        assert_eq!(why(&ledger, "2026-11-20"), None);
        assert_eq!(why(&ledger, "2026-11-21"), Some(Why::Due));
        assert_eq!(why(&ledger, "2026-10-31"), None, "a closed month is left alone");
        ledger.record(Slice::new(Window::Present, day("2026-11-21"), Status::Failed, "2026-11-21T01:00:00Z", "run"));
        assert_eq!(why(&ledger, "2026-11-21"), Some(Why::Failed));
        let only = Wishes { from: Some(day("2026-11-01")), ..Wishes::default() };
        let first = listings().next().unwrap();
        assert!(listing(first, &ledger, day("2026-11-22"), only).request.is_none(), "days were asked for");
    }
}
