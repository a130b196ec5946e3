//! Proof that the suite can fail: each flaw is found, by exactly the cases that speak of it.

use crate::flawed::{Flaw, Flawed};
use crate::suite;

/// One test for each flaw: `NAME: FLAW => [the cases that must fail]`.
macro_rules! found_by {
    ($($name:ident: $flaw:ident => [$($case:literal),* $(,)?];)+) => {
        $(
            #[tokio::test]
            async fn $name() {
                let report = suite(Flawed::new(Flaw::$flaw)).await;
                let expected: &[&str] = &[$($case),*];
                assert_eq!(report.failures(), expected, "{report}");
            }
        )+
    };
}

found_by! {
    calls_are_ignored: CallsAreIgnored => [];
    errors_are_missing: ErrorsAreMissing => [];
    stat_is_stale: StatIsStale => [];
    links_are_always_followed: LinksAreAlwaysFollowed => [];
    reads_are_short: ReadsAreShort => [];
    reads_are_not_clamped: ReadsAreNotClamped => [];
    reads_take_any_version: ReadsTakeAnyVersion => [];
    directories_are_read: DirectoriesAreRead => [];
    ranges_are_sorted: RangesAreSorted => [];
    overwrites_are_torn: OverwritesAreTorn => [];
    overwrites_remove_first: OverwritesRemoveFirst => [];
    proof_comes_too_late: ProofComesTooLate => [];
    temporaries_stay: TemporariesStay => [];
    drops_publish: DropsPublish => [];
    writers_overlook: WritersOverlook => [];
    parents_are_made: ParentsAreMade => [];
    times_are_forgotten: TimesAreForgotten => [];
    receipts_prove_nothing: ReceiptsProveNothing => [];
    pages_get_lost: PagesGetLost => [];
    directories_list_themselves: DirectoriesListThemselves => [];
    partial_listings: PartialListings => [];
    full_directories_are_removed: FullDirectoriesAreRemoved => [];
    renames_replace: RenamesReplace => [];
    renames_of_nothing: RenamesOfNothing => [];
    names_are_decoded: NamesAreDecoded => [];
    digests_are_wrong: DigestsAreWrong => [];
    wishes_are_ignored: WishesAreIgnored => [];
    modes_are_ignored: ModesAreIgnored => [];
    space_panics: SpacePanics => [];
}
