"""`chainrule serve`: the page, with what needs a computer behind it: judging, training, exporting, editing the figure.

    command.py     the command: the port, the browser, the end
    app.py         the addresses, and what each answers
    guard.py       who may ask: Host, Origin, the headers of every answer
    protocol.py    how long a client may take for a request, and for reading the answer
    requests.py    what a request brings, read and checked
    crew.py        processes that compute, each ended when it takes too long; settle.py, what they may use
    work.py        what they compute (edits.py, changes of the figure; take.py, what is taken along)
    training.py    trainings, each in a process of its own; trainer.py, what runs in there; data.py, small data
    static/        the panels of the page that need this server

The process that answers computes nothing itself, so that it answers everybody while others compute. Nothing here
differentiates, and nothing that a visitor sends names a file or is run.
"""
