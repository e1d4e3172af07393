from realtime.limits import Bucket, Window


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_grants_its_rate_and_no_more() -> None:
    """C3, C6: limits are by time, not by luck."""
    clock = Clock()
    bucket = Bucket(4, clock)
    assert [bucket.take() for _ in range(6)] == [True] * 4 + [False] * 2
    assert bucket.wait() == 0.25
    clock.now += 0.5
    assert [bucket.take() for _ in range(3)] == [True, True, False]


def test_a_bucket_counts_refusals_until_there_was_a_pause() -> None:
    clock = Clock()
    bucket = Bucket(4, clock)
    for _ in range(10):
        bucket.take()
    assert bucket.refused == 6
    clock.now += 0.25
    assert bucket.take()
    assert bucket.refused == 6
    clock.now += 1
    assert bucket.take()
    assert bucket.refused == 0


def test_a_window_grants_ten_in_any_minute() -> None:
    """C6"""
    clock = Clock()
    window = Window(10, 60, clock)
    assert [window.take() for _ in range(11)] == [True] * 10 + [False]
    clock.now += 59.9
    assert not window.take()
    clock.now += 0.1
    assert window.take()
