//! What the library says, in our words.

use law_storage::{ErrorKind, RemoteUrl, webdav_doors};
use rustix::io::Errno;

use super::library::Failure;
use super::rules::Rules;

/// The longest part of a message that is told.
const LONGEST: usize = 300;

/// What an `errno` means. Some plugins say that nothing is there of a certificate, or of a server that cannot be reached.
pub(super) fn kind(failure: &Failure) -> ErrorKind {
    match number(failure) {
        _ if is_about_credentials(&failure.message) => ErrorKind::Unauthenticated,
        Errno::NOENT if is_about_connections(&failure.message) => ErrorKind::Unavailable,
        Errno::NOENT => ErrorKind::NotFound,
        Errno::EXIST => ErrorKind::AlreadyExists,
        Errno::NOTDIR => ErrorKind::NotADirectory,
        Errno::ISDIR => ErrorKind::IsADirectory,
        Errno::NOTEMPTY => ErrorKind::NotEmpty,
        Errno::ACCESS | Errno::PERM => ErrorKind::PermissionDenied,
        Errno::ROFS => ErrorKind::ReadOnly,
        Errno::NAMETOOLONG => ErrorKind::NameTooLong,
        Errno::NOSPC | Errno::DQUOT | Errno::FBIG => ErrorKind::NoSpace,
        Errno::TIMEDOUT => ErrorKind::Timeout,
        Errno::INVAL | Errno::LOOP => ErrorKind::InvalidInput,
        Errno::NOSYS | Errno::OPNOTSUPP | Errno::PROTONOSUPPORT | Errno::XDEV => ErrorKind::Unsupported,
        _ => ErrorKind::Unavailable,
    }
}

/// The `errno`; where GridFTP knows it better than the plugin does, that one.
pub(super) fn number(failure: &Failure) -> Errno {
    let told = failure.message.split("GridFTP-Errno: ").nth(1);
    let digits = told.map(|text| text.chars().take_while(char::is_ascii_digit).collect::<String>());
    Errno::from_raw_os_error(digits.and_then(|digits| digits.parse().ok()).unwrap_or(failure.code))
}

fn is_about_credentials(message: &str) -> bool {
    const WORDS: [&str; 8] = [
        "gss_init_sec_context",
        "gss_acquire_cred",
        "globus_credential:",
        "Could not open the user ",
        "Could not load the user ",
        "Could NOT load client credentials",
        "Login incorrect",
        "Auth failed",
    ];
    WORDS.iter().any(|word| message.contains(word))
}

fn is_about_connections(message: &str) -> bool {
    let by_the_server = message.contains("the server responded");
    !by_the_server && ["connect", "socket", "control line"].iter().any(|word| message.contains(word))
}

/// Whether the connection may be broken.
pub(super) fn is_broken(failure: &Failure) -> bool {
    matches!(kind(failure), ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::Unauthenticated)
}

/// Whether the storage has no such checksum.
pub(super) fn has_no_checksum(failure: &Failure) -> bool {
    let known = [Errno::FAULT, Errno::NOSYS, Errno::OPNOTSUPP, Errno::PROTONOSUPPORT, Errno::INVAL];
    let words = ["Unknown checksum algorithm", "not implemented", "command unrecognized", "not understood"];
    known.contains(&number(failure)) || words.iter().any(|words| failure.message.contains(words))
}

/// The message on one line, without secrets.
pub(super) fn words(message: &str, secrets: &[String]) -> String {
    let mut words = message.split_whitespace().collect::<Vec<_>>().join(" ");
    words.retain(|c| !c.is_control());
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        words = words.replace(secret.as_str(), "***");
    }
    match words.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &words[..end]),
        None => words,
    }
}

/// What to install, and what may work without.
pub(super) fn what_to_install(rules: &Rules, url: &RemoteUrl) -> String {
    let plugin = rules.plugin;
    let packages = format!(
        "install libgfal2-2 and gfal2-plugin-{plugin} (Debian), or gfal2 and gfal2-plugin-{plugin} (Red Hat and its kin)"
    );
    webdav_doors(url).map_or(packages.clone(), |doors| format!("{packages}; or without them: {doors}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: i32, message: &str) -> Failure {
        Failure { code, message: message.into() }
    }

    #[test]
    fn gridftp_says_in_words_what_its_plugin_does_not_know() {
        let full =
            "globus_ftp_client: the server responded with an error 451 451-GridFTP-Errno: 39\r\n451-GridFTP-Reason: x";
        assert_eq!(kind(&failure(70, full)), ErrorKind::NotEmpty);
        assert_eq!(kind(&failure(70, "globus_ftp_control: gss_init_sec_context failed")), ErrorKind::Unauthenticated);
        assert_eq!(
            kind(&failure(70, "globus_xio: System error in connect: Connection refused")),
            ErrorKind::Unavailable
        );
        assert_eq!(kind(&failure(2, "gone")), ErrorKind::NotFound);
    }

    #[test]
    fn a_missing_certificate_or_server_is_no_missing_file() {
        assert_eq!(kind(&failure(2, "Could not open the user certificate")), ErrorKind::Unauthenticated);
        let refused = "Error reported by the external library dcap : Unable to connect to server, number : 25";
        assert_eq!(kind(&failure(2, refused)), ErrorKind::Unavailable);
        let said = "globus_ftp_client: the server responded with an error 550 550-GridFTP-Errno: 2 550-GridFTP-Reason: no socket.root";
        assert_eq!(kind(&failure(2, said)), ErrorKind::NotFound);
    }

    #[test]
    fn messages_are_one_line_without_secrets() {
        let told =
            words("Failed\r\n  at root://h//x?authz=Bearer%20abc (File exists)\n", &["authz=Bearer%20abc".into()]);
        assert_eq!(told, "Failed at root://h//x?*** (File exists)");
        assert_eq!(words(&"x".repeat(1000), &[]).len(), LONGEST + 3);
    }
}
