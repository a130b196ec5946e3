use insta::assert_snapshot;

use crate::sandbox::Sandbox;

/// The demo without the names of its own scratch directory.
fn shown(text: &str) -> String {
    let mut parts = text.split("law-demo-");
    let first = parts.next().unwrap_or_default().to_owned();
    let shown = parts
        .fold(first, |shown, part| shown + "law-demo-NONCE" + part.trim_start_matches(|c: char| c.is_alphanumeric()));
    // Where the door died.
    let (before, after) = shown.split_once("from byte ").unwrap_or((&shown, ""));
    format!("{before}from byte N{}", after.trim_start_matches(|c: char| c.is_ascii_digit()))
}

#[test]
fn a_tour_that_leaves_nothing_behind() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.program(env!("CARGO_BIN_EXE_law"));
    // What else is installed is not shown.
    command.env("PATH", "/nowhere").arg("demo");
    let run = sandbox.finish(command);
    assert_eq!(run.code, Some(0));
    let scratch = sandbox.path("../tmp").to_str().unwrap().replace("work/../", "");
    assert_snapshot!(shown(&run.to_string()).replace(&scratch, "TMP"), @r#"
    1. A storage to play with, served by WebDAV
    $ law fs serve TMP/law-demo-NONCE/storage
    http://127.0.0.1:PORT/

    2. Write an array and a note: whole and proven, or not at all
    > DirectoryTarget::at(url)?.child("hits.npz").dump(&hits, Numpy)?;
    24260 bytes, adler32 cbcf9844 by the storage, the same as here
    > DirectoryTarget::at(url)?.child("note.json").dump(&note, Json)?;
    45 bytes

    3. List it
    $ law fs ls -l http://127.0.0.1:PORT/
    -?????????        24260 now, or about it hits.npz
    -?????????           45 now, or about it note.json

    4. Look into the files, without fetching them
    $ law fs show http://127.0.0.1:PORT/hits.npz http://127.0.0.1:PORT/note.json
    http://127.0.0.1:PORT/hits.npz: npz, 1 array
      arr_0  float64  (1000, 3)  23K  0.0 0.1 0.2 1.0 1.1 1.2 2.0 2.1 ...
    http://127.0.0.1:PORT/note.json: json, 45B, object with 3 keys
    {
      "detector": "pixel",
      "rows": 1000,
      "run": 362104
    }

    5. Load them again
    > let back: Array2<f64> = file.load(Numpy)?;
    an array of [1000, 3], every number the same; a note about run 362104

    6. Copy a file, with proof that both ends have the same bytes
    $ law fs cp http://127.0.0.1:PORT/hits.npz TMP/law-demo-NONCE/hits.npz
    http://127.0.0.1:PORT/hits.npz -> TMP/law-demo-NONCE/hits.npz (24KiB, adler32 cbcf9844 agrees)
    Once more: nothing travels, as both storages tell the same checksum.
    $ law fs cp http://127.0.0.1:PORT/hits.npz TMP/law-demo-NONCE/hits.npz
    http://127.0.0.1:PORT/hits.npz -> TMP/law-demo-NONCE/hits.npz (24KiB, has the same content already)

    7. Stores: the same lines on a bucket of S3 and on WebDAV
    > let dir = DirectoryTarget::at(place)?;
    > dir.child("v1.npz").dump(&hits, Numpy)?;
    > println!("{:?}", dir.listdir(None, None)?);
    > let back: Array2<f64> = dir.child("v1.npz").load(Numpy)?;
    bucket:ntuples (http://127.0.0.1:PORT): ["v1.npz"], crc64nvme 3a2433ddd356c472 by the storage, every number the same
    webdav:ntuples (http://127.0.0.1:PORT/): ["v1.npz"], adler32 a22d9a7c by the storage, every number the same

    8. Trust: a new version, and a network that flips one byte of it on the way
    The file's checksum is adler32 328f98f9. What is installed here gets it first:
    (neither curl nor davix, gfal2 or rclone is installed)
    And now law:
    $ law fs cp http://127.0.0.1:PORT/hits.npz TMP/law-demo-NONCE/hits.npz
    $ echo $?
    7
    The old copy is untouched, and nothing was left behind. Without the broken network:
    $ law fs cp http://127.0.0.1:PORT/hits.npz TMP/law-demo-NONCE/hits.npz
    http://127.0.0.1:PORT/hits.npz -> TMP/law-demo-NONCE/hits.npz (24KiB, adler32 328f98f9 agrees)

    9. Trust: three doors, and the one that is used dies in the middle of a large file
    $ law fs cp --set fs.three.doors=http://127.0.0.1:PORT,http://127.0.0.1:PORT,http://127.0.0.1:PORT three:large.bin TMP/law-demo-NONCE/large.bin
    three:large.bin -> TMP/law-demo-NONCE/large.bin (24MiB, adler32 5a5a2b9e agrees)
    http://127.0.0.1:PORT was killed in the middle; another door went on from byte N, and the whole was proven.

    10. Cache: a file is fetched once, whoever reads it, unless its copy is damaged
    > let back: Array2<f64> = file.load(Numpy)?;
    every number the same; fetched once so far
    > let back: Array2<f64> = file.load(Numpy)?;
    every number the same; fetched once so far
    A bit of the copy on the disk flips:
    > let back: Array2<f64> = file.load(Numpy)?;
    every number the same; fetched twice so far

    11. Tasks: what is missing is made, by command lines, and is published on the storage
    $ cat tasks.toml
    [task.CreateChars]
    branches = ["a", "b", "c", "d", "e", "f"]
    output = "http://127.0.0.1:PORT/letters/char_{branch}.txt"
    run = "echo {branch_data} > {output}"

    [task.CreateAlphabet]
    requires = "CreateChars"
    output = "http://127.0.0.1:PORT/letters/alphabet.txt"
    run = "for file in {input}; do read letter < $file; printf %s $letter; done > {output}"
    $ law run CreateAlphabet --print-status 1
    0 > CreateAlphabet()
    │    http://127.0.0.1:PORT/letters/alphabet.txt
    │      absent
    └──1 > CreateChars(branch=-1)
            6 branches, from http://127.0.0.1:PORT/letters/char_0.txt
              absent (0/6), missing branches: 0,1,2,3,4,5
    $ law run CreateAlphabet --workers 3
    * 8 ran successfully:
    This progress looks :) because there were no failed tasks or missing dependencies
    Once more: all is there, and nothing runs.
    $ law run CreateAlphabet --workers 3
    * 1 complete ones were encountered:
    This progress looks :) because there were no failed tasks or missing dependencies
    $ law fs cat http://127.0.0.1:PORT/letters/alphabet.txt
    abcdef

    What to try next
        law fs serve .                    serve a directory of yours
        law fs cp -r URL/ ./copy          copy a tree, with proof
        law fs ls davs://HOST/PATH        a storage of the grid
        law new analysis                  tasks of your own, to begin with
        law fs --help                     all commands, and the exit codes
    2> law fs cp: checksum mismatch (adler32 328f98f9 at the source, ec4898c6 here) http://127.0.0.1:PORT/hits.npz: tried twice in N s; nothing was published
    "#);
    assert_eq!((sandbox.scratch(), sandbox.names("")), (vec![], vec![]));
}
