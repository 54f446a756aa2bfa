"""The rule editor between a definition and a page: what is posted, what it says, what of it cannot be, what each control is.

``state`` holds a rule as a form holds it (text, also half typed); ``building`` makes the definition of it, or says at which
control it cannot be made; ``controls`` is what the templates draw.
"""
