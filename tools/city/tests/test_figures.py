from city.figures import milliseconds, percentile
from city.ledger import Accept, Ledger, Outcome


def test_percentiles_are_samples_by_nearest_rank() -> None:
    samples = [float(number) for number in range(100, 0, -1)]
    assert percentile(samples, 0.5) == 50
    assert percentile(samples, 0.99) == 99
    assert percentile(samples, 1.0) == 100
    assert percentile([7.0], 0.5) == percentile([7.0], 0.99) == 7


def test_no_samples_give_no_figure() -> None:
    assert percentile([], 0.5) is None
    assert milliseconds([]) == {"p50": None, "p99": None, "samples": 0}


def test_order_to_offer_counts_whether_offer_or_answer_comes_first() -> None:
    ledger = Ledger()
    offer = ledger.offered("early", "d1", exclusive=True)
    ledger.posted("early", "k1", "courier", offer.at - 0.2)
    ledger.posted("late", "k2", "courier", offer.at - 5)
    ledger.offered("late", "d1", exclusive=True)
    ledger.offered("late", "d2", exclusive=True)
    assert [round(sample, 1) for sample in ledger.order_to_offer] == [0.2, 5.0]


def test_order_to_offer_leaves_out_a_search_that_the_customer_asked_for_again() -> None:
    ledger = Ledger()
    ledger.posted("j", "k", "courier", 0.0)
    ledger.job("j").retries = 1
    ledger.offered("j", "d", exclusive=True)
    assert not ledger.order_to_offer


def test_accept_to_told_is_counted_once_in_either_order() -> None:
    ledger = Ledger()
    for job_id, told_first in (("a", True), ("b", False)):
        accept = Accept("d", 0.0)
        ledger.job(job_id).accepts.append(accept)
        if told_first:
            ledger.customer_told(job_id, "d")
        ledger.answered(job_id, accept, Outcome.won)
        ledger.customer_told(job_id, "d")
        ledger.answered(job_id, Accept("d", 0.0), Outcome.won)
    assert len(ledger.accept_to_told) == 2
