//! Who asks: what the settings name, or what the tools of a service would find.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use law_storage::{Credential, EndpointSettings, Error, ErrorKind, Result};

use super::services::{Options, Service};
use crate::auth::read_token;

/// How a service is told who asks; empty where it has no place for such a thing.
pub(super) struct Rule {
    /// A bearer token is sent as such, by our own client.
    bearer: bool,
    /// OpenDAL's name for a token that is sent in another way.
    token: &'static str,
    /// Its names for the name of an access key, for the key, and for what a temporary one comes with.
    key: [&'static str; 3],
    /// The key is written in base64.
    encoded: bool,
    /// What it takes for nobody in particular.
    nobody: &'static str,
    /// Whether it finds what its own tools would find.
    finds: bool,
    /// What to do where the address of the service is not known.
    pub(super) where_it_is: &'static str,
}

const SET_ENDPOINT: &str = "set endpoint in [fs.NAME]";

pub(super) const NOBODY: Rule = Rule {
    bearer: false,
    token: "",
    key: [""; 3],
    encoded: false,
    nobody: "",
    finds: false,
    where_it_is: SET_ENDPOINT,
};

#[allow(dead_code, reason = "a build without this service is possible")]
pub(super) const GOOGLE: Rule = Rule { bearer: true, nobody: "skip_signature", finds: true, ..NOBODY };

#[allow(dead_code, reason = "a build without this service is possible")]
pub(super) const AZURE: Rule = Rule {
    bearer: true,
    key: ["account_name", "account_key", "sas_token"],
    encoded: true,
    nobody: "skip_signature",
    finds: true,
    where_it_is: "name the account: access_key or endpoint in [fs.NAME], or $AZURE_STORAGE_ACCOUNT",
    ..NOBODY
};

#[allow(dead_code, reason = "a build without this service is possible")]
pub(super) const SWIFT: Rule = Rule { token: "token", ..NOBODY };

#[allow(dead_code, reason = "a build without this service is possible")]
pub(super) const OSS: Rule =
    Rule { key: ["access_key_id", "access_key_secret", "security_token"], nobody: "skip_signature", ..NOBODY };

#[allow(dead_code, reason = "a build without this service is possible")]
pub(super) const OBS: Rule = Rule { key: ["access_key_id", "secret_access_key", ""], ..NOBODY };

#[allow(dead_code, reason = "a build without this service is possible")]
pub(super) const COS: Rule = Rule { key: ["secret_id", "secret_key", "security_token"], ..NOBODY };

/// What the environment says, as far as it matters here.
pub(super) struct Environment(fn(&str) -> Option<String>);

impl Environment {
    pub(super) fn of_process() -> Self {
        Self(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn first(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.0(name))
    }
}

/// Refuses a credential that the service has no place for.
pub(super) fn check(service: &Service, credential: &Credential) -> Result<()> {
    let rule = service.credential();
    let (fits, what) = match credential {
        Credential::None | Credential::Tools => (true, ""),
        Credential::Bearer(_) | Credential::BearerFile(_) => (rule.bearer || !rule.token.is_empty(), "a bearer token"),
        Credential::AccessKey { .. } => (!rule.key[0].is_empty(), "an access key"),
        _ => (false, "such a credential"),
    };
    if fits {
        return rule.check_key(service, credential);
    }
    let error = Error::new(ErrorKind::InvalidInput, format!("{} has no place for {what}", service.name));
    Err(error.hint(rule.takes()))
}

impl Rule {
    /// A key that is none is no riddle for the service.
    fn check_key(&self, service: &Service, credential: &Credential) -> Result<()> {
        let Credential::AccessKey { secret, .. } = credential else { return Ok(()) };
        if !self.encoded || STANDARD.decode(secret.expose()).is_ok() {
            return Ok(());
        }
        let error = Error::new(ErrorKind::InvalidInput, format!("a key of {} is written in base64", service.name));
        Err(error.hint("secret_key is not: was it copied whole, and is it no SAS? that is session_token"))
    }

    /// Whether our own client is to send it.
    pub(super) fn sends(&self, credential: &Credential) -> bool {
        self.bearer && matches!(credential, Credential::Bearer(_) | Credential::BearerFile(_))
    }

    pub(super) fn takes(&self) -> &'static str {
        match (self.bearer || !self.token.is_empty(), !self.key[0].is_empty()) {
            (true, true) => "it takes token or token_file, or access_key and secret_key",
            (true, false) => "it takes token or token_file",
            _ => "it takes access_key and secret_key",
        }
    }
}

/// How OpenDAL is told who asks, and the address of the service where that tells it.
pub(super) fn options(
    service: &Service,
    settings: &EndpointSettings,
    environment: &Environment,
) -> Result<(Option<String>, Options)> {
    let rule = service.credential();
    let nobody = || Some((rule.nobody, "true".to_owned())).filter(|(name, _)| !name.is_empty()).into_iter().collect();
    Ok(match &settings.credential {
        Credential::AccessKey { id, secret, token } => {
            let values = [id.as_str(), secret.expose(), token.as_ref().map_or("", |token| token.expose())];
            let pairs = rule.key.into_iter().zip(values).filter(|(name, value)| !name.is_empty() && !value.is_empty());
            (rule.address(id), pairs.map(|(name, value)| (name, value.to_owned())).collect())
        }
        Credential::Bearer(token) if !rule.bearer => (None, vec![(rule.token, token.expose().to_owned())]),
        Credential::BearerFile(file) if !rule.bearer => {
            (None, vec![(rule.token, read_token(file)?.expose().to_owned())])
        }
        Credential::Tools if rule.finds => found(rule, environment)?,
        _ => (None, nobody()),
    })
}

impl Rule {
    /// Where an account of Azure is.
    fn address(&self, account: &str) -> Option<String> {
        let plain = account.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (plain && self.key[0] == "account_name").then(|| format!("https://{account}.blob.core.windows.net"))
    }
}

/// What the environment names by the words of Azure's own tools; the rest is found by OpenDAL.
fn found(rule: &Rule, environment: &Environment) -> Result<(Option<String>, Options)> {
    if rule.key[0].is_empty() {
        return Ok((None, Vec::new()));
    }
    let mut told: HashMap<String, String> = HashMap::new();
    if let Some(text) = environment.first(&["AZURE_STORAGE_CONNECTION_STRING"]) {
        told.extend(text.split(';').filter_map(|pair| pair.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())));
    }
    let value = |names: &[&str], word: &str| environment.first(names).or_else(|| told.get(word).cloned());
    let account = value(&["AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_ACCOUNT_NAME"], "AccountName");
    let key = value(&["AZURE_STORAGE_KEY", "AZURE_STORAGE_ACCOUNT_KEY"], "AccountKey");
    let ticket = value(&["AZURE_STORAGE_SAS_TOKEN"], "SharedAccessSignature");
    let address = told.get("BlobEndpoint").cloned().or_else(|| rule.address(account.as_deref()?));
    let ticket = ticket.map(|ticket| ticket.trim_start_matches('?').to_owned());
    let values = rule.key.into_iter().zip([account, key, ticket]);
    Ok((address, values.filter_map(|(name, value)| Some((name, value?))).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use law_storage::Secret;

    fn service(scheme: &str) -> &'static Service {
        Service::of(scheme).unwrap()
    }

    #[test]
    fn a_connection_string_of_azure_is_understood() {
        let environment = Environment(|name| {
            let text = "DefaultEndpointsProtocol=https;AccountName=lab;AccountKey=a2V5PT0=;BlobEndpoint=http://127.0.0.1:1/lab";
            (name == "AZURE_STORAGE_CONNECTION_STRING").then(|| text.to_owned())
        });
        let (address, options) = found(service("azblob").credential(), &environment).unwrap();
        assert_eq!(address.as_deref(), Some("http://127.0.0.1:1/lab"));
        assert_eq!(options, [("account_name", "lab".to_owned()), ("account_key", "a2V5PT0=".to_owned())]);
    }

    #[test]
    fn the_account_says_where_azure_is() {
        let mut settings = EndpointSettings::default();
        let secret = Secret::new("a2V5");
        settings.credential = Credential::AccessKey { id: "lab".into(), secret, token: None };
        let nothing = Environment(|_| None);
        let (address, _) = options(service("azblob"), &settings, &nothing).unwrap();
        assert_eq!(address.as_deref(), Some("https://lab.blob.core.windows.net"));
        settings.credential =
            Credential::AccessKey { id: "evil.example/".into(), secret: Secret::new(""), token: None };
        assert_eq!(options(service("azblob"), &settings, &nothing).unwrap().0, None);
    }

    #[test]
    fn a_credential_without_a_place_is_refused_and_not_left_out() {
        let basic = Credential::Basic { user: "me".into(), password: Secret::new("secret") };
        let error = check(service("gcs"), &basic).unwrap_err();
        assert_eq!((error.kind(), error.hint_text().is_some()), (ErrorKind::InvalidInput, true));
        let key = Credential::AccessKey { id: "lab".into(), secret: Secret::new("a2V5"), token: None };
        assert!(check(service("gcs"), &key).is_err() && check(service("azblob"), &key).is_ok());
        let odd = Credential::AccessKey { id: "lab".into(), secret: Secret::new("not base64!"), token: None };
        let error = check(service("azblob"), &odd).unwrap_err();
        assert!(error.to_string().contains("base64") && !error.to_string().contains("not base64!"), "{error}");
    }
}
