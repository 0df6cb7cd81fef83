"""The judge: someone else's derivation, line by line, right or wrong, why, and the smallest repair.

    document*.py  a document's formulas, with their places
    parse.py      a formula's sides, as trees (tokens*.py, grammar.lark, syntax.py); rows.py, a document's chains
    readings.py   which way the document is to be read (reading.py, names.toml)
    court.py      is this = right? is this value right? (meaning.py, numbers.py, world.py, functions.py)
    judging.py    a whole document: its reading, and what is found of each row (heard.py); writing.py, its Lines: what
                  follows from what; telling.py, how it was read; gaps.py, what is missing
    repair.py     the smallest change that makes a line right (needed.py, moves.py, indices.py,
                  structure.py, textual.py)
    infer.py      the network that a document speaks of (infer_words.py and said.toml, infer_sizes.py, infer_search.py,
                  infer_matrices.py)
    report.py     what is said; forms/ writes it, marking.py gives points, marked.py puts it into the document
    folder.py     many documents, on many cores; code/ judges a gradient function

`chainrule.judge.api` is the front door.
"""
