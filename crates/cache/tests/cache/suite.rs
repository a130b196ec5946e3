//! The contract.

use std::sync::Arc;

use law_cache::Policy;
use law_storage::{Door, Doors, DoorsSettings, Memory, Retry, RetrySettings, conformance};

use crate::{BLOCK, Stack, path, plenty};

#[tokio::test(flavor = "multi_thread")]
async fn the_suite() {
    for policy in [Policy::Strict, Policy::Immutable] {
        let stack = Stack::new(policy);
        let report = conformance::run_all(Arc::new(stack.cache.clone()), path("conformance")).await;
        println!("{policy:?}: {report}");
        report.assert_green(80);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_without_etags() {
    let stack = Stack::weak(Policy::Strict);
    // Which this storage has not.
    let with_validators = "existence::a_file_has_a_size_and_a_validator";
    let cases = conformance::cases().into_iter().filter(|case| case.name() != with_validators).collect();
    let report = conformance::run(Arc::new(stack.cache.clone()), path("conformance"), cases).await;
    println!("{report}");
    report.assert_green(80);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_on_the_whole_stack() {
    let directory = tempfile::tempdir().unwrap();
    let memory = Arc::new(Memory::new());
    let door = || Door::new(Arc::new(Retry::new(memory.clone(), RetrySettings::default())));
    let doors = Doors::new(vec![door(), door()], DoorsSettings::default());
    let store = Arc::new(law_cache::Store::open(directory.path(), plenty()).unwrap());
    let cache = law_cache::Cache::new(Arc::new(doors), "lab", Vec::new(), store, Policy::Strict, BLOCK);
    let report = conformance::run_all(Arc::new(cache), path("conformance")).await;
    println!("{report}");
    report.assert_green(80);
}
