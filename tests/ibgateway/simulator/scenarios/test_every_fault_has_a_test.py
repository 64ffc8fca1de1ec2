"""Each row of the fault catalogue that is a gateway's doing has a line of script and a test, named here."""

from __future__ import annotations

from types import ModuleType

import pytest

from tests.ibgateway.simulator.faults import test_frames as frames
from tests.ibgateway.simulator.faults import test_link as link
from tests.ibgateway.simulator.faults import test_orders as orders
from tests.ibgateway.simulator.faults import test_service as service

# Row: the tests that the fault happens as its line says. Rows that are a worker's or a client's doing are left out.
ROWS: dict[int, list[tuple[ModuleType, str]]] = {
    1: [(link, "door_shut_is_a_closed_port_until_it_opens")],
    2: [(link, "door_slam_accepts_and_closes")],
    3: [(link, "door_silent_accepts_and_says_nothing_until_the_login_is_done")],
    4: [(link, "a_handshake_without_the_ids_or_the_accounts")],
    5: [(link, "a_reserved_client_id_is_in_use")],
    6: [(link, "reset_is_a_reset_and_not_an_orderly_end")],
    7: [(link, "reset_with_requests_in_flight_answers_none_of_them")],
    8: [(orders, "a_reset_after_an_order_loses_only_its_acknowledgement")],
    9: [(orders, "a_reset_at_an_order_loses_it")],
    10: [(link, "half_open_neither_answers_nor_ends")],
    11: [(link, "a_frozen_gateway_answers_late_and_loses_nothing")],
    12: [(link, "a_slow_gateway_answers_everything_later_in_the_same_order")],
    13: [(service, "1100_stops_quotes_and_1102_lets_them_go_on")],
    14: [(service, "1101_loses_every_subscription")],
    15: [(service, "1100_two_hundred_times")],
    16: [(service, "1100_then_the_socket_goes_too")],
    17: [(service, "fills_during_1100_arrive_inside_it"), (service, "fills_during_a_quiet_1100_arrive_after_it")],
    18: [(service, "2110_is_followed_by_no_word_of_its_end")],
    19: [(service, "farm_notices_name_the_farm"), (service, "a_broken_farm_stops_quotes_but_not_orders")],
    20: [(link, "restart_cuts_off_refuses_and_rolls_order_ids_back")],
    21: [(orders, "an_order_at_the_moment_of_the_restart")],
    22: [(link, "door_shut_is_a_closed_port_until_it_opens")],
    23: [(link, "order_ids_can_be_reset_to_1")],
    24: [(service, "a_competing_session_takes_the_market_data")],
    25: [(link, "garbage_is_sent_as_it_is")],
    26: [(frames, "well_framed_nonsense"), (frames, "truncated_fields")],
    27: [(link, "a_zone_that_no_database_knows")],
    28: [(frames, "a_sentinel_in_a_price")],
    29: [(link, "frames_byte_by_byte")],
    30: [(link, "a_newer_protocol_is_announced_and_spoken")],
    31: [(service, "a_read_only_api_refuses_orders_and_cancellations")],
    32: [
        (service, "more_than_fifty_messages_a_second_are_error_100"),
        (service, "sixty_historical_requests_in_ten_minutes_are_the_most"),
    ],
    33: [(frames, "a_missing_end_marker")],
    34: [(frames, "a_reply_after_its_caller_has_given_up")],
    37: [(service, "too_many_lines_are_error_101_and_a_shared_one_costs_nothing")],
    39: [
        (service, "data_that_is_not_subscribed_is_refused"),
        (service, "delayed_data_says_so_and_has_its_own_tick_types"),
    ],
    40: [(orders, "an_order_can_be_rejected_with_any_code")],
    41: [(orders, "an_inactive_order_comes_alive_again")],
    42: [(orders, "an_order_of_which_nobody_hears")],
    43: [(frames, "every_status_three_times_and_in_the_wrong_order")],
    44: [(orders, "filled_before_its_execution")],
    45: [(orders, "an_execution_before_its_order")],
    46: [(orders, "partial_fills_then_a_cancellation")],
    47: [(orders, "a_fill_that_overtakes_the_cancellation"), (orders, "a_fill_after_cancelled")],
    48: [(orders, "a_cancellation_is_refused"), (orders, "a_cancellation_that_is_acknowledged_hours_later")],
    49: [(orders, "a_refused_modification_leaves_the_order_as_it_was")],
    50: [(orders, "a_modification_with_two_permanent_ids")],
    51: [(orders, "a_corrected_execution_keeps_its_id_but_for_the_last_part")],
    52: [(frames, "a_notice_leaves_the_order_alive")],
    54: [(orders, "a_parent_that_is_filled_before_its_children_are_sent")],
    55: [
        (orders, "an_order_entered_by_hand_is_seen_by_all_and_bound_to_client_0"),
        (orders, "another_clients_order_is_not_found_by_its_number"),
    ],
    56: [(orders, "a_liquidation_is_an_execution_of_no_order_of_the_clients")],
    57: [(frames, "a_preview_that_is_never_answered"), (frames, "a_preview_that_is_refused")],
    59: [(frames, "a_commission_with_nothing_in_it")],
}


@pytest.mark.parametrize(("row", "tests"), ROWS.items(), ids=map(str, ROWS))
def test_a_row_of_the_catalogue_has_its_tests(row: int, tests: list[tuple[ModuleType, str]]) -> None:
    missing = [name for module, name in tests if not callable(getattr(module, f"test_{name}", None))]

    assert not missing, f"row {row} lost its tests"
