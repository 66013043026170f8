import pytest

from marginface.data.packed_words import PackedWords


def test_words_come_back() -> None:
    words = ["a", "", "zoë", "long " * 20, "not \udcff text"]
    packed = PackedWords(words)
    assert [packed[index] for index in range(len(packed))] == words
    assert len(PackedWords([])) == 0


@pytest.mark.parametrize("index", [-1, 2])
def test_a_word_that_is_not_there(index: int) -> None:
    with pytest.raises(IndexError, match=rf"index {index}: there are words 0 to 1"):
        PackedWords(["a", "b"])[index]
