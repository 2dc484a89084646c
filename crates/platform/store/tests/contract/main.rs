//! What the store promises, shown on SQLite and on PostgreSQL by the same cases.

mod accepting;
mod accounts;
mod archiving;
mod at_rest;
mod backup_kills;
mod backups;
mod clearing;
mod cluster;
mod content;
mod crash;
mod deleting;
mod deletions_told;
mod domains;
mod erasing;
mod erasing_recipients;
mod event_log;
mod exporting;
mod grants;
mod handing_over;
mod held;
mod inbox;
mod kept_exports;
mod key_copies;
mod key_kills;
mod keys_apart;
mod limits;
mod lost_connection;
mod noted;
mod opening;
mod pausing;
mod purposes;
mod queue;
mod relays;
mod requesting;
mod retention;
mod schema;
mod search;
mod settling;
#[path = "../../../../../tools/testkit/src/skip.rs"]
mod skip;
mod sources;
mod suppression_imports;
mod suppressions;
mod trust;
mod unreadable;
mod upgrading;
mod users;
mod world;

/// Makes a test of each case for each engine.
macro_rules! contract {
    ($($module:ident: $($case:ident),+ $(,)?;)+) => {
        mod sqlite {
            $(mod $module {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let world = crate::world::World::sqlite().await;
                    crate::$module::$case(world.clone()).await;
                })+
            })+
        }

        mod postgres {
            $(mod $module {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    if let Some(world) = crate::world::World::postgres().await {
                        crate::$module::$case(world.clone()).await;
                        world.end().await;
                    }
                })+
            })+
        }
    };
}

contract! {
    schema:
        every_live_column_has_a_class_and_every_class_a_column;
    grants:
        a_grant_opens_its_own_account_alone_and_each_use_is_counted,
        a_grant_that_needs_consent_opens_nothing_before_it_is_given,
        a_grant_ends_with_its_hour_or_when_it_is_closed,
        a_grant_for_two_opens_nothing_until_it_is_confirmed,
        owners_are_owed_a_notice_until_it_was_sent;
    content:
        each_opening_is_counted_for_whom_and_why,
        what_was_opened_for_an_outcome_is_known_after_a_kill;
    purposes:
        each_purpose_reads_its_columns_and_no_others,
        content_passwords_and_keys_are_for_few;
    accounts:
        an_account_comes_back_with_its_profile_and_key,
        keys_are_found_by_hash_and_deleted_by_their_owner_alone,
        a_domain_comes_back_with_its_sealed_keys,
        a_domain_name_is_taken_once_in_the_instance,
        what_is_left_of_an_erased_accounts_domain_keeps_nobody_from_its_name,
        domains_are_listed_newest_first_with_their_count,
        a_login_is_found_whatever_its_case_and_taken_once,
        networks_are_taken_once;
    domains:
        details_come_back_as_they_were_set,
        changes_at_the_same_time_are_all_made,
        keys_change_together_with_their_domain_or_not_at_all,
        no_change_is_made_from_what_another_one_changed,
        what_belonged_to_a_deleted_domain_goes_after_it,
        a_deleted_domain_does_not_come_back_with_an_older_database;
    relays:
        a_relay_is_set_replaced_and_removed,
        a_relay_goes_to_delivery_with_its_password_and_to_nobody_else,
        a_relay_is_gone_with_its_account,
        a_relay_that_cannot_be_read_is_no_way_and_keeps_nobody_from_theirs;
    sources:
        addresses_and_pools_are_set_replaced_and_removed,
        whose_mail_leaves_by_a_pool_is_forgotten_with_their_account,
        one_count_is_kept_of_an_address_and_a_provider;
    trust:
        a_policy_is_there_after_a_restart_and_the_latest_counts,
        a_policy_and_the_key_of_its_day_are_forgotten_when_its_time_is_over,
        a_policy_that_is_fetched_again_needs_the_key_of_its_new_day_alone,
        what_a_clock_ahead_of_its_time_kept_goes,
        neither_the_domain_nor_its_servers_rest_in_the_clear,
        a_policy_that_cannot_be_opened_is_as_none,
        results_of_a_day_are_added_up_and_due_after_it,
        a_report_is_put_off_and_ends_once,
        who_has_a_report_is_known_when_it_is_tried_again,
        a_day_has_results_of_so_many_domains_and_no_more,
        results_that_nobody_was_told_are_forgotten,
        results_that_cannot_be_opened_are_in_nobodys_way;
    upgrading:
        what_an_older_version_kept_in_the_clear_is_sealed_at_the_next_start,
        a_sealing_that_was_interrupted_goes_on,
        what_an_erased_account_left_in_the_clear_is_sealed_for_nobody,
        names_of_domains_that_stood_in_the_clear_are_sealed_and_found,
        a_sealing_of_names_that_was_interrupted_goes_on,
        what_waited_under_the_name_of_a_domain_still_waits_for_it_alone;
    accepting:
        an_accepted_message_is_there_after_reopening,
        a_repeated_call_is_answered_and_stored_once,
        a_message_belongs_to_its_account_alone,
        a_message_without_recipients_keeps_no_body,
        a_thousand_recipients_are_one_step,
        a_failing_call_takes_nobody_with_it,
        a_refused_call_takes_nobody_with_it;
    handing_over:
        a_message_is_handed_over_with_all_that_delivery_needs,
        after_a_crash_what_was_handed_over_waits_again,
        what_nobody_takes_any_more_waits,
        nothing_is_handed_over_past_what_waits,
        the_gate_is_shut_for_whom_it_is_said_and_for_nobody_else,
        what_is_for_later_or_too_much_waits,
        room_comes_back_with_the_last_of_a_message,
        whoever_gets_on_a_list_meanwhile_is_asked_about_again,
        what_is_cleared_on_its_way_is_not_sent,
        the_content_of_an_erased_account_is_not_used;
    pausing:
        a_pause_of_an_account_that_is_being_erased_keeps_no_store_from_opening,
        what_is_paused_stays_and_everything_else_leaves,
        a_pause_outlives_a_restart_and_ends_by_itself,
        any_number_of_paused_entries_is_in_nobodys_way,
        what_is_handed_over_heeds_a_pause,
        what_a_holder_sets_aside_comes_back_however_late_they_say_so,
        what_is_paused_expires_as_ever,
        pauses_are_bounded_and_go_with_whom_they_name,
        many_entries_end_at_once_each_with_one_event,
        what_waits_is_due_at_once_but_for_what_its_sender_put_off;
    queue:
        due_entries_are_leased_oldest_first_and_once,
        an_expired_lease_is_taken_by_another,
        what_nobody_tries_any_more_is_given_up_in_its_time,
        domains_at_their_limit_are_passed_over,
        accounts_whose_relay_is_at_its_limit_are_passed_over,
        a_domain_whose_relay_is_at_its_limit_in_front_hides_no_other_of_its_account,
        a_full_domain_in_front_hides_nobody,
        an_account_with_enough_in_front_hides_no_other,
        where_one_has_enough_for_a_domain_others_are_given_theirs_for_it,
        those_behind_an_account_with_enough_take_turns,
        a_walk_around_many_goes_on_until_it_was_round,
        the_next_due_time_ignores_what_is_held,
        leases_are_freed_at_start,
        retry_makes_waiting_entries_due,
        the_queue_is_listed_and_counted,
        new_entries_wake_the_worker;
    unreadable:
        an_entry_that_cannot_be_opened_ends_in_one_failed_event,
        entries_of_a_destroyed_key_end_and_their_body_goes,
        a_key_store_that_fails_strands_nobody,
        who_died_over_entries_does_not_keep_them;
    settling:
        the_body_goes_with_the_last_recipient,
        a_kept_message_stays_until_its_term,
        a_settlement_counts_once,
        a_lost_lease_settles_nothing,
        a_deferred_entry_waits_for_its_time, entries_deferred_together_wait_for_a_time_of_their_own_each,
        a_released_entry_is_free_as_it_was,
        a_bounce_is_suppressed_unless_allowed;
    noted:
        what_was_delivered_and_not_committed_is_settled_at_the_next_start,
        a_note_of_what_was_settled_since_settles_nothing,
        a_note_of_an_account_whose_keys_are_gone_keeps_nobody_else_waiting;
    clearing:
        a_cleared_queue_is_empty_and_every_recipient_has_one_terminal_event,
        a_long_queue_is_cleared_to_its_end,
        what_somebody_holds_ends_when_it_is_given_back,
        what_arrived_before_its_holder_was_told_is_delivered,
        a_cleared_entry_is_neither_tried_again_nor_captured,
        what_was_cleared_in_the_hands_of_the_dead_ends_at_the_next_start,
        nothing_brings_a_cleared_entry_back;
    archiving:
        a_copy_is_due_with_the_first_delivery_and_the_body_waits_for_it,
        a_copy_that_ends_first_leaves_the_body_to_the_recipients,
        where_nobody_gets_it_there_is_no_copy,
        a_copy_that_is_put_off_comes_at_its_time,
        no_copy_of_an_erased_recipient_leaves,
        copies_of_a_closed_account_stay_and_go_with_it,
        a_copy_whose_url_nobody_can_read_ends;
    event_log:
        events_come_by_time_in_both_directions_page_by_page,
        events_are_found_by_recipient_message_and_kind,
        readers_keep_cursors_and_see_every_event_once,
        the_log_keeps_its_order_under_load,
        unreadable_events_are_passed_over;
    inbox:
        captured_messages_are_in_the_inbox_until_their_term,
        deleting_the_last_item_lets_the_body_go;
    key_copies:
        a_copy_opens_until_something_must_not_be_undone,
        copies_that_cannot_be_reached_are_remembered,
        restored_keys_open_what_they_did_and_forget_no_erasure;
    search:
        a_term_is_found_in_every_form_in_which_it_rests,
        the_name_of_a_domain_is_found_though_it_rests_sealed,
        what_an_older_version_left_in_the_clear_is_found,
        nothing_is_found_of_an_account_without_keys;
    suppressions:
        an_address_is_found_whatever_its_case_and_replaced,
        a_domain_on_the_allow_list_stands_for_its_addresses,
        pages_of_a_list_follow_each_other_in_the_order_of_addresses,
        unsubscriptions_at_once_all_count,
        whoever_gets_on_a_list_is_found_from_then_on,
        a_wish_holds_with_letters_composed_or_not,
        who_is_on_no_list_when_taken_need_not_be_asked_for_until_a_list_changes,
        what_was_wrong_about_a_person_goes_off_the_lists_or_over_to_the_right_address;
    held:
        what_is_past_its_limit_is_counted,
        a_column_that_nobody_classified_shows_in_the_live_schema;
    erasing:
        an_erased_account_leaves_no_row_and_nobody_else_loses_one,
        a_closed_account_sends_nothing_until_it_is_opened_again,
        an_account_stays_closed_across_a_restart,
        an_erased_recipient_is_named_nowhere_in_that_account,
        a_hold_is_seen_until_it_is_lifted_or_over;
    erasing_recipients:
        nothing_that_named_the_erased_is_left_in_any_column,
        whose_address_ends_alike_keeps_everything,
        what_a_server_said_of_the_erased_in_mail_to_another_goes,
        of_a_captured_message_to_several_the_content_goes_at_once,
        content_that_others_wait_for_is_counted_with_its_end,
        letters_composed_or_not_are_of_the_same_recipient,
        a_recipient_whose_events_are_over_is_found_by_the_messages,
        a_stored_message_whose_events_are_over_is_in_the_export_of_its_recipient;
    users:
        an_erased_login_lets_nobody_in_and_no_copy_of_it_is_read,
        who_sends_on_finds_no_login_and_no_domain_as_it_was_before_a_change,
        a_deleted_login_is_read_from_no_backup_and_can_be_made_again,
        an_erased_owner_is_read_from_no_copy_and_the_next_one_is,
        who_was_erased_since_a_backup_is_erased_again_and_who_came_after_is_not;
    backups:
        a_backup_restores_to_the_same_rows_on_either_engine,
        a_backup_is_of_one_moment_while_mail_comes_in,
        what_was_erased_since_is_gone_before_anybody_comes_in,
        nothing_is_restored_over_something,
        what_is_not_whole_or_not_ours_is_refused,
        numbers_go_on_after_a_restore;
    deleting:
        what_was_deleted_since_a_backup_stays_deleted_and_nobody_else_loses_anything,
        what_was_replaced_since_a_backup_stays_replaced,
        what_came_after_a_deletion_stays,
        an_entry_that_a_correction_moved_stays_after_the_next_start,
        an_entry_made_after_the_clock_was_set_back_stays_after_the_next_start,
        deletions_are_forgotten_with_the_backups_and_go_with_their_account,
        a_copy_of_the_keys_brings_no_revoked_key_back;
    deletions_told:
        what_the_database_refuses_is_done_at_the_next_start,
        what_was_removed_before_a_backup_touches_nothing_in_it,
        a_correction_loses_no_wish_that_is_told_meanwhile;
    exporting:
        an_account_is_exported_with_everything_in_it_and_nothing_of_others,
        a_recipient_is_exported_without_the_others,
        an_account_that_is_taken_over_is_equal,
        nothing_is_taken_over_by_halves_or_beside_others,
        what_waited_elsewhere_is_held_until_somebody_says_so,
        nobody_looks_at_what_was_taken_over;
    kept_exports:
        a_copy_opens_with_the_key_that_was_shown_until_it_is_over,
        an_erased_accounts_copies_go_and_none_that_was_put_aside_opens,
        a_backup_holds_no_copies;
    suppression_imports:
        rows_go_onto_a_list_together_with_the_note_of_how_far_it_is,
        of_an_account_few_are_under_way_and_none_without_its_file,
        an_erased_accounts_files_go_and_none_that_was_put_aside_opens,
        a_restored_database_goes_on_with_no_file;
    requesting:
        a_request_is_shown_to_who_answers_it_and_to_the_account_that_asked,
        a_request_is_changed_by_one_at_a_time_and_not_once_it_is_closed,
        a_request_of_a_clock_that_was_ahead_is_dated_anew_with_its_term,
        a_request_goes_with_its_key_when_its_time_is_over_and_no_other_does,
        what_an_erased_account_asked_goes_with_it,
        what_somebody_asked_is_in_the_export_about_them_alone;
    retention:
        an_account_without_keys_is_unreadable_for_good,
        a_destroyed_day_is_unreadable,
        content_keys_go_when_no_body_needs_them,
        event_keys_stay_while_a_message_of_their_day_waits,
        what_was_written_by_a_clock_that_was_ahead_ends_as_if_it_were_written_now,
        old_events_and_messages_are_purged_in_batches,
        a_message_goes_though_a_later_one_bears_its_message_id,
        expired_idempotency_keys_are_forgotten,
        the_clock_is_noted;
}
