//! `usagelake dashboard`

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::pipeline::{existing, lake_address, marts_options, one_tenant};
use super::{ConfigArgs, Exit, LakeArgs, output};
use crate::dashboard::{self, Terms, formats, labels};
use crate::day::Day;
use crate::engine::{Engine, Limits};
use crate::error::{Error, Kind, Result};
use crate::marts::{Models, offer, offer_shared};
use crate::powerbi::{Audience, Definitions, Model};

/// Of what, and where it goes.
#[derive(Args)]
pub(super) struct Dashboard {
    /// The file that is written
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The month to show, by its first day. Default: the latest complete one
    #[arg(long, value_name = "DAY")]
    month: Option<Day>,
    /// Draw what is safe to show, and no page that names people
    #[arg(long)]
    shared: bool,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    lake: LakeArgs,
}

impl Dashboard {
    pub(super) async fn run(self, json: bool) -> Result<Exit> {
        let lake = existing(&lake_address(&self.config, &self.lake)?).await?;
        let tenant = one_tenant(&lake, &self.lake).await?;
        let options = marts_options(&self.config)?;
        let models = Models::configured(&options)?;
        let session = Engine::new(&lake, Limits::from(&options))?.session(true);
        let audience = if self.shared { Audience::Shared } else { Audience::People };
        let model = Model::of(&Definitions::load()?, &models, audience, &[])?;
        // Who sees what is shared is drawn nothing else: the session does not have it.
        let models = match audience {
            Audience::People => {
                offer(&session, &lake, &tenant, &models).await?;
                models
            }
            Audience::Shared => {
                offer_shared(&session, &lake, &tenant, &models).await?;
                models.shown()
            }
        };
        let dashboard = dashboard::Dashboard {
            tenant: &tenant,
            session: &session,
            models: &models,
            terms: &Terms::load(labels(&model))?,
            formats: &formats(&model),
            audience,
        };
        let drawn = dashboard.draw(self.month).await?;
        std::fs::write(&self.out, &drawn.html).map_err(|e| {
            Error::new(Kind::File, "cannot write the dashboard").with("path", self.out.display()).because(e)
        })?;
        for (page, visual, e) in &drawn.problems {
            output::say(&format!("warning: `{visual}` on the page `{page}` is not drawn: {e}"));
        }
        let problems: Vec<String> = drawn.problems.iter().map(|(page, visual, _)| format!("{page}/{visual}")).collect();
        if json {
            output::document(&json!({
                "file": self.out, "tenant": tenant, "month": drawn.month.to_string(), "pages": drawn.pages,
                "visuals": drawn.visuals, "not_drawn": problems,
            }));
        } else {
            output::say(&format!(
                "{tenant}: {} with {} of {}, in `{}`",
                output::plural(drawn.pages as u64, "page"),
                output::plural(drawn.visuals as u64, "visual"),
                dashboard::month_name(drawn.month),
                self.out.display()
            ));
        }
        Ok(if problems.is_empty() { Exit::Done } else { Exit::Partial })
    }
}
