//! Tasks that are command lines in any language, of a `tasks.toml`.
//!
//! ```toml
//! [task.hist]
//! about = "Fills a histogram."
//! params = { n = 100, model = { choices = ["nominal", "up"], default = "nominal" } }
//! requires = "events"
//! output = "store/hist_{model}_{n}.json"
//! run = "python make_hist.py {input} {output} --n {n}"
//! ```
//!
//! The program sees local paths: what it reads is localized, and what it writes is published when it ends with 0, and not else.

mod branches;
mod family;
mod file;
mod parameter;
mod program;
mod reading;
mod table;
mod task;
mod template;
mod workflow;

pub use reading::{Project, Reading, WrongFile};
pub use template::quoted;
