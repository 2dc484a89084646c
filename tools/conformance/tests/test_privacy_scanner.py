"""The searcher finds what it is to find: planted leaks in every form, at any place of a file."""

import secrets

import pytest

from rig.scanner import Scanner, planted

WORD, ADDRESS = "cnbkdwzqvtrbmhf" + "gkwzpqr", "cnbkdwzqvtrbmhfgkwzpqr@rcpt.test"
LEAKS = planted(WORD, ADDRESS)


@pytest.mark.parametrize("form", LEAKS)
def test_a_planted_leak_is_found(tmp_path, form):
    for place in ("first", "deep/below/second"):
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(secrets.token_bytes(3000) + LEAKS[form] + secrets.token_bytes(3000))
    files = {one.file.split(" ›")[0] for one in Scanner([WORD[:15]], [ADDRESS]).in_folder(tmp_path)}
    assert files == {"first", "deep/below/second"}


def test_a_file_named_after_somebody_is_found(tmp_path):
    (tmp_path / f"{WORD}.tmp").write_bytes(b"")
    assert len(Scanner([WORD[:15]]).in_folder(tmp_path)) == 1


def test_nothing_is_found_where_nothing_is(tmp_path):
    (tmp_path / "noise").write_bytes(secrets.token_bytes(4 << 20))
    assert Scanner([WORD[:15]], [ADDRESS]).in_folder(tmp_path) == []
