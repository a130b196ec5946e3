//! The conformance suite on the backends and wrappers of this crate, and proof that it can fail.

#![allow(clippy::expect_used, clippy::print_stdout, reason = "this is all test code, also where no function is a test")]

mod faulty;
mod flawed;
mod green;
mod memory;
mod negative;

use std::sync::Arc;

use law_storage::conformance::{self, Report};
use law_storage::{Backend, Path};

/// The whole suite, with its report on standard output.
async fn suite(backend: impl Backend + 'static) -> Report {
    let report = conformance::run_all(Arc::new(backend), path("conformance")).await;
    println!("{report}");
    report
}

fn path(text: &str) -> Path {
    Path::parse(text).expect("a good path")
}
