//! Buckets of a real S3: uploads that are killed, gone on with, and cleaned up.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use law_faults::{Fault, FaultProxy, Match, Script};

use crate::sandbox::{Sandbox, address_of, fresh, pattern, setting};

/// A directory of a bucket behind a proxy.
struct Bucket {
    sandbox: Sandbox,
    proxy: FaultProxy,
}

impl Bucket {
    fn new() -> Option<Self> {
        let (endpoint, key, secret) = (setting("S3_ENDPOINT")?, setting("S3_KEY")?, setting("S3_SECRET")?);
        let proxy = FaultProxy::start_blocking(address_of(&endpoint), Script::new()).unwrap();
        let sandbox = Sandbox::new();
        let config = format!(
            "[fs.lab]\ndoors = [\"s3://lab\"]\nbase = \"/{}\"\nendpoint = \"{}\"\naccess_key = \"{key}\"\nsecret_key = \"{secret}\"\n",
            fresh("uploads"),
            proxy.url().trim_end_matches('/'),
        );
        sandbox.write("law.toml", config);
        std::fs::set_permissions(sandbox.path("law.toml"), std::fs::Permissions::from_mode(0o600)).unwrap();
        Some(Self { sandbox, proxy })
    }

    /// The numbers of parts that were sent since the `since`th request.
    fn parts(&self, since: usize) -> BTreeSet<u32> {
        let number = |target: &str| target.split("partNumber=").nth(1)?.split('&').next()?.parse().ok();
        let requests = self.proxy.requests();
        requests[since..].iter().filter(|seen| seen.method == "PUT").filter_map(|seen| number(&seen.target)).collect()
    }

    /// Begins a command, and kills it once it hangs in this part.
    fn killed_in_part(&self, line: &str, number: u32) {
        let part = format!("partNumber={number}&");
        self.proxy.set_script(Script::new().on(Match::put(&part), Fault::StallUpload { at: 0 }));
        let since = self.proxy.requests().len();
        let mut child = self.sandbox.command(line).spawn().unwrap();
        let begin = Instant::now();
        while !self.parts(since).contains(&number) {
            assert!(begin.elapsed() < Duration::from_secs(60) && child.try_wait().unwrap().is_none());
            std::thread::sleep(Duration::from_millis(5));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        self.proxy.set_script(Script::new());
    }
}

#[test]
fn an_upload_goes_on_where_its_process_was_killed() {
    let Some(bucket) = Bucket::new() else { return };
    let sandbox = &bucket.sandbox;
    let content = pattern(70 << 20, 5);
    sandbox.write("d/large", &content);
    let alone = "cp -q --resume --streams 1 d/large lab:alone";
    let tree = "cp -rq --resume --streams 1 d lab:tree";
    for (line, copy) in [(alone, "lab:alone"), (tree, "lab:tree/large")] {
        bucket.killed_in_part(line, 6);
        assert_eq!(sandbox.fs(&format!("exists {copy}")).code, Some(3), "nothing has the name yet");
        let since = bucket.proxy.requests().len();
        assert_eq!(sandbox.fs(line).to_string(), "");
        assert_eq!(bucket.parts(since), BTreeSet::from([6, 7, 8, 9]), "{line}");
        assert_eq!(sandbox.fs(&format!("cp -q {copy} back")).to_string(), "");
        assert!(sandbox.read("back").unwrap() == content);
        std::fs::remove_file(sandbox.path("back")).unwrap();
    }
    assert!(sandbox.fs("cleanup --min-age 0 lab:").stderr.contains("nothing was left behind"));
}

#[test]
fn what_was_sent_of_another_file_is_not_used() {
    let Some(bucket) = Bucket::new() else { return };
    let sandbox = &bucket.sandbox;
    let mut content = pattern(70 << 20, 6);
    sandbox.write("large", &content);
    let line = "cp -q --resume --streams 1 large lab:copy";
    bucket.killed_in_part(line, 4);
    // The size and the time stay.
    content[10 << 20] ^= 1;
    sandbox.write("large", &content);
    let since = bucket.proxy.requests().len();
    assert_eq!(sandbox.fs(line).to_string(), "");
    assert_eq!(bucket.parts(since), BTreeSet::from([2, 4, 5, 6, 7, 8, 9]), "the part that was changed is sent again");
    assert_eq!(sandbox.fs("cp -q lab:copy back").to_string(), "");
    assert!(sandbox.read("back").unwrap() == content);
}

#[test]
fn parts_with_which_nobody_goes_on_are_cleaned_up() {
    let Some(bucket) = Bucket::new() else { return };
    let sandbox = &bucket.sandbox;
    sandbox.write("large", pattern(70 << 20, 7));
    sandbox.write("small", "x");
    assert_eq!(sandbox.fs("cp -q small lab:small").to_string(), "");
    let line = "cp -q --resume --streams 1 large lab:copy";
    bucket.killed_in_part(line, 3);
    assert!(sandbox.fs("cleanup lab:").stderr.contains("nothing was left behind"), "it may still be written");
    let shown = sandbox.fs("cleanup --min-age 0 lab:");
    assert!(shown.text().contains("/copy (parts of an upload that was never completed"), "{shown}");
    let cleaned = sandbox.fs("cleanup --yes --min-age 0 lab:");
    assert!(cleaned.code == Some(0) && cleaned.stderr.contains("1 of 1 cleaned up"), "{cleaned}");
    assert!(sandbox.fs("cleanup --min-age 0 lab:").stderr.contains("nothing was left behind"));
    let since = bucket.proxy.requests().len();
    assert_eq!(sandbox.fs(line).to_string(), "", "it begins anew");
    assert_eq!(bucket.parts(since).len(), 9);
}

#[test]
fn the_doctor_looks_for_the_service_and_not_for_the_bucket() {
    let Some(bucket) = Bucket::new() else { return };
    bucket.sandbox.write("small", "x");
    assert_eq!(bucket.sandbox.fs("cp -q small lab:small").to_string(), "");
    let run = bucket.sandbox.fs("doctor --write lab:");
    assert_eq!(run.code, Some(0), "{run}");
    for found in ["ok    name       127.0.0.1", "ok    read       the same bytes", "ok    remove"] {
        assert!(run.text().contains(found), "{run}");
    }
}

#[test]
fn two_services_may_have_a_bucket_of_the_same_name() {
    let Some(bucket) = Bucket::new() else { return };
    let Some(endpoint) = setting("JUICEFS_S3") else { return };
    let sandbox = &bucket.sandbox;
    let config = String::from_utf8(sandbox.read("law.toml").unwrap()).unwrap();
    let other = config.replace("[fs.lab]", "[fs.other]").replace(bucket.proxy.url().trim_end_matches('/'), &endpoint);
    sandbox.write("law.toml", config + &other);
    std::fs::set_permissions(sandbox.path("law.toml"), std::fs::Permissions::from_mode(0o600)).unwrap();
    sandbox.write("d/a", "a");
    assert_eq!(sandbox.fs("cp -rq d lab:d").to_string(), "");
    assert_eq!(sandbox.fs("cp -q lab:d/a other:d/a").to_string(), "");
    assert_eq!(sandbox.fs("cp -rq -T lab:d other:d").to_string(), "");
    assert_eq!(sandbox.fs("rm lab:d/a").code, Some(0));
    assert_eq!((sandbox.fs("cat other:d/a").text(), sandbox.fs("exists lab:d/a").code), ("a", Some(3)));
    let run = sandbox.fs("cp other:d/a other:d/a");
    assert!(run.code == Some(2) && run.stderr.contains("are the same file"), "{run}");
}

/// Of two services with a bucket of one name only the first is what a URL means.
#[test]
fn a_place_of_the_second_service_is_called_by_its_name() {
    let Some(bucket) = Bucket::new() else { return };
    let (sandbox, config) = (&bucket.sandbox, String::from_utf8(bucket.sandbox.read("law.toml").unwrap()).unwrap());
    let first = "[fs.first]\ndoors = [\"s3://lab\"]\nendpoint = \"http://127.0.0.1:1\"\nretries = 0\n";
    sandbox.write("law.toml", format!("{first}{config}"));
    sandbox.write("file", "content");
    let copied = sandbox.fs("cp --json file lab:file");
    assert_eq!((copied.code, &copied.objects()[0]["to"]), (Some(0), &"lab:file".into()), "{copied}");
    let listed = sandbox.fs("ls --json lab:");
    assert_eq!(listed.objects()[0]["url"], "lab:file", "{listed}");
    assert_eq!(sandbox.fs("ls --json first:").code, Some(6));
}

/// Another name of the same bucket is no other place.
#[test]
fn a_directory_is_not_copied_into_itself_under_another_name() {
    let Some(bucket) = Bucket::new() else { return };
    let (sandbox, config) = (&bucket.sandbox, String::from_utf8(bucket.sandbox.read("law.toml").unwrap()).unwrap());
    sandbox.write("law.toml", format!("{config}{}", config.replace("[fs.lab]", "[fs.too]")));
    std::fs::set_permissions(sandbox.path("law.toml"), std::fs::Permissions::from_mode(0o600)).unwrap();
    sandbox.write("d/a", "a");
    assert_eq!(sandbox.fs("cp -r d lab:d").code, Some(0));
    for line in ["cp -r lab:d too:d/in", "mv lab:d too:d/in", "cp -rT lab:d too:d", "sync --delete lab:d too:d"] {
        let run = sandbox.fs(line);
        let told = run.stderr.contains("into itself") || run.stderr.contains("are the same directory");
        assert!(run.code == Some(2) && told && run.stderr.lines().count() == 1, "{run}");
    }
    assert_eq!(sandbox.fs("find too:").text().lines().filter(|line| line.ends_with("/a")).count(), 1);
    assert_eq!(sandbox.fs("cp -r lab:d too:d-too").code, Some(0), "a name that only begins so");
}

#[test]
fn a_checksum_that_a_storage_does_not_have_is_no_secret() {
    let Some(bucket) = Bucket::new() else { return };
    bucket.sandbox.write("file", "content");
    let run = bucket.sandbox.fs("cp --set fs.lab.checksum=adler32 file lab:file");
    assert!(run.code == Some(0) && run.stderr.contains("names the checksum adler32"), "{run}");
    let run = bucket.sandbox.fs("cp --set fs.lab.checksum=crc32c file lab:other");
    assert!(run.code == Some(0) && run.stderr.is_empty(), "{run}");
}
