"""What the reports say, from the facts: movement of clients, losses, coverage of visits, credit.

Each report is made of figures by representative (or by reason) and of the rows behind every one of them: the same
conditions make both, so that a number and the list it opens cannot differ.
"""
