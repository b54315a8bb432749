"""Is it right? Gradients against differences, and against the formulas that people write by hand.

gradcheck(function, *inputs)    against central differences
compare(pair, Z, Y)             a last layer op by op, by the fused op and by hand: a Comparison
last_layer(model, loss, X, y)   the same for your own model
cancellation(), slow_start()    what the fused op is for, in numbers
backprop(forward, backward, params, X, Y)    a backprop written by hand, marked: which line, and which mistake
gradients(cost, params, grads)  the same for arrays alone
assert_backprop(...)            the same as a test
formulas                        the hand-written backward pass, in bare NumPy
"""

from tinygrad_edu.check import formulas
from tinygrad_edu.check.cancellation import Cancellation, SlowStart, cancellation, slow_start
from tinygrad_edu.check.compare import Comparison, compare
from tinygrad_edu.check.gradcheck import GradCheck, gradcheck
from tinygrad_edu.check.marking import assert_backprop, backprop, gradients
from tinygrad_edu.check.recognise import last_layer

__all__ = [
    "Cancellation",
    "Comparison",
    "GradCheck",
    "SlowStart",
    "assert_backprop",
    "backprop",
    "cancellation",
    "compare",
    "formulas",
    "gradcheck",
    "gradients",
    "last_layer",
    "slow_start",
]
