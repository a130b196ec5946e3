//! Doors at which a storage begins at different places, as `build` stacks them.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use std::sync::Arc;

use law_storage::{
    Backend, BytesSource, Call, DoorsSettings, EndpointSettings, ErrorKind, Factory, Fault, Faulty, FileSystem,
    Location, Memory, Operation, Parents, Path, Registry, RemoteUrl, Result, Scripted, Trail, Url,
};
use law_target::build::{DoorSpec, build};
use law_transfer::{Place, read_small};

/// The same storage at every endpoint, which does what the script of its host says.
struct InMemory {
    memory: Memory,
    scripts: Vec<(&'static str, Vec<Scripted>)>,
}

impl Factory for InMemory {
    fn schemes(&self) -> &'static [&'static str] {
        &["dav"]
    }

    fn open(&self, url: &RemoteUrl, _: &EndpointSettings) -> Result<Arc<dyn Backend>> {
        let script = self.scripts.iter().find(|(host, _)| *host == url.host()).unwrap().1.clone();
        Ok(Arc::new(Faulty::new(Arc::new(self.memory.at_door(url.host())), script)))
    }
}

/// A file system with doors at `one` and `two`, where `deep` is the root of the second.
async fn file_system(scripts: [Vec<Scripted>; 2]) -> FileSystem {
    let memory = Memory::new();
    let (call, path) = (Call::new(), |name| Path::parse(name).unwrap());
    memory.put(&call, &path("file"), &BytesSource::new("content"), &Default::default()).await.unwrap();
    memory.create_directory(&call, &path("deep"), Parents::Require).await.unwrap();
    memory.create_link(&call, &path("deep/file"), b"../file").await.unwrap();
    let [one, two] = scripts;
    let registry = Registry::new().with(Arc::new(InMemory { memory, scripts: vec![("one", one), ("two", two)] }));
    let door = |url: &str, root: &str| {
        let Location::Remote(url) = Url::parse(url).unwrap().location().clone() else { panic!("no remote URL") };
        DoorSpec { root: Path::parse(root).unwrap(), ..DoorSpec::new(url) }
    };
    let doors = [door("dav://one/", ""), door("dav://two/", "deep")];
    let (base, endpoint) = (Path::root(), EndpointSettings::default());
    build(&registry, "storage", &base, &doors, &endpoint, DoorsSettings::default()).unwrap()
}

fn names(fs: &FileSystem) -> Vec<String> {
    fs.doors().unwrap().doors().iter().map(|door| door.name().to_owned()).collect()
}

#[tokio::test]
async fn a_trail_names_doors_as_they_are_called() {
    let fs = file_system([vec![], vec![]]).await;
    let names = names(&fs);
    assert_eq!(names, ["memory://one", "memory://two/deep"]);
    for avoided in &names {
        let trail = Trail::default();
        let call = Call::new().on(trail.clone()).avoiding(vec![avoided.clone()]);
        fs.backend().read(&call, &Path::parse("file").unwrap(), &Default::default()).await.unwrap();
        let passed = trail.doors();
        assert!(passed.len() == 1 && passed[0] != *avoided && names.contains(&passed[0]), "{passed:?}");
    }
}

/// Whichever is read first.
#[tokio::test]
async fn damaged_bytes_are_read_again_at_the_other_door() {
    for bad in 0..2 {
        for _ in 0..8 {
            let mut scripts = [vec![], vec![]];
            scripts[bad].push(Fault::Flip { at: 3 }.always(Operation::Read));
            let place = Place::new(file_system(scripts).await, Path::parse("file").unwrap());
            assert_eq!(read_small(&Call::new(), &place, None, 100).await.unwrap(), "content");
        }
    }
}

#[tokio::test]
async fn a_door_that_was_asked_is_not_told_to_be_left_alone() {
    let down = || vec![Fault::Fail(ErrorKind::Unavailable).always(Operation::Stat)];
    let fs = file_system([down(), down()]).await;
    let error = fs.backend().stat(&Call::new(), &Path::parse("file").unwrap()).await.unwrap_err();
    let names = names(&fs);
    assert!(error.attempts().iter().all(|attempt| names.contains(&attempt.door)), "{error}");
    assert!(!error.to_string().contains("left alone"), "{error}");
}
