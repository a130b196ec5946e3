//! `law fs df`

use std::ffi::OsString;

use clap::Args;
use serde_json::json;

use crate::context::Context;
use crate::exit::Failure;
use crate::output::{self, Out};

/// Show how much space storages have, as far as they tell.
#[derive(Args)]
pub(crate) struct Df {
    /// Places on the storages; the working directory if there is none.
    #[arg(value_name = "PLACE", default_value = ".")]
    places: Vec<OsString>,

    /// Sizes such as 1.2G.
    #[arg(short, long)]
    human_readable: bool,
}

impl Df {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        // The heads of the columns stand above the first row, and nowhere if there is none.
        let mut headed = context.json;
        context.for_each(&self.places, async |text| self.show(context, text, &mut headed).await).await
    }

    async fn show(&self, context: &Context, text: &OsString, headed: &mut bool) -> Result<(), Failure> {
        let place = context.place_only(text)?;
        let space = place.backend().space(&context.call, &place.resolved()).await?;
        let mut out = Out::new();
        if context.json {
            let url = output::place_url(&place);
            out.line(json!({"url": url, "used": space.used, "available": space.available}))?;
            return Ok(out.flush()?);
        }
        if !std::mem::replace(headed, true) {
            out.line(format!("{:>16} {:>16} {:>4} place", "used", "available", "use"))?;
        }
        let shown = |bytes: Option<u64>| bytes.map_or("-".into(), |bytes| output::size(bytes, self.human_readable));
        let share = match (space.used, space.available) {
            (Some(used), Some(available)) if used.saturating_add(available) > 0 => {
                format!("{:.0}%", 100.0 * used as f64 / (used as f64 + available as f64))
            }
            _ => "-".into(),
        };
        out.line(format!("{:>16} {:>16} {share:>4} {place}", shown(space.used), shown(space.available)))?;
        Ok(out.flush()?)
    }
}
