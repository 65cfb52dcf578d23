"""Writes numbers of the Python package lifetimes, which the value models are compared with.

    pip install lifetimes==0.11.3
    python tests/python/lifetimes_fixture.py > crates/lifecycle-scoring/src/domain/value/lifetimes.csv

Each line has parameters and a history, drawn at random, and what the package makes of them: the expected
purchases within `time`, those of a new customer, the chance to be alive, the logarithm of the likelihood, the
expected value of a purchase, and the value of the customer over 12 months at 1 % a month.
"""

import random
import warnings

import numpy
import pandas
from lifetimes import BetaGeoFitter, GammaGammaFitter
from lifetimes.utils import _customer_lifetime_value
from scipy import special

warnings.simplefilter("ignore")
LINES = 1000
draw = random.Random(20_261_123)


def log_uniform(low, high):
    return float(f"{low * (high / low) ** draw.random():.6g}")


def line():
    r, alpha = log_uniform(0.05, 8), log_uniform(0.5, 60)
    a, b = log_uniform(0.1, 6), log_uniform(0.2, 12)
    p, q, v = log_uniform(0.5, 12), log_uniform(1.2, 12), log_uniform(2, 200)
    repeats = draw.choice([0, 0, 1, 1, 2, 3, 5, 8, 13, 30])
    age = log_uniform(1, 120)
    last = float(f"{age * draw.random():.6g}") if repeats else 0.0
    time, mean = log_uniform(0.5, 120), log_uniform(1, 400)

    buying = BetaGeoFitter()
    buying.params_ = pandas.Series({"r": r, "alpha": alpha, "a": a, "b": b})
    buying.predict = buying.conditional_expected_number_of_purchases_up_to_time
    spending = GammaGammaFitter()
    spending.params_ = pandas.Series({"p": p, "q": q, "v": v})
    one = numpy.array([1])
    arrays = [numpy.array([it], dtype=float) for it in (repeats, last, age)]
    expected = buying.predict(time, *arrays)[0]
    of_new = buying.expected_number_of_purchases_up_to_time(time)
    alive = numpy.ravel(buying.conditional_probability_alive(*arrays))[0]
    loss = BetaGeoFitter._negative_log_likelihood(
        numpy.log([r, alpha, a, b]), *arrays, numpy.array(one), 0.0
    )
    spend = spending.conditional_expected_average_profit(
        numpy.array([repeats]), numpy.array([mean if repeats else 0.0])
    )[0]
    value = _customer_lifetime_value(
        buying,
        pandas.Series(arrays[0]),
        pandas.Series(arrays[1]),
        pandas.Series(arrays[2]),
        pandas.Series([spend]),
        time=12,
        discount_rate=0.01,
        freq="D",
    ).iloc[0]
    inputs = [r, alpha, a, b, p, q, v, repeats, last, age, time, mean]
    return inputs + [expected, of_new, alive, -loss, spend, value]


def main():
    names = "r alpha a b p q v repeats last age time mean"
    results = "expected of_new alive log_likelihood spend value"
    print(",".join((names + " " + results).split()))
    written = 0
    while written < LINES:
        found = line()
        # The package takes the logarithm of a function that is negative for some small a and b.
        if all(numpy.isfinite(found)):
            print(",".join(f"{it:.10g}" for it in found))
            written += 1


main()
