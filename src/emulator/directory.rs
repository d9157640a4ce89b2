//! Users, groups, licences and settings of the tenant on the emulator's day.
//!
//! Only what a reader of usage needs: `$select`, `$top`, `$expand=manager`, paging by `@odata.nextLink`. Any other option
//! is refused, as Graph refuses what it does not support.

use std::collections::HashMap;

use axum::body::Body;
use axum::http::Response;
use serde_json::{Map, Value as Json, json};

use super::faults::Leg;
use super::people::{DOMAIN, ONMICROSOFT, manager};
use super::person::Person;
use super::problem::{Problem, json_answer};
use super::reports::status;
use super::service::Service;
use super::skus::{Plan, SKUS, sku};
use super::workspaces::Workspace;
use crate::day::Day;

/// Elements on a page where no number is asked for, and at most.
const PAGE: (usize, usize) = (100, 999);

/// What /users shows without `$select`.
const DEFAULT: [&str; 11] = [
    "businessPhones",
    "displayName",
    "givenName",
    "id",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
];

/// Answers a directory call; none where the path is not of the directory.
pub fn answer(
    service: &Service,
    version: &str,
    path: &[&str],
    query: &HashMap<String, String>,
) -> Option<Result<Response<Body>, Problem>> {
    let collection = match path {
        ["admin", "reportSettings"] => "reportSettings",
        ["directory", "deletedItems", "microsoft.graph.user"] => "deletedItems",
        ["users" | "groups" | "organization" | "subscribedSkus"] => path[0],
        ["users", _] | ["users", _, "manager"] => "users",
        _ => return None,
    };
    let fault = service.meet(collection, "present", Some(Leg::Directory)).into_iter().next();
    if let Some(fault) = fault {
        return Some(Ok(match fault {
            super::faults::Fault::Status { code, retry_after } => status(service, code, retry_after.as_deref()),
            super::faults::Fault::Permission {} => {
                let text = "Insufficient privileges to complete the operation.";
                return Some(Err(Problem::new(403, "Authorization_RequestDenied", text)));
            }
            other => super::body::deliver(service, b"{}".to_vec(), "application/json", vec![other]),
        }));
    }
    let with = Directory { service, version, today: service.today(), query };
    Some(match path {
        ["admin", "reportSettings"] => Ok(json_answer(
            200,
            &json!({
                "@odata.context": format!("{}/{version}/$metadata#admin/reportSettings/$entity", service.graph_url),
                "displayConcealedNames": service.concealed(),
            }),
        )),
        ["users"] => with.users(|p, day| p.present(day)),
        ["directory", ..] => with.users(|p, day| p.deleted(day) && p.left.is_some_and(|l| day.since(l) < 30)),
        ["users", id] => with.user(id),
        ["users", id, _] => with.manager(id),
        ["groups"] => with.groups(),
        ["organization"] => with.page("organization", 1, |_| with.organization()),
        _ => with.page("subscribedSkus", SKUS.len(), |n| with.sku(n)),
    })
}

struct Directory<'a> {
    service: &'a Service,
    version: &'a str,
    today: Day,
    query: &'a HashMap<String, String>,
}

impl Directory<'_> {
    /// The page that is asked for, of so many elements. Only those on it are described.
    fn page(&self, collection: &str, all: usize, element: impl Fn(usize) -> Json) -> Result<Response<Body>, Problem> {
        let known = ["$select", "$top", "$skiptoken", "$expand", "$count", "$orderby"];
        if let Some(other) =
            self.query.keys().find(|k| k.starts_with('$') && !known.contains(&k.to_lowercase().as_str()))
        {
            return Err(Problem::new(
                400,
                "Request_UnsupportedQuery",
                format!("The query option '{other}' is not supported."),
            ));
        }
        let top = match self.query.get("$top") {
            None => PAGE.0,
            Some(top) => top.parse().ok().filter(|n| (1..=PAGE.1).contains(n)).ok_or_else(|| {
                Problem::new(
                    400,
                    "Request_UnsupportedQuery",
                    format!("Invalid page size specified: '{top}'. Must be between 1 and 999 inclusive."),
                )
            })?,
        };
        let skip = self.query.iter().find(|(k, _)| k.eq_ignore_ascii_case("$skiptoken"));
        let skip: usize = match skip {
            None => 0,
            Some((_, token)) => token.strip_prefix("RFNwdAIAAQ").and_then(|n| n.parse().ok()).ok_or_else(|| {
                Problem::new(
                    400,
                    "Directory_ExpiredPageToken",
                    "The specified page token value has expired and can no longer be included in your request.",
                )
            })?,
        };
        let base = format!("{}/{}", self.service.graph_url, self.version);
        let end = all.min(skip.saturating_add(top));
        let page: Vec<Json> = (skip..end).map(|n| self.select(&element(n))).collect();
        let mut body = json!({"@odata.context": format!("{base}/$metadata#{collection}")});
        if all > end {
            let mut options: Vec<String> = self
                .query
                .iter()
                .filter(|(k, _)| !k.eq_ignore_ascii_case("$skiptoken"))
                .map(|(k, v)| format!("{k}={v}"))
                .collect();
            options.sort();
            options.push(format!("$skiptoken=RFNwdAIAAQ{end}"));
            body["@odata.nextLink"] = json!(format!("{base}/{collection}?{}", options.join("&")));
        }
        body["value"] = Json::Array(page);
        Ok(json_answer(200, &body))
    }

    /// Keeps the properties that `$select` names, the default ones without it.
    fn select(&self, element: &Json) -> Json {
        let Json::Object(all) = element else { return element.clone() };
        let wanted = self.query.get("$select").map(|s| s.split(',').map(str::trim).collect::<Vec<_>>());
        let keep = |name: &String| match &wanted {
            Some(wanted) => wanted.iter().any(|w| w.eq_ignore_ascii_case(name)) || name == "manager",
            None => !all.contains_key("userPrincipalName") || DEFAULT.contains(&name.as_str()) || name == "manager",
        };
        Json::Object(all.iter().filter(|(k, _)| keep(k)).map(|(k, v)| (k.clone(), v.clone())).collect())
    }

    fn users(&self, which: impl Fn(&Person, Day) -> bool) -> Result<Response<Body>, Problem> {
        let people = &self.service.history.people;
        let found: Vec<usize> = (0..people.len()).filter(|p| which(&people[*p], self.today)).collect();
        let expand = self.query.get("$expand").is_some_and(|e| e.starts_with("manager"));
        self.page("users", found.len(), |n| {
            let mut user = self.describe(found[n]);
            if let (true, Some(boss), Json::Object(user)) = (expand, self.boss(found[n]), &mut user) {
                let all = [("@odata.type", json!("#microsoft.graph.directoryObject")), ("id", json!(people[boss].id))];
                user.insert("manager".to_owned(), Json::Object(Map::from_iter(all.map(|(k, v)| (k.to_owned(), v)))));
            }
            user
        })
    }

    fn boss(&self, person: usize) -> Option<usize> {
        manager(&self.service.history.people, person as u32, self.today).map(|b| b as usize)
    }

    fn find(&self, id: &str) -> Result<usize, Problem> {
        let people = &self.service.history.people;
        let same = |p: &Person| p.id == id || p.identity(self.today).upn.eq_ignore_ascii_case(id);
        people.iter().position(|p| p.present(self.today) && same(p)).ok_or_else(|| {
            let text = format!(
                "Resource '{id}' does not exist or one of its queried reference-property objects are not present."
            );
            Problem::new(404, "Request_ResourceNotFound", text)
        })
    }

    fn user(&self, id: &str) -> Result<Response<Body>, Problem> {
        Ok(json_answer(200, &self.select(&self.describe(self.find(id)?))))
    }

    fn manager(&self, id: &str) -> Result<Response<Body>, Problem> {
        let boss = self.boss(self.find(id)?).ok_or_else(|| {
            Problem::new(
                404,
                "Request_ResourceNotFound",
                "Resource 'manager' does not exist or one of its queried reference-property objects are not present.",
            )
        })?;
        let mut user = self.select(&self.describe(boss));
        user["@odata.type"] = json!("#microsoft.graph.user");
        Ok(json_answer(200, &user))
    }

    fn describe(&self, person: usize) -> Json {
        let (p, day) = (&self.service.history.people[person], self.today);
        let (identity, (city, state, office)) = (p.identity(day), p.place());
        let stamp = |d: Day| format!("{d}T08:00:00Z");
        let mut addresses = vec![format!("SMTP:{}", identity.upn)];
        if p.renamed.as_ref().is_some_and(|(from, _)| *from <= day) {
            addresses.push(format!("smtp:{}", p.identity.upn));
        }
        let licences: Vec<Json> =
            p.licences(day).map(|a| json!({"disabledPlans": [], "skuId": sku(a.sku).id})).collect();
        let plans = p.licences(day).flat_map(|a| {
            sku(a.sku).plans.iter().map(move |plan| {
                json!({
                    "assignedDateTime": stamp(a.from),
                    "capabilityStatus": "Enabled",
                    "service": plan.service,
                    "servicePlanId": plan.id,
                })
            })
        });
        let guest = p.guest();
        let member = |text: &str| if guest { Json::Null } else { json!(text) };
        json!({
            "id": p.id,
            "userPrincipalName": identity.upn,
            "displayName": identity.display_name,
            "givenName": p.given.0,
            "surname": identity.surname,
            "mail": if guest { json!(identity.upn.split("#EXT#").next().unwrap_or_default().replace('_', "@")) } else { json!(identity.upn) },
            "proxyAddresses": if guest { json!([]) } else { json!(addresses) },
            "businessPhones": [],
            "mobilePhone": Json::Null,
            "preferredLanguage": Json::Null,
            "department": member(p.department_name(day)),
            "jobTitle": member(p.title(day)),
            "companyName": member(p.country().company),
            "officeLocation": member(office),
            "city": member(city),
            "state": member(state),
            "country": member(p.country().name),
            "usageLocation": member(p.country().code),
            "employeeId": member(&p.employee_id),
            "employeeType": member(p.employment.name()),
            "userType": if guest { "Guest" } else { "Member" },
            "accountEnabled": p.present(day),
            "createdDateTime": stamp(p.joined),
            "deletedDateTime": p.left.filter(|_| p.deleted(day)).map(stamp),
            "assignedLicenses": licences,
            "assignedPlans": plans.collect::<Vec<_>>(),
        })
    }

    fn groups(&self) -> Result<Response<Body>, Problem> {
        let alive = |w: &&Workspace| w.group() && w.alive(self.today);
        let groups: Vec<&Workspace> = self.service.history.workspaces.iter().filter(alive).collect();
        self.page("groups", groups.len(), |n| {
            let w = groups[n];
            json!({
                "id": w.group_id,
                "displayName": w.name,
                "mail": format!("{}@{DOMAIN}", w.alias),
                "mailNickname": w.alias,
                "groupTypes": ["Unified"],
                "visibility": if w.private { "Private" } else { "Public" },
                "resourceProvisioningOptions": if w.team { json!(["Team"]) } else { json!([]) },
                "createdDateTime": format!("{}T08:00:00Z", w.created),
                "mailEnabled": true,
                "securityEnabled": false,
            })
        })
    }

    fn organization(&self) -> Json {
        json!({
            "id": self.service.history.tenant_id,
            "displayName": "Contoso",
            "countryLetterCode": "US",
            "tenantType": "AAD",
            "createdDateTime": "2014-03-01T08:00:00Z",
            "verifiedDomains": [
                {"name": DOMAIN, "type": "Managed", "isDefault": true, "isInitial": false},
                {"name": ONMICROSOFT, "type": "Managed", "isDefault": false, "isInitial": true},
            ],
        })
    }

    fn sku(&self, n: usize) -> Json {
        let (tenant, s) = (&self.service.history.tenant_id, &SKUS[n]);
        let seat = self.service.history.seats.on(n as u8, self.today);
        let plan = |p: &&Plan| {
            json!({
                "servicePlanId": p.id,
                "servicePlanName": p.name,
                "provisioningStatus": "Success",
                "appliesTo": "User",
            })
        };
        json!({
            "id": format!("{tenant}_{}", s.id),
            "accountId": tenant,
            "accountName": "contoso",
            "appliesTo": "User",
            "capabilityStatus": "Enabled",
            "skuId": s.id,
            "skuPartNumber": s.part_number,
            "consumedUnits": seat.assigned,
            "prepaidUnits": {"enabled": seat.enabled, "suspended": 0, "warning": seat.warning, "lockedOut": 0},
            "servicePlans": s.plans.iter().map(plan).collect::<Vec<_>>(),
            "subscriptionIds": [],
        })
    }
}
