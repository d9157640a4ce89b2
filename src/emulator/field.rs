//! Cells about tenant, person, mailbox, account, activation and API: what their fields are called and where they come from.

use super::acts::Act;
use super::cell::Value;
use super::dice::around;
use super::page::{Entity, Line, Page};
use super::product::Product;
use super::skus::Activation;
use super::storage::Mailbox;
use super::words::Thing;

/// What the tenant calls itself.
pub const TENANT: &str = "CONTOSO";

impl Page<'_> {
    /// The cell of a field; none where such a row has no such field.
    pub(super) fn field(&self, line: &Line, thing: Thing, field: &str) -> Option<Value> {
        match thing {
            Thing::Tenant => match field {
                "name" => Some(Value::Text(TENANT.to_owned())),
                "id" => Some(Value::Text(self.view.history.tenant_id.clone())),
                _ => None,
            },
            Thing::Person => self.person_field(line, field),
            Thing::Mailbox => match self.person_index(line) {
                Some(p) => {
                    let mailbox = self.view.history.mailbox(p, self.extent.refresh);
                    mailbox.map_or(Some(Value::Blank), |m| mailbox_field(&m, field))
                }
                None => self.all_mailboxes(line, field),
            },
            Thing::Account => match self.person_index(line) {
                Some(p) => self.account_field(p, field),
                None => self.all_accounts(line, field),
            },
            Thing::Activation => match line.entity {
                Entity::Activation(p, a) => self.activation_field(p, a, field),
                Entity::Product(a) => self.all_activations(a, field),
                Entity::Person(p) if field == "last" => {
                    let day = self.extent.refresh;
                    Some(Value::date(self.view.history.activated(p, Activation::Office, day).map(|a| a.last)))
                }
                _ => None,
            },
            Thing::Api => self.api_field(line, field),
        }
    }

    fn person_field(&self, line: &Line, field: &str) -> Option<Value> {
        let (p, day) = (self.person(line)?, self.extent.refresh);
        Some(match field {
            "upn" => Value::Text(p.identity(day).upn.clone()),
            "name" => Value::Text(p.identity(day).display_name.clone()),
            "id" => Value::Text(p.id.clone()),
            "deleted" => Value::Bool(p.deleted(day)),
            "deleted_on" => Value::date(p.left.filter(|_| p.deleted(day))),
            "products" => Value::text(p.products(day)),
            "yammer_state" => Value::Text(if p.deleted(day) { "Deleted" } else { "Active" }.to_owned()),
            "yammer_state_since" => {
                let left = p.left.filter(|_| p.deleted(day));
                Value::date(left.or_else(|| p.enabled_since(Product::Yammer, day)))
            }
            _ => return None,
        })
    }

    fn all_mailboxes(&self, line: &Line, field: &str) -> Option<Value> {
        if !matches!(line.entity, Entity::Day(_) | Entity::Window) {
            return None;
        }
        let all = self.mailboxes(line);
        Some(Value::Int(match field {
            "total" => all.total,
            "active" => all.active,
            "bytes" => all.bytes,
            "under" => all.fullness[0],
            "warned" => all.fullness[1],
            "cannot_send" => all.fullness[2],
            "stopped" => all.fullness[3],
            "indeterminate" => 0,
            _ => return None,
        }))
    }

    fn account_field(&self, person: usize, field: &str) -> Option<Value> {
        let h = self.view.history;
        let Some(account) = h.account(person, self.extent.refresh) else { return Some(Value::Blank) };
        Some(match field {
            "site_id" => Value::Text(h.account_site(person)),
            // Graph has left the address out since autumn 2023.
            "url" => Value::Blank,
            "files" => Value::Int(account.files),
            "active_files" => {
                Value::Int(self.active_files(person, self.extent.from, self.extent.to).min(account.files))
            }
            "bytes" => Value::Int(account.bytes),
            "allocated" => Value::Int(account.allocated),
            _ => return None,
        })
    }

    fn all_accounts(&self, line: &Line, field: &str) -> Option<Value> {
        if !matches!(line.entity, Entity::Day(_) | Entity::Window) {
            return None;
        }
        let all = self.accounts(line);
        Some(Value::Int(match field {
            "total" => all.total,
            "active" => all.active,
            "files" => all.files,
            "active_files" => all.active_files,
            "bytes" => all.bytes,
            _ => return None,
        }))
    }

    fn activation_field(&self, person: usize, activation: Activation, field: &str) -> Option<Value> {
        let state = self.view.history.activated(person, activation, self.extent.refresh);
        Some(match field {
            "type" => Value::Text(activation.product_type().to_owned()),
            "last" => Value::date(state.map(|s| s.last)),
            "windows" => Value::Int(state.map_or(0, |s| s.windows)),
            "mac" => Value::Int(state.map_or(0, |s| s.mac)),
            "ios" => Value::Int(state.map_or(0, |s| s.ios)),
            "android" => Value::Int(state.map_or(0, |s| s.android)),
            "shared" => Value::Bool(state.is_some_and(|s| s.shared)),
            _ => return None,
        })
    }

    fn all_activations(&self, activation: Activation, field: &str) -> Option<Value> {
        let (h, day) = (self.view.history, self.extent.refresh);
        if field == "type" {
            return Some(Value::Text(activation.product_type().to_owned()));
        }
        let holders: Vec<usize> = (0..h.members)
            .filter(|p| h.people[*p].present(day) && h.people[*p].may_activate(activation, day).is_some())
            .collect();
        let states = holders.iter().filter_map(|p| h.activated(*p, activation, day));
        Some(Value::Int(match field {
            "assigned" => holders.len() as u64,
            "activated" => states.count() as u64,
            "windows" => states.map(|s| s.windows).sum(),
            "mac" => states.map(|s| s.mac).sum(),
            "ios" => states.map(|s| s.ios).sum(),
            "android" => states.map(|s| s.android).sum(),
            "shared" => states.filter(|s| s.shared).count() as u64,
            _ => return None,
        }))
    }

    /// Calls are thrown by app and day, and follow how much the sites were used.
    fn api_field(&self, line: &Line, field: &str) -> Option<Value> {
        let Entity::Api(slot, app) = line.entity else { return None };
        let h = self.view.history;
        let requests = |app: usize| {
            let used: u64 = self.view.counted(false).map(|p| self.view.sum(p, Act::SiteViewed, slot, slot)).sum();
            let mean = 40.0 + used as f32 * (2.0 + app as f32);
            u64::from(around(h.dice.storage.bits(app as u64 | 7 << 40, slot as u64), mean))
        };
        let of = |f: &dyn Fn(usize) -> u64| match app {
            Some(app) => f(app),
            None => (0..super::page::API_APPS).map(f).sum(),
        };
        Some(match field {
            "time" => Value::Time(h.day(slot)),
            "area" => Value::Text("OneDrive and SharePoint".to_owned()),
            "app" => app.map_or(Value::Blank, |a| Value::Text(h.dice.storage.guid(a as u64, 8))),
            "mb" => Value::Int(of(&|a| requests(a) * 7 + 12)),
            "requests" => Value::Int(of(&requests)),
            "throttled" => Value::Int(of(&|a| requests(a) / 90)),
            "apps" => app.map_or(Value::Int(super::page::API_APPS as u64), |_| Value::Blank),
            _ => return None,
        })
    }
}

fn mailbox_field(mailbox: &Mailbox, field: &str) -> Option<Value> {
    Some(match field {
        "created" => Value::Date(mailbox.created),
        "items" => Value::Int(mailbox.items),
        "bytes" => Value::Int(mailbox.bytes),
        "warn_at" => Value::Int(mailbox.warn_at),
        "stop_sending_at" => Value::Int(mailbox.stop_sending_at),
        "stop_at" => Value::Int(mailbox.stop_at),
        "deleted_items" => Value::Int(mailbox.deleted_items),
        "deleted_bytes" => Value::Int(mailbox.deleted_bytes),
        "deleted_quota" => Value::Int(mailbox.deleted_quota),
        "archive" => Value::Bool(mailbox.archive),
        _ => return None,
    })
}
