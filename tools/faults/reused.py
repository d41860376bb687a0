"""Faults that tests outside of tests/faults make: which test makes which, what comes of it, and what the message says.

A test that is renamed leaves its line here without a test, which tests/tools/test_faults.py finds.
"""

from fnmatch import fnmatchcase
from typing import NamedTuple

NETWORK, DOWNLOADS = "tests/kit/datasets/test_network.py", "tests/kit/test_downloads.py"
DATASETS, PROGRESS = "tests/kit/datasets/test_datasets.py", "tests/kit/practice/test_progress.py"
CHECKPOINTS, WEIGHTS, FILES = (f"tests/storage/test_{name}.py" for name in ("checkpoints", "weights", "files"))
SAMPLE = "the sample serves"
AGAIN = r"To try again: python -m aigc_course data"
CACHE = "[Ss]et AIGC_CACHE to"
PROGRESS_FILE = "Set AIGC_PROGRESS to|可以用AIGC_PROGRESS"


class Fault(NamedTuple):
    """What one test makes go wrong; {case} in the fault's name is the test's case, else its cases are one fault."""

    file: str
    test: str
    fault: str
    became: str
    way_out: str = ""  # a pattern in what is said; empty where it heals and there is nothing to do
    cases: str = "*"  # those that count, as in a shell


FAULTS = [
    # the network
    Fault(NETWORK, "test_whatever_a_server_sends", "a server sends: {case}", SAMPLE, AGAIN, "*-alone"),
    Fault(NETWORK, "test_whatever_the_address_of_a_mirror", "a mirror's address is none", SAMPLE, AGAIN, "*-alone"),
    Fault(NETWORK, "test_whatever_hf_endpoint_says", "HF_ENDPOINT is wrong", "the shipped GPT-2 serves",
          "check HF_ENDPOINT, or unset it"),
    Fault(NETWORK, "test_whatever_the_proxy_is", "a proxy that is none", SAMPLE, AGAIN, "*-alone"),
    Fault(NETWORK, "test_a_proxy_that_answers_with_something_else", "a proxy says: {case}", SAMPLE, AGAIN),
    Fault(NETWORK, "test_whatever_npm_is", "npm: {case}", SAMPLE, AGAIN),
    Fault(DOWNLOADS, "test_bytes_that_trickle_in_have_a_deadline_and_the_mirror_is_asked_once", "bytes trickle in",
          "given up after seconds, the host not asked again"),
    Fault(DOWNLOADS, "test_a_name_that_is_looked_up_for_ever_is_not_waited_for", "DNS that never answers",
          "the next mirror serves"),
    Fault(DATASETS, "test_without_a_network_the_sample_serves_without_waiting_and_says_so", "no network at all", SAMPLE,
          AGAIN),
    # caches and downloads
    Fault(DOWNLOADS, "test_what_stands_in_the_way_in_the_cache_is_a_reason", "in the cache's place: {case}",
          "nothing is touched", CACHE),
    Fault(DOWNLOADS, "test_a_substitute_for_the_cache_is_gone_when_the_session_ends", "AIGC_CACHE={case}",
          "a temporary folder serves", CACHE),
    Fault(DOWNLOADS, "test_a_killed_download_leaves_nothing_that_is_taken_for_the_file", "kill -9 in a download",
          "the next one has it whole"),
    Fault(DOWNLOADS, "test_a_program_that_hangs_is_ended_with_its_children", "a program that hangs, {case}",
          "ended with its children"),
    Fault(DATASETS, "test_a_damaged_cache_heals", "a cached file: {case}", "fetched anew"),
    Fault(DATASETS, "test_a_damaged_cache_offline_gives_the_sample_and_never_a_wrong_array",
          "a damaged cache, no network", SAMPLE, "AIGC_OFFLINE=1"),
    Fault(DATASETS, "test_a_full_disk_is_named_and_the_sample_serves", "the cache's disk is full", SAMPLE, CACHE),
    Fault(DATASETS, "test_a_read_only_folder_is_used_when_filled_and_replaced_when_empty",
          "the cache's disk is read-only, empty", "a temporary folder serves", CACHE, "False"),
    Fault(DATASETS, "test_eight_processes_share_an_empty_cache_and_one_is_killed",
          "kill -9 of the one of eight that downloads", "another one goes on"),
    # trainings and what they keep
    Fault("tests/gpt/test_training.py", "test_killed_at_random_moments_it_ends_with_the_same_weights",
          "kill -9 in a training of GPT-2", "ends with the weights of the undisturbed run", "", "3"),
    Fault("tests/gan/test_training.py", "test_killed_at_random_moments_it_ends_with_the_same_weights",
          "kill -9 in a training of a GAN", "ends with the weights of the undisturbed run", "", "3"),
    Fault(CHECKPOINTS, "test_a_damaged_file_is_refused_or_replaced_by_the_previous_one", "a checkpoint: {case}",
          "the previous one serves", "Going on from the previous checkpoint"),
    Fault(CHECKPOINTS, "test_a_file_that_is_gone", "a checkpoint is gone", "the previous one serves",
          "Going on from the previous checkpoint"),
    Fault(CHECKPOINTS, "test_other_shapes_names_and_optimizers_are_refused", "a checkpoint of another network",
          "nothing is changed", "Build the model with the settings it was trained with"),
    Fault(CHECKPOINTS, "test_another_precision_is_refused", "a checkpoint in another precision", "nothing is changed",
          "Build the model with the settings"),
    Fault(CHECKPOINTS, "test_two_trainings_with_one_checkpoint_are_told_apart", "two trainings write one checkpoint",
          "the second one stops"),
    Fault(CHECKPOINTS, "test_many_writers_of_one_checkpoint_do_it_no_harm", "three writers of one checkpoint at once",
          "whole at every moment"),
    Fault(CHECKPOINTS, "test_what_a_killed_training_left_is_removed_by_the_next", "half a checkpoint was left",
          "removed by the next"),
    Fault(CHECKPOINTS, "test_a_checkpoint_of_the_format_before_is_told_the_way_out", "a checkpoint of an older format",
          "refused", "train anew"),
    Fault(CHECKPOINTS, "test_a_link_in_the_way_of_a_new_one_is_not_followed", "a link where a checkpoint goes",
          "not followed"),
    Fault(WEIGHTS, "test_weights_of_another_network_change_nothing", "weights of another network", "nothing is changed",
          "copy or download it again"),
    Fault(FILES, "test_a_process_that_is_ended_leaves_nothing", "signal {case} while a file is written",
          "the earlier file stays, nothing is left over"),
    Fault(FILES, "test_what_a_killed_writer_left_can_be_removed", "kill -9 while a file is written",
          "the earlier file stays"),
    Fault(FILES, "test_two_writers_at_once_do_not_meet", "two writers of one file", "the file is one of theirs, whole"),
    Fault("tests/gpt/test_training.py", "test_a_loss_that_is_not_finite_stops_the_training", "a training diverges",
          "stopped, the last checkpoint is kept", "lower learning_rate"),
    # the learner's record
    Fault(PROGRESS, "test_a_damaged_file_is_set_aside_whole_and_said", "a damaged record of progress",
          "set aside whole, a new one begins", "It is kept as"),
    Fault(PROGRESS, "test_only_a_regular_file_is_ever_read_renamed_or_replaced", "in the record's place: {case}",
          "left alone, notebooks run on", PROGRESS_FILE),
    Fault(PROGRESS, "test_the_home_of_nobody_is_a_message", "the home of nobody", "notebooks run on", PROGRESS_FILE),
    Fault(PROGRESS, "test_a_read_only_home_is_a_message", "a home that cannot be written", "notebooks run on",
          PROGRESS_FILE),
    Fault(PROGRESS, "test_a_lock_that_is_held_is_a_message", "another program locks the record", "notebooks run on",
          PROGRESS_FILE),
    Fault(PROGRESS, "test_eight_processes_at_once_lose_nothing", "eight notebooks record at once", "nothing lost"),
    # commands
    Fault("tests/kit/commands/test_cli.py", "test_a_setting_that_cannot_be_is_one_line_and_exits_with_1",
          "AIGC_... set to nonsense", "one line, exit 1", "Unset AIGC_|there is no folder"),
    Fault("tests/kit/commands/test_sampling.py", "test_what_cannot_be_done_is_said_and_exits_with_2",
          "sample: wrong arguments", "one line, exit 2",
          r"allowed: |is not in the range|is not in \(0, 1\]|neither 0 |of at least 1; |more than the context"
          r"|should be greater than or equal to|Read it again as UTF-8|make the folder"),
    Fault("tests/kit/commands/test_sampling.py", "test_what_is_no_file_is_not_replaced",
          "sample: a folder or pipe in the file's place", "left alone, exit 2", "choose another name"),
    Fault("tests/kit/commands/test_sampling.py", "test_a_file_appears_only_when_it_is_complete",
          "sample is interrupted", "the earlier file stays"),
]  # fmt: skip


def name_of(nodeid: str) -> str:
    """The test's name without file and case."""
    return nodeid.partition("[")[0].rpartition("::")[2]


def case_of(nodeid: str) -> str:
    """What stands in the brackets, without a second part that says how the test is run."""
    return nodeid.partition("[")[2].removesuffix("]").removesuffix("-alone")


def of(nodeid: str) -> Fault | None:
    """The fault that a test makes, None for other tests."""
    file, case = nodeid.partition("::")[0], nodeid.partition("[")[2].removesuffix("]")
    return next(
        (
            each
            for each in FAULTS
            if (each.file, each.test) == (file, name_of(nodeid)) and fnmatchcase(case, each.cases)
        ),
        None,
    )
