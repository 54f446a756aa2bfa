"""Opening a page that is to be looked at: what says "not found" is well made too, and would pass for it."""


def opened(page, address: str) -> None:
    """Go to ``address``; fails unless it answered 200, so that what is looked at next is the page and not the one saying it is gone."""
    answer = page.goto(address)
    assert answer is not None and answer.status == 200, f"{address} answered {answer and answer.status}"
