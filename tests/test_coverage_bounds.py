from scripts.coverage_bounds import Coverage, complaint


def test_enough_is_enough() -> None:
    assert complaint("src/a", 90, [Coverage("src/a/x.py", 9, 10)]) is None


def test_a_single_missing_branch_of_many_is_not_a_hundred_per_cent() -> None:
    files = [Coverage("src/a/x.py", 99_999, 100_000)]
    assert complaint("src/a", 100, files) == (
        "src/a: 99.99 % is covered, and 100 % is wanted. Most lines and branches are missing in src/a/x.py (1)."
    )


def test_one_file_does_not_answer_for_another_folder() -> None:
    files = [Coverage("src/a/x.py", 10, 10), Coverage("src/ab/y.py", 0, 10)]
    assert complaint("src/a", 100, files) is None


def test_a_folder_that_is_not_there_does_not_pass() -> None:
    assert complaint("src/a", 0, []) == "src/a: nothing was measured, and 0 % is wanted."
