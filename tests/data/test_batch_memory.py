import torch

from marginface.data.batch_memory import SharedBuffers, copied, private


def test_buffers_come_in_turn() -> None:
    buffers = SharedBuffers(3)
    first = [buffers.take((2, 4, 5, 3)) for _ in range(3)]
    assert len({buffer.data_ptr() for buffer in first}) == 3
    assert all(buffer.is_shared() and buffer.shape == (2, 4, 5, 3) for buffer in first)
    again = [buffers.take((2, 4, 5, 3)) for _ in range(3)]
    assert [buffer.data_ptr() for buffer in again] == [buffer.data_ptr() for buffer in first]


def test_a_smaller_batch_fits_and_a_larger_one_gets_a_larger_buffer() -> None:
    buffers = SharedBuffers(1)
    place = buffers.take((4, 2, 2, 3)).data_ptr()
    assert buffers.take((3, 2, 2, 3)).data_ptr() == place
    assert buffers.take((3, 2, 2, 3)).shape == (3, 2, 2, 3)
    larger = buffers.take((64, 16, 16, 3))
    larger.fill_(9)
    assert larger.shape == (64, 16, 16, 3)
    assert int(larger.sum()) == 9 * larger.numel()


def test_a_copy_has_its_own_memory_in_the_same_layout() -> None:
    batch = SharedBuffers(1).take((2, 4, 5, 3)).random_(0, 255).permute(0, 3, 1, 2)
    copy = copied(batch)
    expected = batch.clone()
    batch.fill_(1)
    assert torch.equal(copy, expected)
    assert copy.is_contiguous(memory_format=torch.channels_last)
    assert not copy.is_shared()


def test_private_memory_is_not_shared() -> None:
    assert not private((2, 3)).is_shared()
