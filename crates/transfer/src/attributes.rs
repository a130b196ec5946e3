//! Extended attributes of a copy.

use law_storage::{Call, ErrorKind, Result};

use crate::place::Place;

/// Whether the copy has all extended attributes of its source now.
pub(crate) async fn copy_attributes(call: &Call, from: &Place, to: &Place) -> Result<bool> {
    let (source, target) = (from.resolved(), to.resolved());
    let names = match from.backend().attributes(call, &source).await {
        Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(true),
        other => other?,
    };
    for name in names {
        let value = from.backend().attribute(call, &source, &name).await?;
        match to.backend().set_attribute(call, &target, &name, value.as_deref()).await {
            Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(false),
            other => {
                other.map_err(|error| error.leaving(format!("{to} has the right bytes, and not all attributes")))?
            }
        }
    }
    Ok(true)
}
