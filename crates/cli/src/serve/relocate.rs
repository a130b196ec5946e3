//! MOVE and COPY (RFC 4918 sections 9.8 and 9.9).
//!
//! A file replaces a file as the storage does it, in one step where it can. A directory is never replaced.

use http::request::Parts;
use http::{StatusCode, Uri, header};
use law_storage::{Destination, Error, ErrorKind, Metadata, Parents, Path};
use law_transfer::{CopyOptions, Policy, copy_file, copy_tree};

use super::answer::{Answer, Refusal, bare};
use super::service::{Asked, Service, path_of};

/// What a request found before it changed anything.
struct Plan {
    source: Metadata,
    to: Path,
    rule: Destination,
    replaces: bool,
}

/// MOVE: a rename, never a hidden copy.
///
/// # Errors
/// 404, 403 for a destination that is the source or below it, 409 without the directory above the destination and for
/// one that is a directory, 412 if it exists and must not, 501 where the storage cannot rename.
pub(super) async fn rename(service: &Service, asked: &Asked) -> Result<Answer, Refusal> {
    let plan = plan(service, asked).await?;
    let (from, to) = (service.resolve(&asked.path), service.resolve(&plan.to));
    let renamed = service.backend().rename(&asked.call, &from, &to, plan.rule).await;
    renamed.map_err(|error| plan.refused(error))?;
    Ok(plan.answer())
}

/// COPY: within the storage where it can, else through this server. `Depth: 0` of a directory makes an empty one.
///
/// # Errors
/// As [`rename`].
pub(super) async fn copy(service: &Service, asked: &Asked) -> Result<Answer, Refusal> {
    let plan = plan(service, asked).await?;
    let copied = match (plan.source.is_directory(), only_itself(&asked.parts)?) {
        (false, _) => file(service, asked, &plan).await,
        (true, false) => tree(service, asked, &plan).await,
        (true, true) => {
            let to = service.resolve(&plan.to);
            service.backend().create_directory(&asked.call, &to, Parents::Require).await
        }
    };
    copied.map_err(|error| plan.refused(error))?;
    Ok(plan.answer())
}

async fn plan(service: &Service, asked: &Asked) -> Result<Plan, Refusal> {
    let (to, rule) = (destination(&asked.parts)?, rule(&asked.parts)?);
    let found = service.current(asked).await?;
    let source = found.ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "not found"))?;
    if to.starts_with(&asked.path) || asked.path.is_root() {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "onto or into itself"));
    }
    service.check_parent(&asked.call, &to).await?;
    let existing = service.backend().lstat(&asked.call, &service.resolve(&to)).await?;
    if existing.is_some() && rule == Destination::NoReplace {
        return Err(Refusal::new(StatusCode::PRECONDITION_FAILED, "the destination exists"));
    }
    let directory = source.is_directory() || existing.as_ref().is_some_and(Metadata::is_directory);
    if existing.is_some() && directory {
        return Err(Refusal::new(StatusCode::CONFLICT, "a directory is neither replaced nor a replacement"));
    }
    Ok(Plan { source, to, rule, replaces: existing.is_some() })
}

async fn file(service: &Service, asked: &Asked, plan: &Plan) -> Result<(), Error> {
    let (from, to) = (service.place(&asked.path), service.place(&plan.to));
    match service.backend().copy(&asked.call, &from.resolved(), &to.resolved(), plan.rule).await {
        Err(error) if error.kind() == ErrorKind::Unsupported => {}
        other => return other,
    }
    let policy = if plan.rule == Destination::NoReplace { Policy::Fail } else { Policy::Always };
    let options = CopyOptions { policy, ..CopyOptions::default() };
    copy_file(&asked.call, &from, &to, &options).await.map(drop)
}

async fn tree(service: &Service, asked: &Asked, plan: &Plan) -> Result<(), Error> {
    let (from, to) = (service.place(&asked.path), service.place(&plan.to));
    let options = CopyOptions { policy: Policy::Always, ..CopyOptions::default() };
    let report = copy_tree(&asked.call, &from, &to, &options, &mut |_| {}).await?;
    match (report.failed.into_iter().next(), report.skipped.first()) {
        (Some(first), _) => Err(first),
        (None, Some((_, reason))) => Err(Error::new(ErrorKind::Unsupported, format!("all was copied but {reason}"))),
        (None, None) => Ok(()),
    }
}

impl Plan {
    fn refused(&self, error: Error) -> Refusal {
        let status = match error.kind() {
            ErrorKind::AlreadyExists if self.rule == Destination::NoReplace => Some(StatusCode::PRECONDITION_FAILED),
            // Both ends were there when they were looked at.
            ErrorKind::NotFound | ErrorKind::IsADirectory => Some(StatusCode::CONFLICT),
            ErrorKind::InvalidInput => Some(StatusCode::FORBIDDEN),
            _ => None,
        };
        Refusal::from(error).or(status)
    }

    fn answer(&self) -> Answer {
        bare(if self.replaces { StatusCode::NO_CONTENT } else { StatusCode::CREATED })
    }
}

/// The path of the `Destination`, which must be on this server (RFC 4918 section 9.8.5: else 502).
fn destination(parts: &Parts) -> Result<Path, Refusal> {
    let bad = || Refusal::new(StatusCode::BAD_REQUEST, "no usable Destination");
    let text = parts.headers.get("destination").and_then(|value| value.to_str().ok()).ok_or_else(bad)?;
    let uri: Uri = text.parse().map_err(|_| bad())?;
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let elsewhere = uri.authority().is_some_and(|to| host.is_some_and(|host| !to.as_str().eq_ignore_ascii_case(host)));
    if elsewhere {
        return Err(Refusal::new(StatusCode::BAD_GATEWAY, "the destination is on another server"));
    }
    path_of(uri.path())
}

fn rule(parts: &Parts) -> Result<Destination, Refusal> {
    match parts.headers.get("overwrite").map(|value| value.as_bytes()) {
        None | Some(b"T") => Ok(Destination::Replace),
        Some(b"F") => Ok(Destination::NoReplace),
        Some(_) => Err(Refusal::new(StatusCode::BAD_REQUEST, "Overwrite is T or F")),
    }
}

fn only_itself(parts: &Parts) -> Result<bool, Refusal> {
    match parts.headers.get("depth").map(|value| value.as_bytes()) {
        Some(b"0") => Ok(true),
        Some(depth) if !depth.eq_ignore_ascii_case(b"infinity") => {
            Err(Refusal::new(StatusCode::BAD_REQUEST, "Depth is 0 or infinity"))
        }
        _ => Ok(false),
    }
}
