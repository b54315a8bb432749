"""Readings of a recorded graph: what is made from it, each in a package of its own.

    draw/      as a picture, as text, as a page that steps through both passes
    derive/    as a derivation in symbols; explain/ answers questions by it
    source/    as the NumPy backprop that a person would have written
    compile/   as a fast program
    onnx/      as a model for other packages

Two of them run the graph on arrays without values, and so have it as a list of NumPy calls: `program.py`, recorded by
`traced.py`.
"""
