//! Nights with the directory of an emulated tenant.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Int64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sha2::{Digest, Sha256};
use usagelake::catalog::directory::{Listing, from_files, listings, tables};
use usagelake::config::{Auth, Codec, Endpoints, RawPolicy, Secret, SecretFrom, Tenant};
use usagelake::day::{Clock, Day};
use usagelake::emulator::{Emulator, Faults, Options};
use usagelake::lake::Lake;
use usagelake::night::record::{Outcome, ReportRecord, RunRecord};
use usagelake::night::{self, Job, ProductNames};
use usagelake::plan::Wishes;

/// An emulated tenant and a lake for it.
struct Place {
    emulator: Emulator,
    lake: Lake,
    folder: tempfile::TempDir,
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

impl Place {
    async fn new(users: u32) -> Place {
        let options = Options {
            users,
            days: 40,
            seed: 7,
            end: day("2026-12-10"),
            today: day("2026-11-20"),
            pace: false,
            ..Options::default()
        };
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path().to_str().unwrap()).unwrap();
        lake.prepare().await.unwrap();
        Place { emulator: Emulator::start(options).await.unwrap(), lake, folder }
    }

    /// A night that reads the directory and no report.
    async fn night(&self, today: &str) -> RunRecord {
        self.night_with(today, &listings().collect::<Vec<_>>(), None).await
    }

    async fn night_with(&self, today: &str, directory: &[&'static Listing], names: Option<&ProductNames>) -> RunRecord {
        self.emulator.set_today(day(today));
        night(&self.lake, self.emulator.url(), today, directory, names).await
    }

    fn faults(&self, text: &str) {
        self.emulator.set_faults(text.parse::<Faults>().unwrap());
    }

    fn path(&self, table: &str, month: &str) -> PathBuf {
        self.folder.path().join(format!("tables/{table}/tenant=contoso/month={month}/part-0.parquet"))
    }

    fn rows(&self, table: &str, month: &str) -> RecordBatch {
        let file = std::fs::File::open(self.path(table, month)).unwrap_or_else(|e| panic!("{table} {month}: {e}"));
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let schema = reader.schema().clone();
        let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
        concat_batches(&schema, &batches).unwrap()
    }

    /// How often Graph was asked for something of the directory.
    fn asked(&self, collection: &str) -> usize {
        self.emulator.requests().iter().filter(|r| format!("{r:?}").contains(&format!("/v1.0/{collection}"))).count()
    }

    /// All files of a folder of the lake with their content.
    fn files(&self, under: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.folder.path().join(under)];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.insert(path.clone(), std::fs::read(&path).unwrap());
                }
            }
        }
        found
    }
}

/// A night that reads the directory at `url` and no report.
async fn night(
    lake: &Lake,
    url: &str,
    today: &str,
    directory: &[&'static Listing],
    names: Option<&ProductNames>,
) -> RunRecord {
    let tenant = Tenant {
        name: "contoso".into(),
        id: "contoso".into(),
        auth: Auth::ClientSecret { client_id: "app".into(), secret: SecretFrom::Given(Secret::new("secret")) },
        endpoints: Endpoints { login: url.into(), graph: url.into(), ca: None },
        pace: (1000, Duration::from_secs(1)),
    };
    let job = Job {
        lake,
        tenant: &tenant,
        reports: &[],
        directory,
        product_names: names,
        wishes: Wishes::default(),
        codec: Codec::Snappy,
        raw: RawPolicy::Keep,
        guards: &Default::default(),
        retention: &Default::default(),
        marts: None,
        clock: Clock::on(day(today)),
    };
    night::run(&job, &|_| {}).await.unwrap()
}

fn record<'a>(run: &'a RunRecord, name: &str) -> &'a ReportRecord {
    run.directory.iter().find(|r| r.report == name).unwrap_or_else(|| panic!("no {name} in the record"))
}

fn texts(rows: &RecordBatch, column: &str) -> Vec<Option<String>> {
    rows.column_by_name(column).unwrap().as_string::<i32>().iter().map(|t| t.map(str::to_string)).collect()
}

const NOVEMBER: &str = "2026-11-01";
const DECEMBER: &str = "2026-12-01";

#[tokio::test(flavor = "multi_thread")]
async fn a_first_night_lands_every_table_with_its_schema() {
    let place = Place::new(60).await;
    let run = place.night("2026-11-20").await;
    assert_eq!(run.outcome, Outcome::Done, "{run:#?}");
    assert_eq!(run.concealed_names, Some(false));
    for table in tables().iter().filter(|t| from_files().all(|l| l.name() != t.table)) {
        let rows = place.rows(&table.table, NOVEMBER);
        let fields = |s: &arrow::datatypes::Schema| -> Vec<(String, DataType)> {
            s.fields().iter().map(|f| (f.name().clone(), f.data_type().clone())).collect()
        };
        assert_eq!(fields(&rows.schema()), fields(&table.schema()), "{}", table.table);
        assert!(rows.num_rows() > 0, "{}", table.table);
        let key: Vec<Vec<Option<String>>> = table
            .key
            .iter()
            .filter(|k| rows.column_by_name(k).unwrap().data_type() == &DataType::Utf8)
            .map(|k| texts(&rows, k))
            .collect();
        let keys: Vec<Vec<&Option<String>>> =
            (0..rows.num_rows()).map(|row| key.iter().map(|k| &k[row]).collect()).collect();
        assert!(keys.is_sorted(), "{}: rows are not sorted by key", table.table);
        assert_eq!(rows.column_by_name("unknown_columns").unwrap().null_count(), rows.num_rows(), "{}", table.table);
    }
    // What one list says agrees with what another says.
    let users = place.rows("users", NOVEMBER);
    let ids: BTreeSet<Option<String>> = texts(&users, "id").into_iter().collect();
    assert_eq!(ids.len(), users.num_rows());
    let managers = texts(&users, "manager_id");
    assert!(managers.iter().flatten().count() > 10);
    assert!(managers.iter().filter(|m| m.is_some()).all(|m| ids.contains(m)));
    let mut assigned: BTreeMap<String, i64> = BTreeMap::new();
    texts(&place.rows("user_licenses", NOVEMBER), "sku_id")
        .into_iter()
        .flatten()
        .for_each(|s| *assigned.entry(s).or_default() += 1);
    let skus = place.rows("subscribed_skus", NOVEMBER);
    let consumed = skus.column_by_name("consumed_units").unwrap().as_primitive::<Int64Type>();
    for (row, sku) in texts(&skus, "sku_id").into_iter().enumerate() {
        assert_eq!(assigned.get(&sku.unwrap()).copied().unwrap_or(0), consumed.value(row));
    }
    let addresses: BTreeSet<Option<String>> =
        texts(&place.rows("addresses", NOVEMBER), "address").into_iter().collect();
    for upn in texts(&users, "user_principal_name").into_iter().flatten() {
        assert!(addresses.contains(&Some(upn.to_lowercase())));
    }
    // Raw first: every page is there, as one line of JSON.
    for listing in listings() {
        let raw = place.files(&format!("raw/tenant=contoso/report={}/present", listing.name()));
        assert_eq!(raw.len(), 1, "{}", listing.name());
        let text = zstd::decode_all(raw.values().next().unwrap().as_slice()).unwrap();
        let entities: usize = String::from_utf8(text)
            .unwrap()
            .lines()
            .map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap()["value"].as_array().unwrap().len())
            .sum();
        assert_eq!(entities as u64, record(&run, listing.name()).rows, "{}", listing.name());
    }
    let manifest = std::fs::read_to_string(place.folder.path().join("_usagelake/manifest/contoso.json")).unwrap();
    assert!(
        tables()
            .iter()
            .filter(|t| t.table != "product_names")
            .all(|t| manifest.contains(&format!("tables/{}/", t.table)))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_on_the_same_day_asks_nothing() {
    let place = Place::new(30).await;
    place.night("2026-11-20").await;
    let (before, asked) =
        (place.files("tables"), ["users", "groups", "organization", "subscribedSkus"].map(|c| place.asked(c)));
    assert_eq!(asked, [1; 4]);
    let run = place.night("2026-11-20").await;
    assert_eq!(run.outcome, Outcome::Done);
    assert!(run.directory.iter().all(|r| r.asked == 0), "{run:#?}");
    assert_eq!(["users", "groups", "organization", "subscribedSkus"].map(|c| place.asked(c)), asked);
    assert_eq!(place.files("tables"), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_month_is_its_last_state() {
    let place = Place::new(60).await;
    place.night("2026-11-20").await;
    let run = place.night("2026-11-30").await;
    assert_eq!(record(&run, "organization").unchanged, 1, "the same answer again");
    let raw = place.files("raw/tenant=contoso/report=organization");
    assert_eq!(raw.len(), 1, "the same answer is kept once");
    let closed = place.files("tables");
    let november = place.rows("addresses", NOVEMBER);
    let days = |rows: &RecordBatch, column: &str| -> BTreeSet<i32> {
        rows.column_by_name(column)
            .unwrap()
            .as_primitive::<arrow::datatypes::Date32Type>()
            .values()
            .iter()
            .copied()
            .collect()
    };
    assert!(days(&november, "first_seen").contains(&day("2026-11-20").epoch()));
    assert!(days(&november, "last_seen").contains(&day("2026-11-30").epoch()));

    let run = place.night("2026-12-01").await;
    assert_eq!(run.outcome, Outcome::Done);
    let now = place.files("tables");
    for (path, bytes) in &closed {
        assert!(now[path] == *bytes, "{} has changed", path.display());
    }
    assert_eq!(now.len(), 2 * closed.len());
    assert_eq!(days(&place.rows("addresses", DECEMBER), "first_seen"), BTreeSet::from([day("2026-12-01").epoch()]));

    // The manifest names each file as it is.
    let manifest = std::fs::read(place.folder.path().join("_usagelake/manifest/contoso.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    for (path, bytes) in &now {
        let key = path.strip_prefix(place.folder.path()).unwrap().to_str().unwrap();
        let hash: String = Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(manifest["objects"][key]["sha256"], hash, "{key}");
    }

    // A night that takes an earlier day for today leaves closed months alone.
    let run = place.night("2026-11-29").await;
    assert!(run.directory.iter().all(|r| r.asked == 0));
    assert_eq!(place.files("tables"), now);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_permission_is_a_state_until_the_list_has_landed() {
    let place = Place::new(30).await;
    let refused = "[[rules]]\nfunction = 'users'\nleg = 'directory'\nfault.permission = {}";
    place.faults(refused);
    let run = place.night("2026-11-20").await;
    assert_eq!(run.outcome, Outcome::Done, "{run:#?}");
    let users = record(&run, "users");
    assert_eq!((users.outcome, users.failed), (Outcome::NotServed, 0));
    let hint = users.problems[0].hint.clone().unwrap();
    assert!(hint.contains("`User.Read.All`") && hint.contains("`users`"), "{hint}");
    assert!(!place.path("users", NOVEMBER).exists());
    assert!(place.path("groups", NOVEMBER).exists(), "other lists are read");
    let standing = place.folder.path().join("_usagelake/ledger/tenant=contoso/report=users/standing.json");
    assert!(std::fs::read_to_string(standing).unwrap().contains("not-permitted"));

    place.faults("");
    let run = place.night("2026-11-20").await;
    assert_eq!(record(&run, "users").landed, 1, "once it is granted, the next run reads it");
    let before = place.files("tables/users");
    place.faults(refused);
    let run = place.night("2026-11-21").await;
    assert_eq!((record(&run, "users").outcome, run.outcome), (Outcome::Failed, Outcome::Partial));
    assert_eq!(place.files("tables/users"), before, "what was published stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_read_whole_or_not_at_all() {
    let place = Place::new(1100).await;
    // The second page is broken, every time.
    place.faults("[[rules]]\nfunction = 'users'\nleg = 'directory'\nnth = 2\nfault.truncated = { after = 1 }");
    let run = place.night("2026-11-20").await;
    assert_eq!((record(&run, "users").outcome, record(&run, "users").attempts), (Outcome::Failed, 2), "{run:#?}");
    assert_eq!(run.outcome, Outcome::Partial);
    for table in ["users", "user_licenses", "user_plans", "addresses"] {
        assert!(!place.path(table, NOVEMBER).exists(), "{table}");
    }
    assert!(place.files("raw/tenant=contoso/report=users").is_empty());

    // A connection that is cut once is taken up again.
    place.faults("[[rules]]\nfunction = 'users'\nleg = 'directory'\nnth = 2\ntimes = 1\nfault.cut = { after = 1 }");
    let run = place.night("2026-11-20").await;
    let users = record(&run, "users");
    assert_eq!((users.outcome, users.attempts), (Outcome::Done, 3), "{users:#?}");
    assert!(users.rows > 999);
    assert_eq!(place.rows("users", NOVEMBER).num_rows() as u64, users.rows);

    // A page that is none fails.
    let before = place.files("tables/users");
    place.faults("[[rules]]\nfunction = 'users'\nleg = 'directory'\nfault.json-error = {}");
    let run = place.night("2026-11-21").await;
    assert_eq!(record(&run, "users").outcome, Outcome::Failed, "{run:#?}");
    assert_eq!(place.files("tables/users"), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn product_names_come_from_a_file() {
    let place = Place::new(30).await;
    let path = place.folder.path().join("names.csv");
    let head = "Product_Display_Name,String_ Id,GUID,Service_Plan_Name,Service_Plan_Id,Service_Plans_Included_Friendly_Names\n";
    std::fs::write(&path, format!("{head}Contoso E5,CONTOSO_E5,A-1,PLAN,B-1,\"Plan, the\"\n")).unwrap();
    let names = ProductNames::read(&path).unwrap();
    let run = place.night_with("2026-11-20", &[], Some(&names)).await;
    assert_eq!(record(&run, "product_names").landed, 1);
    let rows = place.rows("product_names", NOVEMBER);
    assert_eq!(texts(&rows, "guid"), [Some("a-1".to_string())]);
    assert_eq!(texts(&rows, "service_plans_included_friendly_names"), [Some("Plan, the".to_string())]);
    let run = place.night_with("2026-11-20", &[], Some(&names)).await;
    assert_eq!((record(&run, "product_names").unchanged, record(&run, "product_names").published), (1, 0));
    assert!(ProductNames::read(&place.folder.path().join("none.csv")).is_err());
}

/// A Graph that answers every list with the same page.
async fn one_page(page: serde_json::Value) -> String {
    let token = || async { axum::Json(serde_json::json!({"access_token": "t", "expires_in": 3600})) };
    let router = axum::Router::new()
        .route("/contoso/oauth2/v2.0/token", axum::routing::post(token))
        .fallback(move || async move { axum::Json(page) });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_list_replaces_nothing() {
    let place = Place::new(30).await;
    place.night("2026-11-20").await;
    let before = place.files("tables");
    let all: Vec<&Listing> = listings().collect();
    let run = night(&place.lake, &one_page(serde_json::json!({"value": []})).await, "2026-11-21", &all, None).await;
    assert!(run.directory.iter().all(|r| (r.empty, r.landed, r.published) == (1, 0, 0)), "{run:#?}");
    assert_eq!(run.outcome, Outcome::Done);
    assert_eq!(place.files("tables"), before);

    // People without licences are a state; people of whom nothing is said about licences are none.
    let people = serde_json::json!({"value": [{"id": "p", "assignedLicenses": []}]});
    let users: Vec<&Listing> = listings().filter(|l| l.name() == "users").collect();
    night(&place.lake, &one_page(people).await, "2026-11-22", &users, None).await;
    assert_eq!((place.rows("users", NOVEMBER).num_rows(), place.rows("user_licenses", NOVEMBER).num_rows()), (1, 0));
    let plans = place.path("user_plans", NOVEMBER);
    assert_eq!(std::fs::read(&plans).unwrap(), before[&plans]);
}
