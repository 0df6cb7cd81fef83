"""Gradient functions, judged: somebody's NumPy or PyTorch code, run beside the derivation.

    case.py       one function and one network: ways to call it, batches, what comes back
    signature.py  the function, read without running it; names.py what people call things
    process.py    its run, in a process with limits; runner.py the other side of it
    layouts.py    which way its arrays lie; returned.py its result as gradients by name
    flow.py       the derivation as statements on numbers, some of them changed
    slips.py      typical mistakes as such changes (backward.py, slopes.py, gathered.py, forward.py)
    search.py     the fewest slips that explain what was returned; factors.py names numbers,
                  recover.py goes on where nothing explains, compare.py says what is equal
    verdicts.py   from that to verdicts and evidence; wording.py statements as code
    report.py     what is said; forms.py writes it

`chainrule.judge.code.api` is the front door.
"""
