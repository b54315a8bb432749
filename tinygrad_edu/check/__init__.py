"""Is it right? Gradients against differences, and against the formulas that people write by hand.

gradcheck(function, *inputs)   against central differences
formulas                       the hand-written backward pass, in bare NumPy
Comparison                     one term by several routes
"""

from tinygrad_edu.check import formulas
from tinygrad_edu.check.compare import Comparison
from tinygrad_edu.check.gradcheck import GradCheck, gradcheck

__all__ = ["Comparison", "GradCheck", "formulas", "gradcheck"]
