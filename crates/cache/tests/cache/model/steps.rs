//! What may happen in a case: each does it to the stack and to the map, and compares.

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use law_cache::{Cache, Policy};
use law_storage::{
    Backend as _, ByteRange, BytesSource, Destination, ErrorKind, Fault, Operation, Parents, PutOptions, ReadOptions,
    Result, list_all,
};

use super::damage::damage;
use super::world::{BLOCK, Held, NAMES, World};
use crate::{get, path};

impl World {
    pub(super) async fn step(&mut self) {
        let passing = if self.dice.one_in(6) { self.something_passing() } else { None };
        if let Some(text) = &passing {
            self.tell(text.clone());
        }
        match self.dice.next(100) {
            0..12 => self.write().await,
            12..30 => self.read_all().await,
            30..42 => self.read_part().await,
            42..45 => self.read_parts().await,
            45..49 => self.many_read().await,
            49..52 => self.somebody_goes_away().await,
            52..57 => self.look().await,
            57..60 => self.list().await,
            60..63 => self.remove().await,
            63..66 => self.rename().await,
            66..69 => self.copy().await,
            69..78 => self.localize().await,
            78..80 => self.pin().await,
            80..84 => self.changed_behind().await,
            84..88 => self.door_dies_or_returns(),
            88..95 => self.damage(),
            95..97 => self.disk_fills_or_empties(),
            97 => self.tidy(),
            98 => self.verify(),
            _ => self.restart(),
        }
        if passing.is_some() {
            self.settle();
        }
        self.held_files_are_the_same();
    }

    /// A change that an error leaves undone or done, and nothing in between.
    async fn changed(&mut self, names: &[&'static str], done: Result<()>, change: impl FnOnce(&mut Self)) {
        let before = self.files.clone();
        change(self);
        if let Err(error) = done {
            for name in names {
                let now = self.stored(name).await;
                let (old, new) = (before.get(name), self.files.get(name));
                assert!(now.as_ref() == old || now.as_ref() == new, "{name} after {error:?}");
            }
            for name in NAMES {
                match self.stored(name).await {
                    Some(content) => self.files.insert(name, content),
                    None => self.files.remove(name),
                };
            }
        }
    }

    async fn write(&mut self) {
        let (process, name, content) = (self.any_process(), self.any_name(), self.new_content());
        self.tell(format!("write {name}, {} bytes", content.len()));
        let options = PutOptions { parents: Parents::Create, ..PutOptions::default() };
        let source = BytesSource::new(content.clone());
        let done = process.put(&self.call, &path(name), &source, &options).await.map(|_| ());
        let written = done.is_ok();
        self.changed(&[name], done, |world| _ = world.files.insert(name, content)).await;
        // A young version that has no etag of the whole storage is not kept.
        if written && !self.dice.one_in(4) {
            let time = self.new_time();
            let _ = process.set_modified(&self.call, &path(name), time).await;
        }
    }

    /// Compares what was read with the map.
    fn compare(&self, name: &str, range: ByteRange, got: Result<Vec<u8>>) {
        match (self.files.get(name), got) {
            (None, Err(error)) if error.kind() == ErrorKind::NotFound => {}
            (Some(content), Ok(got)) => {
                let range = range.clamp(content.len() as u64);
                let wanted = &content[range.offset as usize..range.end() as usize];
                assert!(got == wanted, "wrong bytes of {name}, {range:?}: {} of {}", got.len(), wanted.len());
            }
            (None, Ok(got)) => panic!("{name} is not there, and has {} bytes", got.len()),
            (_, Err(error)) => assert!(self.explains(&error), "{name}: {error:?}"),
        }
    }

    async fn read_all(&mut self) {
        let (process, name) = (self.any_process(), self.likely_name());
        self.tell(format!("read {name}"));
        let got = get(&process, name).await;
        self.compare(name, ByteRange::whole(u64::MAX), got);
    }

    fn any_range(&mut self) -> ByteRange {
        let longest = if self.dice.one_in(2) { 100 } else { 10 * BLOCK };
        ByteRange::new(self.dice.next(8 * BLOCK), self.dice.next(longest))
    }

    async fn read_part(&mut self) {
        let (process, name, range) = (self.any_process(), self.likely_name(), self.any_range());
        self.tell(format!("read {range:?} of {name}"));
        let got = part(&process, &self.call, name, range).await;
        self.compare(name, range, got);
    }

    async fn read_parts(&mut self) {
        let (process, name) = (self.any_process(), self.likely_name());
        let ranges = [self.any_range(), self.any_range(), self.any_range()];
        self.tell(format!("read {ranges:?} of {name}"));
        let got = process.read_ranges(&self.call, &path(name), &ranges, None).await;
        match got {
            Ok(parts) => {
                ranges.iter().zip(parts).for_each(|(range, part)| self.compare(name, *range, Ok(part.to_vec())));
            }
            Err(error) => self.compare(name, ranges[0], Err(error)),
        }
    }

    async fn many_read(&mut self) {
        let name = self.likely_name();
        self.tell(format!("four read {name} at once"));
        let readers = [self.any_process(), self.any_process(), self.process(), self.process()];
        for got in join_all(readers.iter().map(|process| get(process, name))).await {
            self.compare(name, ByteRange::whole(u64::MAX), got);
        }
    }

    async fn somebody_goes_away(&mut self) {
        let (process, name) = (self.any_process(), self.likely_name());
        self.tell(format!("read the beginning of {name}"));
        if let Ok(mut reading) = process.read(&self.call, &path(name), &ReadOptions::whole()).await
            && let Some(Ok(first)) = reading.stream.next().await
        {
            self.compare(name, ByteRange::whole(first.len() as u64), Ok(first.to_vec()));
        }
    }

    async fn look(&mut self) {
        let (process, name) = (self.any_process(), self.likely_name());
        self.tell(format!("look at {name}"));
        let found = process.stat(&self.call, &path(name)).await;
        let Some(found) = self.explained(found) else { return };
        let size = self.files.get(name).map(|content| content.len() as u64);
        assert_eq!(found.filter(|found| !found.is_directory()).and_then(|found| found.size), size, "{name}");
    }

    async fn list(&mut self) {
        let process = self.any_process();
        self.tell("list".to_owned());
        let listed = list_all(&process, &self.call, &path("")).await;
        let Some(listed) = self.explained(listed) else { return };
        let files = listed.iter().filter(|entry| !entry.metadata.is_directory()).count();
        assert_eq!(files, self.files.keys().filter(|name| !name.contains('/')).count());
    }

    async fn remove(&mut self) {
        let (process, name) = (self.any_process(), self.likely_name());
        self.tell(format!("remove {name}"));
        let done = process.remove_file(&self.call, &path(name)).await;
        self.changed(&[name], done, |world| _ = world.files.remove(name)).await;
    }

    /// A file, or a directory with all that is in it.
    async fn rename(&mut self) {
        if self.dice.one_in(3) {
            return self.rename_directory().await;
        }
        let (process, from, to) = (self.any_process(), self.likely_name(), self.any_name());
        self.tell(format!("rename {from} to {to}"));
        let done = process.rename(&self.call, &path(from), &path(to), Destination::Replace).await;
        self.changed(&[from, to], done, |world| {
            if let Some(content) = world.files.remove(from) {
                world.files.insert(to, content);
            }
        })
        .await;
    }

    /// Away and back, so that all names stay within those of the map.
    async fn rename_directory(&mut self) {
        let process = self.any_process();
        self.tell("rename d, and back".to_owned());
        let (here, there) = (path("d"), path("elsewhere"));
        if process.rename(&self.call, &here, &there, Destination::NoReplace).await.is_err() {
            return;
        }
        let got = get(&process, "d/c").await;
        assert!(got.is_err(), "d/c is not there any more");
        if let Some(content) = self.files.get("d/c") {
            let there = get(&process, "elsewhere/c").await;
            assert!(self.explained(there).is_none_or(|there| there == *content));
        }
        // No door has died meanwhile; what was lost on the way is behind everybody.
        self.settle();
        process.rename(&self.call, &there, &here, Destination::NoReplace).await.unwrap();
    }

    async fn copy(&mut self) {
        let (process, from, to) = (self.any_process(), self.likely_name(), self.any_name());
        self.tell(format!("copy {from} to {to}"));
        if from == to {
            return;
        }
        let done = process.copy(&self.call, &path(from), &path(to), Destination::Replace).await;
        self.changed(&[to], done, |world| {
            if let Some(content) = world.files.get(from).cloned() {
                world.files.insert(to, content);
            }
        })
        .await;
    }

    async fn localize(&mut self) {
        let (process, name) = (self.any_process(), self.likely_name());
        let flips = self.dice.one_in(6) && !self.is_away();
        self.tell(format!("localize {name}{}", if flips { ", and a byte flips on its way" } else { "" }));
        if flips {
            let at = self.dice.next(6 * BLOCK);
            self.doors.iter().for_each(|door| door.add(Fault::Flip { at }.on(Operation::Read, 1)));
        }
        let local = process.local_file(&self.call, &path(name), None).await;
        self.settle();
        if flips && !matches!(local, Ok(Some(_))) {
            // What was not handed out was not compared with the storage's checksum, as nothing is that is read in parts.
            let _ = process.store().clear(None);
        }
        match local {
            Ok(Some(local)) => {
                let content = std::fs::read(local.path()).unwrap();
                self.compare(name, ByteRange::whole(u64::MAX), Ok(content.clone()));
                if self.dice.one_in(2) {
                    self.held.push(Held { local, content });
                }
            }
            Ok(None) => assert!(self.files.contains_key(name), "{name} is not there"),
            Err(error) if flips && error.kind() == ErrorKind::Integrity => {}
            Err(error) => self.compare(name, ByteRange::whole(0), Err(error)),
        }
    }

    async fn pin(&mut self) {
        let (process, name) = (self.any_process(), self.likely_name());
        self.tell(format!("pin or unpin {name}"));
        if self.dice.one_in(2) {
            let _ = process.unpin(&path(name)).await;
        } else if let Ok(size) = process.pin(&self.call, &path(name)).await {
            assert_eq!(Some(size), self.files.get(name).map(|content| content.len() as u64));
        }
    }

    /// Somebody else changes the storage: with `strict`, whoever opens the file next sees it.
    async fn changed_behind(&mut self) {
        if self.kind.policy != Policy::Strict {
            return;
        }
        let (name, content, time) = (self.likely_name(), self.new_content(), self.new_time());
        self.tell(format!("somebody else changes {name}, {} bytes", content.len()));
        if self.dice.one_in(4) {
            let _ = self.memory.remove_file(&self.call, &path(name)).await;
            self.files.remove(name);
            return;
        }
        crate::put(&self.memory, name, &content).await.unwrap();
        self.memory.set_modified(&self.call, &path(name), time).await.unwrap();
        self.files.insert(name, content);
    }

    fn damage(&mut self) {
        if self.dice.one_in(20) {
            self.tell("the directory is gone".to_owned());
            self.held.clear();
            let _ = std::fs::remove_dir_all(self.processes[0].store().root());
            return;
        }
        let Some((text, victim)) = damage(self.processes[0].store().root(), &mut self.dice) else { return };
        self.tell(text);
        // The lock of who holds a file is on the map: without it nobody knows of them.
        let unknown = if victim.exists() { None } else { victim.parent().filter(|_| victim.ends_with("map")) };
        self.held.retain(|held| held.local.path() != victim && held.local.path().parent() != unknown);
    }

    fn disk_fills_or_empties(&mut self) {
        self.full = !self.full;
        self.tell(format!("the disk is {}", if self.full { "full" } else { "empty enough" }));
        self.start();
    }

    fn tidy(&mut self) {
        let store = self.any_process().store().clone();
        let clear = self.dice.one_in(2);
        self.tell(if clear { "clear" } else { "tidy" }.to_owned());
        let _ = if clear { store.clear(Some("lab")) } else { store.tidy() };
    }

    fn verify(&mut self) {
        self.tell("verify".to_owned());
        let store = self.any_process().store().clone();
        let _ = store.check();
    }

    fn restart(&mut self) {
        self.tell("all processes end, and others start".to_owned());
        self.start();
    }
}

async fn part(process: &Cache, call: &law_storage::Call, name: &str, range: ByteRange) -> Result<Vec<u8>> {
    let reading = process.read(call, &path(name), &ReadOptions::part(range)).await?;
    Ok(reading.collect(u64::MAX).await?.to_vec())
}
