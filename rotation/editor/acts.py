"""What the editor's buttons do to the form: add, group, remove, move up and down. Each is one word and one place."""

from rotation.editor.state import Group, GuardRow, Leaf, RuleState, fresh_leaf
from rotation.engine.schema import GUARDS, MAX_DEPTH

DEFAULT_GUARD_DAYS = {
    "contact_within": "15",
    "visit_within": "15",
    "new_within": "90",
    "owned_less_than": "90",
    "moved_within": "180",
    "group_within": "60",
    "save_window": "10",
}


def act(state: RuleState, word: str, key: str) -> str:
    """Change the form in place; the name of the control that takes the focus then.

    ``word``: add, group, remove, up, down, or add-guard; ``key``: a node (``trigger-1``), a protection (``guards-2``),
    or for add-guard the protection's name.

    Raises
    ------
    KeyError
        There is no such act or place.
    """
    if word == "add-guard":
        return _add_guard(state, key)
    if key.startswith("guards-"):
        return _guard(state, word, int(key.removeprefix("guards-")))
    node = state.at(key)
    if word in ("add", "group"):
        if not isinstance(node, Group):
            raise KeyError(key)
        if node.kind == "one":
            node.kind = "all"
        made: Leaf | Group = fresh_leaf()
        if word == "group":
            if key.count("-") + 2 >= MAX_DEPTH:
                raise KeyError(key)
            made = Group("any", [fresh_leaf("abc")])
        node.children.append(made)
        last = f"{key}-{len(node.children) - 1}"
        return f"{last}.field" if word == "add" else f"{last}-0.field"
    parent_key, _dash, last_place = key.rpartition("-")
    parent = state.at(parent_key)
    if not isinstance(parent, Group):
        raise KeyError(key)
    here = int(last_place)
    if word == "remove":
        del parent.children[here]
        # what is gone cannot hold the focus: the button that adds beside it can
        return f"add:{parent_key}"
    there = here + {"up": -1, "down": 1}[word]
    if 0 <= there < len(parent.children):
        parent.children[here], parent.children[there] = parent.children[there], parent.children[here]
        here = there
    return f"{word}:{parent_key}-{here}"


def _add_guard(state: RuleState, name: str) -> str:
    if name not in GUARDS or any(row.name == name for row in state.guards):
        raise KeyError(name)
    state.guards.append(GuardRow(name, DEFAULT_GUARD_DAYS.get(name, "")))
    return f"guards-{len(state.guards) - 1}.days" if GUARDS[name] else "guard.add"


def _guard(state: RuleState, word: str, here: int) -> str:
    if here >= len(state.guards):
        raise KeyError(here)
    if word == "remove":
        del state.guards[here]
        return "guard.add"
    there = here + {"up": -1, "down": 1}[word]
    if 0 <= there < len(state.guards):
        state.guards[here], state.guards[there] = state.guards[there], state.guards[here]
        here = there
    return f"{word}:guards-{here}"
