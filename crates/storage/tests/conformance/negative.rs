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
    calls_are_ignored: CallsAreIgnored => [
        "interruption::a_deadline_that_has_passed",
        "interruption::a_call_that_is_cancelled",
    ];
    errors_are_missing: ErrorsAreMissing => [
        "interruption::a_deadline_that_has_passed",
        "interruption::a_call_that_is_cancelled",
    ];
    stat_is_stale: StatIsStale => [
        "existence::another_version_has_another_validator",
        "reads::a_replaced_file_of_another_size_has_changed",
        "writes::a_file_is_replaced",
        "writes::replace_only_the_version_that_is_there",
        "writes::replace_only_refuses_another_version",
        "writes::a_mode_is_kept",
        "publication::a_new_version_is_seen_at_once",
        "publication::readers_during_overwrites",
        "publication::an_unfinished_overwrite_is_not_seen",
        "removal::what_was_removed_can_be_made_again",
        "metadata::a_mode_is_set",
        "interruption::a_deadline_during_a_write",
        "interruption::a_cancellation_during_a_write",
        "interruption::a_write_that_is_dropped",
        "interruption::a_write_that_is_dropped_at_its_end",
    ];
    links_are_always_followed: LinksAreAlwaysFollowed => [
        "existence::stat_follows_links",
        "existence::a_dangling_link_is_none",
        "writes::a_link_stays_and_its_target_is_replaced",
        "removal::a_link_is_not_a_directory",
        "rename::a_link_itself",
    ];
    reads_are_short: ReadsAreShort => [
        "reads::a_large_file",
        "reads::a_reading_keeps_its_version",
        "writes::a_large_file",
        "interruption::a_read_that_is_dropped",
    ];
    reads_are_not_clamped: ReadsAreNotClamped => [
        "reads::parts_behind_the_end_are_empty",
    ];
    reads_take_any_version: ReadsTakeAnyVersion => [
        "reads::a_replaced_file_of_another_size_has_changed",
        "reads::a_replaced_file_of_the_same_size_has_changed",
        "reads::parts_of_a_replaced_file_have_changed",
    ];
    directories_are_read: DirectoriesAreRead => [
        "existence::errors_say_what_and_where",
        "existence::a_link_to_a_directory",
        "reads::a_directory_is_not_a_file",
    ];
    ranges_are_sorted: RangesAreSorted => [
        "reads::ranges_come_in_the_order_asked",
        "reads::ranges_may_overlap_and_repeat",
        "reads::ranges_are_clamped",
        "reads::three_hundred_ranges",
    ];
    overwrites_are_torn: OverwritesAreTorn => [
        "publication::a_source_that_proves_wrong",
        "publication::a_source_that_has_changed",
        "publication::a_source_that_breaks",
        "publication::a_source_that_is_too_short",
        "publication::a_source_that_is_too_long",
        "publication::readers_during_overwrites",
        "publication::an_unfinished_overwrite_is_not_seen",
        "interruption::a_deadline_during_a_write",
        "interruption::a_cancellation_during_a_write",
        "interruption::a_write_that_is_dropped",
        "interruption::a_write_that_is_dropped_at_its_end",
    ];
    overwrites_remove_first: OverwritesRemoveFirst => [
        "writes::a_receipt_tells_what_was_replaced",
        "writes::a_link_stays_and_its_target_is_replaced",
        "publication::a_source_that_proves_wrong",
        "publication::a_source_that_has_changed",
        "publication::a_source_that_breaks",
        "publication::a_source_that_breaks_at_once",
        "publication::a_source_that_is_too_short",
        "publication::a_source_that_is_too_long",
        "publication::readers_during_overwrites",
        "publication::an_unfinished_overwrite_is_not_seen",
        "interruption::a_deadline_during_a_write",
        "interruption::a_cancellation_during_a_write",
        "interruption::a_write_that_is_dropped",
        "interruption::a_write_that_is_dropped_at_its_end",
    ];
    proof_comes_too_late: ProofComesTooLate => [
        "publication::a_source_that_proves_wrong",
        "publication::a_source_that_has_changed",
        "publication::the_source_is_proven_before_publication",
    ];
    temporaries_stay: TemporariesStay => [
        "writes::refuse_keeps_what_is_there",
        "writes::replace_only_refuses_another_version",
        "writes::onto_a_directory",
        "publication::a_source_that_proves_wrong",
        "publication::a_source_that_has_changed",
        "publication::a_source_that_breaks",
        "publication::a_source_that_breaks_at_once",
        "publication::a_source_that_is_too_short",
        "publication::a_source_that_is_too_long",
        "publication::a_failed_write_can_be_repeated",
        "publication::writers_that_must_not_replace",
        "names::a_name_that_is_too_long",
        "interruption::a_deadline_that_has_passed",
        "interruption::a_call_that_is_cancelled",
        "interruption::a_deadline_during_a_write",
        "interruption::a_cancellation_during_a_write",
        "interruption::a_write_that_is_dropped",
        "interruption::a_write_that_is_dropped_at_its_end",
    ];
    drops_publish: DropsPublish => [
        "interruption::a_write_that_is_dropped",
        "interruption::a_write_that_is_dropped_at_its_end",
    ];
    writers_overlook: WritersOverlook => [
        "publication::writers_that_must_not_replace",
    ];
    parents_are_made: ParentsAreMade => [
        "existence::errors_say_what_and_where",
        "writes::a_missing_parent_is_not_found",
    ];
    times_are_forgotten: TimesAreForgotten => [
        "writes::a_time_of_modification_is_kept",
    ];
    receipts_prove_nothing: ReceiptsProveNothing => [
        "writes::a_receipt_tells_the_size",
        "writes::size_alone_may_be_proof",
        "writes::a_receipt_has_the_checksum_of_the_storage",
        "writes::the_checksum_may_be_chosen",
        "writes::a_required_checksum_is_given",
    ];
    pages_get_lost: PagesGetLost => [
        "listing::two_hundred_fifty_entries",
        "listing::a_listing_goes_on_at_its_pages",
    ];
    directories_list_themselves: DirectoriesListThemselves => [
        "listing::two_hundred_fifty_entries",
        "listing::a_listing_goes_on_at_its_pages",
    ];
    partial_listings: PartialListings => [
        "listing::a_partial_listing_is_refused",
        "metadata::what_is_not_offered_is_unsupported",
    ];
    full_directories_are_removed: FullDirectoriesAreRemoved => [
        "removal::a_directory_with_entries_stays",
    ];
    renames_replace: RenamesReplace => [
        "publication::renames_that_must_not_replace",
        "rename::no_replace_keeps_what_is_there",
    ];
    renames_of_nothing: RenamesOfNothing => [
        "rename::nothing_there_is_not_found",
        "rename::a_missing_parent_is_not_found",
    ];
    names_are_decoded: NamesAreDecoded => [
        "names::percent_signs",
        "names::directories_with_odd_names",
    ];
    digests_are_wrong: DigestsAreWrong => [
        "digests::each_algorithm_is_right",
        "digests::without_a_wish_there_is_one",
        "digests::an_empty_file_has_one",
        "digests::a_new_version_has_a_new_one",
        "digests::the_first_wish_that_can_be_had",
    ];
    wishes_are_ignored: WishesAreIgnored => [
        "digests::each_algorithm_is_right",
        "digests::an_empty_file_has_one",
        "digests::the_first_wish_that_can_be_had",
    ];
    modes_are_ignored: ModesAreIgnored => [
        "metadata::a_mode_is_set",
        "metadata::the_mode_of_what_is_missing",
    ];
    space_panics: SpacePanics => [
        "metadata::what_is_not_offered_is_unsupported",
        "metadata::space_is_told",
    ];
}
