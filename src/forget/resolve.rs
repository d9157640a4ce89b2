//! From what somebody names to all names of that person that the lake knows: the directory's id, every address that was ever
//! seen with it, the OneDrive, the display name.
//!
//! An address leads to a person, and to the person's other addresses only through the id: addresses are given to others, ids are
//! not. Of an address that others had too, the days are kept on which it was the person's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, Field, Schema, SchemaRef};

use super::mark::{Kind, Mark, Name, marks};
use super::parquet::some_columns;
use crate::catalog::directory::{self, Role};
use crate::catalog::{self, Who, legacy};
use crate::day::Day;
use crate::error::{Error, Kind as Wrong, Result};
use crate::lake::{Lake, Layout};
use crate::marts::{Column, Models, Whom};

/// Somebody who is to be forgotten.
#[derive(Debug, Clone, Default)]
pub struct Person {
    /// All names that are known, with the days on which they are the person's.
    pub marks: Vec<Mark>,
    /// Whether the directory knows the person.
    pub in_directory: bool,
    /// Whether somebody else has the same display name, which then says nothing.
    pub namesake: bool,
}

/// A table or model in which a row has several names of one person.
struct Link {
    folder: String,
    columns: Vec<(String, Who)>,
    /// Columns of ids that are no GUIDs: the retired app had its own.
    ids: Vec<String>,
    /// The columns of the days on which an address was seen.
    seen: Option<(String, String)>,
    source: Source,
}

/// What a link is found in, in the order in which it is asked whose an address is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Directory,
    Report,
    /// A model knows people whose tables retention has taken; it never says whose an address is by now.
    Model,
}

/// A row of such a table.
struct Linked {
    id: Option<String>,
    names: Vec<Name>,
    day: Option<Day>,
    seen: Option<(Day, Day)>,
}

/// The tables and models that say which names belong together, those of the directory first.
fn links(layout: &Layout, models: &Models) -> Vec<Link> {
    let folder = |table: &str| format!("tables/{table}/tenant={}", layout.tenant());
    let named = |columns: Vec<(String, Option<Who>)>| -> Vec<(String, Who)> {
        let own = columns.into_iter().filter_map(|(name, who)| Some((name, who.filter(|w| *w != Who::Other)?)));
        own.collect()
    };
    let mut links = Vec::new();
    for table in directory::tables() {
        let columns = named(table.columns.iter().map(|c| (c.name.clone(), c.who)).collect());
        let name = |role| table.role(role).map(|at| table.columns[at].name.clone());
        let seen = name(Role::FirstSeen).zip(name(Role::LastSeen));
        links.push(Link { folder: folder(&table.table), columns, ids: Vec::new(), seen, source: Source::Directory });
    }
    for report in catalog::all() {
        // Of addresses and display names alone nothing can be learned that is sure.
        let guid = |c: &catalog::Column| c.who == Some(Who::Subject) && c.column_type == catalog::ColumnType::Guid;
        if report.columns.iter().any(|c| c.who == Some(Who::Id) || guid(c)) {
            let columns = named(report.columns.iter().map(|c| (c.name.clone(), c.who)).collect());
            let folder = folder(&report.table());
            links.push(Link { folder, columns, ids: Vec::new(), seen: None, source: Source::Report });
        }
    }
    for table in legacy::tables() {
        let columns = named(table.columns.iter().map(|c| (c.name.clone(), c.who)).collect());
        let ids = table.key.clone();
        links.push(Link { folder: folder(&table.table), columns, ids, seen: None, source: Source::Report });
    }
    for model in models.iter() {
        let who = |c: &Column| match c.who {
            Some(Whom::Id) => Some(Who::Id),
            Some(Whom::Subject) => Some(Who::Subject),
            Some(Whom::Other | Whom::Among) | None => None,
        };
        let columns = named(model.contract.columns.iter().map(|c| (c.name.clone(), who(c))).collect());
        let ids: Vec<String> =
            columns.iter().filter(|(_, who)| *who == Who::Id).map(|(name, _)| name.clone()).collect();
        if !ids.is_empty() {
            links.push(Link { folder: model.folder(layout), columns, ids, seen: None, source: Source::Model });
        }
    }
    links.retain(|l| l.columns.len() > 1);
    links
}

impl Link {
    fn schema(&self) -> SchemaRef {
        let texts = self.columns.iter().map(|(name, _)| Field::new(name, DataType::Utf8, true));
        let seen = self.seen.iter().flat_map(|(a, b)| [a, b]).map(|name| Field::new(name, DataType::Date32, true));
        Arc::new(Schema::new(texts.chain(seen).collect::<Vec<_>>()))
    }

    fn has_id(&self) -> bool {
        self.columns.iter().any(|(_, who)| *who == Who::Id)
    }

    /// Shows all rows.
    async fn rows(&self, lake: &Lake, see: &mut dyn FnMut(&Linked)) -> Result<()> {
        let schema = self.schema();
        for (key, _) in lake.list(&self.folder).await? {
            if !key.ends_with(".parquet") {
                continue;
            }
            let Some(found) = lake.read(&key).await? else { continue };
            let rows = some_columns(&key, found.bytes, &schema)?;
            let day = crate::engine::value(&key, "day").and_then(|d| d.parse().ok());
            for n in 0..rows.num_rows() {
                see(&self.row(&rows, n, day));
            }
        }
        Ok(())
    }

    fn row(&self, rows: &RecordBatch, n: usize, day: Option<Day>) -> Linked {
        let mut linked = Linked { id: None, names: Vec::new(), day, seen: None };
        for (at, (name, who)) in self.columns.iter().enumerate() {
            let column = rows.column(at).as_string::<i32>();
            if column.is_null(n) {
                continue;
            }
            let text = column.value(n);
            let mut any = false;
            marks(text, |kind, mark| {
                any = true;
                match (who, kind) {
                    (Who::Id, Kind::Id) => linked.id = Some(mark.to_string()),
                    (_, Kind::Id) => linked.names.push(Name::new(Kind::Thing, mark)),
                    _ => linked.names.push(Name::new(kind, mark)),
                }
            });
            if !any && (*who == Who::Subject || self.ids.contains(name)) {
                let kind = if self.ids.contains(name) { Kind::Thing } else { Kind::Name };
                linked.names.push(Name::new(kind, text));
            }
        }
        let date = |at: usize| {
            let days = rows.column(at).as_primitive::<Date32Type>();
            days.is_valid(n).then(|| Day::from_epoch(days.value(n)))
        };
        if self.seen.is_some() {
            linked.seen = date(self.columns.len()).zip(date(self.columns.len() + 1));
        }
        linked
    }
}

/// A person while names are gathered.
#[derive(Default)]
struct Gathered {
    id: Option<String>,
    names: BTreeSet<Name>,
    /// Where an address was seen, and whether that was with this person.
    seen: BTreeMap<String, Vec<(Day, Day, bool)>>,
    in_directory: bool,
    namesake: bool,
}

/// All that the lake knows of the people whom these names mean. Fails where a name may mean several.
pub async fn resolve(lake: &Lake, layout: &Layout, models: &Models, given: &[Name]) -> Result<Vec<Person>> {
    let links = links(layout, models);
    let mut people: Vec<Gathered> = Vec::new();
    for name in given {
        let id = match name.kind {
            Kind::Id => Some(name.text.clone()),
            _ => id_of(lake, &links, name).await?,
        };
        let known = people.iter_mut().find(|p| id.is_some() && p.id == id);
        match known {
            Some(person) => person.names.extend([name.clone()]),
            None => people.push(Gathered { id, names: BTreeSet::from([name.clone()]), ..Gathered::default() }),
        }
    }
    for link in links.iter().filter(|l| l.has_id()) {
        let directory = link.source == Source::Directory;
        link.rows(lake, &mut |row| people.iter_mut().for_each(|p| p.meet(row, directory))).await?;
    }
    // Reports with an id know earlier than a directory that is read now and then whose an address is. A row of a model without an id
    // may be the person's own.
    for link in links.iter().filter(|l| l.has_id()) {
        let says = |row: &Linked| link.source != Source::Model || row.id.is_some();
        link.rows(lake, &mut |row| people.iter_mut().filter(|_| says(row)).for_each(|p| p.compare(row))).await?;
    }
    for link in links.iter().filter(|l| !l.has_id() || l.source == Source::Model) {
        link.rows(lake, &mut |row| people.iter_mut().filter(|_| row.id.is_none()).for_each(|p| p.learn(row))).await?;
    }
    Ok(people.into_iter().map(Gathered::person).collect())
}

/// The id of the person with a name, where one is known.
async fn id_of(lake: &Lake, links: &[Link], name: &Name) -> Result<Option<String>> {
    for source in [Source::Directory, Source::Report, Source::Model] {
        let mut ids: BTreeSet<String> = BTreeSet::new();
        for link in links.iter().filter(|l| l.source == source && l.has_id()) {
            let mut see = |row: &Linked| {
                if row.names.contains(name) {
                    ids.extend(row.id.clone());
                }
            };
            link.rows(lake, &mut see).await?;
        }
        match ids.len() {
            0 => continue,
            1 => return Ok(ids.pop_first()),
            n => {
                return Err(Error::new(Wrong::Usage, format!("the address was that of {n} people")).hint(
                    "name the person's id: `usagelake query` has both in the table `addresses`, with their days",
                ));
            }
        }
    }
    Ok(None)
}

impl Gathered {
    /// Takes the names of a row with the person's id.
    fn meet(&mut self, row: &Linked, directory: bool) {
        if self.id.is_some() && row.id == self.id {
            self.in_directory |= directory;
            self.names.extend(row.names.iter().cloned());
        }
    }

    /// Looks at who else has had the person's addresses, and the display name.
    fn compare(&mut self, row: &Linked) {
        let mine = row.id == self.id;
        let seen = row.seen.or(row.day.map(|day| (day, day))).filter(|_| row.id.is_some());
        for name in row.names.iter().filter(|n| self.names.contains(n)) {
            match (name.kind, seen) {
                (Kind::Address, Some((first, last))) => {
                    let all = self.seen.entry(name.text.clone()).or_default();
                    // Days on which it is with the same person as before say nothing new.
                    if all.last() != Some(&(first, last, mine)) {
                        all.push((first, last, mine));
                    }
                }
                (Kind::Name, _) => self.namesake |= !mine,
                _ => {}
            }
        }
    }

    /// Takes the names of what is the person's, in rows without an id.
    fn learn(&mut self, row: &Linked) {
        let addresses = || row.names.iter().filter(|n| n.kind == Kind::Address && self.names.contains(n));
        let on = |name: &Name| {
            self.ranges(&name.text).iter().any(|(from, until)| {
                row.day.is_none_or(|d| from.is_none_or(|f| f <= d) && until.is_none_or(|u| d <= u))
            })
        };
        if addresses().any(on) {
            self.names.extend(row.names.iter().filter(|n| n.kind != Kind::Address).cloned());
        }
    }

    /// The days on which an address is the person's.
    fn ranges(&self, address: &str) -> Vec<(Option<Day>, Option<Day>)> {
        ranges(self.seen.get(address).cloned().unwrap_or_default())
    }

    fn person(self) -> Person {
        let mut marks: BTreeSet<Mark> = BTreeSet::new();
        let always = |name: Name| Mark { name, from: None, until: None };
        marks.extend(self.id.iter().map(|id| always(Name::new(Kind::Id, id))));
        for name in &self.names {
            match name.kind {
                Kind::Address => {
                    for (from, until) in self.ranges(&name.text) {
                        let names = std::iter::once(name.clone()).chain(Name::folders(&name.text));
                        marks.extend(names.map(|name| Mark { name, from, until }));
                    }
                }
                Kind::Name if self.namesake => {}
                _ => {
                    marks.insert(always(name.clone()));
                }
            }
        }
        Person { marks: marks.into_iter().collect(), in_directory: self.in_directory, namesake: self.namesake }
    }
}

/// The days on which an address is the person's, from where it was seen: from the first day that it was seen with somebody to the
/// day before it was first seen with the next.
fn ranges(mut seen: Vec<(Day, Day, bool)>) -> Vec<(Option<Day>, Option<Day>)> {
    seen.sort();
    if seen.iter().all(|(_, _, mine)| *mine) {
        return vec![(None, None)];
    }
    if seen.iter().all(|(_, _, mine)| !mine) {
        // It was the person's before the directory was first read.
        return seen.first().map(|(first, ..)| (None, Some(first.plus(-1)))).into_iter().collect();
    }
    let (mut ranges, mut from, mut holder) = (Vec::new(), None, None);
    for (first, _, mine) in seen {
        match holder {
            Some(before) if before == mine => {}
            Some(true) => ranges.push((from, Some(first.plus(-1)))),
            Some(false) => from = Some(first),
            None => {}
        }
        holder = Some(mine);
    }
    if holder == Some(true) {
        ranges.push((from, None));
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_is_whose_it_was_last_seen_with() {
        let at = |n: u32, mine| (Day::new(2026, n, 3).unwrap(), Day::new(2026, n, 28).unwrap(), mine);
        assert_eq!(ranges(vec![]), [(None, None)]);
        assert_eq!(ranges(vec![at(1, true), at(2, true)]), [(None, None)]);
        assert_eq!(ranges(vec![at(3, false), at(1, true), at(2, true)]), [(None, Some(day("2026-03-02")))]);
        assert_eq!(ranges(vec![at(1, false), at(2, true)]), [(Some(day("2026-02-03")), None)]);
        assert_eq!(ranges(vec![at(2, false)]), [(None, Some(day("2026-02-02")))]);
        let back = ranges(vec![at(1, true), at(2, false), at(4, true)]);
        assert_eq!(back, [(None, Some(day("2026-02-02"))), (Some(day("2026-04-03")), None)]);
    }

    const ID: &str = "5d1a2c7e-0b6f-4a39-9c3e-8f27d1b0a6c4";
    const OTHER: &str = "00c1de2f-3b4a-4c5d-8e6f-7a8b9c0d1e2f";

    /// Puts a month of a model with these texts; its other columns are not there, as in one of an earlier contract.
    async fn put(lake: &Lake, layout: &Layout, model: &str, month: &str, columns: &[&str], rows: &[[&str; 3]]) {
        let fields: Vec<Field> = columns.iter().map(|name| Field::new(*name, DataType::Utf8, true)).collect();
        let schema = Arc::new(Schema::new(fields));
        let texts =
            |at: usize| Arc::new(rows.iter().map(|row| Some(row[at])).collect::<arrow::array::StringArray>()) as _;
        let batch = RecordBatch::try_new(Arc::clone(&schema), (0..columns.len()).map(texts).collect()).unwrap();
        let mut encoder = crate::tables::encode::Encoder::new(schema, crate::config::Codec::default()).unwrap();
        encoder.write(&batch).unwrap();
        let key = Models::load(None).unwrap().get(model).unwrap().key(layout, month.parse().ok());
        lake.put(&key, encoder.finish().unwrap().bytes).await.unwrap();
    }

    /// Somebody who left long ago: retention has taken all tables, and only marts still say which names belong together.
    #[tokio::test]
    async fn marts_know_whom_no_table_knows_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let (lake, layout) = (Lake::open(folder.path().to_str().unwrap()).unwrap(), Layout::new("a"));
        let named = ["person_id", "user_principal_name", "display_name"];
        put(&lake, &layout, "people", "2026-01-01", &named, &[[ID, "Old@contoso.com", "Ann Example"]]).await;
        let two = [[ID, "ann@contoso.com", "Ann Married"], [OTHER, "bob@contoso.com", "Bob"]];
        put(&lake, &layout, "people", "2026-02-01", &named, &two).await;
        // Of months before the first of the directory, and of the retired app.
        let state = [["ann@contoso.com", "ann@contoso.com", "Ann Example"], ["8f3", "old@contoso.com", "Ann Example"]];
        put(&lake, &layout, "user_state", "2025-12-01", &named, &state).await;
        let models = Models::load(None).unwrap();
        for given in ["old@contoso.com", "ANN@contoso.com", ID] {
            let people = resolve(&lake, &layout, &models, &[Name::read(given).unwrap()]).await.unwrap();
            let found: BTreeSet<(Kind, &str)> =
                people[0].marks.iter().map(|m| (m.name.kind, m.name.text.as_str())).collect();
            let want = [
                (Kind::Id, ID),
                (Kind::Thing, "8f3"),
                (Kind::Address, "ann@contoso.com"),
                (Kind::Address, "old@contoso.com"),
                (Kind::Folder, "ann_contoso_com"),
                (Kind::Folder, "old_contoso_com"),
                (Kind::Name, "ann example"),
                (Kind::Name, "ann married"),
            ];
            assert_eq!(found, BTreeSet::from(want), "{given}");
            assert!(people.len() == 1 && !people[0].namesake && !people[0].in_directory);
        }
        // A namesake is one in any month, and an address of two people is refused.
        put(&lake, &layout, "people", "2026-03-01", &named, &[[OTHER, "ann@contoso.com", "Ann Married"]]).await;
        let people = resolve(&lake, &layout, &models, &[Name::read(ID).unwrap()]).await.unwrap();
        assert!(people[0].namesake);
        let e = resolve(&lake, &layout, &models, &[Name::read("ann@contoso.com").unwrap()]).await.unwrap_err();
        assert!(e.to_string().contains("2 people"), "{e}");
    }
}
