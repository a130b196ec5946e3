//! What a profile of Amazon's tools says of a service (<https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>).

use std::ffi::OsString;
use std::path::PathBuf;

use super::small_file::read_small;

/// The longest file that is read.
const LONGEST: u64 = 1024 * 1024;

/// A profile of `~/.aws/config`, but for its keys.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AwsProfile {
    /// The region.
    pub region: Option<String>,
    /// The address of the service.
    pub endpoint: Option<String>,
}

/// The named profile, or the usual one. What cannot be read says nothing.
pub fn aws_profile(environment: &dyn Fn(&str) -> Option<OsString>, name: Option<&str>) -> AwsProfile {
    let set = || environment("AWS_PROFILE")?.into_string().ok().filter(|text| !text.is_empty());
    let named = name.map(str::to_owned).or_else(set).unwrap_or_else(|| "default".into());
    profile(&text_of(environment, "AWS_CONFIG_FILE", ".aws/config"), &named)
}

/// Whether a file of Amazon's tools has a profile of that name.
pub fn has_aws_profile(environment: &dyn Fn(&str) -> Option<OsString>, name: &str) -> bool {
    let files = [("AWS_CONFIG_FILE", ".aws/config"), ("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials")];
    files.into_iter().any(|(variable, usual)| {
        let text = text_of(environment, variable, usual);
        text.lines().filter_map(title).any(|title| is_title(title, name))
    })
}

/// What is between the brackets of a section's first line.
fn title(line: &str) -> Option<&str> {
    line.trim().strip_prefix('[')?.split_once(']').map(|(title, _)| title.trim())
}

fn is_title(title: &str, name: &str) -> bool {
    title == name || title.strip_prefix("profile").is_some_and(|rest| rest.trim() == name)
}

/// The text of the file that a variable names, or of the usual one at home; empty if it cannot be read.
fn text_of(environment: &dyn Fn(&str) -> Option<OsString>, variable: &str, usual: &str) -> String {
    let set = |name: &str| environment(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let file = set(variable).or_else(|| Some(set("HOME")?.join(usual)));
    let bytes = file.and_then(|file| read_small(&file, LONGEST).ok()).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn profile(text: &str, name: &str) -> AwsProfile {
    let mut found = AwsProfile::default();
    let mut here = false;
    for line in text.lines() {
        if let Some(title) = title(line) {
            here = is_title(title, name);
        }
        // What is indented belongs to the line above.
        let option = line.split_once('=').filter(|_| here && !line.starts_with([' ', '\t', '#', ';']));
        match option.map(|(option, value)| (option.trim(), value.trim().to_owned())) {
            Some(("region", value)) => found.region = Some(value),
            Some(("endpoint_url", value)) => found.endpoint = Some(value),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_among_others() {
        let text = "# mine\n[default]\nregion = eu-west-1\n[profile lab]\nendpoint_url=https://s3.lab.example\n\
            s3 =\n  region = nested\n; region = none\nregion = lab-1\n[profile laboratory]\nregion = other\n";
        let endpoint = Some("https://s3.lab.example".to_owned());
        assert_eq!(profile(text, "lab"), AwsProfile { region: Some("lab-1".into()), endpoint });
        assert_eq!(profile(text, "default").region.as_deref(), Some("eu-west-1"));
        assert_eq!(profile(text, "none"), AwsProfile::default());
    }

    #[test]
    fn the_file_and_the_profile_of_the_environment() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("config");
        std::fs::write(&file, "[profile work]\nregion = here\n").unwrap();
        let environment = |name: &str| match name {
            "AWS_CONFIG_FILE" => Some(file.clone().into_os_string()),
            "AWS_PROFILE" => Some("work".into()),
            _ => None,
        };
        assert_eq!(aws_profile(&environment, None).region.as_deref(), Some("here"));
        assert_eq!(aws_profile(&environment, Some("other")), AwsProfile::default());
        assert_eq!(aws_profile(&|_| None, None), AwsProfile::default());
        assert!(has_aws_profile(&environment, "work") && !has_aws_profile(&environment, "other"));
    }
}
