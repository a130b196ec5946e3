use insta::assert_snapshot;

use crate::sandbox::Sandbox;

#[test]
fn of_the_programs() {
    let sandbox = Sandbox::new();
    assert_snapshot!(sandbox.law(["--help"]), @"
    Work with remote files as if they were local ones, and chain programs whose inputs and outputs are
    such files

    Usage: law <COMMAND>

    Commands:
      fs          Files on any storage: ls, cp, cat, ...
      run         Run a task, and all that it requires and that is not complete
      index       List the tasks that `law run` finds, with their parameters
      graph       Draw what a task requires, as text for Mermaid or Graphviz
      history     Tell how a file was made, from what and when, and whether it has changed since
      new         Write a directory with tasks that run at once, to begin with [aliases: init,
                  quickstart]
      config      The settings: shown, checked and extended
      login       Log in at a service: dropbox
      demo        A tour in under a minute, on a storage of its own
      completion  Print the script that makes a shell complete commands, options and places
      help        Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version
    ");
    assert_snapshot!(sandbox.fs("--help"), @"
    Files on any storage: ls, cp, cat, ...

    Usage: law fs [OPTIONS] <COMMAND>

    Commands:
      ls         List directories
      cp         Copy files, with proof that both ends have the same bytes
      mv         Rename within a storage; between storages copy, verify, and only then remove the source
      sync       Make a directory like another: copy what is missing or different, and with --delete
                 remove what is only there
      check      Compare two directories, file by file: sizes and checksums; where a storage has no
                 checksums, the bytes are read
      rm         Remove files, and with -r directories and everything below them
      mkdir      Make directories
      rmdir      Remove empty directories
      cat        Print files
      head       Print the first lines or bytes of files
      tail       Print the last lines or bytes of files
      stat       Show what a storage says about files and directories
      exists     Tell by the exit code whether something exists: 0 yes, 3 no, anything else: cannot tell
      find       Find files and directories below a place, by name, kind, size and age
      tree       Draw directories and what they have
      du         Sum up the sizes of files below directories
      df         Show how much space storages have, as far as they tell
      touch      Make empty files, with the directories above them. A file that exists keeps its content
      chmod      Set the permissions of files and directories, where the storage has such
      xattr      Show, set or remove extended attributes, where the storage has such
      tape       Files on tape: bring them to a disk, ask where they are, let go of them (WLCG Tape REST
                 API)
      token      Which credential a storage gets, where it is from, and until when
      checksum   Print checksums as the storage computed them, or compare files with a list of them
      show       Show what is in files: arrays, the first lines of texts, the members of archives
      formats    List the formats of files that are known, and their extensions
      transfers  List the copies of directories that were begun on this machine, and go on with those
                 that broke off
      cache      Show and look after the copies of remote files on this machine, which all processes
                 share
      cleanup    Find what processes that were killed left behind: parts of files and of uploads are
                 removed, files that were moved aside get their names back
      doctor     Find out what works with a storage, and say what to do about what does not
      doors      Show the doors of configured file systems, and what processes on this node know of them
      serve      Serve a directory of any storage by WebDAV, until it is interrupted
      backends   List the kinds of storage that this build can speak to, and what they can do
      help       Print this message or the help of the given subcommand(s)

    Options:
          --json                 Print one JSON object a line; errors too
      -v, --verbose...           Show what each layer does; twice shows every request
          --log-format <FORMAT>  The log on standard error: text, or json with times
          --ca <PATH>            Also believe this certificate authority: a PEM file or a directory of
                                 them
          --deadline <TIME>      Give up after this time, such as 30s or 10m
          --set <KEY=VALUE>      Override a setting, such as fs.wlcg.checksum=md5
      -h, --help                 Print help
      -V, --version              Print version

    Exit codes: 0 ok; 1 several failures of different kinds; 2 usage; 3 not found; 4 exists, changed,
    not empty, wrong kind; 5 permission; 6 unavailable or timed out; 7 integrity; 8 no space or quota; 9
    unsupported; 10 not online (tape); 65 malformed content; 70 internal; 77 credential missing or
    expired; 130/143 signals
    ");
}

#[test]
fn of_cp() {
    assert_snapshot!(Sandbox::new().fs("cp --help"), @"
    Copy files, with proof that both ends have the same bytes.

    A destination that is a directory takes the copies under their own names. `cp -r a b/` makes b/a, or
    b if there is no b yet; `cp -r a/ b/` copies what a has. A file that has the same content already,
    as far as checksums tell, is left alone. Symbolic links within a directory are passed over and
    named. `-` is standard input or output.

    Usage: law fs cp [OPTIONS] <PLACE> <PLACE>...

    Arguments:
      <PLACE>
              What to copy

      <PLACE>...
              More of that, and last where to

    Options:
      -r, --recursive
              Directories, and everything below them

              [alias: -R]

      -n, --no-clobber
              Never replace a file

      -f, --force
              Replace files even if they have the same content

          --overwrite <RULE>
              What happens to files that exist

              Possible values:
              - differs:  They are replaced if the content differs
              - newer:    They are replaced if they are older
              - checksum: They are replaced unless their checksum is the same; where a storage has none,
                the bytes are read
              - never:    They stay
              - always:   They are replaced
              - fail:     They stay, and that is an error, also if the content is the same

      -T, --no-target-directory
              The destination is the name of the copy, also if it is a directory

          --mkdir
              Make missing directories above the destination

          --preserve[=<WHAT>]
              Keep what is named of: mtime, mode, xattr; mtime and mode if nothing is named. What the
              destination cannot keep is said

              Possible values:
              - mtime: The time of modification
              - mode:  The permissions
              - xattr: The extended attributes

      -p
              As --preserve: the time of modification and the permissions

          --verify <PROOF>
              How much proof is wanted: auto, unless the settings say otherwise, compares checksums
              where both storages can, and sizes always

              Possible values:
              - auto:    Sizes always, checksums where the storages have them
              - require: Checksums by the storages, or an error
              - size:    Sizes alone
              - none:    Whatever the protocol says itself

          --dry-run
              Only say what would be done

      -q, --quiet
              Say nothing about what was done

          --progress <HOW>
              How it is shown how far it has come

              Possible values:
              - auto: A line at the bottom of a terminal; nothing where there is none
              - json: A JSON object a second on standard error
              - none: Nothing

      -j, --jobs <FILES>
              So many files at once; as many as their sizes suggest if it is not given

          --streams <STREAMS>
              So many connections for a large file; as many as help if it is not given

          --bwlimit <RATE>
              So many bytes a second at most, such as 10M

          --third-party <WAY>
              Whether two storages copy large files between themselves (WebDAV's third-party copy),
              proven as others are

              Possible values:
              - auto:  They, for files from 4 MiB on and where no token is needed: the destination
                fetches it, or else the source sends it, or else this machine does it
              - only:  They, or it fails
              - pull:  The destination fetches it, or it fails
              - push:  The source sends it, or it fails
              - never: This machine

          --max-errors <COUNT>
              Of a directory: stop after so many failures

          --resume
              Of a directory: go on where the same command broke off. What was copied and proven is not
              copied again

          --manifest <FILE>
              Of a directory: note each file as a JSON object, with checksums, door and attempts

          --json
              Print one JSON object a line; errors too

      -v, --verbose...
              Show what each layer does; twice shows every request

          --log-format <FORMAT>
              The log on standard error: text, or json with times

          --ca <PATH>
              Also believe this certificate authority: a PEM file or a directory of them

          --deadline <TIME>
              Give up after this time, such as 30s or 10m

          --set <KEY=VALUE>
              Override a setting, such as fs.wlcg.checksum=md5

      -h, --help
              Print help

    Which files:
          --include <PATTERN>
              Only files like that, such as '*.root', /top/** or run{1,2}/

          --exclude <PATTERN>
              No files like that

          --filter <RULE>
              A rule: '+ PATTERN' or '- PATTERN'; the first that matches decides

          --include-from <FILE>
              Patterns to include, one a line

          --exclude-from <FILE>
              Patterns to exclude, one a line

          --filter-from <FILE>
              Rules, one a line

          --files-from <FILE>
              Only the files in this list, one path below the source a line; nothing is listed

          --min-size <SIZE>
              Only files of at least that size, such as 10M

          --max-size <SIZE>
              Only files of at most that size

          --min-age <TIME>
              Only files that changed at least that long ago, such as 7d

          --max-age <TIME>
              Only files that changed at most that long ago
    ");
}

#[test]
fn every_command_has_help_that_says_the_same_in_law_fs() {
    let sandbox = Sandbox::new();
    for command in ["ls", "cp", "mv", "rm", "mkdir", "cat", "stat", "exists", "touch", "checksum", "show", "serve"] {
        let law = sandbox.fs(&format!("{command} --help"));
        assert_eq!((law.code, law.stderr.as_str()), (Some(0), ""));
        assert!(law.text().contains(&format!("Usage: law fs {command}")), "{law}");
        assert!(law.text().lines().all(|line| line.chars().count() <= 100), "{law}");
        let mut law_fs = sandbox.program(env!("CARGO_BIN_EXE_law-fs"));
        law_fs.args([command, "--help"]);
        assert_eq!(sandbox.finish(law_fs).text().replace("law-fs", "law fs"), law.text());
    }
}

#[test]
fn what_cannot_be_meant() {
    let lines = [
        "cpp a b",
        "cp a",
        "cp -n -f a b",
        "cp --verify maybe a b",
        "ls --deadline soon",
        "ls --set fs.lab.bas=/x",
        "ls --set nonsense",
        "ls dvas://door.example/x",
        "ls hdfs://host/x",
        "ls lab:x",
    ];
    assert_snapshot!(Sandbox::new().session(lines), @r#"
    $ law fs cpp a b
    2> error: unrecognized subcommand 'cpp'
    2>
    2>   tip: a similar subcommand exists: 'cp'
    2>
    2> Usage: law fs [OPTIONS] <COMMAND>
    2>
    2> For more information, try '--help'.
    [exit 2]
    $ law fs cp a
    2> error: the following required arguments were not provided:
    2>   <PLACE>...
    2>
    2> Usage: law fs cp <PLACE> <PLACE>...
    2>
    2> For more information, try '--help'.
    [exit 2]
    $ law fs cp -n -f a b
    2> error: the argument '--no-clobber' cannot be used with '--force'
    2>
    2> Usage: law fs cp --no-clobber <PLACE> <PLACE>...
    2>
    2> For more information, try '--help'.
    [exit 2]
    $ law fs cp --verify maybe a b
    2> error: invalid value 'maybe' for '--verify <PROOF>'
    2>   [possible values: auto, require, size, none]
    2>
    2> For more information, try '--help'.
    [exit 2]
    $ law fs ls --deadline soon
    2> error: invalid value 'soon' for '--deadline <TIME>': a time is a number and a unit, such as 30s
    2>
    2> For more information, try '--help'.
    [exit 2]
    $ law fs ls --set fs.lab.bas=/x
    2> law fs ls: command line: unknown option "bas" in [fs.lab]; did you mean "base"?
    [exit 2]
    $ law fs ls --set nonsense
    2> law fs ls: command line: an override is no section.option=value; write --set fs.NAME.option=value
    [exit 2]
    $ law fs ls dvas://door.example/x
    2> law fs ls: unknown scheme `dvas` dvas://door.example/x
    2>   hint: did you mean davs://?
    [exit 2]
    $ law fs ls hdfs://host/x
    2> law fs ls: no backend for hdfs:// in this build hdfs://host/x
    2>   hint: this build serves azblob, dav, davs, dcap, dropbox, gcs, gsidcap, gsiftp, http, https, mock, root, roots, s3, sftp, srm
    [exit 9]
    $ law fs ls lab:x
    2> law fs ls: configuration: there is no file system "lab"; law config add lab URL makes one
    [exit 2]
    "#);
}

#[test]
fn the_other_program_calls_itself_by_its_name() {
    let sandbox = Sandbox::new();
    let mut law_fs = sandbox.program(env!("CARGO_BIN_EXE_law-fs"));
    law_fs.args(["cat", "none"]);
    assert_snapshot!(sandbox.finish(law_fs), @"
    2> law-fs cat: not found WORK/none
    [exit 3]
    ");
}

/// As packages have it: one file, and a link to it.
#[test]
fn a_link_of_the_other_name_is_the_other_program() {
    let sandbox = Sandbox::new();
    let link = sandbox.path("law-fs");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_law"), &link).unwrap();
    let mut law_fs = sandbox.program(link.to_str().unwrap());
    law_fs.args(["cat", "none"]);
    assert_snapshot!(sandbox.finish(law_fs), @"
    2> law-fs cat: not found WORK/none
    [exit 3]
    ");
}

#[test]
fn a_short_h_is_help_where_it_is_not_human_sizes() {
    let sandbox = crate::with_files();
    for words in ["-h", "fs -h", "fs cp -h", "config -h", "config list -h", "demo -h", "completion -h"] {
        let run = sandbox.law(words.split(' '));
        let long = sandbox.law(words.replace("-h", "--help").split(' '));
        assert_eq!((run.code, run.text()), (Some(0), long.text()), "{words}: {run}");
    }
    sandbox.write("d/large", vec![0; 2048]);
    assert!(sandbox.fs("ls -lh d").text().contains(" 2.0K "), "sizes");
}

#[test]
fn words_of_other_tools_are_understood() {
    let sandbox = Sandbox::new();
    for (typed, meant) in [
        ("copy", "fs cp"),
        ("ls", "fs ls"),
        ("complet", "completion"),
        ("fs copy", "cp"),
        ("fs lst", "ls"),
        ("fs delete x", "rm"),
        ("fs --json rmtree x", "rm -r"),
        ("config show", "list"),
    ] {
        let run = sandbox.law(typed.split(' '));
        assert_eq!(run.code, Some(2), "{typed}: {run}");
        assert!(typed.contains("--json") || run.stderr.contains(&format!("exists: '{meant}'\n")), "{typed}: {run}");
    }
    assert!(!sandbox.law(["zzzz"]).stderr.contains("exists"), "nothing is like it");
}
