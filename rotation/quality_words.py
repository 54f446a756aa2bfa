"""The words of merging: fields side by side, rows that went along, and what an undo left."""

from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from accounts.templatetags.formats import day_year, number
from clients.models import Client, Contact, CustomField
from clients.selectors.custom import Said, said_of, said_of_people
from rotation.services.merge_own import CONTACT, OWN, PERSON
from rotation.services.merging import CHOICES

Choice = tuple[str, Any, str, str, str]  # name, label, each one's value in words, whose is proposed ("a" or "b")

FIELDS = {
    "name": gettext_lazy("Razão social"),
    "trade_name": gettext_lazy("Nome fantasia"),
    "tax_id": gettext_lazy("CNPJ"),
    "representative": gettext_lazy("Quem atende"),
    "segment": gettext_lazy("Segmento"),
    "size": gettext_lazy("Porte"),
    "place": gettext_lazy("Endereço e lugar"),
    "phone": gettext_lazy("Telefone"),
    "email": gettext_lazy("E-mail"),
    "state_tax_id": gettext_lazy("Inscrição estadual"),
    "source": gettext_lazy("Origem"),
    "channel": gettext_lazy("Canal"),
    "service_type": gettext_lazy("Tipo de atendimento"),
    "visit_every_days": gettext_lazy("Dias entre visitas"),
    "hold": gettext_lazy("Nunca girar"),
    "hold_until": gettext_lazy("Não girar até"),
    "blocked": gettext_lazy("Bloqueado"),
    "key_account": gettext_lazy("Conta-chave"),
    "tags": gettext_lazy("Etiquetas"),
}
ROWS = {
    "clients_order": ngettext_lazy("%(n)s pedido", "%(n)s pedidos", "n"),
    "clients_contact": ngettext_lazy("%(n)s contato", "%(n)s contatos", "n"),
    "clients_contract": ngettext_lazy("%(n)s contrato", "%(n)s contratos", "n"),
    "clients_opportunity": ngettext_lazy("%(n)s oportunidade", "%(n)s oportunidades", "n"),
    "clients_creditsnapshot": ngettext_lazy("%(n)s consulta de crédito", "%(n)s consultas de crédito", "n"),
    "clients_creditevent": ngettext_lazy("%(n)s ocorrência de crédito", "%(n)s ocorrências de crédito", "n"),
    "clients_customvalue": ngettext_lazy("%(n)s campo próprio", "%(n)s campos próprios", "n"),
    "clients_client": ngettext_lazy("%(n)s cadastro mesclado antes", "%(n)s cadastros mesclados antes", "n"),
    "portfolio_visit": ngettext_lazy("%(n)s visita", "%(n)s visitas", "n"),
    "portfolio_interaction": ngettext_lazy("%(n)s conversa", "%(n)s conversas", "n"),
    "portfolio_task": ngettext_lazy("%(n)s tarefa", "%(n)s tarefas", "n"),
}
_OTHERS = ngettext_lazy("%(n)s outro registro", "%(n)s outros registros", "n")


def rows_said(counts: dict[str, int]) -> str:
    """What went along: “3 pedidos, 2 visitas”; tables nobody named are counted together."""
    said = [str(ROWS[table] % {"n": n}) for table, n in counts.items() if table in ROWS and n]
    others = sum(n for table, n in counts.items() if table not in ROWS)
    return ", ".join([*said, *([str(_OTHERS % {"n": others})] if others else [])])


def rest_said(each: dict[str, Any]) -> str:
    """What an undo left with the survivor."""
    if each["what"] == "field":
        return str(FIELDS.get(each.get("field", ""), _("um dado do cadastro")))
    if each["what"] == "owner":
        return _("quem atende")
    return str(ROWS.get(each["what"], _OTHERS) % {"n": each["n"]})


def fields_to_choose(a: Client, b: Client, *, keep: str) -> list[Choice]:
    """Name, label, each one's value in words and whose is proposed ("a" or "b"), of the fields that differ."""
    found = []
    for name in FIELDS:
        if name not in CHOICES:
            continue
        mine, theirs = _value(a, name), _value(b, name)
        if mine != theirs:
            proposed = ("b" if theirs else "a") if keep == "b" else ("a" if mine else "b")
            if keep == "b" and not theirs:
                proposed = "a"
            found.append((name, FIELDS[name], mine, theirs, proposed))
    return found


def _value(client: Client, name: str) -> str:
    if name == "place":
        where = ", ".join(part for part in (client.address, client.city, client.state) if part)
        return where + (" · " + _("no mapa") if client.latitude is not None else "")
    value = getattr(client, name)
    if isinstance(value, bool):
        return _("sim") if value else _("não")
    if isinstance(value, int):
        return number(value)
    return day_year(value) if isinstance(value, date) else str(value or "")


def own_to_choose(a: Client, b: Client, *, keep: str, at: datetime) -> list[Choice]:
    """The same of own fields both say and say differently, and of people both know under one name with other details."""
    theirs = {each.field.pk: each for each in said_of(b, at=at)}
    found = []
    for mine in said_of(a, at=at):
        other = theirs[mine.field.pk]
        if mine.value is not None and other.value is not None and mine.value != other.value:
            found.append((f"{OWN}{mine.field.pk}", str(mine.field), own_said(mine), own_said(other), keep))
    return found


def people_to_choose(a: Client, b: Client, *, keep: str, at: datetime) -> list[Choice]:
    """The same of people both know under one name, where both say something and say it differently."""
    by_name = {person.name: person for person in Contact.objects.filter(client=b)}
    own = {client.pk: said_of_people(client, at=at) for client in (a, b)}
    found = []
    for person in Contact.objects.filter(client=a).order_by("name"):
        other = by_name.get(person.name)
        if other is None:
            continue
        pairs = [(_contact_said(person, name), _contact_said(other, name)) for name in CONTACT]
        mine, theirs = ({each.field.pk: own_said(each) for each in own[one.client_id].get(one.pk, ())} for one in (person, other))
        pairs += [(mine.get(pk, ""), theirs.get(pk, "")) for pk in dict.fromkeys([*mine, *theirs])]
        if any(left and right and left != right for left, right in pairs):
            left, right = (" · ".join(filter(None, side)) for side in zip(*pairs, strict=True))
            found.append((f"{PERSON}{person.pk}", person.name, left, right, keep))
    return found


def own_said(each: Said) -> str:
    """What an own field says, in words; "" where it says nothing."""
    if each.value is None:
        return ""
    if each.field.kind == CustomField.Kind.YES_NO:
        return _("sim") if each.value else _("não")
    if isinstance(each.value, date):
        return day_year(each.value)
    if isinstance(each.value, int | float):
        return number(each.value, 0 if isinstance(each.value, int) else 2)
    return str(each.value)


def _contact_said(person: Contact, name: str) -> str:
    shown = getattr(person, f"get_{name}_display", None)
    return str(shown() if shown else getattr(person, name) or "")
