//! Who asks: where credentials are found, and what is sent of them.
//!
//! Finding needs no network and changes nothing. What was found goes only where it cannot be read on the way; what somebody named goes
//! there, too, or is an error.

mod authorization;
mod aws;
mod discovery;
mod dropbox_file;
mod identity;
mod netrc;
mod oidc_agent;
mod small_file;
mod ticket;
mod token_file;

pub use authorization::Authorization;
pub use aws::{AwsProfile, aws_profile, has_aws_profile};
pub use discovery::{Environment, FoundIdentity, FoundToken, find_authorities, find_identity, find_netrc, find_token};
pub use dropbox_file::{dropbox_file, read_dropbox_file, write_dropbox_file};
pub use identity::{Identity, Lifetime};
pub use netrc::Netrc;
pub use oidc_agent::oidc_token;
pub(crate) use small_file::read_small;
pub use ticket::ticket_times;
pub use token_file::read_token;
