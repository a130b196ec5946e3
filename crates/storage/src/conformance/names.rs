//! Names: each one comes back as it was given, or is refused before anything is made.

use super::Subject;
use super::check::{Checked, Content, Failure, fails, same, same_bytes};
use crate::{
    BytesSource, Destination, Error, ErrorKind, NameRefusal, Parents, Path, PutOptions, ReadOptions, cleanup, list_all,
};

cases!("names",
    writes => [
        plain_names,
        spaces,
        percent_signs,
        delimiters_of_urls,
        quotes_and_brackets,
        backslashes,
        control_characters,
        leading_and_trailing_marks,
        accents_in_either_normal_form,
        emoji_and_other_scripts,
        bytes_that_are_not_utf8,
        long_names,
        a_name_that_is_too_long,
        directories_with_odd_names,
    ],
    case_sensitive => [case_matters],
);

/// Every name for itself, in a directory of its own; the failure says which.
async fn each(s: &Subject, names: &[&[u8]]) -> Checked {
    let mut refused = Vec::new();
    for (number, name) in names.iter().enumerate() {
        let directory = s.path(number.to_string());
        s.mkdir(&number.to_string()).await?;
        let path = directory.child(name).map_err(Error::from)?;
        s.path(path.strip_prefix(&s.root).unwrap_or_default().as_bytes());
        let outcome = one(s, &directory, &path).await.map_err(|failure| failure.about(format!("`{path}`")))?;
        refused.extend((outcome == Outcome::Refused).then(|| Content(name).to_string()));
    }
    if !refused.is_empty() {
        s.note(format!("refused: {}", refused.join(", ")));
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    RoundTrip,
    Refused,
}

async fn one(s: &Subject, directory: &Path, path: &Path) -> Checked<Outcome> {
    let declared = s.capabilities.names.refusal(path);
    let written = s.backend.put(&s.call(), path, &BytesSource::new("named"), &PutOptions::default()).await;
    match (written, declared) {
        (Err(error), _) => refused(s, directory, path, error).await.map(|()| Outcome::Refused),
        (Ok(_), Some(refusal)) => Err(Failure::here(format!("taken, but declared impossible: {refusal:?}"))),
        (Ok(_), None) => round_trip(s, directory, path).await.map(|()| Outcome::RoundTrip),
    }
}

/// A name that the storage cannot hold: refused by every method, and nothing was made.
async fn refused(s: &Subject, directory: &Path, path: &Path, error: Error) -> Checked {
    let kinds = [ErrorKind::InvalidInput, ErrorKind::NameTooLong];
    let error = fails("put", Err::<(), _>(error), &kinds)?;
    if let Some(NameRefusal::TooLong(_)) = s.capabilities.names.refusal(path) {
        same("the kind of the refusal", error.kind(), ErrorKind::NameTooLong)?;
    }
    check!(!error.message().is_empty(), "refused without a reason");
    let (call, plain) = (s.call(), directory.child("plain").map_err(Error::from)?);
    // Who has seen that nothing is there, as a copy of a tree has, is refused as well.
    let seen = PutOptions { seen_missing: true, ..PutOptions::default() };
    fails("put", s.backend.put(&call, path, &BytesSource::new("named"), &seen).await, &kinds)?;
    fails("mkdir", s.backend.create_directory(&call, path, Parents::Create).await, &kinds)?;
    s.backend.put(&call, &plain, &BytesSource::new("stays"), &PutOptions::default()).await?;
    if s.capabilities.rename.possible() {
        fails("rename", s.backend.rename(&call, &plain, path, Destination::NoReplace).await, &kinds)?;
    }
    same_bytes("what was not renamed", &content(s, &plain).await?, b"stays")?;
    s.backend.remove_file(&call, &plain).await?;
    let kinds = [ErrorKind::InvalidInput, ErrorKind::NameTooLong, ErrorKind::NotFound];
    fails("read", content(s, path).await, &kinds)?;
    // Such a name is never there; whether that is said or the question refused is the same to a caller.
    let found = s.backend.stat(&call, path).await;
    check!(!matches!(found, Ok(Some(_))), "it was refused, and is there: {found:?}");
    entries_are(s, directory, &[]).await
}

async fn content(s: &Subject, path: &Path) -> crate::Result<bytes::Bytes> {
    s.backend.read(&s.call(), path, &ReadOptions::whole()).await?.collect(1000).await
}

async fn entries_are(s: &Subject, directory: &Path, wanted: &[&Path]) -> Checked {
    cleanup::finish().await;
    if !s.capabilities.list.possible() {
        return Ok(());
    }
    let entries = list_all(&*s.backend, &s.call(), directory).await?;
    same("the listing", entries.iter().map(|entry| &entry.path).collect(), wanted.to_vec())
}

async fn round_trip(s: &Subject, directory: &Path, path: &Path) -> Checked {
    let call = s.call();
    let stat = s.backend.stat(&call, path).await?;
    same("its size", stat.and_then(|m| m.size), Some(5))?;
    same_bytes("its content", &content(s, path).await?, b"named")?;
    entries_are(s, directory, &[path]).await?;
    if s.capabilities.rename.possible() {
        there_and_back(s, directory, path).await?;
    }
    if !s.capabilities.digests.is_empty() {
        check!(s.backend.digest(&call, path, &[]).await?.is_some(), "it has no checksum");
    }
    s.backend.remove_file(&call, path).await?;
    check!(s.backend.stat(&call, path).await?.is_none(), "it is there after its removal");
    entries_are(s, directory, &[]).await
}

async fn there_and_back(s: &Subject, directory: &Path, path: &Path) -> Checked {
    let (call, plain) = (s.call(), directory.child("plain").map_err(Error::from)?);
    s.backend.rename(&call, path, &plain, Destination::NoReplace).await?;
    entries_are(s, directory, &[&plain]).await?;
    s.backend.rename(&call, &plain, path, Destination::NoReplace).await?;
    entries_are(s, directory, &[path]).await?;
    same_bytes("its content after renames", &content(s, path).await?, b"named")
}

/// What every storage must hold.
async fn plain_names(s: &Subject) -> Checked {
    let names: [&[u8]; 5] = [b"a", b"data.root", b"UPPER_lower-123", b"many.dots.in.it.tar.gz", b"0"];
    for name in names {
        let refusal = s.capabilities.names.refusal(&s.path(name));
        check!(refusal.is_none(), "it cannot hold {}: {refusal:?}", name.escape_ascii());
    }
    each(s, &names).await?;
    check!(s.notes().is_empty(), "a plain name was refused: {:?}", s.notes());
    Ok(())
}

async fn spaces(s: &Subject) -> Checked {
    each(s, &[b"a b", b" leading", b"trailing ", b"two  spaces", b" "]).await
}

async fn percent_signs(s: &Subject) -> Checked {
    each(s, &[b"100%", b"%", b"%41", b"%2f", b"%2F..%2f", b"%25", b"%2541", b"%zz", b"%00", b"a%20b", b"%e4"]).await
}

async fn delimiters_of_urls(s: &Subject) -> Checked {
    each(s, &[b"a?b=c", b"a#b", b"a+b", b"a&b", b"a;b", b"a=b", b"a:b", b"a@b", b"a,b", b"a$b", b"a!b", b"?", b"#"])
        .await
}

async fn quotes_and_brackets(s: &Subject) -> Checked {
    each(s, &[b"it's", b"\"quoted\"", b"`tick`", b"a[1]", b"a{b,c}", b"(a)", b"<a>", b"a*b", b"a|b", b"a^b"]).await
}

async fn backslashes(s: &Subject) -> Checked {
    each(s, &[b"a\\b", b"\\", b"\\n", b"..\\up"]).await
}

async fn control_characters(s: &Subject) -> Checked {
    each(s, &[b"a\nb", b"a\tb", b"a\rb", b"a\x7fb", b"\x01", b"\x1b[2J"]).await
}

async fn leading_and_trailing_marks(s: &Subject) -> Checked {
    each(s, &[b".hidden", b"..two", b"...", b"~", b"~user", b"-rf", b"trailing.", b"dots..", b"_", b"@eaDir"]).await
}

async fn accents_in_either_normal_form(s: &Subject) -> Checked {
    let (composed, decomposed) = ("\u{e4}\u{e9}\u{f1}.txt", "a\u{308}e\u{301}n\u{303}.txt");
    each(s, &[composed.as_bytes(), decomposed.as_bytes()]).await?;
    s.mkdir("both").await?;
    let mut taken = Vec::new();
    for name in [composed, decomposed] {
        let path = format!("both/{name}");
        match s.put_from(&path, &BytesSource::new(name), &PutOptions::default()).await {
            Ok(_) => taken.push((path, name)),
            Err(error) => drop(fails(name, Err::<(), _>(error), &[ErrorKind::InvalidInput, ErrorKind::NameTooLong])?),
        }
    }
    for (path, name) in taken {
        s.has(&path, name.as_bytes()).await?;
    }
    Ok(())
}

async fn emoji_and_other_scripts(s: &Subject) -> Checked {
    let names = [
        "\u{1f409}.root",
        "\u{6570}\u{636e}",
        "\u{434}\u{430}\u{43d}\u{43d}\u{44b}\u{435}",
        "\u{627}\u{628}",
        "\u{200b}",
        "\u{feff}bom",
    ];
    each(s, &names.map(str::as_bytes)).await
}

async fn bytes_that_are_not_utf8(s: &Subject) -> Checked {
    each(s, &[b"\xff", b"latin-\xe4", b"\xc3\x28", b"\xf0\x9f\x90", b"\xed\xa0\x80", b"a\x80b"]).await
}

async fn long_names(s: &Subject) -> Checked {
    each(s, &[&[b'n'; 200], "\u{e4}".repeat(100).as_bytes()]).await
}

async fn a_name_that_is_too_long(s: &Subject) -> Checked {
    each(s, &[&[b'n'; 256], &[b'n'; 1500]]).await
}

async fn directories_with_odd_names(s: &Subject) -> Checked {
    for name in ["a b", "%41", "it's #1?", "\u{e4}", "+&;"] {
        let file = format!("{name}/{name}/file");
        if s.capabilities.names.refusal(&s.path(&file)).is_some() {
            continue;
        }
        s.mkdir(&format!("{name}/{name}")).await?;
        s.put(&file, name).await?;
        s.has(&file, name.as_bytes()).await?;
        s.holds_only(name, &[name]).await?;
        s.holds_only(&format!("{name}/{name}"), &["file"]).await?;
        if s.capabilities.rename.possible() {
            s.rename(name, "plain", Destination::NoReplace).await?;
            s.has(&format!("plain/{name}/file"), name.as_bytes()).await?;
            s.rename("plain", name, Destination::NoReplace).await?;
            s.has(&file, name.as_bytes()).await?;
        }
    }
    Ok(())
}

async fn case_matters(s: &Subject) -> Checked {
    let names = ["name", "Name", "NAME"];
    for name in names {
        s.put(name, name).await?;
    }
    for name in names {
        s.has(name, name.as_bytes()).await?;
    }
    s.holds_only("", &names).await
}
