"""Step 2. A value that is used twice collects its gradient twice.

    b = a + a,  c = b + b,  so  c = 4 a  and  dc/da = 4

`b` is handed on only when both of its uses have paid in: 1 + 1 = 2, then a gets 2 + 2 = 4. Gradients add up from one
`backward` to the next as well; a training loop clears them before each step.
"""

import tinygrad_edu as tg

a = tg.Tensor(3.0, requires_grad=True, name="a")
b = a + a
c = b + b
c.backward()
print(f"c = {c.item()}, dc/da = {a.grad.item()}")

c.backward()
print(f"after a second backward without clearing: {a.grad.item()}")
