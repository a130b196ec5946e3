//! `~`, `$NAME` and `${NAME}` in paths.

use std::ffi::OsStr;

use crate::environment::Environment;

/// Replaces `$NAME` and `${NAME}` by variables and `$$` by a dollar sign. What comes in is not expanded again.
///
/// A variable that is unset or no UTF-8 is an error, never an empty text: `$X/ca` must not become `/ca`.
pub(crate) fn expand_variables(text: &str, environment: &Environment) -> Result<String, String> {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('$') {
        expanded += before;
        if let Some(behind) = behind.strip_prefix('$') {
            expanded.push('$');
            rest = behind;
            continue;
        }
        let (name, behind) = variable_name(behind).ok_or_else(|| {
            format!("a $ in {text:?} begins no variable: write $NAME or ${{NAME}}, or $$ for a dollar sign")
        })?;
        expanded += variable(name, environment)?;
        rest = behind;
    }
    Ok(expanded + rest)
}

/// [`expand_variables`], and a leading `~` is the home directory.
pub(crate) fn expand_path(text: &str, environment: &Environment) -> Result<String, String> {
    let Some(behind) = text.strip_prefix('~') else { return expand_variables(text, environment) };
    if !behind.is_empty() && !behind.starts_with('/') {
        return Err(format!("{text:?} is somebody else's home directory: write it in full"));
    }
    let home = environment.home.as_ref().and_then(|home| home.to_str());
    let home = home.ok_or_else(|| format!("{text:?} cannot be expanded, as there is no home directory (HOME)"))?;
    Ok(home.trim_end_matches('/').to_owned() + &expand_variables(behind, environment)?)
}

/// The name of a variable behind a dollar sign, and what follows it.
pub(crate) fn variable_name(text: &str) -> Option<(&str, &str)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let (name, behind) = match text.strip_prefix('{') {
        Some(text) => text.split_once('}')?,
        None => text.split_at(text.find(|c| !is_part(c)).unwrap_or(text.len())),
    };
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(is_part);
    is_name.then_some((name, behind))
}

/// The value of a variable.
pub(crate) fn variable<'e>(name: &str, environment: &'e Environment) -> Result<&'e str, String> {
    let value = environment.variables.get(OsStr::new(name));
    let value = value.ok_or_else(|| format!("the environment variable {name} is not set"))?;
    value.to_str().ok_or_else(|| format!("the environment variable {name} is no UTF-8"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt as _;
    use std::path::PathBuf;

    use super::*;

    fn environment() -> Environment {
        let odd = (OsString::from("ODD"), OsString::from_vec(vec![0xff]));
        let variables =
            [("USER", "me"), ("DOLLAR", "$USER"), ("EMPTY", "")].map(|(name, value)| (name.into(), value.into()));
        Environment {
            variables: BTreeMap::from_iter(variables.into_iter().chain([odd])),
            working_directory: PathBuf::from("/"),
            home: Some(PathBuf::from("/home/me")),
            system_directory: PathBuf::from("/etc/law"),
            user: 1,
        }
    }

    #[test]
    fn variables_and_home() {
        for (text, expanded) in [
            ("/a/$USER/b", "/a/me/b"),
            ("/a/${USER}b$USER", "/a/mebme"),
            ("$DOLLAR", "$USER"),
            ("a$$b$EMPTY", "a$b"),
            ("~", "/home/me"),
            ("~/x/$USER", "/home/me/x/me"),
            ("/a/~", "/a/~"),
        ] {
            assert_eq!(expand_path(text, &environment()).unwrap(), expanded, "{text}");
        }
        assert_eq!(expand_variables("~/$USER", &environment()).unwrap(), "~/me");
    }

    #[test]
    fn what_cannot_be_expanded_is_an_error() {
        for (text, why) in [
            ("$MISSING/ca", "MISSING is not set"),
            ("$ODD", "no UTF-8"),
            ("~root/x", "somebody else's"),
            ("a$", "begins no variable"),
            ("${USER", "begins no variable"),
            ("${US-ER}", "begins no variable"),
            ("$1", "begins no variable"),
        ] {
            let problem = expand_path(text, &environment()).unwrap_err();
            assert!(problem.contains(why), "{text}: {problem}");
        }
        let homeless = Environment { home: None, ..environment() };
        assert!(expand_path("~/x", &homeless).unwrap_err().contains("no home directory"));
    }
}
