"""Step 8. What the fused op is for, and what happens when nothing cancels.

On paper -log(1 - a) after a = 1/(1 + exp(-z)) is log(1 + exp(z)). In floating point 1 - a rounds, and the digits of
the loss are gone; then there is no number at all. And where the loss is a squared error, the slope a (1 - a) of the
sigmoid stays in the gradient: a neuron that is badly wrong hardly learns.
"""

from tinygrad_edu import check, plot

digits = check.cancellation()
print(digits, "\n")
runs = check.slow_start()
print(runs)

for name, drawing in (("digits.png", plot.right_digits(digits)), ("slow-start.png", plot.slow_start(runs))):
    plot.save(drawing, name)
    print(f"{name} is written.")
