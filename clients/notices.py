"""The words of the notices this app sends; registered in ``ClientsConfig.ready``."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Notice
from accounts.notices import Facts, Sentence, words_for
from accounts.templatetags.formats import number


@words_for(Notice.Kind.DISCARD_PROPOSED)
def discard_proposed(facts: Facts, currency: str) -> Sentence:
    text = _("%(by)s propõe descartar %(name)s") % {"by": facts.get("by", ""), "name": facts.get("name", "")}
    path = f"clients/{facts['client']}/discard/" if isinstance(facts.get("client"), int) else "clients/"
    return Sentence(text, str(facts.get("reason") or ""), path, "user-x", "warn")


@words_for(Notice.Kind.IMPORT_ENDED)
def import_ended(facts: Facts, currency: str) -> Sentence:
    file = {"file": facts.get("file", "")}
    counts = {name: facts[name] if isinstance(facts.get(name), int) else 0 for name in ("created", "updated", "refused")}
    path = f"jobs/{facts['job']}/" if isinstance(facts.get("job"), int) else "imports/"
    if facts.get("state") == "failed":
        return Sentence(_("“%(file)s” não foi importado") % file, str(facts.get("error") or ""), path, "circle-alert", "bad")
    detail = _("criados: %(created)s, alterados: %(updated)s") % {name: number(n) for name, n in counts.items()}
    if facts.get("state") == "checked":
        detail = _("a criar: %(created)s, a alterar: %(updated)s") % {name: number(n) for name, n in counts.items()}
    if counts["refused"]:
        n = counts["refused"]
        detail += " · " + ngettext("%(n)s linha recusada", "%(n)s linhas recusadas", n) % {"n": number(n)}
    if facts.get("state") == "checked":
        return Sentence(_("“%(file)s” foi conferido e espera a sua confirmação") % file, detail, path, "clock", "warn")
    return Sentence(_("“%(file)s” foi importado") % file, detail, path, "circle-check", "warn" if counts["refused"] else "ok")
