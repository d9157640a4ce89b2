//! `usagelake forget`

use std::io::{BufRead, IsTerminal};

use clap::Args;
use serde::Serialize;

use super::pipeline::{codec, existing, lake_address, marts_options, one_tenant};
use super::run::clock;
use super::{ConfigArgs, Exit, LakeArgs, output};
use crate::day::Day;
use crate::error::{Error, Kind, Result};
use crate::forget::{Name, Person};
use crate::lake::Lake;
use crate::marts::Models;
use crate::night::{self, ForgetJob, Forgot};

/// Whom to forget. Without `--user`: those on the list are taken out again, after a backup was restored or a run was killed.
#[derive(Args)]
pub(super) struct Forget {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    lake: LakeArgs,
    /// Somebody, by an address of any time or by the directory's id
    #[arg(long, value_name = "ADDRESS|ID", num_args = 1..)]
    user: Vec<String>,
    /// Say who is meant and what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long, short = 'y', conflicts_with = "dry_run")]
    yes: bool,
    /// Take this day for today (UTC)
    #[arg(long, value_name = "DAY")]
    today: Option<Day>,
}

#[derive(Serialize)]
struct Document<'a> {
    people: Vec<Who<'a>>,
    #[serde(flatten)]
    forgot: &'a Forgot,
}

/// A person: how many names are known, and in a dry run which.
#[derive(Serialize)]
struct Who<'a> {
    names: usize,
    in_directory: bool,
    namesake: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    known: Vec<&'a str>,
}

impl Forget {
    pub(super) async fn run(self, json: bool) -> Result<Exit> {
        let given = self.user.iter().map(|text| Name::read(text)).collect::<Result<Vec<_>>>()?;
        let lake = existing(&lake_address(&self.config, &self.lake)?).await?;
        let tenant = one_tenant(&lake, &self.lake).await?;
        let options = marts_options(&self.config)?;
        let models = Models::configured(&options)?;
        if !self.dry_run && !self.yes && !confirmed(&lake, &tenant, given.len())? {
            output::say("nothing was done");
            return Ok(Exit::Failed);
        }
        let (codec, clock) = (codec(&self.config)?, clock(self.today));
        let models = (&models, &options);
        let job =
            ForgetJob { lake: &lake, tenant: &tenant, given: &given, models, codec, dry_run: self.dry_run, clock };
        let forgot = night::forget(&job).await?;
        if json {
            let people = forgot.people.iter().map(|p| who(p, self.dry_run)).collect();
            output::document(&Document { people, forgot: &forgot });
        } else {
            self.show(&forgot);
        }
        Ok(if forgot.whole() { Exit::Done } else { Exit::Partial })
    }

    fn show(&self, forgot: &Forgot) {
        for (n, person) in forgot.people.iter().enumerate() {
            let names = output::plural(person.marks.len() as u64, "name");
            let known = if person.in_directory {
                "the directory knows this person"
            } else {
                "the directory knows nobody like that"
            };
            output::say(&format!("person {}: {names}; {known}", n + 1));
            if person.namesake {
                output::say("  somebody else has the same display name, which is not looked for");
            }
            if self.dry_run {
                who(person, true).known.iter().for_each(|name| output::print(name));
            }
        }
        let erased = &forgot.erased;
        let folders: Vec<String> =
            erased.objects.iter().map(|(f, n)| format!("{} in {f}", output::count(*n))).collect();
        let folders = if folders.is_empty() { "no object".to_string() } else { folders.join(", ") };
        let would = if self.dry_run { "would be " } else { "" };
        output::say(&format!(
            "{}: {would}written anew: {folders}; {} of tables, {} of answers and {} of others taken out",
            forgot.tenant,
            output::plural(erased.rows, "row"),
            output::plural(erased.raw_rows, "row"),
            output::plural(erased.cells, "cell"),
        ));
        erased.unreadable.iter().for_each(|key| output::say(&format!("unreadable, and as it was: {key}")));
        if let Some(marts) = &forgot.marts {
            super::marts::summary(&forgot.tenant, &marts.built, would);
            marts.failed.iter().for_each(|p| output::say(&format!("failed: the marts were not built: {}", p.message)));
        }
        let Some(proof) = &forgot.proof else { return };
        proof.left.iter().for_each(|left| output::print(&format!("{}: {}", left.object, left.what)));
        let verdict = match proof.left.len() {
            0 => "nobody is left".to_string(),
            n => format!("somebody is left in {}", output::plural(n as u64, "object")),
        };
        let searched = output::plural(proof.objects, "object");
        output::say(&format!("proof: {searched} searched, {} MiB: {verdict}", output::count(proof.bytes >> 20)));
        if !forgot.whole() {
            output::say(
                "\nhint: `usagelake verify` says what is damaged; repair or remove it, then run `usagelake forget` again",
            );
        }
    }
}

/// What is known of a person.
fn who(person: &Person, shown: bool) -> Who<'_> {
    let known = if shown { person.marks.iter().map(|m| m.name.text.as_str()).collect() } else { Vec::new() };
    Who { names: person.marks.len(), in_directory: person.in_directory, namesake: person.namesake, known }
}

/// Asks whoever sits there. Where nobody does, it must be said on the command line.
fn confirmed(lake: &Lake, tenant: &str, people: usize) -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Err(Error::new(Kind::Usage, "what is forgotten cannot be brought back, and nobody can be asked")
            .hint("look with `--dry-run`, then add `--yes`"));
    }
    let who = if people == 0 { "everybody on the list".to_string() } else { output::plural(people as u64, "name") };
    output::say(&format!("Forget {who} in {} of {}? It cannot be undone. (y/n)", tenant, lake.address()));
    let mut answer = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|e| Error::new(Kind::File, "the answer cannot be read").because(e))?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
