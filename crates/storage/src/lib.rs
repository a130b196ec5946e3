//! The contract of `law`'s storage: paths, URLs, metadata, errors, [`Backend`], and the suite that checks it.
//!
//! This crate knows no protocol and no HTTP library.

mod attempt;
mod backend;
mod call;
mod capability;
pub mod cleanup;
#[cfg(feature = "testing")]
pub mod conformance;
mod digest;
mod doors;
mod error;
mod error_conversions;
#[cfg(feature = "testing")]
mod faulty;
mod file_system;
mod final_source;
mod listing;
mod local_file;
mod local_hash;
mod local_read;
mod looks;
mod memory;
mod metadata;
mod mirrored;
mod operation;
mod pass_through;
mod path;
mod put;
mod reading;
mod registry;
mod resume;
mod retry;
mod rooted;
mod secret;
mod settings;
mod settle;
mod source;
mod spool;
mod tape;
mod temporary;
mod third_party;
mod traced;
mod trail;
mod unfinished_upload;
mod url;

pub use attempt::{Attempt, Outcome};
pub use backend::{Backend, Destination, Space};
pub use call::Call;
pub use capability::{Capabilities, NameRefusal, NameRules, NoClobber, Overwrite, Publish, Support};
pub use digest::{Algorithm, Digest, Hasher};
pub use doors::{Door, DoorPolicy, DoorReport, Doors, DoorsSettings, Standing};
pub use error::{Error, ErrorKind, Result, Status};
#[cfg(feature = "testing")]
pub use faulty::{Fault, Faulty, Gate, Scripted};
pub use file_system::FileSystem;
pub use listing::{Entry, ListOptions, Listing, Page, list_all};
pub use local_file::LocalFile;
pub use local_hash::hash_local;
pub use local_read::{CHUNK, read_local};
pub use memory::Memory;
pub use metadata::{Comparison, Kind, Metadata, Modified, Strength, Validator};
pub use mirrored::Mirrored;
pub use operation::Operation;
pub use pass_through::PassThrough;
pub use path::{Path, PathError, show_bytes};
pub use put::{Checkpoint, Computed, Durability, Existing, Parents, PutOptions, Receipt, Unfinished, Verify};
pub use reading::{ByteRange, ByteStream, ReadOptions, Reading, exactly, ready};
pub use registry::{Factory, Registry, webdav_doors};
pub use retry::{Retry, RetrySettings};
pub use rooted::Rooted;
pub use secret::Secret;
pub use settings::{Credential, EndpointSettings, Timeouts};
pub use source::{BytesSource, Proof, Source, Taken};
pub use spool::{FileSource, GrowingSource, Growth, SpooledSource, no_scratch};
pub use tape::{TapeAnswer, TapeFile, TapeOrder, TapeState};
pub use temporary::{ASIDE_SUFFIX, TEMPORARY_SUFFIX, aside_path, is_temporary, original_of_aside, temporary_path};
pub use third_party::{Access, Order, Way};
pub use traced::Traced;
pub use trail::Trail;
pub use unfinished_upload::UnfinishedUpload;
pub use url::{Location, RemoteUrl, Scheme, Url, encode_bytes, encode_path};
