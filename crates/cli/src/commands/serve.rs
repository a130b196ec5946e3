//! `law fs serve`

use std::ffi::OsString;
use std::net::{SocketAddr, ToSocketAddrs as _};

use clap::Args;
use law_storage::{Error, ErrorKind};

use crate::context::Context;
use crate::exit::Failure;
use crate::output::Out;
use crate::serve::{ServeOptions, Server};

/// Serve a directory of any storage by WebDAV, until it is interrupted.
#[derive(Args)]
pub(crate) struct Serve {
    /// The directory.
    #[arg(value_name = "PLACE")]
    place: OsString,

    /// Address and port; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0", value_parser = address)]
    addr: SocketAddr,

    /// Refuse all changes.
    #[arg(long)]
    read_only: bool,

    /// Also serve addresses that other machines can reach. There is no authentication.
    #[arg(long)]
    allow_foreign: bool,
}

/// Of a name its first address, of this machine's own ones before others.
fn address(text: &str) -> Result<SocketAddr, String> {
    if !text.contains(':') {
        return Err("an address has a port, such as 127.0.0.1:8080 or localhost:0".into());
    }
    let found: Vec<SocketAddr> = text.to_socket_addrs().map_err(|error| error.to_string())?.collect();
    let ipv4 = found.iter().find(|address| address.is_ipv4());
    ipv4.or(found.first()).copied().ok_or_else(|| "no address has this name".into())
}

impl Serve {
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        let place = context.place_only(&self.place)?;
        if !context.existing(&place).await?.is_directory() {
            return Err(Error::new(ErrorKind::NotADirectory, "not a directory").at(&place).into());
        }
        let options = ServeOptions { read_only: self.read_only, allow_foreign: self.allow_foreign };
        let server = Server::start(place, self.addr, options).await?;
        let mut out = Out::new();
        out.line(server.url())?;
        out.flush()?;
        context.call.cancellation().cancelled().await;
        server.stop().await;
        Ok(())
    }
}
