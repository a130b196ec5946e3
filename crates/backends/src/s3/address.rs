//! Where a bucket is: the address of its service, and how the service names buckets.

use std::ffi::OsString;
use std::sync::Arc;

use law_storage::{Credential, EndpointSettings, Error, ErrorKind, Location, Path, Result, Url};

use super::Bucket;
use super::signing::Signer;
use crate::auth::{AwsProfile, aws_profile};
use crate::http::{Address, Client, Origin};

/// The region of a service that has none, and Amazon's own name for its first one.
const REGION: &str = "us-east-1";

/// The service of a bucket, ready to be asked.
pub(super) struct Site {
    pub(super) client: Client,
    pub(super) signer: Signer,
    pub(super) region: String,
    /// What stands before the keys of the bucket in the path of an address.
    prefix: Path,
}

impl Bucket {
    /// The service; made at the first request.
    pub(super) fn site(&self) -> Result<Arc<Site>> {
        let mut site = self.site.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(site) = &*site {
            return Ok(site.clone());
        }
        let learnt = self.learnt().region.clone();
        let made = Arc::new(Site::new(self.name(), &self.settings, learnt)?);
        Ok(site.insert(made).clone())
    }

    /// Asks in another region from now on; false if it was asked there.
    pub(super) fn move_to(&self, region: &str, asked: &Site) -> bool {
        if asked.region == region || region.is_empty() {
            return false;
        }
        self.learnt().region = Some(region.to_owned());
        *self.site.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = None;
        true
    }
}

impl Site {
    fn new(bucket: &str, settings: &EndpointSettings, learnt: Option<String>) -> Result<Self> {
        let environment = |name: &str| std::env::var_os(name);
        let profile = aws_profile(&environment, profile_of(settings));
        let wanted = settings.region.clone().or_else(|| text(&environment, &["AWS_REGION", "AWS_DEFAULT_REGION"]));
        let region = learnt.or(wanted).or(profile.region.clone()).unwrap_or_else(|| REGION.to_owned());
        let named = settings.endpoint.clone().or_else(|| endpoint(&environment, profile));
        let (service, below, own) = match &named {
            Some(address) => {
                let (service, below) = service(address)?;
                (service, below, false)
            }
            None => (amazon(&region)?, Path::root(), true),
        };
        let by_path = settings.path_style.unwrap_or(!own || !is_host_name(bucket));
        let home = if by_path { service } else { service.with_host(format!("{bucket}.{}", service.host())) };
        let prefix = if by_path { below.child(bucket).map_err(Error::from)? } else { below };
        // Requests are signed, and carry no other credential.
        let mut plain = settings.clone();
        plain.credential = Credential::None;
        if plain.ca.is_none() {
            plain.ca = environment("AWS_CA_BUNDLE").filter(|ca| !ca.is_empty()).map(Into::into);
        }
        let signer = Signer::new(settings);
        Ok(Self { client: Client::new(home, &plain)?, signer, region, prefix })
    }

    /// The address of an object.
    pub(super) fn object(&self, path: &Path) -> Address {
        self.client.home().path(&self.prefix.join(path))
    }

    /// The address of what marks a directory.
    pub(super) fn marker(&self, path: &Path) -> Address {
        self.client.home().collection(&self.prefix.join(path))
    }
}

fn profile_of(settings: &EndpointSettings) -> Option<&str> {
    match &settings.credential {
        Credential::Aws { profile } => profile.as_deref(),
        _ => None,
    }
}

fn text(environment: &dyn Fn(&str) -> Option<OsString>, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| environment(name)?.into_string().ok().filter(|text| !text.is_empty()))
}

fn endpoint(environment: &dyn Fn(&str) -> Option<OsString>, profile: AwsProfile) -> Option<String> {
    text(environment, &["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]).or(profile.endpoint)
}

/// Host and path of the address of a service.
fn service(address: &str) -> Result<(Origin, Path)> {
    let wrong = || {
        let error = Error::new(ErrorKind::InvalidInput, format!("the endpoint `{address}` is no address of a service"));
        error.hint("endpoint = \"https://s3.site.example\"")
    };
    let url = Url::parse(address).map_err(|_| wrong())?;
    match url.location() {
        Location::Remote(remote) if matches!(remote.scheme().name(), "http" | "https") && remote.user().is_none() => {
            Ok((Origin::of(remote), remote.path().clone()))
        }
        _ => Err(wrong()),
    }
}

fn amazon(region: &str) -> Result<Origin> {
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    service(&format!("https://s3.{region}.{domain}")).map(|(origin, _)| origin)
}

/// Whether a bucket can be the first label of a host that a certificate for `*.host` covers.
fn is_host_name(bucket: &str) -> bool {
    (3..=63).contains(&bucket.len())
        && bucket.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(endpoint: Option<&str>, path_style: Option<bool>) -> EndpointSettings {
        let mut settings = EndpointSettings::default();
        settings.endpoint = endpoint.map(str::to_owned);
        settings.path_style = path_style;
        settings.region = Some("eu-central-1".into());
        settings
    }

    fn address(bucket: &str, endpoint: Option<&str>, path_style: Option<bool>) -> String {
        let site = Site::new(bucket, &settings(endpoint, path_style), None).unwrap();
        site.object(&Path::parse("a b/c").unwrap()).to_string()
    }

    #[test]
    fn a_bucket_is_a_host_at_amazon_and_a_path_elsewhere() {
        let lab = Some("https://s3.lab.example:9000/api");
        assert_eq!(address("higgs", Some("https://s3.lab.example"), None), "https://s3.lab.example/higgs/a%20b/c");
        assert_eq!(address("higgs", lab, None), "https://s3.lab.example:9000/api/higgs/a%20b/c");
        assert_eq!(address("higgs", lab, Some(false)), "https://higgs.s3.lab.example:9000/api/a%20b/c");
        assert_eq!(address("higgs", None, Some(true)), "https://s3.eu-central-1.amazonaws.com/higgs/a%20b/c");
        assert_eq!(address("my.data", None, None), "https://s3.eu-central-1.amazonaws.com/my.data/a%20b/c");
        assert_eq!(address("higgs", None, None), "https://higgs.s3.eu-central-1.amazonaws.com/a%20b/c");
    }

    #[test]
    fn an_address_that_is_none_is_refused_with_an_example() {
        for bad in ["s3.lab.example", "davs://s3.lab.example", "https://", "https://me:secret@s3.lab.example"] {
            let error = service(bad).unwrap_err();
            assert_eq!((error.kind(), error.hint_text().is_some()), (ErrorKind::InvalidInput, true), "{bad}");
        }
    }
}
