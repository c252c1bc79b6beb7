"""Words are found where ``bytes.find`` finds them."""

from hypothesis import given
from hypothesis import strategies as st

from kmigrate.search import find, holds, places

FEW = st.binary(max_size=80).map(lambda data: bytes(byte % 3 + 97 for byte in data))
WORDS = FEW.filter(bool).map(lambda data: data[:6])


@given(FEW, WORDS, st.integers(0, 100))
def test_finds_what_bytes_find(data: bytes, word: bytes, start: int) -> None:
    assert find(data, word, start) == data.find(word, start)


@given(st.binary(max_size=200), st.binary(min_size=1, max_size=3))
def test_any_bytes(data: bytes, word: bytes) -> None:
    assert holds(data, word) == (word in data)
    assert find(data + word, word) == (data + word).find(word)


@given(FEW, WORDS)
def test_places_are_those_that_replace_would_replace(data: bytes, word: bytes) -> None:
    assert len(list(places(data, word))) == data.count(word)
    assert all(data.startswith(word, at) for at in places(data, word))


def test_the_end_bounds_the_whole_word() -> None:
    assert find(b"a tensorflow", b"tensorflow", 0, 11) == -1
    assert find(b"a tensorflow", b"tensorflow", 0, 12) == 2
    assert find(b"", b"x") == find(b"x", b"x", 1) == find(b"x", b"x", 5) == -1
