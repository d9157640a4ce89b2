//! A tenant, its emulated Graph, a lake and the built binary: what the behaviour tests are told in.
//!
//! Every run is checked for leaks: no secret, token or download address may stand in what it prints or leaves under
//! `_usagelake/`. Time is `TODAY` unless a test moves it; the client is told the same day as the emulator.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Date32Type, Int64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use sha2::{Digest, Sha256};
use usagelake::day::Day;
use usagelake::emulator::{Emulator, Options, RequestLog};
use usagelake::lake::Lake;

/// The secret of the application; odd enough to be found wherever it leaks.
pub const SECRET: &str = "Xq8~not-to-be-shown-7Zt";
/// The day on which a world begins.
pub const TODAY: &str = "2026-11-20";
/// How long a command may take: a run that waits for what will not come is a failure, too.
const PATIENCE: Duration = Duration::from_secs(150);
/// The binary under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_usagelake");

pub fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// The day `n` days before the first today.
pub fn ago(n: i32) -> Day {
    day(TODAY).plus(-n)
}

/// A small tenant without pace limits, whose history goes on for a while after today.
pub fn options() -> Options {
    Options {
        users: 60,
        days: 75,
        seed: 7,
        end: day(TODAY).plus(40),
        today: day(TODAY),
        pace: false,
        secret: SECRET.into(),
        ..Options::default()
    }
}

/// What a command did.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    /// The run's record, where it left one.
    pub record: Value,
}

impl Ran {
    /// What the run says of a report.
    pub fn report(&self, function: &str) -> &Value {
        let reports = self.record["reports"].as_array().unwrap_or_else(|| panic!("no record: {}", self.stderr));
        reports.iter().find(|r| r["report"] == function).unwrap_or_else(|| panic!("no {function} in the record"))
    }

    /// A figure of the record, over all reports.
    pub fn sum(&self, figure: &str) -> u64 {
        self.record["reports"].as_array().unwrap().iter().map(|r| r[figure].as_u64().unwrap()).sum()
    }

    /// Fails with all that was printed unless the exit code is `code`.
    #[track_caller]
    pub fn exits(self, code: i32) -> Ran {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}\n{:#}", self.stdout, self.stderr, self.record);
        self
    }

    /// Fails unless stderr has each of these texts.
    #[track_caller]
    pub fn says(self, texts: &[&str]) -> Ran {
        for text in texts {
            assert!(self.stderr.contains(text), "`{text}` is not in:\n{}", self.stderr);
        }
        self
    }
}

pub struct World {
    runtime: tokio::runtime::Runtime,
    emulator: Option<Emulator>,
    folder: tempfile::TempDir,
    lake: String,
    today: Day,
    settings: String,
    marts: bool,
    kept: Option<Arc<tempfile::TempDir>>,
}

impl World {
    pub fn new() -> World {
        World::with(options())
    }

    /// A world with these rules of what goes wrong.
    pub fn faulty(faults: &str) -> World {
        World::with(Options { faults: faults.parse().unwrap(), ..options() })
    }

    pub fn with(options: Options) -> World {
        let folder = tempfile::tempdir().unwrap();
        let lake = folder.path().join("lake").display().to_string();
        World::at(options, folder, lake)
    }

    /// A world on each store that is there: disk, and what `tests/run.sh` has started.
    pub fn everywhere(options: Options) -> Vec<(&'static str, World)> {
        let mut worlds = vec![("disk", World::with(options.clone()))];
        for (variable, scheme) in
            [("USAGELAKE_TEST_AZURITE", "az"), ("USAGELAKE_TEST_S3", "s3"), ("USAGELAKE_TEST_GCS", "gs")]
        {
            if std::env::var_os(variable).is_some() {
                let folder = tempfile::tempdir().unwrap();
                let name = folder.path().file_name().unwrap().to_string_lossy().replace('.', "");
                let lake = format!("{scheme}://usagelake/world-{name}/lake");
                worlds.push((scheme, World::at(options.clone(), folder, lake)));
            }
        }
        worlds
    }

    fn at(options: Options, folder: tempfile::TempDir, lake: String) -> World {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let today = options.today;
        let emulator = Some(runtime.block_on(Emulator::start(options)).unwrap());
        World { runtime, emulator, folder, lake, today, settings: String::new(), marts: false, kept: None }
    }

    pub fn emulator(&self) -> &Emulator {
        self.emulator.as_ref().unwrap()
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The lake's address.
    pub fn address(&self) -> &str {
        &self.lake
    }

    /// Another lake of the same world.
    pub fn move_to(&mut self, name: &str) {
        self.lake = self.folder().join(name).display().to_string();
    }

    /// Lines at the top of the pipeline file.
    pub fn set(&mut self, settings: &str) {
        self.settings = settings.to_string();
    }

    /// Lets nights build the marts. Most tests are about tables, and are quicker without.
    pub fn with_marts(mut self) -> World {
        self.build_marts();
        self
    }

    /// From the next night on.
    pub fn build_marts(&mut self) {
        self.marts = true;
    }

    /// Keeps a folder as long as the world.
    pub fn keep(&mut self, folder: Arc<tempfile::TempDir>) {
        self.kept = Some(folder);
    }

    /// Moves emulator and client to another day.
    pub fn today(&mut self, today: Day) {
        self.today = today;
        self.emulator().set_today(today);
    }

    pub fn faults(&self, faults: &str) {
        self.emulator().set_faults(faults.parse().unwrap());
    }

    /// Requests so far.
    pub fn requests(&self) -> Vec<RequestLog> {
        self.emulator().requests()
    }

    /// Paths of the report calls since `from` requests.
    pub fn calls(&self, from: usize) -> Vec<String> {
        let calls = self.requests().split_off(from);
        calls.into_iter().filter(|r| !r.download && r.path.contains("/reports/")).map(|r| r.path).collect()
    }

    /// Writes the pipeline file and returns its path.
    pub fn pipeline(&self) -> PathBuf {
        let path = self.folder().join("usagelake.toml");
        let url = self.emulator().url();
        let text = format!(
            "marts.build = {}\n{}\n[tenant.contoso]\nid = \"contoso\"\nauth = {{ method = \"client-secret\", client_id = \"app\", secret = {{ env = \"USAGELAKE_TEST_SECRET\" }} }}\nendpoints = {{ login = \"{url}\", graph = \"{url}\" }}\npace = {{ requests = 1000000, per = \"1s\" }}\n",
            self.marts, self.settings
        );
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The binary, in the world's folder, with nothing of this machine's settings.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.args(arguments).current_dir(self.folder()).env("USAGELAKE_TEST_SECRET", SECRET);
        for variable in ["USAGELAKE_LAKE", "USAGELAKE_CONFIG", "RUST_LOG", "NO_COLOR"] {
            command.env_remove(variable);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// `usagelake run` on the world's day, as a command.
    pub fn night(&self, arguments: &[&str]) -> Command {
        self.pipeline();
        let mut command = self.command(&["run", "--lake", &self.lake, "--today", &self.today.to_string()]);
        command.args(arguments);
        command
    }

    /// Runs a night, or a part of it.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.ends(self.night(arguments))
    }

    /// Runs one report for one day.
    pub fn run_day(&self, report: &str, day: Day) -> Ran {
        let day = day.to_string();
        self.run(&["--report", report, "--from", &day, "--to", &day])
    }

    /// Another command on the world's lake.
    pub fn ask(&self, arguments: &[&str]) -> Ran {
        let mut all = arguments.to_vec();
        all.extend(["--lake", &self.lake]);
        self.ends(self.command(&all))
    }

    /// Waits for a command and checks that nothing leaked.
    pub fn ends(&self, mut command: Command) -> Ran {
        let before = self.files("_usagelake/runs");
        let child = command.spawn().unwrap();
        self.ended(child, &before)
    }

    fn ended(&self, mut child: Child, before: &BTreeMap<String, Vec<u8>>) -> Ran {
        let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let reader = std::thread::spawn(move || std::io::read_to_string(&mut out).unwrap());
        let other = std::thread::spawn(move || std::io::read_to_string(&mut err).unwrap());
        let begun = Instant::now();
        let status = loop {
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None if begun.elapsed() > PATIENCE => {
                    child.kill().unwrap();
                    panic!("it did not end within {PATIENCE:?}: {}", other.join().unwrap());
                }
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        let (stdout, stderr) = (reader.join().unwrap(), other.join().unwrap());
        let mut record = Value::Null;
        for (key, bytes) in self.files("_usagelake") {
            leaks(&key, &String::from_utf8_lossy(&bytes));
            if key.starts_with("_usagelake/runs/") && !before.contains_key(&key) {
                let one: Value = serde_json::from_slice(&bytes).unwrap();
                // Of a command for several tenants it is contoso's.
                if record.is_null() || one["tenant"] == "contoso" {
                    record = one;
                }
            }
        }
        leaks("stdout", &stdout);
        leaks("stderr", &stderr);
        Ran { code: status.code().unwrap_or(-1), stdout, stderr, record }
    }

    fn open(&self) -> Option<Lake> {
        let remote = self.lake.contains("://");
        (remote || Path::new(&self.lake).is_dir()).then(|| Lake::open(&self.lake).unwrap())
    }

    /// The objects under a prefix, whole.
    pub fn files(&self, prefix: &str) -> BTreeMap<String, Vec<u8>> {
        let Some(lake) = self.open() else { return BTreeMap::new() };
        self.runtime.block_on(async {
            let mut files = BTreeMap::new();
            for (key, _) in lake.list(prefix).await.unwrap_or_default() {
                // Gone meanwhile, as probes and marks of a run are.
                if let Some(found) = lake.read(&key).await.unwrap() {
                    files.insert(key, found.bytes.to_vec());
                }
            }
            files
        })
    }

    /// The objects under these prefixes with their hashes.
    pub fn snapshot(&self, prefixes: &[&str]) -> BTreeMap<String, String> {
        let hash = |bytes: Vec<u8>| Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
        prefixes.iter().flat_map(|p| self.files(p)).map(|(key, bytes)| (key, hash(bytes))).collect()
    }

    /// The partitions of a table.
    pub fn table(&self, table: &str) -> Table {
        let files = self.files(&format!("tables/{table}"));
        Table(files.into_iter().map(|(key, bytes)| (key, read(bytes))).collect())
    }

    /// The partition of one day.
    pub fn day(&self, table: &str, day: Day) -> Table {
        let mut all = self.table(table);
        all.0.retain(|(key, _)| key.contains(&format!("/period=1/day={day}/")));
        all
    }

    /// The lines of a report's ledger.
    pub fn ledger(&self, table: &str) -> Vec<Value> {
        let files = self.files(&format!("_usagelake/ledger/tenant=contoso/report={table}"));
        let lines = files.into_iter().filter(|(key, _)| key.ends_with(".jsonl"));
        lines
            .flat_map(|(_, bytes)| {
                String::from_utf8(bytes).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect::<Vec<_>>()
            })
            .collect()
    }

    /// The ledger's line of one day, beside which there may be one of a held answer.
    pub fn slice(&self, table: &str, day: Day) -> Value {
        let window = format!("date={day}");
        let of_day = |s: &Value| s["window"] == window && s["status"] != "held";
        let mut found: Vec<Value> = self.ledger(table).into_iter().filter(of_day).collect();
        assert_eq!(found.len(), 1, "{table} {window}: {found:?}");
        found.remove(0)
    }

    /// Fails unless the manifest names exactly the objects of `tables/`, `marts/` and `marts_shared/` with their hashes, and the
    /// manifest beside the shared ones exactly those.
    #[track_caller]
    pub fn manifest_is_whole(&self) {
        let text = self.files("_usagelake/manifest").remove("_usagelake/manifest/contoso.json").expect("no manifest");
        let manifest: Value = serde_json::from_slice(&text).unwrap();
        let named: BTreeMap<String, String> = manifest["objects"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(key, o)| (key.clone(), o["sha256"].as_str().unwrap().to_string()))
            .collect();
        let mut there = self.snapshot(&["tables", "marts", "marts_shared"]);
        let shared = "marts_shared/manifest/contoso.json";
        there.remove(shared);
        let beside = self.files("marts_shared/manifest").remove(shared);
        let beside: Value = beside.map_or(Value::Null, |bytes| serde_json::from_slice(&bytes).unwrap());
        for (key, sha) in there.iter().filter(|(key, _)| key.starts_with("marts_shared/")) {
            assert_eq!(beside["objects"][key]["sha256"], *sha, "the shared manifest does not have {key}");
        }
        let keys = beside["objects"].as_object().into_iter().flat_map(|all| all.keys());
        let gone: Vec<_> = keys.filter(|k| !there.contains_key(*k)).collect();
        assert!(gone.is_empty(), "the shared manifest has {gone:?}, which are not there");
        let wrong: Vec<_> = there.iter().filter(|(k, sha)| named.get(*k) != Some(sha)).map(|(k, _)| k).collect();
        assert!(wrong.is_empty(), "the manifest does not have {wrong:?}");
        let gone: Vec<_> = named.keys().filter(|k| !there.contains_key(*k)).collect();
        assert!(gone.is_empty(), "the manifest has {gone:?}, which are not there");
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(emulator) = self.emulator.take() {
            self.runtime.block_on(emulator.stop());
        }
    }
}

/// Fails where something that must stay here stands in a text.
fn leaks(place: &str, text: &str) {
    for (what, sign) in [("the secret", SECRET), ("a token", "eyJ"), ("a download's address", "/data/download/")] {
        assert!(!text.contains(sign), "{what} is in {place}");
    }
}

/// Rows of one Parquet file, as one batch.
pub fn read(bytes: Vec<u8>) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes)).unwrap();
    let schema = builder.schema().clone();
    let batches: Vec<RecordBatch> = builder.build().unwrap().map(Result::unwrap).collect();
    arrow::compute::concat_batches(&schema, &batches).unwrap()
}

/// The partitions of a table, by key.
pub struct Table(pub Vec<(String, RecordBatch)>);

impl Table {
    pub fn rows(&self) -> usize {
        self.0.iter().map(|(_, b)| b.num_rows()).sum()
    }

    /// The sum of a column; null counts nothing.
    pub fn sum(&self, column: &str) -> i64 {
        self.ints(column).into_iter().flatten().sum()
    }

    fn column<T>(&self, column: &str, cell: impl Fn(&dyn Array, usize) -> Option<T>) -> Vec<Option<T>> {
        let mut out = Vec::new();
        for (key, batch) in &self.0 {
            let array = batch.column_by_name(column).unwrap_or_else(|| panic!("no {column} in {key}"));
            out.extend((0..batch.num_rows()).map(|row| if array.is_valid(row) { cell(array, row) } else { None }));
        }
        out
    }

    pub fn ints(&self, column: &str) -> Vec<Option<i64>> {
        self.column(column, |a, row| Some(a.as_primitive::<Int64Type>().value(row)))
    }

    pub fn texts(&self, column: &str) -> Vec<Option<String>> {
        self.column(column, |a, row| Some(a.as_string::<i32>().value(row).to_string()))
    }

    pub fn bools(&self, column: &str) -> Vec<Option<bool>> {
        self.column(column, |a, row| Some(a.as_boolean().value(row)))
    }

    pub fn days(&self, column: &str) -> Vec<Option<Day>> {
        self.column(column, |a, row| Some(Day::from_epoch(a.as_primitive::<Date32Type>().value(row))))
    }

    /// The column where it is not null, by day.
    pub fn by_day(&self, day: &str, column: &str) -> BTreeMap<Day, i64> {
        let days = self.days(day).into_iter().map(Option::unwrap);
        let mut out = BTreeMap::new();
        for (day, n) in days.zip(self.ints(column)) {
            *out.entry(day).or_insert(0) += n.unwrap_or(0);
        }
        out
    }
}
